//! A block's columns, encoded, and proof that they decode to what went in.

use std::sync::Arc;

use sigyn_model::Timestamp;
use sigyn_model::columns::ABSENT;

use crate::columns::{lengths, lines, metadata, timestamps};
use crate::compression::crc32c;
use crate::footer::{ColumnKind, ColumnMeta, Run};
use crate::{
    Codec, Error, RawBlock, Result, decode_line_lengths, decode_lines, decode_metadata, decode_timestamps, format,
};

/// A block's columns as they will be stored.
#[derive(Debug, Clone)]
pub struct EncodedBlock {
    pub rows: u32,
    /// Line bytes plus structured metadata names and values.
    pub raw_bytes: u64,
    /// Both inclusive.
    pub min_time: Timestamp,
    pub max_time: Timestamp,
    pub runs: Vec<Run>,
    pub columns: Vec<EncodedColumn>,
}

/// One column's stored bytes. `meta.offset` is not known yet.
#[derive(Debug, Clone)]
pub struct EncodedColumn {
    pub meta: ColumnMeta,
    pub bytes: Vec<u8>,
}

impl EncodedBlock {
    /// Stored bytes of all columns.
    #[must_use]
    pub fn stored_bytes(&self) -> usize {
        self.columns.iter().map(|column| column.bytes.len()).sum()
    }
}

impl EncodedColumn {
    fn new(kind: ColumnKind, bytes: Vec<u8>, raw_length: usize) -> Result<Self> {
        let size = raw_length.max(bytes.len()) as u64;
        if size > format::COLUMN_RAW_MAX + format::COLUMN_OVERHEAD_MAX {
            return Err(Error::TooLarge { what: "a column", size, limit: format::COLUMN_RAW_MAX });
        }
        let crc = crc32c(&bytes);
        let meta = ColumnMeta { kind, offset: 0, length: bytes.len() as u32, raw_length: raw_length as u32, crc };
        Ok(Self { meta, bytes })
    }
}

impl RawBlock {
    /// Compresses every column. Pure CPU work: callers run blocks in parallel.
    ///
    /// Errors: `TooLarge` when a column passes 256 MiB or the block 2^20 rows; `Internal` when the block has no rows.
    pub fn encode(&self, codec: Codec) -> Result<EncodedBlock> {
        let Some((min_time, max_time)) = self.times.iter().min().zip(self.times.iter().max()) else {
            return Err(Error::internal("a block needs a row"));
        };
        let largest = self.metadata.iter().map(|(_, values)| values.bytes.len()).chain([self.lines.len()]).max();
        let size = largest.unwrap_or(0) as u64;
        if size > format::COLUMN_RAW_MAX {
            return Err(Error::TooLarge { what: "a column", size, limit: format::COLUMN_RAW_MAX });
        }
        let rows = self.rows();
        if rows as u64 > format::ROWS_MAX {
            return Err(Error::TooLarge { what: "a block", size: rows as u64, limit: format::ROWS_MAX });
        }
        let mut columns = vec![
            EncodedColumn::new(ColumnKind::Timestamps, timestamps::encode(&self.times, codec)?, rows * 8)?,
            EncodedColumn::new(ColumnKind::LineLengths, lengths::encode(&self.lengths, codec)?, rows * 4)?,
            EncodedColumn::new(
                ColumnKind::Lines,
                lines::encode(&self.lines, &self.lengths, &self.times, codec)?,
                self.lines.len(),
            )?,
        ];
        for (name, values) in &self.metadata {
            let (bytes, raw_length) = metadata::encode(values, rows, codec)?;
            columns.push(EncodedColumn::new(ColumnKind::Metadata(Arc::clone(name)), bytes, raw_length as usize)?);
        }
        Ok(EncodedBlock {
            rows: rows as u32,
            raw_bytes: self.raw_bytes(),
            min_time: Timestamp(*min_time),
            max_time: Timestamp(*max_time),
            runs: self.runs.clone(),
            columns,
        })
    }

    /// Decodes `encoded` and compares it with these rows, so that bytes that replace others are known to be readable.
    ///
    /// Errors: `Corrupt` when they do not decode, `Internal` when they decode to something else.
    pub fn verify(&self, encoded: &EncodedBlock) -> Result<()> {
        let mut line_lengths = Vec::new();
        for EncodedColumn { meta, bytes } in &encoded.columns {
            let same = match &meta.kind {
                ColumnKind::Timestamps => {
                    let mut times = Vec::new();
                    decode_timestamps(bytes, meta, encoded.rows, &mut times)?;
                    times == self.times
                }
                ColumnKind::LineLengths => {
                    decode_line_lengths(bytes, meta, encoded.rows, &mut line_lengths)?;
                    line_lengths == self.lengths
                }
                ColumnKind::Lines => decode_lines(bytes, meta, &line_lengths, &self.times)?.bytes == self.lines,
                ColumnKind::Metadata(name) => self.has_metadata(name, bytes, meta)?,
            };
            if !same {
                return Err(Error::internal(format!("the {:?} column does not decode to what was encoded", meta.kind)));
            }
        }
        let whole = encoded.columns.len() == self.metadata.len() + 3 && encoded.rows as usize == self.rows();
        if whole { Ok(()) } else { Err(Error::internal("an encoded block lacks columns or rows")) }
    }

    fn has_metadata(&self, name: &str, bytes: &[u8], meta: &ColumnMeta) -> Result<bool> {
        let Ok(at) = self.metadata.binary_search_by(|(found, _)| (**found).cmp(name)) else {
            return Ok(false);
        };
        let values = &self.metadata[at].1;
        let decoded = decode_metadata(bytes, meta, self.rows() as u32)?;
        let mut present = (0_u32..).zip(&decoded.ids).filter(|(_, id)| **id != ABSENT);
        let same = (0..values.rows.len()).all(|at| {
            present.next().is_some_and(|(row, id)| {
                let range = decoded.offsets[*id as usize] as usize..decoded.offsets[*id as usize + 1] as usize;
                row == values.rows[at] && decoded.bytes[range] == *values.value(at)
            })
        });
        Ok(same && present.next().is_none())
    }
}
