//! Merging parts of one tenant and hour into one: sorted, exact duplicates dropped, every block checked after encoding.

mod source;

use hashbrown::HashSet;
use sigyn_model::{Labels, Level};

use self::source::Source;
use crate::{BlockBuilder, BlockLimits, Codec, EncodedPart, Error, Footer, PartWriter, Result};

/// A merge under way. Each [`Merger::step`] is one block's worth of CPU time, a few milliseconds, so that the caller
/// can let others run in between.
///
/// Memory: the inputs' stored bytes, one decoded block per input, and the output's stored bytes.
#[derive(Debug)]
pub struct Merger<B> {
    sources: Vec<Source<B>>,
    builder: BlockBuilder,
    part: PartWriter,
    codec: Codec,
    /// Rows already taken of the stream and time at hand, while several inputs have rows there.
    tie: Option<Tie>,
    rows_in: u64,
    rows_out: u64,
    duplicates: u64,
}

/// The result of a merge.
#[derive(Debug)]
pub struct Merged {
    pub part: EncodedPart,
    /// Rows that were left out because another row is equal in stream, time, line and metadata.
    pub duplicates: u64,
}

#[derive(Debug)]
struct Tie {
    stream: u32,
    time: i64,
    /// XXH3-128 of line and metadata.
    seen: HashSet<u128>,
}

/// The next rows in order: `rows` of `sources[source]`, all of them smaller than any other source's next.
struct Chunk {
    source: usize,
    rows: usize,
    /// Another input has, or had, rows at the same stream and time: the one row may be a duplicate.
    tied: bool,
}

impl<B: AsRef<[u8]>> Merger<B> {
    /// `inputs` are whole parts in arrival order: of rows with equal stream and time, those of the first input come first.
    ///
    /// Errors: `Corrupt` when an input's footer does not parse.
    pub fn new(inputs: impl IntoIterator<Item = B>, level: Level, codec: Codec, limits: BlockLimits) -> Result<Self> {
        let mut parts = Vec::new();
        for bytes in inputs {
            let footer = Footer::parse(bytes.as_ref(), bytes.as_ref().len() as u64)?;
            parts.push((bytes, footer));
        }
        let streams = union(parts.iter().map(|(_, footer)| &footer.streams[..]));
        let rows_in = parts.iter().map(|(_, footer)| footer.rows()).sum();
        let mut sources = Vec::with_capacity(parts.len());
        for (bytes, footer) in parts {
            sources.push(Source::new(bytes, footer, &streams)?);
        }
        Ok(Self {
            sources,
            builder: BlockBuilder::new(limits),
            part: PartWriter::new(level, streams),
            codec,
            tie: None,
            rows_in,
            rows_out: 0,
            duplicates: 0,
        })
    }

    /// Makes the next block. `false` once there are no more rows.
    pub fn step(&mut self) -> Result<bool> {
        while let Some(chunk) = self.next_chunk() {
            if chunk.tied {
                self.take_tied(chunk.source)?;
            } else {
                self.take(&chunk)?;
            }
            if self.builder.is_full() {
                self.flush()?;
                return Ok(true);
            }
        }
        if !self.builder.is_empty() {
            self.flush()?;
        }
        Ok(false)
    }

    fn next_chunk(&self) -> Option<Chunk> {
        let mut first: Option<(u32, i64, usize)> = None;
        let mut second: Option<(u32, i64)> = None;
        for (at, source) in self.sources.iter().enumerate() {
            let Some((stream, time)) = source.head() else { continue };
            match first {
                Some((first_stream, first_time, _)) if (first_stream, first_time) <= (stream, time) => {
                    second = Some(second.map_or((stream, time), |second| second.min((stream, time))));
                }
                _ => {
                    second = first.map(|(stream, time, _)| (stream, time)).or(second);
                    first = Some((stream, time, at));
                }
            }
        }
        let (stream, time, source) = first?;
        let was_tied = self.tie.as_ref().is_some_and(|tie| (tie.stream, tie.time) == (stream, time));
        if was_tied || second == Some((stream, time)) {
            return Some(Chunk { source, rows: 1, tied: true });
        }
        let end = second.filter(|(other, _)| *other == stream).map(|(_, time)| time);
        Some(Chunk { source, rows: self.sources[source].rows_before(end), tied: false })
    }

    fn take(&mut self, chunk: &Chunk) -> Result<()> {
        let Some((stream, block, first)) = self.sources[chunk.source].rows() else {
            return Err(Error::internal("a merge lost its place"));
        };
        let taken = self.builder.push_rows(stream, block, first, chunk.rows);
        self.rows_out += taken as u64;
        self.sources[chunk.source].advance(taken)
    }

    fn take_tied(&mut self, source: usize) -> Result<()> {
        let Some((stream, block, row)) = self.sources[source].rows() else {
            return Err(Error::internal("a merge lost its place"));
        };
        let time = block.times[row];
        let tie = match &mut self.tie {
            Some(tie) if (tie.stream, tie.time) == (stream, time) => tie,
            tie => tie.insert(Tie { stream, time, seen: HashSet::new() }),
        };
        if tie.seen.insert(block.row_hash(row)) {
            self.rows_out += self.builder.push_rows(stream, block, row, 1) as u64;
        } else {
            self.duplicates += 1;
        }
        self.sources[source].advance(1)
    }

    fn flush(&mut self) -> Result<()> {
        let block = self.builder.take();
        let encoded = block.encode(self.codec)?;
        block.verify(&encoded)?;
        self.part.push(encoded);
        Ok(())
    }

    /// The merged part, once [`Merger::step`] has said `false`.
    ///
    /// Errors: `Internal` when rows are unaccounted for or the output's index does not parse to what was written.
    pub fn finish(self) -> Result<Merged> {
        let Self { sources, part, rows_in, rows_out, duplicates, .. } = self;
        // Before the output takes its place in memory.
        drop(sources);
        if rows_out + duplicates != rows_in {
            let problem = format!("a merge of {rows_in} rows made {rows_out} and dropped {duplicates}");
            return Err(Error::internal(problem));
        }
        let part = part.finish()?;
        let tail = part.bytes.len() - part.footer_length as usize;
        let footer = Footer::parse(&part.bytes[tail..], part.bytes.len() as u64)?;
        if footer.rows() != rows_out || footer.streams.len() != part.streams as usize {
            return Err(Error::internal("a merged part's index does not describe it"));
        }
        Ok(Merged { part, duplicates })
    }
}

/// Every stream of any input once, ascending.
fn union<'a>(tables: impl Iterator<Item = &'a [Labels]>) -> Vec<Labels> {
    let mut streams: Vec<Labels> = tables.flatten().cloned().collect();
    streams.sort();
    streams.dedup();
    streams
}
