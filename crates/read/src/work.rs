//! Cuts work into waves, and spreads a wave over the CPU pool.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::Result;
use crate::context::QueryContext;
use crate::fetch::{Columns, Unit};
use crate::selection::Selection;

/// Stored bytes of a wave, about: while one is evaluated the next is fetched.
const WAVE_BYTES: u64 = 8 << 20;

/// Stored bytes that a wave of this query may have: less when its memory is tight.
pub(crate) fn wave_bytes(context: &QueryContext) -> u64 {
    WAVE_BYTES.min(context.limits.memory / 8)
}

/// Cuts units, in their order, into waves.
pub(crate) fn waves(
    context: &QueryContext,
    selection: &Selection,
    units: Vec<Unit>,
    columns: Columns<'_>,
) -> Vec<Vec<Unit>> {
    let wave_bytes = wave_bytes(context);
    let mut waves: Vec<Vec<Unit>> = Vec::new();
    let mut bytes = 0;
    for unit in units {
        let stored = columns.sizes(selection.block(unit.part, unit.block)).0;
        match waves.last_mut() {
            Some(wave) if bytes + stored <= wave_bytes => {
                bytes += stored;
                wave.push(unit);
            }
            _ => {
                bytes = stored;
                waves.push(vec![unit]);
            }
        }
    }
    waves
}

/// Runs `f` for each unit, on all threads of the pool that the caller is on; results keep their order.
pub(crate) fn map_units<U: Sync, T: Send>(
    parallel: bool,
    units: &[U],
    f: impl Fn(&U) -> Result<T> + Send + Sync,
) -> Result<Vec<T>> {
    if parallel { units.par_iter().map(f).collect() } else { units.iter().map(f).collect() }
}

/// Runs `f` for each unit, begun in their order, so that what the first units show can spare the later ones.
pub(crate) fn each_in_order<U: Sync>(
    parallel: bool,
    units: &[U],
    f: impl Fn(&U) -> Result<()> + Send + Sync,
) -> Result<()> {
    if !parallel {
        return units.iter().try_for_each(f);
    }
    let next = AtomicUsize::new(0);
    let take = |_| {
        while let Some(unit) = units.get(next.fetch_add(1, Ordering::Relaxed)) {
            f(unit)?;
        }
        Ok(())
    };
    (0..rayon::current_num_threads()).into_par_iter().with_max_len(1).try_for_each(take)
}
