//! OTLP bodies, protobuf and JSON.
#![no_main]

use axum::http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sigyn_api::push::{PushLimits, otlp};

fuzz_target!(|body: &[u8]| {
    let limits = PushLimits { max_recv_msg_size: 1 << 20, max_decompressed_size: 1 << 22 };
    for content_type in ["application/x-protobuf", "application/json"] {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Ok(batch) = otlp::decode(&headers, Bytes::copy_from_slice(body), &limits, &otlp::Rules, 1) {
            for entry in &batch.entries {
                batch.slice(entry.line);
            }
            for (name, value) in &batch.metadata {
                batch.slice(*name);
                batch.slice(*value);
            }
        }
    }
});
