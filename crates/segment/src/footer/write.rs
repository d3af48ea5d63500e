//! Writing a footer: symbols, streams and block index as varints, one zstd frame, then the part's trailer.

use std::sync::Arc;

use hashbrown::HashMap;
use sigyn_model::{Labels, Level, Timestamp};

use super::{BlockMeta, ColumnKind};
use crate::compression::{Codec, crc32c, with_frame};
use crate::varint::{put, zigzag};
use crate::{Error, Result, format};

/// Appends footer and trailer to a part whose columns are in `out`, and returns how many bytes they take.
pub(crate) fn write(out: &mut Vec<u8>, level: Level, streams: &[Labels], blocks: &[BlockMeta]) -> Result<u32> {
    check_memory(streams)?;
    let mut raw = vec![level.0];
    let names = put_names(&mut raw, blocks);
    let symbols = put_symbols(&mut raw, streams);
    put_streams(&mut raw, streams, &symbols);
    put_blocks(&mut raw, blocks, &names);
    if raw.len() as u64 > format::FOOTER_RAW_MAX {
        return Err(Error::TooLarge { what: "a footer", size: raw.len() as u64, limit: format::FOOTER_RAW_MAX });
    }
    let start = out.len();
    let frame_length = with_frame(&raw, Codec::L1, |frame| {
        out.extend_from_slice(frame);
        frame.len()
    })?;
    out.extend_from_slice(&(frame_length as u32).to_le_bytes());
    out.extend_from_slice(&(raw.len() as u32).to_le_bytes());
    out.extend_from_slice(&((start + frame_length + format::PART_TRAILER_LENGTH) as u64).to_le_bytes());
    out.extend_from_slice(&format::VERSION.to_le_bytes());
    out.extend_from_slice(&[0; 2]);
    let crc = crc32c(&out[start..]);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(&format::PART_MAGIC);
    Ok((out.len() - start) as u32)
}

/// Readers refuse stream tables past this, so writers must.
fn check_memory(streams: &[Labels]) -> Result<()> {
    let size: u64 = streams.iter().map(|labels| super::labels_memory(labels) as u64).sum();
    if size > format::STREAMS_MEMORY_MAX {
        return Err(Error::TooLarge { what: "a stream table", size, limit: format::STREAMS_MEMORY_MAX });
    }
    Ok(())
}

/// Structured metadata names of the part, sorted.
fn put_names(raw: &mut Vec<u8>, blocks: &[BlockMeta]) -> HashMap<Arc<str>, u64> {
    let columns = blocks.iter().flat_map(BlockMeta::all_metadata);
    let mut names: Vec<&Arc<str>> = columns
        .filter_map(|column| match &column.kind {
            ColumnKind::Metadata(name) => Some(name),
            _ => None,
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    put(raw, names.len() as u64);
    for name in &names {
        put(raw, name.len() as u64);
        raw.extend_from_slice(name.as_bytes());
    }
    names.into_iter().map(Arc::clone).zip(0..).collect()
}

/// Every distinct label name and value, sorted, each as what it adds to the one before.
fn put_symbols<'a>(raw: &mut Vec<u8>, streams: &'a [Labels]) -> HashMap<&'a str, u64> {
    let mut ordinals: HashMap<&str, u64> = HashMap::new();
    for labels in streams {
        for (name, value) in labels.iter() {
            ordinals.entry(name).or_insert(0);
            ordinals.entry(value).or_insert(0);
        }
    }
    let mut symbols: Vec<&str> = ordinals.keys().copied().collect();
    symbols.sort_unstable();
    put(raw, symbols.len() as u64);
    let mut before = "";
    for (symbol, ordinal) in symbols.into_iter().zip(0..) {
        let shared = symbol.bytes().zip(before.bytes()).take_while(|(a, b)| a == b).count();
        put(raw, shared as u64);
        put(raw, (symbol.len() - shared) as u64);
        raw.extend_from_slice(&symbol.as_bytes()[shared..]);
        ordinals.insert(symbol, ordinal);
        before = symbol;
    }
    ordinals
}

/// Each stream as the pairs it shares with the one before and the symbols of the rest.
fn put_streams(raw: &mut Vec<u8>, streams: &[Labels], symbols: &HashMap<&str, u64>) {
    put(raw, streams.len() as u64);
    let none = Labels::default();
    let mut before = &none;
    for labels in streams {
        let shared = labels.iter().zip(before.iter()).take_while(|(a, b)| a == b).count();
        put(raw, shared as u64);
        put(raw, (labels.len() - shared) as u64);
        for (name, value) in labels.iter().skip(shared) {
            put(raw, symbols[name]);
            put(raw, symbols[value]);
        }
        before = labels;
    }
}

fn put_blocks(raw: &mut Vec<u8>, blocks: &[BlockMeta], names: &HashMap<Arc<str>, u64>) {
    put(raw, blocks.len() as u64);
    let mut time_before = 0_i64;
    let mut stream_before = 0_u32;
    let mut ends: HashMap<u64, u64> = HashMap::new();
    for block in blocks {
        put(raw, u64::from(block.rows));
        put(raw, block.raw_bytes);
        put(raw, zigzag(block.min_time.0.wrapping_sub(time_before)));
        put(raw, distance(block.min_time, block.max_time));
        time_before = block.min_time.0;
        put(raw, block.runs.len() as u64);
        for run in &block.runs {
            put(raw, u64::from(run.stream - stream_before));
            put(raw, u64::from(run.rows));
            put(raw, distance(block.min_time, run.min_time));
            put(raw, distance(run.min_time, run.max_time));
            put(raw, run.line_bytes);
            stream_before = run.stream;
        }
        put(raw, block.columns.len() as u64);
        for column in &block.columns {
            let kind = match &column.kind {
                ColumnKind::Timestamps => format::COLUMN_TIMESTAMPS,
                ColumnKind::LineLengths => format::COLUMN_LINE_LENGTHS,
                ColumnKind::Lines => format::COLUMN_LINES,
                ColumnKind::Metadata(name) => format::COLUMN_METADATA + names[name],
            };
            let end = ends.entry(kind).or_insert(0);
            put(raw, kind);
            put(raw, zigzag(column.offset.wrapping_sub(*end) as i64));
            put(raw, u64::from(column.length));
            put(raw, u64::from(column.raw_length));
            raw.extend_from_slice(&column.crc.to_le_bytes());
            *end = column.offset + u64::from(column.length);
        }
    }
}

/// Nanoseconds from `a` up to `b`, which may be the whole of time apart.
fn distance(a: Timestamp, b: Timestamp) -> u64 {
    b.0.wrapping_sub(a.0) as u64
}
