//! Protobuf push bodies, plain and behind snappy.
#![no_main]

use axum::http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sigyn_api::push::{PathKind, PushLimits, decode};

fuzz_target!(|body: &[u8]| {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
    let limits = PushLimits { max_recv_msg_size: 1 << 20, max_decompressed_size: 1 << 22 };
    let _ = decode(&headers, PathKind::V1, Bytes::copy_from_slice(body), &limits);
    // The same bytes as the content of one snappy literal, so that the walk behind it is reached.
    if !body.is_empty() && body.len() < 60_000 {
        let mut block = Vec::with_capacity(body.len() + 8);
        let mut length = body.len();
        while length >= 0x80 {
            block.push((length as u8) | 0x80);
            length >>= 7;
        }
        block.push(length as u8);
        block.extend([61 << 2, (body.len() - 1) as u8, ((body.len() - 1) >> 8) as u8]);
        block.extend(body);
        let _ = decode(&headers, PathKind::V1, Bytes::from(block), &limits);
    }
});
