//! A decoded push: positions in one buffer, so that decoding allocates per batch and not per entry.

use std::ops::Range;

use bytes::Bytes;
use sigyn_model::Labels;

/// A slice of [`PushBatch::arena`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span32 {
    pub offset: u32,
    pub len: u32,
}

/// One push request, decoded and not yet checked.
///
/// Shape: `streams[i].entries` are ranges of `entries`, `entries[j].metadata` ranges of `metadata`; every span lies in
/// `arena`, which is below 2 GiB. Lines, metadata names and values are any bytes. [`Writer::push`](crate::Writer::push) checks the shape.
#[derive(Debug, Clone, Default)]
pub struct PushBatch {
    /// The buffer all spans point into: for protobuf the decompressed body itself.
    pub arena: Bytes,
    pub streams: Vec<PushStream>,
    pub entries: Vec<PushEntry>,
    /// Structured metadata: name and value, in the order sent.
    pub metadata: Vec<(Span32, Span32)>,
}

/// One stream of a push.
#[derive(Debug, Clone)]
pub struct PushStream {
    /// As sent: `service_name` is not discovered yet.
    pub labels: Labels,
    /// A label name that was sent twice, for which the stream is refused.
    pub repeated_name: Option<Box<str>>,
    pub entries: Range<u32>,
}

/// One entry of a push.
#[derive(Debug, Clone)]
pub struct PushEntry {
    /// Nanoseconds since the Unix epoch.
    pub ts: i64,
    pub line: Span32,
    pub metadata: Range<u32>,
}

impl PushBatch {
    /// Bytes this batch holds in memory, for the bound on unflushed bytes.
    #[must_use]
    pub fn memory_size(&self) -> usize {
        self.arena.len()
            + size_of_val(self.streams.as_slice())
            + size_of_val(self.entries.as_slice())
            + size_of_val(self.metadata.as_slice())
    }

    /// Bytes of a span.
    ///
    /// # Panics
    ///
    /// When the span lies outside `arena`.
    #[must_use]
    pub fn slice(&self, span: Span32) -> &[u8] {
        &self.arena[span.offset as usize..][..span.len as usize]
    }
}
