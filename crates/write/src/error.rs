//! Why a push was refused or could not be made durable.

use sigyn_model::{ByteSize, ErrorKind};

/// A push that is answered with something other than 204.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Some or all of the push was refused; what was valid is stored unless the text says otherwise.
    #[error("{message}")]
    Rejected { status: u16, message: String },
    #[error(
        "{held} of pushes are not yet stored and this one of {bytes} would pass write.max_unflushed_bytes, {limit}; retry later or raise it"
    )]
    Backlog { bytes: ByteSize, held: ByteSize, limit: ByteSize },
    #[error("this push of {bytes} is larger than write.max_unflushed_bytes, {limit}; send smaller pushes or raise it")]
    TooLarge { bytes: ByteSize, limit: ByteSize },
    #[error("storing the push failed, retry it: {message}")]
    Flush { kind: ErrorKind, message: String },
    #[error(
        "the storage has not answered for {seconds} s; nothing was stored, retry later or send the push to another process"
    )]
    StorageAway { seconds: u64 },
    #[error("this process is shutting down; send the push to another one or retry later")]
    ShuttingDown,
    #[error("push lost inside the writer: {message}")]
    Internal { message: String },
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// What the caller should do: fix the request, slow down, or retry later.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Rejected { status: 429, .. } | Self::Backlog { .. } => ErrorKind::Limited,
            Self::Rejected { .. } | Self::TooLarge { .. } => ErrorKind::Invalid,
            Self::Flush { kind: ErrorKind::Limited, .. } => ErrorKind::Limited,
            Self::Flush { .. } | Self::StorageAway { .. } | Self::ShuttingDown => ErrorKind::Unavailable,
            Self::Internal { .. } => ErrorKind::Internal,
        }
    }

    /// The HTTP status that clients of Loki expect.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Rejected { status, .. } => *status,
            Self::Backlog { .. } => 429,
            Self::TooLarge { .. } => 413,
            Self::Flush { kind: ErrorKind::Limited, .. } => 429,
            Self::Flush { .. } | Self::StorageAway { .. } | Self::ShuttingDown => 503,
            Self::Internal { .. } => 500,
        }
    }
}
