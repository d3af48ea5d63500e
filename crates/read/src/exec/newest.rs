//! How far back a log query without stages has to read: found from timestamps alone.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use sigyn_logql::Direction;

use crate::Result;
use crate::columns;
use crate::context::QueryContext;
use crate::fetch::{Columns, Fetched, Unit, fetch};
use crate::selection::{SelectedRun, Selection};
use crate::source::Source;
use crate::work::map_units;

/// Blocks of the first wave; each later wave has twice as many.
const FIRST_WAVE: usize = 16;

/// The timestamp of the `limit`-th row in query direction, duplicates counted as rows: units that lie beyond it most
/// likely hold no winner. `None` when there are no more than `limit` rows.
///
/// `units` are in query order: [`reach`] of each is not before the next one's.
pub(crate) async fn horizon(
    source: &Arc<Source>,
    context: &Arc<QueryContext>,
    selection: &Arc<Selection>,
    units: &[Unit],
    (limit, direction): (usize, Direction),
) -> Result<Option<i64>> {
    let mut nearest = Nearest { limit, direction, keys: BinaryHeap::new() };
    let mut rest = units;
    let mut wave_units = FIRST_WAVE;
    while let Some(first) = rest.first() {
        if nearest.worst().is_some_and(|worst| key(reach(first, direction), direction) > worst) {
            break;
        }
        let (wave, later) = rest.split_at(wave_units.min(rest.len()));
        let fetched = fetch(source, context, selection, wave.to_vec(), Columns::Timestamps).await?;
        let (context, selection) = (Arc::clone(context), Arc::clone(selection));
        let parallel = source.cpu.pool().is_some();
        let look = move || nearest.add_all(&context, &selection, &fetched, parallel);
        nearest = source.cpu.run(look).await??;
        rest = later;
        wave_units *= 2;
    }
    Ok(nearest.worst().map(|worst| key(worst, direction)))
}

/// The timestamp of a unit's first row in query direction.
pub(crate) fn reach(unit: &Unit, direction: Direction) -> i64 {
    let nearest = unit.runs.iter().map(|run| key(run_reach(run, direction), direction)).min();
    key(nearest.unwrap_or(i64::MAX), direction)
}

/// The timestamp of a run's first row in query direction.
pub(crate) fn run_reach(run: &SelectedRun, direction: Direction) -> i64 {
    match direction {
        Direction::Forward => run.run.min_time.nanos(),
        Direction::Backward => run.run.max_time.nanos(),
    }
}

/// Orders timestamps in query direction; its own inverse.
pub(crate) fn key(time: i64, direction: Direction) -> i64 {
    match direction {
        Direction::Forward => time,
        Direction::Backward => !time,
    }
}

/// The `limit` smallest keys so far.
#[derive(Debug)]
struct Nearest {
    limit: usize,
    direction: Direction,
    keys: BinaryHeap<i64>,
}

impl Nearest {
    /// The largest key that still counts, once `limit` are there.
    fn worst(&self) -> Option<i64> {
        if self.keys.len() < self.limit { None } else { self.keys.peek().copied() }
    }

    fn push(&mut self, key: i64) -> bool {
        if self.keys.len() < self.limit {
            self.keys.push(key);
            return true;
        }
        match self.keys.peek_mut() {
            Some(mut worst) if key < *worst => {
                *worst = key;
                true
            }
            _ => false,
        }
    }

    fn add_all(
        mut self,
        context: &QueryContext,
        selection: &Selection,
        fetched: &Fetched,
        parallel: bool,
    ) -> Result<Self> {
        let found = map_units(parallel, &fetched.units, |unit| {
            let place = (unit.unit.part, unit.unit.block);
            let block = columns::decode(context, selection, place, &unit.columns)?;
            let mut own = Self { limit: self.limit, direction: self.direction, keys: BinaryHeap::new() };
            for run in &unit.unit.runs {
                let first = run.run.first_row as usize;
                own.add_run(selection, &block.timestamps[first..first + run.run.rows as usize]);
            }
            Ok(own.keys)
        })?;
        for key in found.into_iter().flatten() {
            self.push(key);
        }
        Ok(self)
    }

    /// `times` ascend.
    fn add_run(&mut self, selection: &Selection, times: &[i64]) {
        let from = times.partition_point(|&time| time < selection.range.start.nanos());
        let to = times.partition_point(|&time| time < selection.range.end.nanos());
        let times = &times[from..to];
        let direction = self.direction;
        let mut push = |time: &i64| self.push(key(*time, direction));
        // The first that is too far ends the run: the others are further.
        let _ended = match direction {
            Direction::Forward => times.iter().all(&mut push),
            Direction::Backward => times.iter().rev().all(&mut push),
        };
    }
}

/// Sorts units in query order.
pub(crate) fn sort(units: &mut [Unit], direction: Direction) {
    match direction {
        Direction::Forward => units.sort_by_cached_key(|unit| (reach(unit, direction), unit.part, unit.block)),
        Direction::Backward => {
            units.sort_by_cached_key(|unit| Reverse((reach(unit, direction), unit.part, unit.block)))
        }
    }
}
