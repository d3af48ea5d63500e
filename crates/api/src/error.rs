//! Everything a request can fail with.

use sigyn_model::tenant::TenantIdError;
use sigyn_model::{ByteSize, ErrorKind};

/// Why a request was not answered; `status` turns it into a response.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no org id")]
    NoTenant,
    /// A tenant header on a push that names no valid tenant.
    #[error(transparent)]
    Tenant(#[from] TenantIdError),
    /// The same on a query; Loki lets an inner layer's wrapping show.
    #[error("rpc error: code = Code(400) desc = {0}")]
    QueryTenant(TenantIdError),
    #[error("multiple org IDs present")]
    ManyTenants,
    #[error("{message}")]
    Invalid { message: String },
    #[error("{message}")]
    NotFound { message: String },
    #[error("request body too large: {received} bytes or more, limit: {limit} bytes")]
    BodyTooLarge { received: usize, limit: usize },
    #[error(
        "{held} of request bodies are being received and {limit} is the most this process takes at a time; retry later"
    )]
    BodyBacklog { held: ByteSize, limit: ByteSize },
    #[error("the request was cancelled by the client")]
    ClientGone,
    #[error("{message}")]
    Unavailable { message: String },
    #[error("{message}")]
    Internal { message: String },
    #[error(transparent)]
    Decode(#[from] crate::push::PushError),
    #[error(transparent)]
    Query(#[from] sigyn_logql::Error),
    #[error(transparent)]
    Read(#[from] sigyn_read::Error),
    #[error(transparent)]
    Write(#[from] sigyn_write::Error),
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid { message: message.into() }
    }

    /// What the caller should do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoTenant
            | Self::Tenant(_)
            | Self::QueryTenant(_)
            | Self::ManyTenants
            | Self::Invalid { .. }
            | Self::BodyTooLarge { .. }
            | Self::ClientGone
            | Self::Decode(_) => ErrorKind::Invalid,
            Self::NotFound { .. } => ErrorKind::NotFound,
            Self::BodyBacklog { .. } => ErrorKind::Limited,
            Self::Unavailable { .. } => ErrorKind::Unavailable,
            Self::Internal { .. } => ErrorKind::Internal,
            Self::Query(e) => e.kind(),
            Self::Read(e) => e.kind(),
            Self::Write(e) => e.kind(),
        }
    }
}

impl From<sigyn_logql::ParseError> for Error {
    fn from(problem: sigyn_logql::ParseError) -> Self {
        Self::Query(problem.into())
    }
}
