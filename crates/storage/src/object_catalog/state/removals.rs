//! Ids of parts that were replaced lately, so that publishing one again does not bring it back.

use std::collections::{HashSet, VecDeque};

use sigyn_model::{PartId, Timestamp};

/// A removed id is remembered at least this long: twice the age at which a writer has long given a flush up.
const KEEP_NANOS: i64 = 2 * 3_600_000_000_000;

/// And for at least this many entries, in case one writer's clock leaps ahead and the log's clock with it.
const KEEP_ENTRIES: u64 = 4096;

/// The parts that one swap removed.
#[derive(Debug, Clone)]
pub(in crate::object_catalog) struct Removal {
    /// The entry that holds the swap.
    pub(in crate::object_catalog) sequence: u64,
    /// The log's clock at that entry.
    pub(in crate::object_catalog) time: Timestamp,
    pub(in crate::object_catalog) parts: Vec<PartId>,
}

/// Recent removals, oldest first.
#[derive(Debug, Clone, Default)]
pub(in crate::object_catalog) struct Removals {
    ids: HashSet<PartId>,
    removals: VecDeque<Removal>,
}

impl Removals {
    pub(in crate::object_catalog) fn record(&mut self, removal: Removal) {
        self.ids.extend(removal.parts.iter().cloned());
        self.removals.push_back(removal);
    }

    pub(super) fn contains(&self, id: &PartId) -> bool {
        self.ids.contains(id)
    }

    /// Forgets by the log's own clock and number, so that every process forgets at the same entry.
    pub(super) fn prune(&mut self, sequence: u64, time: Timestamp) {
        while let Some(oldest) = self.removals.front()
            && oldest.time + KEEP_NANOS < time
            && oldest.sequence + KEEP_ENTRIES < sequence
        {
            for id in &oldest.parts {
                self.ids.remove(id);
            }
            self.removals.pop_front();
        }
    }

    pub(in crate::object_catalog) fn iter(&self) -> impl Iterator<Item = &Removal> {
        self.removals.iter()
    }
}
