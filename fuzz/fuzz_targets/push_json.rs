//! JSON push bodies of both paths.
#![no_main]

use axum::http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sigyn_api::push::{PathKind, PushLimits, decode};

fuzz_target!(|body: &[u8]| {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let limits = PushLimits { max_recv_msg_size: 1 << 20, max_decompressed_size: 1 << 22 };
    for path in [PathKind::V1, PathKind::Legacy] {
        let _ = decode(&headers, path, Bytes::copy_from_slice(body), &limits);
    }
});
