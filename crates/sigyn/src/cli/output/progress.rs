//! How far a long export is: one line on a terminal that rewrites itself.

use std::time::{Duration, Instant};

use super::stats::human_count;

const BETWEEN: Duration = Duration::from_millis(150);

#[derive(Debug)]
pub(in crate::cli) struct Progress {
    shown: bool,
    on: bool,
    last: Option<Instant>,
}

impl Progress {
    pub(super) fn new(on: bool) -> Self {
        Self { shown: false, on, last: None }
    }

    /// `done` of the time range is exported, `entries` so far, of which the latest is from `at`.
    pub(in crate::cli) fn show(&mut self, entries: u64, done: f64, at: &str) {
        if !self.on || self.last.is_some_and(|last| last.elapsed() < BETWEEN) {
            return;
        }
        self.last = Some(Instant::now());
        self.shown = true;
        eprint!("\r{}\x1b[K", text(entries, done, at));
    }

    /// Takes the line away.
    pub(in crate::cli) fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            eprint!("\r\x1b[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

fn text(entries: u64, done: f64, at: &str) -> String {
    let percent = (done * 100.0).clamp(0.0, 100.0).floor();
    format!("{percent:>3} % of the time range, {} entries, at {at}", human_count(entries))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line() {
        assert_eq!(text(12_345, 0.5, "10:00"), " 50 % of the time range, 12,345 entries, at 10:00");
        assert_eq!(text(0, 7.0, "x"), "100 % of the time range, 0 entries, at x");
    }
}
