//! One tenant's rows of one hour: blocks, then the footer that describes them.

use sigyn_model::{Labels, Level, Timestamp};

use crate::{EncodedBlock, Error, Result};

/// Lays encoded blocks out as a part.
#[derive(Debug)]
pub struct PartWriter {
    level: Level,
    streams: Vec<Labels>,
    blocks: Vec<EncodedBlock>,
}

impl PartWriter {
    /// `streams` ascend; blocks name them by index.
    #[must_use]
    pub fn new(level: Level, streams: Vec<Labels>) -> Self {
        Self { level, streams, blocks: Vec::new() }
    }

    /// Adds the next block in row order.
    pub fn push(&mut self, block: EncodedBlock) {
        self.blocks.push(block);
    }

    /// Errors: `Internal` when streams or blocks are out of order, `TooLarge` past what the format can describe.
    pub fn finish(self) -> Result<EncodedPart> {
        let _ = (self.level, self.streams, self.blocks);
        Err(Error::internal("not written yet"))
    }
}

/// A finished part and what its catalog row will say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedPart {
    pub bytes: Vec<u8>,
    /// Bytes at the end that hold footer and trailer.
    pub footer_length: u32,
    pub rows: u64,
    pub streams: u32,
    /// Line bytes plus structured metadata names and values.
    pub raw_bytes: u64,
    /// Both inclusive.
    pub min_time: Timestamp,
    pub max_time: Timestamp,
    /// See [`crate::label_filter_may_contain`].
    pub label_filter: Vec<u8>,
}
