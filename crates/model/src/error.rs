//! What a caller should do about an error, whatever crate it comes from.

/// The only property of an error that callers branch on; `api` maps each kind to one HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Fix the request (400).
    Invalid,
    /// It is not there (404).
    NotFound,
    /// Slow down and retry (429).
    Limited,
    /// Lost a race: reload and retry.
    Conflict,
    /// A dependency is away: retry later (503).
    Unavailable,
    /// Took longer than allowed (504).
    Timeout,
    /// Stored bytes fail their checksum: keep the object, alert (500).
    Corrupt,
    /// Our bug (500).
    Internal,
}
