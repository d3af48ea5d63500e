//! Reading a footer, believing nothing.

use std::sync::Arc;

use hashbrown::HashMap;
use sigyn_model::{Labels, Level, Timestamp};

use super::{BlockMeta, ColumnKind, ColumnMeta, Footer, Run};
use crate::compression::{crc32c, decompress};
use crate::varint::{Reader, unzigzag};
use crate::{Error, Result, format};

const TRAILER: &str = "part trailer";
const REGION: &str = "part footer";

impl Footer {
    /// Reads the footer from the last bytes of a part: at least `PartMeta::footer_length`, more is fine.
    ///
    /// `part_length` is the length the catalog gives; a part of another length is `Corrupt`.
    pub fn parse(tail: &[u8], part_length: u64) -> Result<Self> {
        let trailer = Trailer::parse(tail, part_length)?;
        let (raw, columns_end) = trailer.footer(tail, part_length)?;
        let mut reader = Reader::new(&raw, REGION);
        let level = Level(reader.u8()?);
        let names = read_names(&mut reader)?;
        let symbols = Symbols::read(&mut reader)?;
        let streams = read_streams(&mut reader, &symbols)?;
        let blocks = read_blocks(&mut reader, &names, streams.len(), columns_end)?;
        reader.end()?;
        Ok(Self { level, streams, blocks })
    }
}

/// The fixed-size end of a part.
struct Trailer {
    frame_length: usize,
    raw_length: u32,
    crc: u32,
    version: u16,
}

impl Trailer {
    fn parse(tail: &[u8], part_length: u64) -> Result<Self> {
        let too_short = || Error::corrupt(TRAILER, format!("{} bytes are too few for it", tail.len()));
        let start = tail.len().checked_sub(format::PART_TRAILER_LENGTH).ok_or_else(too_short)?;
        let mut reader = Reader::new(&tail[start..], TRAILER);
        let frame_length = reader.u32()? as usize;
        let raw_length = reader.u32()?;
        let length = reader.u64()?;
        let version_and_reserved = reader.u32()?;
        let crc = reader.u32()?;
        if reader.bytes(format::PART_MAGIC.len() as u64)? != format::PART_MAGIC {
            return Err(reader.corrupt("its magic is missing: the part is cut off, or something follows it"));
        }
        if length != part_length {
            return Err(reader.corrupt(format!("it ends a part of {length} bytes, not of {part_length}")));
        }
        if frame_length > start || (tail.len() - start + frame_length) as u64 > part_length {
            return Err(reader.corrupt(format!("a footer of {frame_length} bytes before byte {start} of the tail")));
        }
        Ok(Self { frame_length, raw_length, crc, version: version_and_reserved as u16 })
    }

    /// The footer's bytes and the offset in the part where it starts, which is where the columns end.
    fn footer(&self, tail: &[u8], part_length: u64) -> Result<(Vec<u8>, u64)> {
        let trailer_start = tail.len() - format::PART_TRAILER_LENGTH;
        let start = trailer_start - self.frame_length;
        if crc32c(&tail[start..trailer_start + format::PART_CRC_AT]) != self.crc {
            return Err(Error::corrupt(REGION, format!("checksum of {} bytes differs", self.frame_length)));
        }
        if self.version > format::VERSION {
            return Err(Error::Version { found: self.version, newest: format::VERSION });
        }
        let frame = &tail[start..trailer_start];
        let raw = decompress(frame, u64::from(self.raw_length), format::FOOTER_RAW_MAX, REGION)?;
        Ok((raw, part_length - (tail.len() - start) as u64))
    }
}

fn text<'a>(reader: &mut Reader<'a>, length: u64) -> Result<&'a str> {
    let bytes = reader.bytes(length)?;
    std::str::from_utf8(bytes).map_err(|_| reader.corrupt("a name is not UTF-8"))
}

fn read_names(reader: &mut Reader) -> Result<Vec<Arc<str>>> {
    let count = reader.count("metadata names")?;
    let mut names = Vec::with_capacity(count);
    for _ in 0..count {
        let length = reader.varint()?;
        names.push(Arc::from(text(reader, length)?));
    }
    Ok(names)
}

/// Label names and values, one after another.
struct Symbols {
    text: String,
    ends: Vec<usize>,
}

impl Symbols {
    fn read(reader: &mut Reader) -> Result<Self> {
        let count = reader.count("symbols")?;
        let mut bytes: Vec<u8> = Vec::new();
        let mut ends = Vec::with_capacity(count);
        let mut start = 0;
        for _ in 0..count {
            let shared = reader.varint()?;
            let before = start..bytes.len();
            if shared > before.len() as u64 {
                return Err(reader.corrupt("a symbol shares more than the one before has"));
            }
            start = before.end;
            bytes.extend_from_within(before.start..before.start + shared as usize);
            let added = reader.varint()?;
            bytes.extend_from_slice(reader.bytes(added)?);
            if bytes.len() as u64 > format::STREAMS_MEMORY_MAX {
                return Err(reader.corrupt("its symbols take too much memory"));
            }
            ends.push(bytes.len());
        }
        let text = String::from_utf8(bytes).map_err(|_| reader.corrupt("its symbols are not UTF-8"))?;
        if let Some(end) = ends.iter().find(|end| !text.is_char_boundary(**end)) {
            return Err(reader.corrupt(format!("a symbol ends inside a character at {end}")));
        }
        Ok(Self { text, ends })
    }

    fn get(&self, reader: &Reader, ordinal: u64) -> Result<&str> {
        let at = usize::try_from(ordinal).ok().filter(|at| *at < self.ends.len());
        let at = at.ok_or_else(|| reader.corrupt(format!("symbol {ordinal} of {}", self.ends.len())))?;
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        Ok(&self.text[start..self.ends[at]])
    }
}

fn read_streams(reader: &mut Reader, symbols: &Symbols) -> Result<Vec<Labels>> {
    let count = reader.count("streams")?;
    let mut streams = Vec::with_capacity(count);
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    let mut memory = 0_u64;
    for _ in 0..count {
        let shared = reader.varint()?;
        if shared > pairs.len() as u64 {
            return Err(reader.corrupt("a stream shares more pairs than the one before has"));
        }
        pairs.truncate(shared as usize);
        for _ in 0..reader.count("label pairs")? {
            let (name, value) = (reader.varint()?, reader.varint()?);
            pairs.push((symbols.get(reader, name)?, symbols.get(reader, value)?));
        }
        let labels = Labels::from_pairs(pairs.iter().copied());
        memory += super::labels_memory(&labels) as u64;
        if memory > format::STREAMS_MEMORY_MAX {
            return Err(reader.corrupt("its streams take too much memory"));
        }
        streams.push(labels);
    }
    Ok(streams)
}

/// What the block index carries from one block to the next.
struct Carried {
    time: i64,
    stream: u32,
    ends: HashMap<u64, u64>,
}

fn read_blocks(reader: &mut Reader, names: &[Arc<str>], streams: usize, columns_end: u64) -> Result<Vec<BlockMeta>> {
    let count = reader.count("blocks")?;
    let mut blocks = Vec::new();
    let mut carried = Carried { time: 0, stream: 0, ends: HashMap::new() };
    for _ in 0..count {
        let rows = reader.varint_u32()?;
        if rows == 0 || u64::from(rows) > format::ROWS_MAX {
            return Err(reader.corrupt(format!("a block of {rows} rows")));
        }
        let raw_bytes = reader.varint()?;
        let min_time = Timestamp(carried.time.wrapping_add(unzigzag(reader.varint()?)));
        let max_time = later(reader, min_time)?;
        carried.time = min_time.0;
        let mut block = BlockMeta { rows, raw_bytes, min_time, max_time, runs: Vec::new(), columns: Vec::new() };
        read_runs(reader, &mut block, streams, &mut carried)?;
        read_columns(reader, &mut block, names, columns_end, &mut carried)?;
        blocks.push(block);
    }
    Ok(blocks)
}

/// `from` plus the next distance.
fn later(reader: &mut Reader, from: Timestamp) -> Result<Timestamp> {
    let time = Timestamp(from.0.wrapping_add(reader.varint()? as i64));
    if time < from { Err(reader.corrupt("a time span ends before it starts")) } else { Ok(time) }
}

fn read_runs(reader: &mut Reader, block: &mut BlockMeta, streams: usize, carried: &mut Carried) -> Result<()> {
    let mut first_row = 0_u32;
    for _ in 0..reader.count("runs")? {
        let stream = u64::from(carried.stream).saturating_add(reader.varint()?);
        if stream >= streams as u64 {
            return Err(reader.corrupt(format!("a run of stream {stream} of {streams}")));
        }
        carried.stream = stream as u32;
        let rows = reader.varint_u32()?;
        if rows == 0 || rows > block.rows - first_row {
            return Err(reader.corrupt(format!("a run of {rows} rows at row {first_row} of {}", block.rows)));
        }
        let min_time = later(reader, block.min_time)?;
        let max_time = later(reader, min_time)?;
        let line_bytes = reader.varint()?;
        block.runs.push(Run { stream: carried.stream, first_row, rows, min_time, max_time, line_bytes });
        first_row += rows;
    }
    if first_row != block.rows {
        return Err(reader.corrupt(format!("runs cover {first_row} of {} rows", block.rows)));
    }
    Ok(())
}

fn read_columns(
    reader: &mut Reader,
    block: &mut BlockMeta,
    names: &[Arc<str>],
    columns_end: u64,
    carried: &mut Carried,
) -> Result<()> {
    for _ in 0..reader.count("columns")? {
        let number = reader.varint()?;
        let kind = match number {
            format::COLUMN_TIMESTAMPS => ColumnKind::Timestamps,
            format::COLUMN_LINE_LENGTHS => ColumnKind::LineLengths,
            format::COLUMN_LINES => ColumnKind::Lines,
            other => {
                let name = usize::try_from(other - format::COLUMN_METADATA).ok().and_then(|at| names.get(at));
                ColumnKind::Metadata(Arc::clone(name.ok_or_else(|| reader.corrupt("a column of an unknown kind"))?))
            }
        };
        if block.columns.last().is_some_and(|before| before.kind >= kind) {
            return Err(reader.corrupt("columns out of order"));
        }
        let end = carried.ends.entry(number).or_insert(0);
        let offset = end.wrapping_add(unzigzag(reader.varint()?) as u64);
        let (length, raw_length, crc) = (reader.varint_u32()?, reader.varint_u32()?, reader.u32()?);
        let column_end = offset.checked_add(u64::from(length)).filter(|end| *end <= columns_end);
        *end = column_end.ok_or_else(|| reader.corrupt(format!("a column ends past the columns, at {offset}")))?;
        if u64::from(raw_length) > format::COLUMN_RAW_MAX {
            return Err(reader.corrupt(format!("a column of {raw_length} decoded bytes")));
        }
        block.columns.push(ColumnMeta { kind, offset, length, raw_length, crc });
    }
    let fixed = block.columns.iter().zip(&BlockMeta::FIXED_COLUMNS).filter(|(column, kind)| column.kind == **kind);
    if fixed.count() != BlockMeta::FIXED_COLUMNS.len() {
        return Err(reader.corrupt("a block lacks its timestamps, line lengths or lines"));
    }
    Ok(())
}
