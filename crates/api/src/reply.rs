//! Successful answers: written on the CPU pool when large, compressed when asked.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;

use crate::{Cpu, Result, gzip};

/// Loki's content type of query answers.
pub(crate) const JSON: &str = "application/json; charset=UTF-8";

/// Answers whose data is about this size or more are written off the async threads.
const OFFLOAD_BYTES: usize = 16 << 10;

/// How to answer one request.
#[derive(Debug, Clone)]
pub(crate) struct Replier {
    cpu: Cpu,
    gzip: bool,
}

impl Replier {
    pub(crate) fn new(cpu: &Cpu, headers: &HeaderMap) -> Self {
        Self { cpu: cpu.clone(), gzip: gzip::accepted(headers) }
    }

    /// Answers with what `write` appends. `size_hint` is a guess of its length in bytes.
    pub(crate) async fn json(
        &self,
        size_hint: usize,
        write: impl FnOnce(&mut Vec<u8>) + Send + 'static,
    ) -> Result<Response> {
        let wants_gzip = self.gzip;
        let produce = move || {
            let mut body = Vec::with_capacity(size_hint + size_hint / 4 + 4096);
            write(&mut body);
            let compressed = if wants_gzip { gzip::compress(&body) } else { None };
            (compressed.is_some(), compressed.unwrap_or(body))
        };
        let (is_gzip, body) = if size_hint < OFFLOAD_BYTES { produce() } else { self.cpu.run(produce).await? };
        let mut response = Response::new(body.into());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        if is_gzip {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        Ok(response)
    }
}

/// A small answer of a given content type.
pub(crate) fn plain(content_type: &'static str, body: impl Into<axum::body::Body>) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
