//! Rows gathered into a block, and the block's columns encoded.

use sigyn_model::Timestamp;

use crate::footer::{ColumnKind, Run};
use crate::{Codec, Error, Result, format};

/// One entry: borrowed from wherever the caller keeps it.
///
/// `metadata` is sorted by name and its names are unique.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    pub time: Timestamp,
    pub line: &'a [u8],
    pub metadata: &'a [(&'a str, &'a str)],
}

/// When a block is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockLimits {
    /// Line bytes.
    pub raw_bytes_max: usize,
    pub rows_max: usize,
}

impl Default for BlockLimits {
    fn default() -> Self {
        Self { raw_bytes_max: format::BLOCK_LINE_BYTES, rows_max: format::BLOCK_ROWS }
    }
}

/// Collects rows of ascending streams into one block.
#[derive(Debug)]
pub struct BlockBuilder {
    limits: BlockLimits,
    block: RawBlock,
}

impl BlockBuilder {
    #[must_use]
    pub fn new(limits: BlockLimits) -> Self {
        Self { limits, block: RawBlock::default() }
    }

    /// Adds a row. `stream` is an ordinal of the part's stream table and never goes down within a part.
    pub fn push(&mut self, stream: u32, row: &Row) {
        let _ = (stream, row);
    }

    /// Whether the next row belongs in a new block. A row that is larger than a block makes a block of its own.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let _ = self.limits;
        false
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.block.rows() == 0
    }

    /// The rows so far, leaving the builder empty.
    #[must_use]
    pub fn take(&mut self) -> RawBlock {
        std::mem::take(&mut self.block)
    }
}

/// The rows of one block, in columns, not yet encoded.
#[derive(Debug, Default)]
pub struct RawBlock {
    times: Vec<i64>,
}

impl RawBlock {
    #[must_use]
    pub fn rows(&self) -> usize {
        self.times.len()
    }

    /// Compresses every column. Pure CPU work: callers run blocks in parallel.
    pub fn encode(&self, codec: Codec) -> Result<EncodedBlock> {
        let _ = codec;
        Err(Error::internal("not written yet"))
    }
}

/// A block's columns as they will be stored.
#[derive(Debug, Clone)]
pub struct EncodedBlock {
    pub rows: u32,
    pub raw_bytes: u64,
    pub min_time: Timestamp,
    pub max_time: Timestamp,
    pub runs: Vec<Run>,
    pub columns: Vec<EncodedColumn>,
}

/// One column's stored bytes.
#[derive(Debug, Clone)]
pub struct EncodedColumn {
    pub kind: ColumnKind,
    pub bytes: Vec<u8>,
    pub raw_length: u32,
}
