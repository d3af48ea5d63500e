//! One structured metadata name's values in one block: which rows have one, which value each has, and the values.

use std::ops::Range;

use hashbrown::HashMap;
use sigyn_model::StringColumn;
use sigyn_model::columns::ABSENT;

use super::{lengths, open};
use crate::compression::{Codec, put_section, read_section, with_frame};
use crate::varint::{self, Reader};
use crate::{ColumnMeta, Error, Result, format};

const REGION: &str = "metadata column";

/// Values as the block builder gathers them.
#[derive(Debug, Default)]
pub(crate) struct RawValues {
    /// Rows that have a value, ascending.
    pub(crate) rows: Vec<u32>,
    /// Where each of their values ends in `bytes`.
    pub(crate) ends: Vec<u32>,
    pub(crate) bytes: Vec<u8>,
}

impl RawValues {
    pub(crate) fn value(&self, at: usize) -> &[u8] {
        &self.bytes[self.range(at)]
    }

    fn range(&self, at: usize) -> Range<usize> {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        start as usize..self.ends[at] as usize
    }
}

/// Returns the stored bytes and the bytes of the value table once decoded.
pub(crate) fn encode(values: &RawValues, rows: usize, codec: Codec) -> Result<(Vec<u8>, u32)> {
    let mut out = Vec::new();
    put_presence(&mut out, values, rows, codec)?;
    let raw_length = match Dictionary::of(values) {
        Some(dictionary) => {
            put_ids(&mut out, &dictionary, codec)?;
            let table: Vec<&[u8]> = dictionary.first_uses.iter().map(|at| values.value(*at)).collect();
            put_values(&mut out, &table, codec)?
        }
        None => {
            out.push(format::MAPPING_PLAIN);
            let table: Vec<&[u8]> = (0..values.rows.len()).map(|at| values.value(at)).collect();
            put_values(&mut out, &table, codec)?
        }
    };
    Ok((out, raw_length))
}

fn put_presence(out: &mut Vec<u8>, values: &RawValues, rows: usize, codec: Codec) -> Result<()> {
    if values.rows.len() == rows {
        out.push(format::PRESENCE_ALL);
        return Ok(());
    }
    let mut bitmap = vec![0_u8; rows.div_ceil(8)];
    values.rows.iter().for_each(|row| bitmap[*row as usize / 8] |= 1 << (row % 8));
    out.push(format::PRESENCE_BITMAP);
    put_section(out, &bitmap, codec)
}

/// Each value once, in order of first use.
struct Dictionary {
    ids: Vec<u16>,
    /// Index into the raw values of the first use of each distinct one.
    first_uses: Vec<usize>,
}

/// Values seen before a column that hardly repeats is given up on.
const DICTIONARY_PROBE: usize = 512;

impl Dictionary {
    /// `None` when the values repeat too little to pay.
    fn of(values: &RawValues) -> Option<Self> {
        let count = values.rows.len();
        let mut known: HashMap<&[u8], u16> = HashMap::new();
        let mut ids: Vec<u16> = Vec::with_capacity(count);
        let mut first_uses: Vec<usize> = Vec::new();
        let (mut last_id, mut last_value): (u16, &[u8]) = (0, &[]);
        for at in 0..count {
            let value = values.value(at);
            if at == 0 || value != last_value {
                let next = u16::try_from(first_uses.len()).ok()?;
                last_id = *known.entry(value).or_insert_with(|| {
                    first_uses.push(at);
                    next
                });
                last_value = value;
            }
            ids.push(last_id);
            if at >= DICTIONARY_PROBE && first_uses.len() * 10 > at * 9 {
                return None;
            }
        }
        let pays = first_uses.len() == 1 || first_uses.len() * 4 <= count * 3;
        pays.then_some(Self { ids, first_uses })
    }
}

fn put_ids(out: &mut Vec<u8>, dictionary: &Dictionary, codec: Codec) -> Result<()> {
    let low = dictionary.ids.iter().map(|id| *id as u8);
    match dictionary.first_uses.len() {
        0 | 1 => {
            out.push(format::MAPPING_CONST);
            Ok(())
        }
        2..=256 => {
            out.push(format::MAPPING_IDS_1);
            put_section(out, &low.collect::<Vec<u8>>(), codec)
        }
        _ => {
            out.push(format::MAPPING_IDS_2);
            let high = dictionary.ids.iter().map(|id| (id >> 8) as u8);
            put_section(out, &low.chain(high).collect::<Vec<u8>>(), codec)
        }
    }
}

fn put_values(out: &mut Vec<u8>, table: &[&[u8]], codec: Codec) -> Result<u32> {
    let text_length: usize = table.iter().map(|value| value.len()).sum();
    if text_length as u64 > format::COLUMN_RAW_MAX {
        return Err(Error::TooLarge { what: "a column", size: text_length as u64, limit: format::COLUMN_RAW_MAX });
    }
    let text = table.concat();
    match pack_hex(table) {
        Some(packed) if packing_pays(&text, &packed, codec)? => {
            out.push(format::VALUES_HEX);
            varint::put(out, table.len() as u64);
            varint::put(out, table[0].len() as u64);
            put_section(out, &packed, codec)?;
        }
        _ => {
            out.push(format::VALUES_TEXT);
            varint::put(out, table.len() as u64);
            let value_lengths: Vec<u32> = table.iter().map(|value| value.len() as u32).collect();
            lengths::put(out, &value_lengths, codec)?;
            put_section(out, &text, codec)?;
        }
    }
    Ok(text_length as u32)
}

/// Shortest hexadecimal value worth packing.
const HEX_LENGTH_MIN: usize = 8;
/// Value bytes on which packing is tried.
const HEX_SAMPLE: usize = 4 << 10;

/// Two lower-case hexadecimal digits per byte, when every value has the same even number of them.
fn pack_hex(table: &[&[u8]]) -> Option<Vec<u8>> {
    let length = table.first()?.len();
    if length < HEX_LENGTH_MIN || length % 2 == 1 || table.iter().any(|value| value.len() != length) {
        return None;
    }
    let mut packed = Vec::with_capacity(table.len() * length / 2);
    for value in table {
        for pair in value.chunks_exact(2) {
            let (high, low) = (HEX_DIGITS[usize::from(pair[0])], HEX_DIGITS[usize::from(pair[1])]);
            if (high | low) > 15 {
                return None;
            }
            packed.push(high << 4 | low);
        }
    }
    Some(packed)
}

/// Value of each lower-case hexadecimal digit; more than 15 for any other byte.
const HEX_DIGITS: [u8; 256] = {
    let mut digits = [0xff; 256];
    let mut value = 0;
    while value < 16 {
        digits[b"0123456789abcdef"[value] as usize] = value as u8;
        value += 1;
    }
    digits
};

/// Ids with a common part at odd positions compress better as text; a sample tells.
fn packing_pays(text: &[u8], packed: &[u8], codec: Codec) -> Result<bool> {
    let sample = text.len().min(HEX_SAMPLE);
    let as_text = with_frame(&text[..sample], codec, <[u8]>::len)?;
    let as_packed = with_frame(&packed[..sample / 2], codec, <[u8]>::len)?;
    Ok(as_packed.min(sample / 2) <= as_text)
}

/// The values of one structured metadata name over the block's `rows` rows.
///
/// Errors: `Corrupt` when the bytes are not that column's.
/// Source: docs/formats/segment.md § Structured metadata.
pub fn decode_metadata(bytes: &[u8], column: &ColumnMeta, rows: u32) -> Result<StringColumn> {
    let mut reader = open(bytes, column, u64::from(rows), REGION)?;
    let rows = rows as usize;
    let presence = read_presence(&mut reader, rows)?;
    let present = presence.as_ref().map_or(rows, |bitmap| bitmap.iter().map(|byte| byte.count_ones() as usize).sum());
    let mapping = reader.u8()?;
    let ids = match mapping {
        format::MAPPING_CONST => vec![0; present],
        format::MAPPING_IDS_1 | format::MAPPING_IDS_2 => read_ids(&mut reader, present, usize::from(mapping))?,
        format::MAPPING_PLAIN => (0..present as u32).collect(),
        other => return Err(reader.corrupt(format!("mapping {other} is unknown"))),
    };
    let mut decoded = read_values(&mut reader, u64::from(column.raw_length), present)?;
    reader.end()?;
    let values = decoded.values() as u32;
    if ids.iter().any(|id| *id >= values) {
        return Err(Error::corrupt(REGION, format!("a row names a value past the {values} in the table")));
    }
    decoded.ids = match presence {
        None => ids,
        Some(bitmap) => {
            let mut ids = ids.into_iter();
            let is_present = |row: usize| bitmap[row / 8] & (1 << (row % 8)) != 0;
            (0..rows).map(|row| if is_present(row) { ids.next().unwrap_or(ABSENT) } else { ABSENT }).collect()
        }
    };
    Ok(decoded)
}

fn read_presence(reader: &mut Reader, rows: usize) -> Result<Option<Vec<u8>>> {
    match reader.u8()? {
        format::PRESENCE_ALL => Ok(None),
        format::PRESENCE_BITMAP => {
            let length = rows.div_ceil(8);
            let bitmap = read_section(reader, length as u64, REGION)?.into_owned();
            let is_past_the_end = !rows.is_multiple_of(8) && bitmap.last().is_some_and(|last| last >> (rows % 8) != 0);
            if bitmap.len() != length || is_past_the_end {
                return Err(reader.corrupt(format!("its presence bitmap is not for {rows} rows")));
            }
            Ok(Some(bitmap))
        }
        other => Err(reader.corrupt(format!("presence {other} is unknown"))),
    }
}

fn read_ids(reader: &mut Reader, present: usize, width: usize) -> Result<Vec<u32>> {
    let planes = read_section(reader, (present * width) as u64, REGION)?;
    if planes.len() != present * width {
        return Err(reader.corrupt(format!("{} bytes of ids for {present} rows", planes.len())));
    }
    let mut ids: Vec<u32> = planes[..present].iter().map(|byte| u32::from(*byte)).collect();
    ids.iter_mut().zip(&planes[present..]).for_each(|(id, high)| *id |= u32::from(*high) << 8);
    Ok(ids)
}

/// The table of values, without ids.
fn read_values(reader: &mut Reader, text_length: u64, present: usize) -> Result<StringColumn> {
    let kind = reader.u8()?;
    let count = reader.varint()?;
    if count > present.max(1) as u64 {
        return Err(reader.corrupt(format!("{count} values for {present} rows")));
    }
    let count = count as usize;
    let (bytes, offsets) = match kind {
        format::VALUES_TEXT => read_text(reader, count)?,
        format::VALUES_HEX => read_hex(reader, count, text_length)?,
        other => return Err(reader.corrupt(format!("value table {other} is unknown"))),
    };
    if bytes.len() as u64 != text_length {
        return Err(reader.corrupt(format!("its values take {} bytes, not {text_length}", bytes.len())));
    }
    Ok(StringColumn { bytes, offsets, ids: Vec::new() })
}

fn read_text(reader: &mut Reader, count: usize) -> Result<(Vec<u8>, Vec<u32>)> {
    let mut value_lengths = Vec::new();
    lengths::read(reader, count, &mut value_lengths, REGION)?;
    let total: u64 = value_lengths.iter().map(|length| u64::from(*length)).sum();
    let bytes = read_section(reader, total, REGION)?.into_owned();
    if bytes.len() as u64 != total {
        return Err(reader.corrupt(format!("its values take {} bytes, not {total}", bytes.len())));
    }
    let mut offsets = Vec::with_capacity(count + 1);
    let mut end = 0;
    offsets.push(end);
    for length in value_lengths {
        end += length;
        offsets.push(end);
    }
    Ok((bytes, offsets))
}

fn read_hex(reader: &mut Reader, count: usize, text_length: u64) -> Result<(Vec<u8>, Vec<u32>)> {
    let length = reader.varint()?;
    let total = length.checked_mul(count as u64).filter(|total| *total == text_length && length % 2 == 0);
    let Some(total) = total else {
        return Err(reader.corrupt(format!("{count} values of {length} digits for {text_length} bytes")));
    };
    let packed = read_section(reader, total / 2, REGION)?;
    if packed.len() as u64 != total / 2 {
        return Err(reader.corrupt(format!("{} packed bytes for {total} digits", packed.len())));
    }
    let mut bytes = Vec::with_capacity(packed.len() * 2);
    packed.iter().for_each(|byte| bytes.extend_from_slice(&HEX_PAIRS[usize::from(*byte)]));
    let offsets = (0..=count as u32).map(|at| at * length as u32).collect();
    Ok((bytes, offsets))
}

/// The two digits of each byte.
const HEX_PAIRS: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    pairs
};
