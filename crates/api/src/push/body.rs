//! Content type, content encoding and size limits of push bodies.

use std::io::Read;

use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use bytes::Bytes;

use super::{PushError, PushLimits};

/// Spans are 31 bits, whatever the settings say.
pub(super) const ADDRESSABLE: usize = (1 << 31) - 1;
/// Snappy's longest copy makes 64 bytes of 3, so a body that claims more than this per byte is lying.
const SNAPPY_RATIO_MAX: usize = 22;
/// Most that is reserved for a body whose plain size only decompressing tells.
pub(super) const GUESS_MAX: usize = 32 << 20;
const SNAPPY_STREAM_START: &[u8] = b"\xff\x06\x00\x00sNaPpY";
const CORRUPT_SNAPPY: &str = "snappy: corrupt input";

/// What a body holds once it is decompressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Protobuf,
    Json,
}

/// How a body is wrapped, besides the snappy that protobuf always has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrapping {
    None,
    Gzip,
    Deflate,
    Snappy,
}

/// Checks sizes and headers and returns the plain body.
pub(super) fn open(headers: &HeaderMap, body: Bytes, limits: &PushLimits) -> Result<(Format, Bytes), PushError> {
    if body.len() > limits.max_recv_msg_size {
        return Err(too_large(body.len(), "max_recv_msg_size", limits.max_recv_msg_size));
    }
    let format = format(headers)?;
    let max = plain_max(limits);
    let plain = match (wrapping(headers)?, format) {
        (Wrapping::None | Wrapping::Snappy, Format::Protobuf) => unsnap(&body, max)?,
        (Wrapping::Gzip, Format::Protobuf) => unsnap(&gunzip(&body, max)?, max)?,
        (Wrapping::Deflate, Format::Protobuf) => unsnap(&inflate(&body, max)?, max)?,
        (Wrapping::None, Format::Json) => within(body, max)?,
        (Wrapping::Gzip, Format::Json) => gunzip(&body, max)?,
        (Wrapping::Deflate, Format::Json) => inflate(&body, max)?,
        (Wrapping::Snappy, Format::Json) => unsnap_json(body, max)?,
    };
    Ok((format, plain))
}

/// What the decoded push will roughly hold in memory, its compressed body not counted.
pub(super) fn estimate_memory(headers: &HeaderMap, body: &[u8], limits: &PushLimits) -> usize {
    let plain = match (wrapping(headers), format(headers)) {
        (Ok(Wrapping::None | Wrapping::Snappy), Ok(Format::Protobuf)) => claimed_length(body).unwrap_or(0),
        (Ok(Wrapping::None), Ok(Format::Json)) => body.len(),
        // Only a guess: a wrong one must not refuse a push that would fit.
        (Ok(_), Ok(_)) => body.len().saturating_mul(8).min(GUESS_MAX.max(body.len())),
        _ => 0,
    };
    // Positions of streams, entries and metadata come to about a quarter of the lines.
    let plain = plain.min(plain_max(limits));
    plain + plain / 4
}

pub(super) fn plain_max(limits: &PushLimits) -> usize {
    limits.max_decompressed_size.min(ADDRESSABLE)
}

pub(super) fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("").trim()
}

fn format(headers: &HeaderMap) -> Result<Format, PushError> {
    let value = header(headers, &CONTENT_TYPE);
    let media_type = value.split(';').next().unwrap_or("").trim();
    if media_type.is_empty() {
        return Err(PushError::invalid("mime: no media type"));
    }
    Ok(if media_type.eq_ignore_ascii_case("application/json") { Format::Json } else { Format::Protobuf })
}

fn wrapping(headers: &HeaderMap) -> Result<Wrapping, PushError> {
    match header(headers, &CONTENT_ENCODING) {
        "" => Ok(Wrapping::None),
        "gzip" => Ok(Wrapping::Gzip),
        "deflate" => Ok(Wrapping::Deflate),
        "snappy" => Ok(Wrapping::Snappy),
        other => Err(PushError::invalid(format!("Content-Encoding \"{other}\" not supported"))),
    }
}

pub(super) fn within(body: Bytes, max: usize) -> Result<Bytes, PushError> {
    if body.len() > max { Err(too_large(body.len(), "max_decompressed_size", max)) } else { Ok(body) }
}

pub(super) fn too_large(bytes: usize, setting: &str, max: usize) -> PushError {
    PushError { status: 413, message: format!("request body too large: {bytes} bytes, {setting} is {max} bytes") }
}

/// The length that a snappy block says it has.
fn claimed_length(body: &[u8]) -> Option<usize> {
    let claimed = snap::raw::decompress_len(body).ok()?;
    (!body.is_empty() && claimed <= body.len().saturating_mul(SNAPPY_RATIO_MAX)).then_some(claimed)
}

/// Undoes one snappy block; its claimed length is checked before anything is allocated.
fn unsnap(body: &[u8], max: usize) -> Result<Bytes, PushError> {
    let corrupt = || PushError::invalid(CORRUPT_SNAPPY);
    let length = claimed_length(body).ok_or_else(corrupt)?;
    if length > max {
        return Err(too_large(length, "max_decompressed_size", max));
    }
    let mut plain = vec![0; length];
    let written = snap::raw::Decoder::new().decompress(body, &mut plain).map_err(|_| corrupt())?;
    if written == length { Ok(plain.into()) } else { Err(corrupt()) }
}

/// JSON that is said to be snappy: a framed stream, one block, or, as some clients send, not compressed at all.
fn unsnap_json(body: Bytes, max: usize) -> Result<Bytes, PushError> {
    if body.starts_with(SNAPPY_STREAM_START) {
        return read_bounded(snap::read::FrameDecoder::new(&*body), body.len(), max);
    }
    match unsnap(&body, max) {
        Err(error) if error.status == 400 && body.trim_ascii_start().starts_with(b"{") => within(body, max),
        result => result,
    }
}

pub(super) fn gunzip(body: &[u8], max: usize) -> Result<Bytes, PushError> {
    // The end of an honest body says how much is in it: what would be too much is only counted, not kept.
    if body.last_chunk().is_some_and(|size| u32::from_le_bytes(*size) as usize > max) {
        let mut plain = flate2::read::MultiGzDecoder::new(body).take(max as u64 + 1);
        let size = std::io::copy(&mut plain, &mut std::io::sink()).map_err(not_decompressed)?;
        if size > max as u64 {
            return Err(too_large(max + 1, "max_decompressed_size", max));
        }
    }
    read_bounded(flate2::read::MultiGzDecoder::new(body), body.len(), max)
}

fn inflate(body: &[u8], max: usize) -> Result<Bytes, PushError> {
    read_bounded(flate2::read::DeflateDecoder::new(body), body.len(), max)
}

/// Reads to the end, or until one byte more than is allowed has come out.
pub(super) fn read_bounded(reader: impl Read, compressed: usize, max: usize) -> Result<Bytes, PushError> {
    let mut plain = Vec::with_capacity(compressed.saturating_mul(4).min(max).min(4 << 20));
    reader.take(max as u64 + 1).read_to_end(&mut plain).map_err(not_decompressed)?;
    within(plain.into(), max)
}

fn not_decompressed(error: std::io::Error) -> PushError {
    PushError::invalid(format!("couldn't decompress the body: {error}"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn headers(content_type: &'static str, encoding: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [(CONTENT_TYPE, content_type), (CONTENT_ENCODING, encoding)] {
            if !value.is_empty() {
                headers.insert(name, axum::http::HeaderValue::from_static(value));
            }
        }
        headers
    }

    fn gzip(plain: &[u8]) -> Bytes {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(plain).and_then(|()| encoder.finish()).expect("writing to memory").into()
    }

    fn deflate(plain: &[u8]) -> Bytes {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(plain).and_then(|()| encoder.finish()).expect("writing to memory").into()
    }

    fn snap_block(plain: &[u8]) -> Bytes {
        snap::raw::Encoder::new().compress_vec(plain).expect("compressing in memory").into()
    }

    fn snap_frames(plain: &[u8]) -> Bytes {
        let mut encoder = snap::write::FrameEncoder::new(Vec::new());
        encoder.write_all(plain).expect("writing to memory");
        encoder.into_inner().expect("writing to memory").into()
    }

    const JSON: &[u8] = br#"{"streams":[]}"#;

    #[test]
    fn bodies_are_unwrapped_by_type_and_encoding() {
        let limits = PushLimits::default();
        for (content_type, encoding, body, format) in [
            ("application/json", "", Bytes::from_static(JSON), Format::Json),
            ("application/json; charset=utf-8", "gzip", gzip(JSON), Format::Json),
            ("Application/JSON", "deflate", deflate(JSON), Format::Json),
            ("application/json", "snappy", snap_block(JSON), Format::Json),
            ("application/json", "snappy", snap_frames(JSON), Format::Json),
            ("application/json", "snappy", Bytes::from_static(JSON), Format::Json),
            ("application/x-protobuf", "", snap_block(JSON), Format::Protobuf),
            ("application/x-protobuf", "snappy", snap_block(JSON), Format::Protobuf),
            ("application/x-protobuf", "gzip", gzip(&snap_block(JSON)), Format::Protobuf),
            ("text/plain", "", snap_block(JSON), Format::Protobuf),
        ] {
            let opened = open(&headers(content_type, encoding), body, &limits);
            assert_eq!(opened, Ok((format, Bytes::from_static(JSON))), "{content_type} {encoding}");
        }
    }

    #[test]
    fn bad_bodies_are_refused() {
        let limits = PushLimits::default();
        for (content_type, encoding, body, message) in [
            ("", "", Bytes::from_static(JSON), "mime: no media type"),
            ("application/x-protobuf", "", Bytes::from_static(JSON), CORRUPT_SNAPPY),
            ("application/x-protobuf", "", Bytes::new(), CORRUPT_SNAPPY),
            ("application/json", "zstd", Bytes::new(), "Content-Encoding \"zstd\" not supported"),
        ] {
            let error = open(&headers(content_type, encoding), body, &limits).expect_err(message);
            assert_eq!((error.status, error.message.as_str()), (400, message));
        }
        for (encoding, body) in
            [("gzip", Bytes::from_static(JSON)), ("gzip", gzip(JSON).slice(..12)), ("deflate", gzip(JSON))]
        {
            let error = open(&headers("application/json", encoding), body, &limits).expect_err(encoding);
            assert!(error.status == 400 && error.message.starts_with("couldn't decompress the body: "), "{error}");
        }
    }

    #[test]
    fn bombs_are_stopped_at_the_limit() {
        let limits = PushLimits { max_recv_msg_size: 1 << 20, max_decompressed_size: 1 << 16 };
        let plain = vec![b' '; (1 << 16) + 1];
        for (content_type, encoding, body) in [
            ("application/json", "", plain.clone().into()),
            ("application/json", "gzip", gzip(&plain)),
            ("application/json", "deflate", deflate(&plain)),
            ("application/json", "snappy", snap_block(&plain)),
            ("application/json", "snappy", snap_frames(&plain)),
            ("application/x-protobuf", "", snap_block(&plain)),
            ("application/x-protobuf", "gzip", gzip(&snap_block(&plain))),
            ("application/json", "", vec![b' '; (1 << 20) + 1].into()),
        ] {
            let error = open(&headers(content_type, encoding), body, &limits).expect_err(encoding);
            assert!(error.status == 413 && error.message.starts_with("request body too large: "), "{error}");
        }
        let exact = &plain[1..];
        assert!(open(&headers("application/json", "gzip"), gzip(exact), &limits).is_ok());
    }

    #[test]
    fn a_lying_snappy_length_allocates_nothing() {
        // Ten bytes that claim four gigabytes.
        let body = Bytes::from_static(&[0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 0, 0]);
        let limits = PushLimits { max_decompressed_size: usize::MAX, ..PushLimits::default() };
        let error = open(&headers("application/x-protobuf", ""), body.clone(), &limits).expect_err("it lies");
        assert_eq!((error.status, error.message.as_str()), (400, CORRUPT_SNAPPY));
        assert_eq!(estimate_memory(&headers("application/x-protobuf", ""), &body, &limits), 0);
    }

    #[test]
    fn estimates_follow_the_plain_size() {
        let limits = PushLimits::default();
        let plain = vec![b'x'; 1000];
        let estimate =
            |encoding, body: &[u8]| estimate_memory(&headers("application/x-protobuf", encoding), body, &limits);
        assert_eq!(estimate("", &snap_block(&plain)), 1250);
        assert_eq!(estimate("gzip", &plain), 10_000);
        assert_eq!(estimate("gzip", &vec![0; 30 << 20]), (32 << 20) + (8 << 20));
        assert_eq!(estimate("zstd", &plain), 0);
    }
}
