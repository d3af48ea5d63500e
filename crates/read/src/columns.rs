//! Decodes the fetched columns of a block and presents its runs to the engine.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use sigyn_logql::Batch;
use sigyn_model::{Lines, StringColumn};
use sigyn_segment::{BlockMeta, ColumnKind, decode_line_lengths, decode_lines, decode_metadata, decode_timestamps};

use crate::context::QueryContext;
use crate::selection::{SelectedRun, Selection};
use crate::stats::add;
use crate::{Error, Result};

/// The columns of one block that were fetched, decoded.
#[derive(Debug, Default)]
pub(crate) struct FetchedColumns {
    pub(crate) timestamps: Vec<i64>,
    pub(crate) line_lengths: Option<Vec<u32>>,
    pub(crate) lines: Option<Lines>,
    /// Sorted by name.
    pub(crate) metadata: Vec<(Arc<str>, StringColumn)>,
}

impl FetchedColumns {
    /// Metadata as [`Batch`] wants it.
    pub(crate) fn metadata_refs(&self) -> Vec<(Arc<str>, &StringColumn)> {
        self.metadata.iter().map(|(name, column)| (Arc::clone(name), column)).collect()
    }

    /// The rows of one run.
    pub(crate) fn batch<'a>(
        &'a self,
        selection: &'a Selection,
        run: &SelectedRun,
        metadata: &'a [(Arc<str>, &'a StringColumn)],
    ) -> Batch<'a> {
        Batch {
            labels: &selection.streams[run.stream as usize],
            stream_id: run.stream,
            timestamps: &self.timestamps,
            lines: self.lines.as_ref(),
            line_lengths: self.line_lengths.as_deref(),
            metadata,
            rows: run.run.first_row..run.run.first_row + run.run.rows,
        }
    }
}

/// Decodes what was fetched of a block. Errors: `Block`, naming the part, when bytes fail their checksum.
pub(crate) fn decode(
    context: &QueryContext,
    selection: &Selection,
    (part, block_at): (u32, u32),
    columns: &[(usize, Bytes)],
) -> Result<FetchedColumns> {
    context.check()?;
    let block = selection.block(part, block_at);
    add(&context.counters.blocks_read, 1);
    decode_columns(context, block, columns).map_err(|source| Error::Block {
        part: selection.parts[part as usize].meta.id.to_string(),
        block: block_at as usize,
        source,
    })
}

fn decode_columns(
    context: &QueryContext,
    block: &BlockMeta,
    columns: &[(usize, Bytes)],
) -> sigyn_segment::Result<FetchedColumns> {
    let mut decoded = FetchedColumns::default();
    let rows = block.rows;
    let mut stored_lines = None;
    for (at, bytes) in columns {
        let column = &block.columns[*at];
        match &column.kind {
            ColumnKind::Timestamps => decode_timestamps(bytes, column, rows, &mut decoded.timestamps)?,
            ColumnKind::LineLengths => {
                let mut lengths = Vec::new();
                decode_line_lengths(bytes, column, rows, &mut lengths)?;
                decoded.line_lengths = Some(lengths);
            }
            ColumnKind::Lines => stored_lines = Some((bytes, column)),
            ColumnKind::Metadata(name) => {
                let values = decode_metadata(bytes, column, rows)?;
                context.counters.metadata_bytes_processed.fetch_add(values.bytes.len() as u64, Ordering::Relaxed);
                decoded.metadata.push((Arc::clone(name), values));
            }
        }
    }
    if let Some((bytes, column)) = stored_lines {
        let lengths = decoded.line_lengths.as_deref().unwrap_or_default();
        decoded.lines = Some(decode_lines(bytes, column, lengths, &decoded.timestamps)?);
    }
    Ok(decoded)
}
