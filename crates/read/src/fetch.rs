//! Brings the column ranges that a query needs, in few requests.
//!
//! The cache below keeps ranges one column at a time, so that queries which need different columns share what they have
//! in common; neighbours that are missing travel together.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use sigyn_logql::ColumnNeeds;
use sigyn_segment::{BlockMeta, ColumnKind};

use crate::Result;
use crate::context::{Held, QueryContext};
use crate::selection::{SelectedRun, Selection};
use crate::source::Source;

/// Bytes asked for in one call, about: large enough to amortise it, small enough to spread over several.
const REQUEST_BYTES: u64 = 8 << 20;

/// A block and those of its runs that a query looks at.
#[derive(Debug, Clone)]
pub(crate) struct Unit {
    pub(crate) part: u32,
    pub(crate) block: u32,
    pub(crate) runs: Vec<SelectedRun>,
}

impl Unit {
    /// Groups runs that are ascending by (part, block).
    pub(crate) fn group(runs: impl IntoIterator<Item = SelectedRun>) -> Vec<Self> {
        let mut units: Vec<Self> = Vec::new();
        for run in runs {
            match units.last_mut() {
                Some(unit) if unit.part == run.part && unit.block == run.block => unit.runs.push(run),
                _ => units.push(Self { part: run.part, block: run.block, runs: vec![run] }),
            }
        }
        units
    }
}

/// Which columns of a block to bring.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Columns<'a> {
    Needs(&'a ColumnNeeds),
    Timestamps,
    /// Timestamps and line lengths.
    Sizes,
    /// Lines and all metadata, without timestamps.
    Content,
}

impl Columns<'_> {
    pub(crate) fn wants(&self, kind: &ColumnKind) -> bool {
        match (self, kind) {
            (Self::Needs(needs), ColumnKind::Timestamps) => needs.timestamps,
            (Self::Needs(needs), ColumnKind::LineLengths) => needs.line_lengths || needs.lines,
            (Self::Needs(needs), ColumnKind::Lines) => needs.lines,
            (Self::Needs(needs), ColumnKind::Metadata(name)) => needs.may_want_metadata(name),
            (Self::Timestamps, kind) => *kind == ColumnKind::Timestamps,
            (Self::Sizes, kind) => matches!(kind, ColumnKind::Timestamps | ColumnKind::LineLengths),
            (Self::Content, kind) => *kind != ColumnKind::Timestamps,
        }
    }

    /// Stored and decoded bytes of the wanted columns.
    pub(crate) fn sizes(&self, block: &BlockMeta) -> (u64, u64) {
        let wanted = block.columns.iter().filter(|column| self.wants(&column.kind));
        let rows = u64::from(block.rows);
        wanted.fold((0, 0), |(stored, decoded), column| {
            // Offsets and ids come on top of the values: four bytes a row, eight for a timestamp.
            (stored + u64::from(column.length), decoded + u64::from(column.raw_length) + 8 * rows)
        })
    }
}

/// A unit with the stored bytes of its wanted columns.
#[derive(Debug)]
pub(crate) struct FetchedUnit {
    pub(crate) unit: Unit,
    /// `(index of the block's columns, stored bytes)`, ascending.
    pub(crate) columns: Vec<(usize, Bytes)>,
}

/// Units of one wave and the memory they take.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) units: Vec<FetchedUnit>,
    pub(crate) _held: Held,
}

/// Brings the wanted columns of `units`.
pub(crate) async fn fetch(
    source: &Source,
    context: &Arc<QueryContext>,
    selection: &Selection,
    units: Vec<Unit>,
    columns: Columns<'_>,
) -> Result<Fetched> {
    context.check()?;
    let mut wanted = Vec::new();
    let mut fetched: Vec<FetchedUnit> = Vec::with_capacity(units.len());
    let mut bytes = 0_u64;
    for unit in units {
        let base = selection.parts[unit.part as usize].meta.offset;
        let mut slots = Vec::new();
        for (at, column) in selection.block(unit.part, unit.block).columns.iter().enumerate() {
            if columns.wants(&column.kind) {
                let start = base + column.offset;
                let range = start..start + u64::from(column.length);
                bytes += u64::from(column.length);
                wanted.push(Wanted { part: unit.part, range, place: (fetched.len(), slots.len()) });
                slots.push((at, Bytes::new()));
            }
        }
        fetched.push(FetchedUnit { unit, columns: slots });
    }
    let held = context.hold(bytes)?;
    let concurrency = source.config.fetch_concurrency.max(1);
    let reads: Vec<_> = requests(wanted).into_iter().map(|request| read(source, context, selection, request)).collect();
    let mut answers = futures::stream::iter(reads).buffer_unordered(concurrency);
    while let Some(found) = answers.try_next().await? {
        for ((unit, slot), bytes) in found {
            fetched[unit].columns[slot].1 = bytes;
        }
    }
    drop(answers);
    Ok(Fetched { units: fetched, _held: held })
}

/// One column range.
#[derive(Debug)]
struct Wanted {
    part: u32,
    /// Absolute in the object.
    range: Range<u64>,
    /// (unit, slot of its columns)
    place: (usize, usize),
}

/// Sorts ranges by place and cuts them into calls for one object and about [`REQUEST_BYTES`] each.
fn requests(mut wanted: Vec<Wanted>) -> Vec<Vec<Wanted>> {
    wanted.sort_by_key(|wanted| (wanted.part, wanted.range.start));
    let mut requests: Vec<Vec<Wanted>> = Vec::new();
    let mut bytes = 0;
    for wanted in wanted {
        let length = wanted.range.end - wanted.range.start;
        match requests.last_mut() {
            Some(request) if request[0].part == wanted.part && bytes < REQUEST_BYTES => {
                bytes += length;
                request.push(wanted);
            }
            _ => {
                bytes = length;
                requests.push(vec![wanted]);
            }
        }
    }
    requests
}

async fn read(
    source: &Source,
    context: &Arc<QueryContext>,
    selection: &Selection,
    request: Vec<Wanted>,
) -> Result<Vec<((usize, usize), Bytes)>> {
    context.check()?;
    let Some(first) = request.first() else { return Ok(Vec::new()) };
    let object = &selection.parts[first.part as usize].meta.id.object;
    let (ranges, places): (Vec<_>, Vec<_>) = request.into_iter().map(|wanted| (wanted.range, wanted.place)).unzip();
    let found = source.read_ranges(context, object, &ranges).await?;
    Ok(places.into_iter().zip(found).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_cut_by_part_and_size() {
        let wanted = |part, start: u64, length| Wanted { part, range: start..start + length, place: (0, 0) };
        let cut = requests(vec![
            wanted(1, 0, 10),
            wanted(0, REQUEST_BYTES, 10),
            wanted(0, 0, REQUEST_BYTES),
            wanted(1, 50, 10),
        ]);
        let shape: Vec<(u32, usize)> = cut.iter().map(|request| (request[0].part, request.len())).collect();
        assert_eq!(shape, [(0, 1), (0, 1), (1, 2)]);
    }
}
