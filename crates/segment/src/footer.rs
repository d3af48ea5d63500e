//! A part's self-description: its streams and its block index.

use std::sync::Arc;

use sigyn_model::{Labels, Level, Timestamp};

use crate::{Error, Result};

/// Everything about a part but its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footer {
    pub level: Level,
    /// Ascending; a stream's ordinal is its index.
    pub streams: Vec<Labels>,
    /// In row order: ascending by (stream, time).
    pub blocks: Vec<BlockMeta>,
}

/// One block: what it holds and where its columns are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockMeta {
    pub rows: u32,
    /// Line bytes plus structured metadata names and values.
    pub raw_bytes: u64,
    /// Both inclusive.
    pub min_time: Timestamp,
    pub max_time: Timestamp,
    /// Ascending by stream, covering every row once.
    pub runs: Vec<Run>,
    /// Timestamps, line lengths and lines, then one per structured metadata name that occurs in the block, sorted by name.
    pub columns: Vec<ColumnMeta>,
}

impl BlockMeta {
    #[must_use]
    pub fn column(&self, kind: &ColumnKind) -> Option<&ColumnMeta> {
        self.columns.iter().find(|column| column.kind == *kind)
    }

    /// The structured metadata column of that name, when any row of the block has it.
    #[must_use]
    pub fn metadata(&self, name: &str) -> Option<&ColumnMeta> {
        self.columns.iter().find(|column| matches!(&column.kind, ColumnKind::Metadata(found) if **found == *name))
    }
}

/// One stream's contiguous rows in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Index into [`Footer::streams`].
    pub stream: u32,
    pub first_row: u32,
    pub rows: u32,
    /// Both inclusive.
    pub min_time: Timestamp,
    pub max_time: Timestamp,
    /// Sum of line lengths.
    pub line_bytes: u64,
}

/// Where a column of a block is, and what its bytes must hash to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnMeta {
    pub kind: ColumnKind,
    /// Inside the part.
    pub offset: u64,
    /// Stored bytes.
    pub length: u32,
    /// Bytes in memory once decoded, without offsets and ids.
    pub raw_length: u32,
    /// crc32c of the stored bytes, checked by every `decode_*`.
    pub crc: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ColumnKind {
    Timestamps,
    LineLengths,
    Lines,
    /// Structured metadata of this name.
    Metadata(Arc<str>),
}

impl Footer {
    /// Reads the footer from the last bytes of a part: at least `PartMeta::footer_length`, more is fine.
    ///
    /// `part_length` is the length the catalog gives; a part of another length is `Corrupt`.
    pub fn parse(tail: &[u8], part_length: u64) -> Result<Self> {
        let _ = (tail, part_length);
        Err(Error::internal("not written yet"))
    }

    /// Bytes this footer holds in memory, about; for cache weights.
    #[must_use]
    pub fn memory_size(&self) -> usize {
        size_of::<Self>()
    }
}
