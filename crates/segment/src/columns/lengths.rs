//! Lengths of the lines of one block, or of the values of a metadata column.

use super::open;
use crate::compression::{Codec, put_section, read_section};
use crate::varint::{self, Reader};
use crate::{ColumnMeta, Result, format};

const REGION: &str = "line lengths column";

/// Width, then the one length (width 0) or a section of byte planes: all low bytes, then all second bytes, ….
pub(crate) fn put(out: &mut Vec<u8>, lengths: &[u32], codec: Codec) -> Result<()> {
    let largest = lengths.iter().copied().max().unwrap_or(0);
    if lengths.iter().all(|length| *length == largest) {
        out.push(format::LENGTHS_CONST);
        varint::put(out, u64::from(largest));
        return Ok(());
    }
    let width = match largest {
        0..0x100 => 1,
        0x100..0x1_0000 => 2,
        _ => 4,
    };
    let mut planes = Vec::with_capacity(lengths.len() * usize::from(width));
    for plane in 0..width {
        planes.extend(lengths.iter().map(|length| (length >> (8 * plane)) as u8));
    }
    out.push(width);
    put_section(out, &planes, codec)
}

/// Appends `count` lengths to `out`. The caller bounds `count`.
pub(crate) fn read(reader: &mut Reader, count: usize, out: &mut Vec<u32>, region: &'static str) -> Result<()> {
    let width = reader.u8()?;
    if width == format::LENGTHS_CONST {
        let length = reader.varint_u32()?;
        out.resize(out.len() + count, length);
        return Ok(());
    }
    if !matches!(width, 1 | 2 | 4) {
        return Err(reader.corrupt(format!("lengths of {width} bytes")));
    }
    let planes = read_section(reader, count as u64 * u64::from(width), region)?;
    if planes.len() != count * usize::from(width) {
        return Err(reader.corrupt(format!("{} bytes for {count} lengths of {width} bytes", planes.len())));
    }
    let start = out.len();
    out.extend(planes[..count].iter().map(|byte| u32::from(*byte)));
    for plane in 1..usize::from(width) {
        let bytes = &planes[plane * count..][..count];
        out[start..].iter_mut().zip(bytes).for_each(|(length, byte)| *length |= u32::from(*byte) << (8 * plane));
    }
    Ok(())
}

pub(crate) fn encode(lengths: &[u32], codec: Codec) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    put(&mut out, lengths, codec)?;
    Ok(out)
}

/// Appends the byte lengths of the block's `rows` lines to `out`.
///
/// Errors: `Corrupt` when the bytes are not that column's.
/// Source: docs/formats/segment.md § Line lengths.
pub fn decode_line_lengths(bytes: &[u8], column: &ColumnMeta, rows: u32, out: &mut Vec<u32>) -> Result<()> {
    let mut reader = open(bytes, column, u64::from(rows), REGION)?;
    read(&mut reader, rows as usize, out, REGION)?;
    reader.end()
}
