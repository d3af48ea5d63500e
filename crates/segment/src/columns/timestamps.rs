//! Timestamps of one block: differences in the largest unit that loses nothing, as varints.

use super::open;
use crate::compression::{Codec, put_section, read_section};
use crate::varint::{self, Reader, unzigzag, zigzag};
use crate::{ColumnMeta, Error, Result, format};

const REGION: &str = "timestamps column";
/// Longest varint of a difference.
const DELTA_BYTES_MAX: u64 = 10;

/// Unit exponent, then a section of one zigzag varint per row: the difference to the row before in that unit.
pub(crate) fn encode(times: &[i64], codec: Codec) -> Result<Vec<u8>> {
    let (exponent, unit) = largest_unit(times);
    let mut deltas = Vec::with_capacity(times.len() * 5);
    let mut before = 0_i64;
    for time in times {
        let time = time / unit;
        varint::put(&mut deltas, zigzag(time.wrapping_sub(before)));
        before = time;
    }
    let mut out = vec![exponent];
    put_section(&mut out, &deltas, codec)?;
    Ok(out)
}

/// The largest unit that divides every timestamp, with its index in the format's table.
fn largest_unit(times: &[i64]) -> (u8, i64) {
    let divides = |unit: &i64| times.iter().all(|time| time % unit == 0);
    let exponent = format::TIME_UNITS.iter().rposition(divides).unwrap_or(0);
    (exponent as u8, format::TIME_UNITS[exponent])
}

/// Appends the block's `rows` timestamps, nanoseconds, ascending within each run, to `out`.
///
/// Errors: `Corrupt` when the bytes are not that column's; `out` may then hold some rows.
/// Source: docs/formats/segment.md § Timestamps.
pub fn decode_timestamps(bytes: &[u8], column: &ColumnMeta, rows: u32, out: &mut Vec<i64>) -> Result<()> {
    let mut reader = open(bytes, column, u64::from(rows), REGION)?;
    let exponent = reader.u8()?;
    let Some(&unit) = format::TIME_UNITS.get(usize::from(exponent)) else {
        return Err(reader.corrupt(format!("time unit {exponent} is unknown")));
    };
    let deltas = read_section(&mut reader, u64::from(rows) * DELTA_BYTES_MAX, REGION)?;
    reader.end()?;
    if deltas.len() < rows as usize {
        return Err(Error::corrupt(REGION, format!("{} bytes cannot hold {rows} rows", deltas.len())));
    }
    out.reserve(rows as usize);
    let mut deltas = Reader::new(&deltas, REGION);
    let mut time = 0_i64;
    for _ in 0..rows {
        time = time.wrapping_add(unzigzag(deltas.varint()?));
        out.push(time.wrapping_mul(unit));
    }
    deltas.end()
}
