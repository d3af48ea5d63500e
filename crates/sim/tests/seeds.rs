//! Runs the simulation for a thousand seeds, or for the one in `SEED`.
//!
//! `SEED=42 cargo test -p sigyn-sim` repeats one run; `SEEDS=100000 cargo test -p sigyn-sim` looks further.

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use sigyn_sim::{Failure, Summary, run_seed};

const SEEDS: u64 = 1_000;

#[test]
fn every_acknowledged_line_is_read_exactly_once() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let (first, count) = match number("SEED") {
        Some(seed) => (seed, 1),
        None => (0, number("SEEDS").unwrap_or(SEEDS)),
    };
    match run_seeds(first, count) {
        Ok(summary) => {
            println!("{count} seeds: {summary:?}");
            if count >= SEEDS {
                assert_it_was_rough(&summary);
            }
        }
        Err(failure) => panic!("{failure}"),
    }
}

/// Runs the seeds on every core; the first failure stops it.
fn run_seeds(first: u64, count: u64) -> Result<Summary, Failure> {
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let work = || -> Result<Summary, Failure> {
        let mut sum = Summary::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= count || stop.load(Ordering::Relaxed) {
                return Ok(sum);
            }
            sum += run_seed(first + seed).inspect_err(|_| stop.store(true, Ordering::Relaxed))?;
        }
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_fold(Summary::default(), |mut sum, worker| {
            sum += worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            Ok(sum)
        })
    })
}

/// A simulation in which nothing goes wrong proves nothing.
fn assert_it_was_rough(summary: &Summary) {
    let tally = summary.tally;
    assert!(summary.acknowledged > 30_000 && tally.reads > 5_000, "{summary:?}");
    assert!(tally.crashes > 1_000 && tally.faults > 6_000, "{summary:?}");
    assert!(tally.pushes_failed > 500 && tally.pushes_unanswered > 1_000, "{summary:?}");
    assert!(tally.compactions > 300 && tally.compactions_killed > 200, "{summary:?}");
    assert!(tally.collected_objects > 5_000, "{summary:?}");
}
