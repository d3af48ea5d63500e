//! Lines of one block, one after another, each followed by a newline.

use sigyn_model::Lines;

use super::open;
use crate::compression::{Codec, put_section, read_section};
use crate::{ColumnMeta, Error, Result};

const REGION: &str = "lines column";

/// `lines` is what [`Lines::bytes`] will be.
pub(crate) fn encode(lines: &[u8], codec: Codec) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    put_section(&mut out, lines, codec)?;
    Ok(out)
}

/// The block's lines; `lengths` are those of the same block.
///
/// Errors: `Corrupt` when the bytes are not that column's or do not have those lengths.
/// Source: docs/formats/segment.md § Lines.
pub fn decode_lines(bytes: &[u8], column: &ColumnMeta, lengths: &[u32]) -> Result<Lines> {
    let mut reader = open(bytes, column, lengths.len() as u64, REGION)?;
    let total: u64 = lengths.iter().map(|length| u64::from(*length) + 1).sum();
    if total != u64::from(column.raw_length) {
        let problem = format!("line lengths add up to {total} bytes, the column has {}", column.raw_length);
        return Err(Error::corrupt(REGION, problem));
    }
    let lines = read_section(&mut reader, total, REGION)?;
    reader.end()?;
    if lines.len() as u64 != total {
        return Err(Error::corrupt(REGION, format!("it holds {} bytes, not {total}", lines.len())));
    }
    let mut offsets = Vec::with_capacity(lengths.len() + 1);
    let mut end = 0_u32;
    offsets.push(end);
    for length in lengths {
        // The sum equals a `u32`, so no step overflows it.
        end += length + 1;
        offsets.push(end);
    }
    Ok(Lines { bytes: lines.into_owned(), offsets })
}
