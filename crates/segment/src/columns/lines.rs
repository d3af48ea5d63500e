//! Lines of one block: one after another, each followed by a newline, or taken apart into templates and their values.

use sigyn_model::Lines;

use super::open;
use crate::compression::{Codec, put_section, read_section, with_frame};
use crate::{ColumnMeta, Error, Result, format, templates};

const REGION: &str = "lines column";

/// Bytes of lines from which it is guessed what zstd makes of all of them.
const SAMPLE_BYTES: usize = 64 << 10;
/// Lines of more bytes than this are stored as they are: so few in a block have little in common.
const LINE_MEAN_MAX: usize = 8 << 10;

/// `lines` is what [`Lines::bytes`] will be; `lengths` and `times` are the rows'.
pub(crate) fn encode(lines: &[u8], lengths: &[u32], times: &[i64], codec: Codec) -> Result<Vec<u8>> {
    match codec {
        Codec::L0 | Codec::L1 => plain(lines, codec),
        Codec::Templates => match templates::encode(lines, lengths, times, codec)? {
            Some(encoded) => Ok(encoded),
            None => plain(lines, codec),
        },
        Codec::L2 => smaller(lines, lengths, times, codec),
    }
}

fn plain(lines: &[u8], codec: Codec) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    put_section(&mut out, lines, codec)?;
    Ok(out)
}

/// As templates where that pays.
fn smaller(lines: &[u8], lengths: &[u32], times: &[i64], codec: Codec) -> Result<Vec<u8>> {
    if lines.len() / lengths.len().max(1) > LINE_MEAN_MAX {
        return plain(lines, codec);
    }
    let Some(encoded) = templates::encode(lines, lengths, times, codec)? else { return plain(lines, codec) };
    let start = lines.len().saturating_sub(SAMPLE_BYTES) / 2;
    let sample = &lines[start..(start + SAMPLE_BYTES).min(lines.len())];
    let guess = with_frame(sample, codec, |frame| frame.len() * (lines.len() / sample.len().max(1)))?;
    // Whole blocks compress better than samples, by a quarter or so.
    if encoded.len() * 3 < guess * 2 {
        return Ok(encoded);
    }
    let plain = plain(lines, codec)?;
    // Templates decode more slowly, so they have to be worth it.
    Ok(if encoded.len() + encoded.len() / 16 < plain.len() { encoded } else { plain })
}

/// The block's lines; `lengths` and `times` are those of the same block's rows.
///
/// Errors: `Corrupt` when the bytes are not that column's or do not have those lengths.
/// Source: docs/formats/segment.md § Lines.
pub fn decode_lines(bytes: &[u8], column: &ColumnMeta, lengths: &[u32], times: &[i64]) -> Result<Lines> {
    let mut reader = open(bytes, column, lengths.len() as u64, REGION)?;
    let total: u64 = lengths.iter().map(|length| u64::from(*length) + 1).sum();
    if total != u64::from(column.raw_length) {
        let problem = format!("line lengths add up to {total} bytes, the column has {}", column.raw_length);
        return Err(Error::corrupt(REGION, problem));
    }
    if bytes.first() == Some(&format::LINES_TEMPLATES) {
        let lines = templates::decode(bytes, lengths.len(), times, total)?;
        return if has_lengths(&lines, lengths) {
            Ok(lines)
        } else {
            Err(Error::corrupt(REGION, "its lines have other lengths than the lengths column says"))
        };
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

fn has_lengths(lines: &Lines, lengths: &[u32]) -> bool {
    let found = lines.offsets.windows(2).map(|pair| pair[1] - pair[0] - 1);
    found.len() == lengths.len() && found.zip(lengths).all(|(found, length)| found == *length)
}
