//! What can go wrong while answering a query, in words for the person who asked.

use std::time::Duration;

use sigyn_model::{ByteSize, ErrorKind};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The query itself: unsupported, over a limit of its plan, or impossible for this data.
    #[error(transparent)]
    Query(#[from] sigyn_logql::Error),
    #[error(transparent)]
    Storage(#[from] sigyn_storage::Error),
    /// An object that the catalog names is not there: compacted away since, or lost.
    #[error("object {object} is gone though the catalog names it; retry the query, and if it stays gone, it was lost")]
    Gone { object: String },
    #[error("footer of part {part} is not readable: {source}; the object is kept for inspection")]
    Footer { part: String, source: sigyn_segment::Error },
    #[error("block {block} of part {part} is not readable: {source}; the object is kept for inspection")]
    Block { part: String, block: usize, source: sigyn_segment::Error },
    #[error(
        "request timed out, decrease the duration of the request or add more label matchers (prefer exact match over \
         regex match) to reduce the amount of data processed"
    )]
    TimedOut { limit: Duration },
    #[error(
        "the query needs more memory than max_query_memory allows (limit: {limit}); \
         shorten its range, add label matchers or aggregate into fewer series"
    )]
    Memory { limit: ByteSize },
    #[error(
        "the query would read too many bytes (query: {bytes}, limit: {limit}); consider adding more specific stream selectors or reduce the time range of the query"
    )]
    BytesRead { bytes: ByteSize, limit: ByteSize },
    #[error("the query hit the max number of series limit (limit: {limit})")]
    VolumeSeries { limit: usize },
    #[error("max concurrent tail requests limit exceeded, count > limit ({count} > {limit})")]
    TooManyTails { count: usize, limit: usize },
    #[error("the tail cannot keep up with what is pushed; add label matchers")]
    TailBehind,
    #[error("reached tail max duration limit")]
    TailDuration,
    /// The client went away; nobody reads this.
    #[error("the request was cancelled by the client")]
    Cancelled,
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// What the caller should do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Query(error) => error.kind(),
            Self::Storage(error) => error.kind(),
            // Seen by callers only after the query began anew from a fresh scan.
            Self::Gone { .. } => ErrorKind::Unavailable,
            Self::Footer { .. } | Self::Block { .. } => ErrorKind::Corrupt,
            Self::TimedOut { .. } => ErrorKind::Timeout,
            Self::Memory { .. } | Self::BytesRead { .. } | Self::VolumeSeries { .. } | Self::TooManyTails { .. } => {
                ErrorKind::Invalid
            }
            Self::TailBehind => ErrorKind::Limited,
            Self::TailDuration | Self::Cancelled => ErrorKind::Invalid,
            Self::Internal(_) => ErrorKind::Internal,
        }
    }
}
