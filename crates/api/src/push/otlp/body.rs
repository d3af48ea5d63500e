//! Content type, content encoding and size limits of OTLP bodies.

use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use bytes::Bytes;

use super::super::body::{GUESS_MAX, gunzip, header, plain_max, read_bounded, too_large, within};
use super::{PushError, PushLimits};

/// What a body holds once it is decompressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Protobuf,
    Json,
}

/// Checks sizes and headers and returns the plain body.
pub(super) fn open(headers: &HeaderMap, body: Bytes, limits: &PushLimits) -> Result<(Format, Bytes), PushError> {
    if body.len() > limits.max_recv_msg_size {
        return Err(too_large(body.len(), "max_recv_msg_size", limits.max_recv_msg_size));
    }
    let format = match header(headers, &CONTENT_TYPE) {
        "application/x-protobuf" => Format::Protobuf,
        "application/json" => Format::Json,
        other => return Err(PushError::invalid(format!("content type: {other} is not supported"))),
    };
    let max = plain_max(limits);
    let plain = match header(headers, &CONTENT_ENCODING) {
        "" | "identity" => within(body, max)?,
        "gzip" => gunzip(&body, max)?,
        "zstd" => unzstd(&body, max)?,
        other => {
            let message = format!("unsupported content encoding {other}: only gzip and zstd are supported");
            return Err(PushError::invalid(message));
        }
    };
    Ok((format, plain))
}

/// What the decoded push will roughly hold in memory, its compressed body not counted.
pub(super) fn estimate_memory(headers: &HeaderMap, body: &[u8], limits: &PushLimits) -> usize {
    let plain = match header(headers, &CONTENT_ENCODING) {
        "" | "identity" => body.len(),
        _ => body.len().saturating_mul(8).min(GUESS_MAX.max(body.len())),
    };
    let plain = plain.min(plain_max(limits));
    plain + plain / 4
}

fn unzstd(body: &[u8], max: usize) -> Result<Bytes, PushError> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(body).map_err(not_decompressed)?;
    // A frame may ask for a window of 2 GiB; what a body may hold is all that it needs.
    let window = usize::BITS - max.max(1 << 20).leading_zeros();
    decoder.window_log_max(window.min(27)).map_err(not_decompressed)?;
    read_bounded(decoder, body.len(), max)
}

fn not_decompressed(error: std::io::Error) -> PushError {
    PushError::invalid(format!("couldn't decompress the body: {error}"))
}
