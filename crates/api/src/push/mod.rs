//! Decoding of push bodies: Loki's protobuf and JSON, compressed or not, into one arena per push.
//!
//! [`decode`] is synchronous CPU work; call it on the CPU pool for bodies above some 64 KiB.

mod body;
mod json;
mod labels;
pub mod otlp;
mod protobuf;
mod wire;

use axum::http::HeaderMap;
use bytes::Bytes;
use sigyn_write::PushBatch;

/// An entry without a timestamp is older than any limit, as Go's zero time is.
const NO_TIME: i64 = i64::MIN;

/// Which route a push came in by; they differ in the JSON they take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathKind {
    /// `/api/prom/push`.
    Legacy,
    /// `/loki/api/v1/push`.
    V1,
}

/// Size limits of one push body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushLimits {
    /// Bytes of the body as received. Default 100 MiB.
    pub max_recv_msg_size: usize,
    /// Bytes of the body once decompressed. Default 256 MiB.
    pub max_decompressed_size: usize,
}

impl Default for PushLimits {
    fn default() -> Self {
        Self { max_recv_msg_size: 100 << 20, max_decompressed_size: 256 << 20 }
    }
}

/// A body that cannot be decoded: the status and text to answer with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PushError {
    pub status: u16,
    pub message: String,
}

impl PushError {
    fn invalid(message: impl Into<String>) -> Self {
        Self { status: 400, message: message.into() }
    }
}

/// Decodes one push body. Nothing of the push is kept when this fails, as in Loki.
///
/// Errors: 400 for what cannot be read, 413 for what is too large.
pub fn decode(
    headers: &HeaderMap,
    path_kind: PathKind,
    body: Bytes,
    limits: &PushLimits,
) -> Result<PushBatch, PushError> {
    match body::open(headers, body, limits)? {
        (body::Format::Protobuf, plain) => protobuf::decode(plain),
        (body::Format::Json, plain) => json::decode(path_kind, plain),
    }
}

/// Bytes the decoded push will roughly hold: what to pass to `Writer::begin_decode` before [`decode`].
#[must_use]
pub fn estimate_memory(headers: &HeaderMap, body: &[u8], limits: &PushLimits) -> usize {
    body::estimate_memory(headers, body, limits)
}
