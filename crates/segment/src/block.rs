//! Rows gathered into a block.

use std::sync::Arc;

use hashbrown::HashMap;
use sigyn_model::Timestamp;
use sigyn_model::columns::ABSENT;

use crate::columns::metadata::RawValues;
use crate::footer::Run;
use crate::{DecodedBlock, format};

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

impl BlockLimits {
    /// For parts that compaction makes.
    #[must_use]
    pub fn compacted() -> Self {
        Self { raw_bytes_max: format::COMPACTED_BLOCK_LINE_BYTES, rows_max: format::COMPACTED_BLOCK_ROWS }
    }

    /// For parts that compaction makes for good.
    #[must_use]
    pub fn last() -> Self {
        Self { raw_bytes_max: format::LAST_BLOCK_LINE_BYTES, rows_max: format::COMPACTED_BLOCK_ROWS }
    }
}

/// Collects rows of ascending streams into one block.
#[derive(Debug)]
pub struct BlockBuilder {
    limits: BlockLimits,
    block: RawBlock,
    /// Index of each metadata name in the block's columns.
    names: HashMap<Arc<str>, usize>,
    /// Columns of the row before, in its order: the next row most likely has the same.
    names_before: Vec<usize>,
}

/// The rows of one block, in columns, not yet encoded.
#[derive(Debug, Default)]
pub struct RawBlock {
    pub(crate) times: Vec<i64>,
    pub(crate) lengths: Vec<u32>,
    /// Each line followed by a newline.
    pub(crate) lines: Vec<u8>,
    pub(crate) runs: Vec<Run>,
    pub(crate) metadata: Vec<(Arc<str>, RawValues)>,
    /// Names and values.
    pub(crate) metadata_bytes: u64,
}

impl BlockBuilder {
    #[must_use]
    pub fn new(limits: BlockLimits) -> Self {
        Self { limits, block: RawBlock::default(), names: HashMap::new(), names_before: Vec::new() }
    }

    /// Adds a row. `stream` is an ordinal of the part's stream table and never goes down within a part.
    pub fn push(&mut self, stream: u32, row: &Row) {
        self.block.extend_run(stream, &[row.time.0], row.line.len() as u64);
        self.block.lengths.push(row.line.len() as u32);
        self.block.lines.extend_from_slice(row.line);
        self.block.lines.push(b'\n');
        let at = (self.block.times.len() - 1) as u32;
        for (position, (name, value)) in row.metadata.iter().enumerate() {
            let column = self.column(name, position);
            self.block.push_value(column, at, value.as_bytes());
        }
    }

    /// Copies rows of one stream from a decoded block, as many as fit, and returns how many; at least one unless `count` is 0.
    pub fn push_rows(&mut self, stream: u32, source: &DecodedBlock, first: usize, count: usize) -> usize {
        let offsets = &source.lines.offsets[first..=first + count];
        let budget = self.limits.raw_bytes_max.saturating_sub(self.block.line_bytes());
        let row_budget = self.limits.rows_max.saturating_sub(self.block.rows());
        let fitting = offsets[1..].partition_point(|end| ((end - offsets[0]) as usize) < budget);
        let taken = (fitting + 1).min(row_budget.max(1)).min(count);
        let bytes = offsets[0] as usize..offsets[taken] as usize;
        let at = self.block.times.len() as u32;
        self.block.extend_run(stream, &source.times[first..first + taken], (bytes.len() - taken) as u64);
        self.block.lengths.extend(offsets[..=taken].windows(2).map(|pair| pair[1] - pair[0] - 1));
        self.block.lines.extend_from_slice(&source.lines.bytes[bytes]);
        for (position, (name, values)) in source.metadata.iter().enumerate() {
            let column = self.column(name, position);
            for (row, id) in (at..).zip(&values.ids[first..first + taken]) {
                if *id != ABSENT {
                    let range = values.offsets[*id as usize] as usize..values.offsets[*id as usize + 1] as usize;
                    self.block.push_value(column, row, &values.bytes[range]);
                }
            }
        }
        taken
    }

    fn column(&mut self, name: &str, position: usize) -> usize {
        let metadata = &mut self.block.metadata;
        if let Some(column) = self.names_before.get(position)
            && *metadata[*column].0 == *name
        {
            return *column;
        }
        let column = self.names.get(name).copied().unwrap_or_else(|| {
            let shared: Arc<str> = name.into();
            metadata.push((Arc::clone(&shared), RawValues::default()));
            self.names.insert(shared, metadata.len() - 1);
            metadata.len() - 1
        });
        self.names_before.truncate(position);
        if self.names_before.len() == position {
            self.names_before.push(column);
        }
        column
    }

    /// Whether the next row belongs in a new block. A row that is larger than a block makes a block of its own.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.block.line_bytes() >= self.limits.raw_bytes_max
            || self.block.rows() >= self.limits.rows_max
            || self.block.metadata_bytes >= format::BLOCK_METADATA_BYTES as u64
            || self.block.metadata.len() >= format::BLOCK_METADATA_NAMES
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.block.rows() == 0
    }

    /// The rows so far, leaving the builder empty.
    #[must_use]
    pub fn take(&mut self) -> RawBlock {
        self.names.clear();
        self.names_before.clear();
        let mut block = std::mem::take(&mut self.block);
        // `push_rows` opens a column for every name of its source, even when none of the copied rows has it.
        block.metadata.retain(|(_, values)| !values.rows.is_empty());
        block.metadata.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        block
    }
}

impl RawBlock {
    #[must_use]
    pub fn rows(&self) -> usize {
        self.times.len()
    }

    /// Line bytes plus structured metadata names and values.
    #[must_use]
    pub fn raw_bytes(&self) -> u64 {
        self.line_bytes() as u64 + self.metadata_bytes
    }

    fn line_bytes(&self) -> usize {
        self.lines.len() - self.lengths.len()
    }

    fn extend_run(&mut self, stream: u32, times: &[i64], line_bytes: u64) {
        let first_row = self.times.len() as u32;
        let min_time = Timestamp(times.iter().copied().min().unwrap_or(i64::MAX));
        let max_time = Timestamp(times.iter().copied().max().unwrap_or(i64::MIN));
        let rows = times.len() as u32;
        self.times.extend_from_slice(times);
        match self.runs.last_mut() {
            Some(run) if run.stream == stream => {
                run.rows += rows;
                run.min_time = run.min_time.min(min_time);
                run.max_time = run.max_time.max(max_time);
                run.line_bytes += line_bytes;
            }
            _ => self.runs.push(Run { stream, first_row, rows, min_time, max_time, line_bytes }),
        }
    }

    fn push_value(&mut self, column: usize, row: u32, value: &[u8]) {
        let (name, values) = &mut self.metadata[column];
        // A name given twice for one row keeps its first value; callers promise that this does not happen.
        if values.rows.last() == Some(&row) {
            return;
        }
        values.rows.push(row);
        values.bytes.extend_from_slice(value);
        values.ends.push(values.bytes.len() as u32);
        self.metadata_bytes += (name.len() + value.len()) as u64;
    }
}
