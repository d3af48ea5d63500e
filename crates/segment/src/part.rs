//! One tenant's rows of one hour: columns, then the footer that describes them.

use sigyn_model::{Labels, Level, Timestamp};

use crate::footer::{self, BlockMeta, ColumnKind};
use crate::{EncodedBlock, EncodedColumn, Error, Result, filter};

/// Lays encoded blocks out as a part.
#[derive(Debug)]
pub struct PartWriter {
    level: Level,
    streams: Vec<Labels>,
    blocks: Vec<EncodedBlock>,
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

    /// Stored bytes so far, without the footer.
    #[must_use]
    pub fn stored_bytes(&self) -> usize {
        self.blocks.iter().map(EncodedBlock::stored_bytes).sum()
    }

    /// Columns of one kind lie together, so that a query that needs one kind reads one range.
    ///
    /// Errors: `Internal` when streams or blocks are out of order or there is no row, `TooLarge` past what the format can describe.
    pub fn finish(self) -> Result<EncodedPart> {
        self.check()?;
        let (min_time, max_time) = self.time_span().ok_or_else(|| Error::internal("a part needs a row"))?;
        let Self { level, streams, blocks } = self;
        let mut bytes = Vec::with_capacity(blocks.iter().map(EncodedBlock::stored_bytes).sum::<usize>() + 4096);
        let (metas, columns): (Vec<BlockMeta>, Vec<Vec<EncodedColumn>>) = blocks.into_iter().map(split).unzip();
        let mut metas = metas;
        place(&mut metas, columns, &mut bytes);
        let footer_length = footer::write(&mut bytes, level, &streams, &metas)?;
        Ok(EncodedPart {
            bytes,
            footer_length,
            rows: metas.iter().map(|block| u64::from(block.rows)).sum(),
            streams: streams.len() as u32,
            raw_bytes: metas.iter().map(|block| block.raw_bytes).sum(),
            min_time,
            max_time,
            label_filter: filter::build(&streams),
        })
    }

    fn check(&self) -> Result<()> {
        if u32::try_from(self.streams.len()).is_err() {
            let size = self.streams.len() as u64;
            return Err(Error::TooLarge { what: "a part's stream table", size, limit: u64::from(u32::MAX) });
        }
        if !self.streams.is_sorted_by(|a, b| a < b) {
            return Err(Error::internal("a part's streams must ascend"));
        }
        let runs = self.blocks.iter().flat_map(|block| &block.runs);
        if !runs.clone().is_sorted_by_key(|run| run.stream)
            || runs.clone().any(|run| run.stream as usize >= self.streams.len())
        {
            return Err(Error::internal("a part's blocks must hold its streams in ascending order"));
        }
        Ok(())
    }

    fn time_span(&self) -> Option<(Timestamp, Timestamp)> {
        let min = self.blocks.iter().map(|block| block.min_time).min()?;
        let max = self.blocks.iter().map(|block| block.max_time).max()?;
        Some((min, max))
    }
}

fn split(block: EncodedBlock) -> (BlockMeta, Vec<EncodedColumn>) {
    let EncodedBlock { rows, raw_bytes, min_time, max_time, runs, columns } = block;
    let metas = columns.iter().map(|column| column.meta.clone()).collect();
    (BlockMeta { rows, raw_bytes, min_time, max_time, runs, columns: metas }, columns)
}

/// Small columns first, lines last.
fn rank(kind: &ColumnKind) -> (u8, &str) {
    match kind {
        ColumnKind::Timestamps => (0, ""),
        ColumnKind::LineLengths => (1, ""),
        ColumnKind::Metadata(name) => (2, name),
        ColumnKind::Lines => (3, ""),
    }
}

fn place(blocks: &mut [BlockMeta], mut columns: Vec<Vec<EncodedColumn>>, bytes: &mut Vec<u8>) {
    let mut order: Vec<(usize, usize)> =
        columns.iter().enumerate().flat_map(|(block, columns)| (0..columns.len()).map(move |at| (block, at))).collect();
    order.sort_by(|(block_a, a), (block_b, b)| {
        let kind = |block: usize, at: usize| rank(&columns[block][at].meta.kind);
        kind(*block_a, *a).cmp(&kind(*block_b, *b)).then(block_a.cmp(block_b))
    });
    for (block, at) in order {
        blocks[block].columns[at].offset = bytes.len() as u64;
        // Taken, so that a large part is not in memory twice.
        bytes.extend_from_slice(&std::mem::take(&mut columns[block][at].bytes));
    }
}
