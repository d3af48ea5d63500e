//! A part's self-description: its streams and its block index.

use std::sync::Arc;

use sigyn_model::{Labels, Level, Timestamp};

mod read;
mod write;

pub(crate) use write::write;

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
    /// Columns of every block, whatever it holds.
    pub const FIXED_COLUMNS: [ColumnKind; 3] = [ColumnKind::Timestamps, ColumnKind::LineLengths, ColumnKind::Lines];

    #[must_use]
    pub fn timestamps(&self) -> &ColumnMeta {
        &self.columns[0]
    }

    #[must_use]
    pub fn line_lengths(&self) -> &ColumnMeta {
        &self.columns[1]
    }

    #[must_use]
    pub fn lines(&self) -> &ColumnMeta {
        &self.columns[2]
    }

    /// All structured metadata columns, sorted by name.
    #[must_use]
    pub fn all_metadata(&self) -> &[ColumnMeta] {
        &self.columns[Self::FIXED_COLUMNS.len()..]
    }

    /// The structured metadata column of that name, when any row of the block has it.
    #[must_use]
    pub fn metadata(&self, name: &str) -> Option<&ColumnMeta> {
        self.all_metadata().iter().find(|column| column.kind.metadata_name() == Some(name))
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
    /// Bytes in memory once decoded: 8 a row for timestamps, 4 a row for lengths, the bytes of lines with their newlines,
    /// the bytes of a metadata column's value table (its ids take 4 more a row).
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

impl ColumnKind {
    #[must_use]
    pub fn metadata_name(&self) -> Option<&str> {
        match self {
            Self::Metadata(name) => Some(name),
            _ => None,
        }
    }
}

impl Footer {
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.blocks.iter().map(|block| u64::from(block.rows)).sum()
    }

    /// Bytes this footer holds in memory, about; for cache weights.
    #[must_use]
    pub fn memory_size(&self) -> usize {
        let streams: usize = self.streams.iter().map(labels_memory).sum();
        let block =
            |block: &BlockMeta| size_of::<BlockMeta>() + size_of_val(&block.runs[..]) + size_of_val(&block.columns[..]);
        size_of::<Self>() + streams + self.blocks.iter().map(block).sum::<usize>()
    }
}

/// Two strings a pair, each with its allocator's overhead, and the set's own allocation.
fn labels_memory(labels: &Labels) -> usize {
    32 + labels.iter().map(|(name, value)| 64 + name.len() + value.len()).sum::<usize>()
}
