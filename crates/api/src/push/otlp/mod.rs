//! OTLP/HTTP logs: bodies of `POST /otlp/v1/logs`, protobuf or JSON, into one arena per push.
//!
//! JSON is rewritten as the protobuf it stands for (`json`), so that what attributes become is told in one place (`records`).
//! Source: the OpenTelemetry protocol's logs service; Loki's mapping of attributes to labels and structured metadata.

mod arena;
mod attributes;
mod body;
mod json;
mod records;
mod rules;
mod value;

use axum::http::HeaderMap;
use bytes::Bytes;
use sigyn_write::PushBatch;

use super::{PushError, PushLimits};
pub use rules::Rules;

/// Decodes an `ExportLogsServiceRequest`. Entries without any time get `now`, in nanoseconds since the Unix epoch.
///
/// Errors: 400 for what cannot be read, 413 for what is too large, as sent or once attributes are spread over their entries.
pub fn decode(
    headers: &HeaderMap,
    body: Bytes,
    limits: &PushLimits,
    rules: &Rules,
    now: i64,
) -> Result<PushBatch, PushError> {
    let max = super::body::plain_max(limits);
    let plain = match body::open(headers, body, limits)? {
        (body::Format::Protobuf, plain) => plain,
        (body::Format::Json, plain) => json::to_protobuf(&plain, max)?.into(),
    };
    records::decode(plain, rules, now, max)
}

/// Bytes the decoded push will roughly hold: what to pass to `Writer::begin_decode` before [`decode`].
#[must_use]
pub fn estimate_memory(headers: &HeaderMap, body: &[u8], limits: &PushLimits) -> usize {
    body::estimate_memory(headers, body, limits)
}

#[cfg(test)]
mod tests;
