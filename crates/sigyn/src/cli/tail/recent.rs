//! What a tail printed last, so that a new connection neither repeats nor misses it.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::cli::answer::Row;

const ENTRIES_MAX: usize = 50_000;
/// Streams are not in step with each other: an entry may be this much older than one printed before it.
const OVERLAP: i64 = 5_000_000_000;

/// Time and line. Labels are left out: Loki gives the same entry fewer of them when it is live.
type Key = (i64, u64);

#[derive(Debug, Default)]
pub(super) struct Recent {
    entries: VecDeque<Key>,
    /// What is older was not asked for, or was over the limit.
    earliest: Option<i64>,
    latest: Option<i64>,
    /// Time of the latest entry that is no longer in `entries`.
    forgotten: Option<i64>,
    /// Entries that the server is about to send a second time, with their counts.
    again: HashMap<Key, u32>,
}

impl Recent {
    pub(super) fn is_empty(&self) -> bool {
        self.latest.is_none()
    }

    pub(super) fn add(&mut self, row: &Row) {
        self.earliest = Some(self.earliest.map_or(row.time, |earliest| earliest.min(row.time)));
        self.latest = self.latest.max(Some(row.time));
        self.entries.push_back(key(row));
        let old = self.latest.unwrap_or(row.time).saturating_sub(OVERLAP);
        while self.entries.len() > ENTRIES_MAX || self.entries.front().is_some_and(|(time, _)| *time < old) {
            let Some((time, _)) = self.entries.pop_front() else { break };
            self.forgotten = self.forgotten.max(Some(time));
        }
    }

    /// Where a new connection starts: everything printed from there on is remembered.
    pub(super) fn resume_from(&self) -> Option<i64> {
        let overlap = self.latest?.saturating_sub(OVERLAP).max(self.earliest?);
        Some(self.forgotten.map_or(overlap, |time| overlap.max(time.saturating_add(1))))
    }

    /// From now on the server repeats what is remembered.
    pub(super) fn expect_again(&mut self) {
        self.again.clear();
        for key in &self.entries {
            *self.again.entry(*key).or_default() += 1;
        }
    }

    /// Whether a row from the server has not been printed.
    pub(super) fn is_new(&mut self, row: &Row) -> bool {
        if self.again.is_empty() {
            return true;
        }
        match self.again.get_mut(&key(row)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        }
    }
}

fn key(row: &Row) -> Key {
    let mut hasher = DefaultHasher::new();
    row.line.hash(&mut hasher);
    (row.time, hasher.finish())
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    fn row(time: i64, line: &str) -> Row {
        Row { time, labels: Rc::default(), line: line.to_owned() }
    }

    #[test]
    fn what_comes_again_is_left_out_as_often_as_it_was_there() {
        let mut recent = Recent::default();
        assert_eq!((recent.resume_from(), recent.is_new(&row(1, "a"))), (None, true));
        for (time, line) in [(10, "a"), (10, "a"), (11, "b")] {
            recent.add(&row(time, line));
        }
        recent.expect_again();
        let rows = [row(10, "a"), row(10, "a"), row(10, "a"), row(11, "b"), row(12, "b")];
        assert_eq!(rows.map(|row| recent.is_new(&row)), [false, false, true, false, true]);
    }

    #[test]
    fn it_starts_where_its_memory_starts() {
        let mut recent = Recent::default();
        recent.add(&row(OVERLAP, "a"));
        assert_eq!(recent.resume_from(), Some(OVERLAP));
        for at in 0..ENTRIES_MAX {
            recent.add(&row(OVERLAP + 1 + at as i64, "b"));
        }
        assert_eq!(recent.resume_from(), Some(OVERLAP + 1));
        recent.add(&row(3 * OVERLAP, "c"));
        assert_eq!((recent.resume_from(), recent.entries.len()), (Some(2 * OVERLAP), 1));
    }
}
