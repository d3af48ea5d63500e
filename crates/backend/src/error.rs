//! What can go wrong in a background job. Nothing is lost by any of it: jobs are repeated.

use sigyn_model::{ErrorKind, PartId};

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Storage(#[from] sigyn_storage::Error),
    /// One input cannot be read. It is left where it is and not tried again until this process restarts.
    #[error("part {part} cannot be compacted: {source}")]
    Part { part: PartId, source: sigyn_segment::Error },
    #[error("merging: {0}")]
    Merge(#[from] sigyn_segment::Error),
    /// The work took so long that somebody may have taken it for dead.
    #[error("writing {object} took {seconds} s; the work is dropped, because an object that old may be collected")]
    TooSlow { object: String, seconds: i64 },
}

impl Error {
    /// What the caller should do; all kinds but `Internal` and `Corrupt` pass by themselves.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Storage(error) => error.kind(),
            Self::Part { source, .. } | Self::Merge(source) => source.kind(),
            Self::TooSlow { .. } => ErrorKind::Unavailable,
        }
    }
}
