//! Entries that two parts hold are counted once: finds the rows to skip.
//!
//! A push that is retried, or a flush whose answer was lost, is stored twice until compaction merges it. Suspects are runs of
//! one stream in different parts that share time; of these the timestamps are read, and only where timestamps are
//! equal the entries themselves. The copy that arrived first stays: lowest (part in arrival order, row).

use std::collections::HashMap;
use std::sync::Arc;

use sigyn_logql::RowSet;
use sigyn_segment::DecodedBlock;

use crate::Result;
use crate::columns;
use crate::context::QueryContext;
use crate::fetch::{Columns, Fetched, FetchedUnit, Unit, fetch};
use crate::overlap::{Region, Suspect};
use crate::selection::{SelectedRun, Selection};
use crate::source::Source;
use crate::work::{map_units, waves};

/// Rows whose timestamps are compared at a time, about; bounds the memory of the comparison.
const ROWS_AT_A_TIME: u64 = 2 << 20;

/// Rows to skip, by (part, block).
#[derive(Debug, Default)]
pub(crate) struct Duplicates(HashMap<(u32, u32), RowSet, foldhash::fast::FixedState>);

impl Duplicates {
    pub(crate) fn of_block(&self, part: u32, block: u32) -> Option<&RowSet> {
        self.0.get(&(part, block))
    }

    /// Rows of the run that are skipped.
    pub(crate) fn in_run(&self, run: &SelectedRun) -> usize {
        let rows = run.run.first_row..run.run.first_row + run.run.rows;
        self.of_block(run.part, run.block).map_or(0, |skip| skip.within(&rows).len())
    }
}

/// A row that shares stream and timestamp with a row of another part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Collision {
    stream: u32,
    time: i64,
    /// Hash of line and metadata, once they have been read.
    content: u128,
    part: u32,
    block: u32,
    row: u32,
}

/// The rows to skip among `suspects`. They are sorted by stream.
pub(crate) async fn find(
    source: &Arc<Source>,
    context: &Arc<QueryContext>,
    selection: &Arc<Selection>,
    suspects: &[Suspect],
) -> Result<Duplicates> {
    let mut skipped: HashMap<(u32, u32), Vec<u32>> = HashMap::new();
    for suspects in by_rows(suspects) {
        let mut collisions = collide(source, context, selection, suspects).await?;
        if collisions.is_empty() {
            continue;
        }
        let _held = context.hold(size_of_val(collisions.as_slice()) as u64)?;
        read_contents(source, context, selection, &mut collisions).await?;
        collisions.sort_unstable();
        let same = |a: &Collision, b: &Collision| (a.stream, a.time, a.content) == (b.stream, b.time, b.content);
        for copies in collisions.chunk_by(same) {
            for copy in &copies[1..] {
                skipped.entry((copy.part, copy.block)).or_default().push(copy.row);
            }
        }
    }
    Ok(Duplicates(skipped.into_iter().map(|(block, rows)| (block, RowSet::new(rows))).collect()))
}

/// Cuts suspects between streams, so that a piece has about [`ROWS_AT_A_TIME`] rows.
fn by_rows(suspects: &[Suspect]) -> Vec<&[Suspect]> {
    let mut pieces = Vec::new();
    let (mut from, mut rows) = (0, 0);
    for at in 0..suspects.len() {
        let new_stream = at > from && suspects[at].run.stream != suspects[at - 1].run.stream;
        if new_stream && rows >= ROWS_AT_A_TIME {
            pieces.push(&suspects[from..at]);
            (from, rows) = (at, 0);
        }
        rows += u64::from(suspects[at].run.run.rows);
    }
    if from < suspects.len() {
        pieces.push(&suspects[from..]);
    }
    pieces
}

/// Rows of the suspects whose timestamp another part's suspect of the stream has too.
async fn collide(
    source: &Arc<Source>,
    context: &Arc<QueryContext>,
    selection: &Arc<Selection>,
    suspects: &[Suspect],
) -> Result<Vec<Collision>> {
    let mut by_place = suspects.to_vec();
    by_place.sort_unstable_by_key(|suspect| (suspect.run.part, suspect.run.block, suspect.run.run.first_row));
    let units = Unit::group(by_place.iter().map(|suspect| suspect.run));
    let fetched = fetch(source, context, selection, units, Columns::Timestamps).await?;
    let (context, selection) = (Arc::clone(context), Arc::clone(selection));
    let parallel = source.cpu.pool().is_some();
    let compare = move || compare_times(&context, &selection, &fetched, &by_place, parallel);
    source.cpu.run(compare).await?
}

/// `suspects` are in the order of the fetched units' runs.
fn compare_times(
    context: &Arc<QueryContext>,
    selection: &Selection,
    fetched: &Fetched,
    suspects: &[Suspect],
    parallel: bool,
) -> Result<Vec<Collision>> {
    let rows: u64 = fetched.units.iter().map(|unit| u64::from(rows_of(selection, &unit.unit))).sum();
    let _held = context.hold(rows * 16)?;
    let blocks = map_units(parallel, &fetched.units, |unit| {
        columns::decode(context, selection, (unit.unit.part, unit.unit.block), &unit.columns)
    })?;
    let runs = fetched.units.iter().zip(&blocks).flat_map(|(unit, block)| {
        unit.unit.runs.iter().map(move |run| {
            let first = run.run.first_row as usize;
            (run, &block.timestamps[first..first + run.run.rows as usize])
        })
    });
    let mut slices: Vec<Slice<'_>> =
        runs.zip(suspects).filter_map(|((run, times), suspect)| Slice::new(run, times, suspect.region)).collect();
    slices.sort_by_key(|slice| slice.stream);
    let streams: Vec<&[Slice<'_>]> = slices.chunk_by(|a, b| a.stream == b.stream).collect();
    let found = map_units(parallel, &streams, |slices| {
        context.check()?;
        Ok(equal_times(slices))
    })?;
    Ok(found.into_iter().flatten().collect())
}

fn rows_of(selection: &Selection, unit: &Unit) -> u32 {
    selection.block(unit.part, unit.block).rows
}

/// The timestamps of one run inside its region.
#[derive(Debug, Clone, Copy)]
struct Slice<'a> {
    stream: u32,
    part: u32,
    block: u32,
    /// Row of the block of the first timestamp.
    first_row: u32,
    times: &'a [i64],
}

impl<'a> Slice<'a> {
    fn new(run: &SelectedRun, times: &'a [i64], region: Region) -> Option<Self> {
        let from = times.partition_point(|&time| time < region.from);
        let to = times.partition_point(|&time| time <= region.to);
        let offset = u32::try_from(from).expect("a block has fewer than 2^32 rows");
        (from < to).then(|| Self {
            stream: run.stream,
            part: run.part,
            block: run.block,
            first_row: run.run.first_row + offset,
            times: &times[from..to],
        })
    }
}

/// Rows of one stream whose timestamp occurs in more than one part.
fn equal_times(slices: &[Slice<'_>]) -> Vec<Collision> {
    let rows = slices.iter().map(|slice| slice.times.len()).sum();
    let mut times: Vec<(i64, u32, u32)> = Vec::with_capacity(rows);
    for (at, slice) in (0_u32..).zip(slices) {
        times.extend((slice.first_row..).zip(slice.times).map(|(row, &time)| (time, at, row)));
    }
    // Stable sorting finds the ascending slices and merges them.
    times.sort_by_key(|(time, _, _)| *time);
    let part = |at: u32| slices[at as usize].part;
    let mut found = Vec::new();
    for equal in times.chunk_by(|a, b| a.0 == b.0) {
        if equal.len() < 2 || equal.iter().all(|(_, at, _)| part(*at) == part(equal[0].1)) {
            continue;
        }
        found.extend(equal.iter().map(|&(time, at, row)| {
            let slice = &slices[at as usize];
            Collision { stream: slice.stream, time, content: 0, part: slice.part, block: slice.block, row }
        }));
    }
    found
}

/// Fills in the content hashes.
async fn read_contents(
    source: &Arc<Source>,
    context: &Arc<QueryContext>,
    selection: &Arc<Selection>,
    collisions: &mut Vec<Collision>,
) -> Result<()> {
    collisions.sort_unstable_by_key(|collision| (collision.part, collision.block, collision.row));
    let mut rows: Vec<Vec<Collision>> =
        collisions.chunk_by(|a, b| (a.part, a.block) == (b.part, b.block)).map(<[_]>::to_vec).collect();
    collisions.clear();
    let units = rows.iter().map(|rows| Unit { part: rows[0].part, block: rows[0].block, runs: Vec::new() }).collect();
    for units in waves(context, selection, units, Columns::Content) {
        let rest = rows.split_off(units.len());
        let wave_rows = std::mem::replace(&mut rows, rest);
        let fetched = fetch(source, context, selection, units, Columns::Content).await?;
        let (context, selection) = (Arc::clone(context), Arc::clone(selection));
        let parallel = source.cpu.pool().is_some();
        let hash = move || {
            let work: Vec<(&FetchedUnit, Vec<Collision>)> = fetched.units.iter().zip(wave_rows).collect();
            map_units(parallel, &work, |(unit, rows)| hash_rows(&context, &selection, unit, rows))
        };
        let hashed = source.cpu.run(hash).await??;
        collisions.extend(hashed.into_iter().flatten());
    }
    Ok(())
}

fn hash_rows(
    context: &Arc<QueryContext>,
    selection: &Selection,
    unit: &FetchedUnit,
    rows: &[Collision],
) -> Result<Vec<Collision>> {
    let (part, block) = (unit.unit.part, unit.unit.block);
    let _held = context.hold(Columns::Content.sizes(selection.block(part, block)).1)?;
    let decoded = columns::decode(context, selection, (part, block), &unit.columns)?;
    // The same hash by which compaction knows duplicates.
    let block =
        DecodedBlock { times: Vec::new(), lines: decoded.lines.unwrap_or_default(), metadata: decoded.metadata };
    Ok(rows.iter().map(|row| Collision { content: block.row_hash(row.row as usize), ..*row }).collect())
}
