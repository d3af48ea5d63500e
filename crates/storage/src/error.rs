//! What can go wrong with objects, the catalog and the CPU pool.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use sigyn_model::{ErrorKind, TenantId, Window};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of the storage seams. Cheap to clone, because one failed append answers many callers.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    #[error("{action} {key}: {cause}")]
    Object { action: &'static str, key: String, cause: Arc<object_store::Error> },
    #[error("{action} {key}: the disk is full; free some space, nothing was promised")]
    DiskFull { action: &'static str, key: String },
    #[error("{action} {key}: no answer within {seconds} s")]
    NoAnswer { action: &'static str, key: String, seconds: u64 },
    #[error("{key} ends before byte {}; it was truncated or is not the object the catalog means", range.end)]
    Truncated { key: String, range: Range<u64> },
    #[error("{key} is corrupt: {reason}")]
    Corrupt { key: String, reason: String },
    #[error("{key} was written by a newer version of Sigyn ({reason}); upgrade this process")]
    Newer { key: String, reason: String },
    #[error("swap in window {window} of tenant {tenant} lost a race: {reason}; scan again and retry")]
    SwapConflict { tenant: TenantId, window: Window, reason: String },
    #[error("lease {name} of epoch {epoch} has passed to somebody else or was given up")]
    LeaseLost { name: String, epoch: u64 },
    #[error("part {part} cannot be published: {reason}")]
    InvalidPart { part: String, reason: String },
    #[error("'{cursor}' is not a cursor of this catalog")]
    InvalidCursor { cursor: String },
    #[error("this process was paused for too long while {action}; whether it was done is unknown, so repeat it")]
    Stale { action: &'static str },
    #[error("{action} in table {table}: {reason}")]
    Table { action: &'static str, table: String, reason: String, kind: ErrorKind },
    #[error("the catalog is shut down")]
    Closed,
    #[error("injected fault: {action} {what}")]
    Injected { action: &'static str, what: String },
    #[error("bucket '{url}': {reason}")]
    Bucket { url: String, reason: String },
    #[error("catalog '{url}': {reason}")]
    Catalog { url: String, reason: String },
    #[error("the CPU pool cannot start: {reason}")]
    CpuPool { reason: String },
    #[error("a computation panicked: {message}")]
    Panicked { message: String },
}

impl Error {
    /// What the caller should do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Object { cause, .. } => kind_of(cause),
            Self::Table { kind, .. } => *kind,
            Self::DiskFull { .. }
            | Self::NoAnswer { .. }
            | Self::Stale { .. }
            | Self::Closed
            | Self::Injected { .. } => ErrorKind::Unavailable,
            Self::Truncated { .. } | Self::Corrupt { .. } | Self::Newer { .. } => ErrorKind::Corrupt,
            Self::SwapConflict { .. } | Self::LeaseLost { .. } => ErrorKind::Conflict,
            Self::InvalidPart { .. } | Self::InvalidCursor { .. } | Self::Bucket { .. } | Self::Catalog { .. } => {
                ErrorKind::Invalid
            }
            Self::CpuPool { .. } | Self::Panicked { .. } => ErrorKind::Internal,
        }
    }

    /// Wraps an object store's error, and tells a full disk from the rest.
    #[must_use]
    pub fn object(action: &'static str, key: impl Into<String>, cause: object_store::Error) -> Self {
        let key = key.into();
        if is_full_disk(&cause) {
            return Self::DiskFull { action, key };
        }
        Self::Object { action, key, cause: Arc::new(cause) }
    }
}

fn kind_of(cause: &object_store::Error) -> ErrorKind {
    match cause {
        object_store::Error::NotFound { .. } => ErrorKind::NotFound,
        object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. } => ErrorKind::Conflict,
        object_store::Error::InvalidPath { .. }
        | object_store::Error::NotSupported { .. }
        | object_store::Error::NotImplemented { .. }
        | object_store::Error::UnknownConfigurationKey { .. } => ErrorKind::Internal,
        // A refused credential may be renewed and a generic failure may pass, so both are worth a retry.
        _ => ErrorKind::Unavailable,
    }
}

/// Walks the chain of causes for an I/O error that says there is no space left.
fn is_full_disk(error: &object_store::Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = next {
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            return matches!(io.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        }
        next = cause.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(kind: io::ErrorKind) -> object_store::Error {
        object_store::Error::Generic { store: "test", source: Box::new(io::Error::from(kind)) }
    }

    #[test]
    fn a_full_disk_is_named_and_can_be_retried() {
        let error = Error::object("writing", "data/a.seg", generic(io::ErrorKind::StorageFull));
        assert!(matches!(error, Error::DiskFull { .. }));
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(error.to_string(), "writing data/a.seg: the disk is full; free some space, nothing was promised");
    }

    #[test]
    fn kinds_follow_the_cause() {
        let missing = object_store::Error::NotFound { path: "x".to_owned(), source: "gone".into() };
        assert_eq!(Error::object("reading", "x", missing).kind(), ErrorKind::NotFound);
        assert_eq!(Error::object("reading", "x", generic(io::ErrorKind::Other)).kind(), ErrorKind::Unavailable);
    }
}
