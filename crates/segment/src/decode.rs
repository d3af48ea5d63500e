//! A whole block in memory, for readers that need every column.

use std::sync::Arc;

use sigyn_model::columns::ABSENT;
use sigyn_model::{Lines, StringColumn};
use xxhash_rust::xxh3::Xxh3;

use crate::footer::{BlockMeta, ColumnKind, ColumnMeta};
use crate::{Error, Footer, Result, decode_line_lengths, decode_lines, decode_metadata, decode_timestamps};

/// All columns of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodedBlock {
    pub times: Vec<i64>,
    pub lines: Lines,
    /// Sorted by name.
    pub metadata: Vec<(Arc<str>, StringColumn)>,
}

impl DecodedBlock {
    /// Decodes every column of one block of `part`, which is the part's whole bytes.
    pub fn decode(part: &[u8], block: &BlockMeta) -> Result<Self> {
        let (mut times, mut lengths) = (Vec::new(), Vec::new());
        let mut lines = Lines::default();
        let mut metadata = Vec::new();
        for column in &block.columns {
            let bytes = column_bytes(part, column)?;
            match &column.kind {
                ColumnKind::Timestamps => decode_timestamps(bytes, column, block.rows, &mut times)?,
                ColumnKind::LineLengths => decode_line_lengths(bytes, column, block.rows, &mut lengths)?,
                // The block index puts times and lengths before lines.
                ColumnKind::Lines => lines = decode_lines(bytes, column, &lengths, &times)?,
                ColumnKind::Metadata(name) => {
                    metadata.push((Arc::clone(name), decode_metadata(bytes, column, block.rows)?));
                }
            }
        }
        Ok(Self { times, lines, metadata })
    }

    /// XXH3-128 of a row's line and metadata: two rows of one stream and time with equal hashes are one row.
    #[must_use]
    pub fn row_hash(&self, row: usize) -> u128 {
        let mut hasher = Xxh3::new();
        let line = self.lines.get(row);
        hasher.update(&(line.len() as u64).to_le_bytes());
        hasher.update(line);
        for (name, column) in &self.metadata {
            if column.ids[row] != ABSENT {
                for text in [name, column.value(column.ids[row])] {
                    hasher.update(&(text.len() as u64).to_le_bytes());
                    hasher.update(text.as_bytes());
                }
            }
        }
        hasher.digest128()
    }
}

/// Reads a whole part and throws it away: `Corrupt` unless every row can be had.
pub fn check_part(part: &[u8]) -> Result<()> {
    let footer = Footer::parse(part, part.len() as u64)?;
    footer.blocks.iter().try_for_each(|block| DecodedBlock::decode(part, block).map(drop))
}

fn column_bytes<'a>(part: &'a [u8], column: &ColumnMeta) -> Result<&'a [u8]> {
    let start = usize::try_from(column.offset).ok();
    let range = start.and_then(|start| Some(start..start.checked_add(column.length as usize)?));
    range.and_then(|range| part.get(range)).ok_or_else(|| {
        let problem = format!("column at {} of {} bytes in a part of {}", column.offset, column.length, part.len());
        Error::corrupt("block index", problem)
    })
}
