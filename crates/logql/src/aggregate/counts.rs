//! Counts and line lengths by series.

use std::ops::Range;

use super::deltas::{Deltas, Shape};
use super::partial::{Packed, Unpacked};
use super::windows::Windows;
use crate::batch::Batch;
use crate::error::Result;
use crate::pipeline::Workspace;
use crate::selection::{Selection, gallop};
use crate::stages::{line_filter::LineView, missing};

/// By series number: what enters and leaves the windows at each step.
#[derive(Debug)]
pub(super) struct Counts {
    shape: Shape,
    series: Vec<Deltas>,
    bytes: usize,
}

impl Counts {
    pub(super) fn new(shape: Shape) -> Self {
        Self { shape, series: Vec::new(), bytes: 0 }
    }

    /// Bytes held.
    pub(super) fn memory(&self) -> usize {
        self.bytes
    }

    pub(super) fn into_series(self) -> Vec<Deltas> {
        self.series
    }

    /// Counts `rows` rows of total `weight` for the steps from `enter` up to before `leave`.
    pub(super) fn add(&mut self, number: u32, (enter, leave): (usize, usize), rows: i64, weight: i64) {
        let shape = self.shape;
        self.change(number, |deltas| deltas.add(shape, enter, leave, rows, weight));
    }

    /// Writes a series as (step, rows, weight).
    pub(super) fn pack(&self, number: u32, packed: &mut Packed) {
        if let Some(deltas) = self.series.get(number as usize) {
            deltas.changes(|step, rows, weight| {
                packed.places.push(step);
                packed.numbers.push(rows);
                if self.shape.weighted {
                    packed.numbers.push(weight);
                }
            });
        }
    }

    pub(super) fn unpack(&mut self, number: u32, unpacked: &mut Unpacked) -> Result<()> {
        let shape = self.shape;
        // A series without changes still has its number.
        self.change(number, |_| ());
        while let Some(step) = unpacked.place() {
            let rows = unpacked.number()?;
            let weight = if shape.weighted { unpacked.number()? } else { 0 };
            self.change(number, |deltas| deltas.change(shape, step as usize, rows, weight));
        }
        Ok(())
    }

    /// Adds the other's series, `numbers[i]` being what its series `i` is called here.
    pub(super) fn merge(&mut self, other: Self, numbers: &[u32]) {
        let shape = self.shape;
        for (deltas, &number) in other.series.into_iter().zip(numbers) {
            self.change(number, |mine| mine.merge(shape, deltas));
        }
    }

    /// All selected rows are of one series: whole stretches between window borders are counted at once.
    pub(super) fn add_series(
        &mut self,
        number: u32,
        windows: Windows,
        batch: &Batch<'_>,
        workspace: &Workspace,
        weigher: &Weigher<'_>,
    ) {
        let (shape, selection) = (self.shape, &workspace.selection);
        let time = |at: usize| batch.timestamps[selection.row(at) as usize];
        let stretches = |visit: &mut dyn FnMut(usize, i64, i64), border: &dyn Fn(i64) -> (usize, i64)| {
            let mut from = 0;
            while from < selection.len() {
                let (step, last) = border(time(from));
                let to = gallop(from, selection.len(), |at| time(at) <= last).max(from + 1);
                let rows = i64::try_from(to - from).expect("a block's rows fit");
                visit(step, rows, weigher.stretch(selection, from..to));
                from = to;
            }
        };
        self.change(number, |deltas| {
            stretches(&mut |step, rows, weight| deltas.change(shape, step, rows, weight), &|timestamp| {
                let step = windows.enter(timestamp);
                (step, windows.enter_border(step))
            });
            stretches(&mut |step, rows, weight| deltas.change(shape, step, -rows, -weight), &|timestamp| {
                let step = windows.leave(timestamp);
                (step, windows.leave_border(step))
            });
        });
    }

    /// Rows of several series: steps are found once per stretch, counts go to each row's series.
    pub(super) fn add_rows(
        &mut self,
        numbers: &[u32],
        windows: Windows,
        batch: &Batch<'_>,
        workspace: &Workspace,
        weigher: &Weigher<'_>,
    ) {
        let (mut enter, mut enter_border) = (0, i64::MIN);
        let (mut leave, mut leave_border) = (0, i64::MIN);
        for (row, &number) in workspace.selection.iter().zip(numbers) {
            let timestamp = batch.timestamps[row as usize];
            if timestamp > enter_border {
                enter = windows.enter(timestamp);
                enter_border = windows.enter_border(enter);
            }
            if timestamp > leave_border {
                leave = windows.leave(timestamp);
                leave_border = windows.leave_border(leave);
            }
            let (shape, weight) = (self.shape, weigher.row(row));
            self.change(number, |deltas| deltas.add(shape, enter, leave, 1, weight));
        }
    }

    fn change(&mut self, number: u32, change: impl FnOnce(&mut Deltas)) {
        let at = number as usize;
        while self.series.len() <= at {
            self.series.push(Deltas::new(self.shape));
            self.bytes += self.series[self.series.len() - 1].memory() + std::mem::size_of::<Deltas>();
        }
        let deltas = &mut self.series[at];
        let before = deltas.memory();
        change(deltas);
        self.bytes = self.bytes - before + deltas.memory();
    }
}

/// Line lengths of selected rows, from whichever column brings them; 0 when the aggregation needs none.
pub(super) enum Weigher<'a> {
    Nothing,
    Lengths(&'a [u32]),
    Lines(LineView<'a>),
}

impl<'a> Weigher<'a> {
    pub(super) fn new(weighted: bool, batch: &Batch<'a>, workspace: &'a Workspace) -> Result<Self> {
        match (weighted, workspace.lines(batch), batch.line_lengths) {
            (false, ..) => Ok(Self::Nothing),
            (true, Some(lines), _) => Ok(Self::Lines(lines)),
            (true, None, Some(lengths)) => Ok(Self::Lengths(lengths)),
            (true, None, None) => Err(missing("line lengths")),
        }
    }

    fn row(&self, row: u32) -> i64 {
        match self {
            Self::Nothing => 0,
            Self::Lengths(lengths) => i64::from(lengths[row as usize]),
            Self::Lines(lines) => i64::try_from(lines.line(row).len()).expect("a line fits"),
        }
    }

    /// Sum over the selected positions `at`.
    fn stretch(&self, selection: &Selection, at: Range<usize>) -> i64 {
        match self {
            Self::Nothing => 0,
            Self::Lines(lines) if selection.whole().is_some() => {
                let rows = selection.row(at.start)..selection.row(at.end - 1) + 1;
                i64::try_from(lines.total_length(rows)).expect("a block fits")
            }
            _ => at.map(|at| self.row(selection.row(at))).sum(),
        }
    }
}
