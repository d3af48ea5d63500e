//! Rows that tests own, written as parts and read back.

use sigyn_model::{Labels, Level, Timestamp};
use sigyn_segment::{BlockBuilder, BlockLimits, Codec, DecodedBlock, EncodedPart, Footer, PartWriter, RawBlock, Row};

/// One entry of one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnedRow {
    pub(crate) time: i64,
    pub(crate) line: Vec<u8>,
    pub(crate) metadata: Vec<(String, String)>,
}

pub(crate) fn row(time: i64, line: &str, metadata: &[(&str, &str)]) -> OwnedRow {
    let metadata = metadata.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    OwnedRow { time, line: line.as_bytes().to_vec(), metadata }
}

pub(crate) type Streams = Vec<(Labels, Vec<OwnedRow>)>;

pub(crate) fn raw_blocks(streams: &Streams, limits: BlockLimits) -> Vec<RawBlock> {
    let mut blocks = Vec::new();
    let mut builder = BlockBuilder::new(limits);
    for (ordinal, (_, rows)) in (0..).zip(streams) {
        for row in rows {
            let metadata: Vec<(&str, &str)> = row.metadata.iter().map(|(name, value)| (&**name, &**value)).collect();
            builder.push(ordinal, &Row { time: Timestamp(row.time), line: &row.line, metadata: &metadata });
            if builder.is_full() {
                blocks.push(builder.take());
            }
        }
    }
    if !builder.is_empty() {
        blocks.push(builder.take());
    }
    blocks
}

pub(crate) fn write_part(streams: &Streams, limits: BlockLimits, codec: Codec) -> EncodedPart {
    let labels = streams.iter().map(|(labels, _)| labels.clone()).collect();
    let mut part = PartWriter::new(Level::L0, labels);
    for block in raw_blocks(streams, limits) {
        let encoded = block.encode(codec).expect("blocks of tests are small");
        block.verify(&encoded).expect("what was encoded decodes");
        part.push(encoded);
    }
    part.finish().expect("streams ascend")
}

/// Everything in the part, by stream, checking the index against the rows on the way.
pub(crate) fn read_part(part: &EncodedPart) -> sigyn_segment::Result<Streams> {
    let tail = &part.bytes[part.bytes.len() - part.footer_length as usize..];
    let footer = Footer::parse(tail, part.bytes.len() as u64)?;
    let mut streams: Streams = footer.streams.iter().map(|labels| (labels.clone(), Vec::new())).collect();
    for block in &footer.blocks {
        let decoded = DecodedBlock::decode(&part.bytes, block)?;
        assert_eq!(decoded.times.len(), block.rows as usize);
        for run in &block.runs {
            let rows = run.first_row as usize..(run.first_row + run.rows) as usize;
            assert_eq!(Some(run.min_time.0), decoded.times[rows.clone()].iter().copied().min());
            assert_eq!(Some(run.max_time.0), decoded.times[rows.clone()].iter().copied().max());
            assert_eq!(run.line_bytes as usize, rows.clone().map(|at| decoded.lines.get(at).len()).sum::<usize>());
            streams[run.stream as usize].1.extend(rows.map(|at| owned(&decoded, at)));
        }
    }
    Ok(streams)
}

fn owned(block: &DecodedBlock, at: usize) -> OwnedRow {
    let metadata =
        block.metadata.iter().filter_map(|(name, column)| Some((name.to_string(), column.get(at)?.to_owned())));
    OwnedRow { time: block.times[at], line: block.lines.get(at).to_vec(), metadata: metadata.collect() }
}
