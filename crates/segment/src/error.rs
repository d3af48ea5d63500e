//! What can go wrong with segment bytes.

use sigyn_model::ErrorKind;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Stored bytes are not what was written.
    #[error("segment is corrupt: {region}: {problem}; keep the object and restore it from a copy")]
    Corrupt { region: &'static str, problem: String },
    /// The bytes may be sound, but this program is too old for them.
    #[error("segment has format version {found}, this program reads up to {newest}; upgrade Sigyn")]
    Version { found: u16, newest: u16 },
    /// More data than the format can describe.
    #[error("{what} holds {size}, a segment can describe {limit}; split the data")]
    TooLarge { what: &'static str, size: u64, limit: u64 },
    /// The caller broke a rule of the writer, or a codec failed: our bug.
    #[error("segment writer: {problem}")]
    Internal { problem: String },
}

impl Error {
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Corrupt { .. } | Self::Version { .. } => ErrorKind::Corrupt,
            Self::TooLarge { .. } => ErrorKind::Invalid,
            Self::Internal { .. } => ErrorKind::Internal,
        }
    }

    pub(crate) fn corrupt(region: &'static str, problem: impl Into<String>) -> Self {
        Self::Corrupt { region, problem: problem.into() }
    }

    pub(crate) fn internal(problem: impl Into<String>) -> Self {
        Self::Internal { problem: problem.into() }
    }
}
