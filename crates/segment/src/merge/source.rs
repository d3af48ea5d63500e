//! One input of a merge: its rows in order, one block decoded at a time.

use sigyn_model::Labels;

use crate::footer::Run;
use crate::{DecodedBlock, Error, Footer, Result};

#[derive(Debug)]
pub(super) struct Source<B> {
    bytes: B,
    footer: Footer,
    /// The output's ordinal of each of this input's streams.
    ordinals: Vec<u32>,
    /// Where the next row is: `None` once there is none.
    place: Option<Place>,
    block: DecodedBlock,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    block: usize,
    run: usize,
    /// In the block.
    row: usize,
    /// End of the run, in the block.
    end: usize,
    /// In the output.
    stream: u32,
}

impl<B: AsRef<[u8]>> Source<B> {
    /// `streams` are the output's and contain this input's.
    pub(super) fn new(bytes: B, footer: Footer, streams: &[Labels]) -> Result<Self> {
        let mut ordinals = Vec::with_capacity(footer.streams.len());
        let mut at = 0;
        for labels in &footer.streams {
            while streams.get(at).is_some_and(|stream| stream < labels) {
                at += 1;
            }
            if streams.get(at) != Some(labels) {
                return Err(Error::corrupt("part footer", "its streams do not ascend"));
            }
            ordinals.push(at as u32);
        }
        let block = DecodedBlock { times: Vec::new(), lines: Default::default(), metadata: Vec::new() };
        let mut source = Self { bytes, footer, ordinals, place: None, block };
        source.open(0)?;
        Ok(source)
    }

    /// Decodes a block and goes to its first row; past the last block there is no row.
    fn open(&mut self, block: usize) -> Result<()> {
        let Some(meta) = self.footer.blocks.get(block) else {
            self.place = None;
            return Ok(());
        };
        self.block = DecodedBlock::decode(self.bytes.as_ref(), meta)?;
        self.enter(block, 0);
        Ok(())
    }

    fn enter(&mut self, block: usize, run: usize) {
        let Run { stream, first_row, rows, .. } = self.footer.blocks[block].runs[run];
        let (row, end) = (first_row as usize, (first_row + rows) as usize);
        self.place = Some(Place { block, run, row, end, stream: self.ordinals[stream as usize] });
    }

    /// Stream (in the output) and time of the next row.
    pub(super) fn head(&self) -> Option<(u32, i64)> {
        self.place.map(|place| (place.stream, self.block.times[place.row]))
    }

    /// Rows from here to the end of the run that come before `end`; at least one, if there is any.
    pub(super) fn rows_before(&self, end: Option<i64>) -> usize {
        let Some(place) = self.place else { return 0 };
        let times = &self.block.times[place.row..place.end];
        end.map_or(times.len(), |end| times.partition_point(|time| *time < end).max(1))
    }

    /// Stream (in the output), block, and the next row's index in it.
    pub(super) fn rows(&self) -> Option<(u32, &DecodedBlock, usize)> {
        self.place.map(|place| (place.stream, &self.block, place.row))
    }

    /// Steps over `rows` rows of the run.
    pub(super) fn advance(&mut self, rows: usize) -> Result<()> {
        let Some(place) = &mut self.place else { return Ok(()) };
        place.row += rows;
        let Place { block, run, row, end, .. } = *place;
        if row < end {
            return Ok(());
        }
        if run + 1 < self.footer.blocks[block].runs.len() {
            self.enter(block, run + 1);
            return Ok(());
        }
        self.open(block + 1)
    }
}
