//! The body and what is written beside it, addressed as one buffer, with a bound on all that decoding adds.

use bytes::{Bytes, BytesMut};
use sigyn_write::Span32;

use super::super::body::ADDRESSABLE;
use super::PushError;

/// The buffer that spans of a push point into.
///
/// Attributes of a resource count for each of its entries, so a small body can mean much: whatever decoding adds is
/// paid for with [`Arena::spend`] and bounded.
#[derive(Debug)]
pub(super) struct Arena<'a> {
    body: &'a [u8],
    extra: Vec<u8>,
    spent: usize,
    max: usize,
}

impl<'a> Arena<'a> {
    pub(super) fn new(body: &'a [u8], max: usize) -> Self {
        Self { body, extra: Vec::new(), spent: 0, max }
    }

    /// Counts memory that decoding takes besides the body.
    pub(super) fn spend(&mut self, bytes: usize) -> Result<(), PushError> {
        self.spent = self.spent.saturating_add(bytes);
        if self.spent > self.max || self.body.len() + self.extra.len() + bytes > ADDRESSABLE {
            let message = format!(
                "request body too large: its attributes, spread over its log records, take more than max_decompressed_size ({} bytes); send smaller batches",
                self.max
            );
            return Err(PushError { status: 413, message });
        }
        Ok(())
    }

    /// Appends to what is written beside the body; [`Self::since`] makes it a span.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), PushError> {
        self.spend(bytes.len())?;
        self.extra.extend_from_slice(bytes);
        Ok(())
    }

    /// The place that is written next.
    pub(super) fn mark(&self) -> usize {
        self.extra.len()
    }

    /// What has been written since a mark.
    pub(super) fn since(&self, mark: usize) -> Span32 {
        Span32 { offset: (self.body.len() + mark) as u32, len: (self.extra.len() - mark) as u32 }
    }

    pub(super) fn keep(&mut self, bytes: &[u8]) -> Result<Span32, PushError> {
        let mark = self.mark();
        self.write(bytes)?;
        Ok(self.since(mark))
    }

    pub(super) fn text(&self, span: Span32) -> &[u8] {
        let (offset, len) = (span.offset as usize, span.len as usize);
        match offset.checked_sub(self.body.len()) {
            Some(offset) if len > 0 => &self.extra[offset..][..len],
            Some(_) => &[],
            None => &self.body[offset..][..len],
        }
    }

    /// What was written beside the body.
    pub(super) fn into_extra(self) -> Vec<u8> {
        self.extra
    }
}

/// The body with `extra` behind it; copied only when there is any.
pub(super) fn join(body: Bytes, extra: &[u8]) -> Bytes {
    if extra.is_empty() {
        return body;
    }
    let mut whole = body.try_into_mut().unwrap_or_else(|shared| {
        let mut copy = BytesMut::with_capacity(shared.len() + extra.len());
        copy.extend_from_slice(&shared);
        copy
    });
    whole.extend_from_slice(extra);
    whole.freeze()
}
