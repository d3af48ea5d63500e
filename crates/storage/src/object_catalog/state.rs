//! What the log adds up to: parts, recent removals, leases, members. Applying is deterministic and does no I/O.
//!
//! Every process applies the same entries in the same order and must reach the same verdict on each operation.
//! So verdicts depend on the state and the entry alone: its time is the writer's, never the reader's clock.

mod journal;
mod leases;
mod parts;
mod removals;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use sigyn_model::{Level, PartMeta, TenantId, Timestamp};

use self::journal::Journal;
pub(super) use self::leases::{LeaseRecord, Leases};
pub(super) use self::parts::{PartRow, Parts};
pub(super) use self::removals::{Removal, Removals};
use super::entry::{LogEntry, Operation};
use crate::{Error, Lease, Member, Result, Swap};

/// What became of one operation: `Conflict` when it is void; a lease when it is about one and granted.
pub(super) type Outcome = Result<Option<Lease>>;

/// Members stay this long past their expiry, so that a late heartbeat finds its record; the expired are not listed.
const MEMBER_KEEP_NANOS: i64 = 3_600_000_000_000;

#[derive(Debug, Clone)]
pub(super) struct State {
    /// Number of the last entry applied; 0 before the first.
    pub(super) sequence: u64,
    /// Largest entry time so far: the log's own clock, which never goes back.
    pub(super) time: Timestamp,
    pub(super) parts: Parts,
    pub(super) removals: Removals,
    pub(super) leases: Leases,
    pub(super) members: BTreeMap<String, (Member, Timestamp)>,
    pub(super) journal: Journal,
}

impl Default for State {
    fn default() -> Self {
        Self {
            sequence: 0,
            time: Timestamp::MIN,
            parts: Parts::default(),
            removals: Removals::default(),
            leases: Leases::default(),
            members: BTreeMap::new(),
            journal: Journal::default(),
        }
    }
}

impl State {
    /// The state of a checkpoint, to be filled.
    pub(super) fn after(sequence: u64, time: Timestamp) -> Self {
        Self { sequence, time, journal: Journal::starting_after(sequence), ..Self::default() }
    }

    /// Applies the entry that follows [`State::sequence`].
    pub(super) fn apply(&mut self, entry: &LogEntry) -> Vec<Outcome> {
        assert!(entry.sequence == self.sequence + 1, "entries are applied in order, each once");
        self.sequence = entry.sequence;
        self.time = self.time.max(entry.time);
        self.removals.prune(self.sequence, self.time);
        self.leases.prune(self.time);
        self.journal.prune(self.time);
        let outcomes = entry.operations.iter().map(|operation| self.perform(operation, entry.time)).collect();
        self.members.retain(|_, (_, expires)| *expires + MEMBER_KEEP_NANOS >= self.time);
        outcomes
    }

    fn perform(&mut self, operation: &Operation, now: Timestamp) -> Outcome {
        match operation {
            Operation::Publish(parts) => self.publish(parts),
            Operation::Replace(swap) => self.replace(swap)?,
            Operation::Acquire(wanted) => return Ok(self.leases.acquire(wanted, now)),
            Operation::Renew(lease) => return self.leases.renew(lease).map(Some),
            Operation::Release(lease) => self.leases.release(lease),
            Operation::Heartbeat(member, expires) => {
                self.members.insert(member.node.clone(), (member.clone(), *expires));
            }
        }
        Ok(None)
    }

    /// Whether the part is here or was here lately: publishing it again changes nothing.
    pub(super) fn knows(&self, part: &PartMeta) -> bool {
        self.parts.contains(&part.tenant, part.window, &part.id) || self.removals.contains(&part.id)
    }

    fn publish(&mut self, parts: &[Arc<PartMeta>]) {
        for part in parts {
            if !self.knows(part) {
                self.insert(Arc::clone(part));
            }
        }
    }

    fn insert(&mut self, part: Arc<PartMeta>) {
        if part.level == Level::L0 {
            self.journal.record(self.sequence, self.time, Arc::clone(&part));
        }
        self.parts.insert(part, self.sequence);
    }

    fn replace(&mut self, swap: &Swap) -> Result<()> {
        if self.check_swap(swap)? == SwapState::InEffect {
            return Ok(());
        }
        for id in &swap.remove {
            self.parts.remove(&swap.tenant, swap.window, id);
        }
        self.removals.record(Removal { sequence: self.sequence, time: self.time, parts: swap.remove.clone() });
        for part in &swap.add {
            self.insert(Arc::new(part.clone()));
        }
        Ok(())
    }

    /// What a swap would meet now.
    pub(super) fn check_swap(&self, swap: &Swap) -> Result<SwapState> {
        let conflict =
            |reason: String| Error::SwapConflict { tenant: swap.tenant.clone(), window: swap.window, reason };
        let is_here = |id| self.parts.contains(&swap.tenant, swap.window, id);
        // A repeated swap has reached its goal: what it adds came, what it removes went. Its lease no longer matters.
        if !swap.add.is_empty() && swap.add.iter().all(|part| self.knows(part)) && !swap.remove.iter().any(is_here) {
            return Ok(SwapState::InEffect);
        }
        if let Some(fence) = &swap.fence
            && !self.leases.holds(fence)
        {
            return Err(conflict(format!("lease {} of epoch {} is lost", fence.name, fence.epoch)));
        }
        if let Some(gone) = swap.remove.iter().find(|id| !is_here(id)) {
            return Err(conflict(format!("part {gone} is gone")));
        }
        if let Some(known) = swap.add.iter().find(|part| self.knows(part)) {
            return Err(conflict(format!("part {} exists or existed already", known.id)));
        }
        Ok(SwapState::Possible)
    }

    /// L0 parts of `tenant` that came after entry `cursor`, oldest first.
    ///
    /// Once the journal no longer reaches back that far, all parts of any level that came after the cursor:
    /// compaction may have carried the missed rows into a higher level, and some rows then come a second time.
    pub(super) fn published_since(&self, tenant: &TenantId, cursor: u64) -> Vec<Arc<PartMeta>> {
        if let Some(journal) = self.journal.since(cursor) {
            return journal.filter(|part| part.tenant == *tenant).map(Arc::clone).collect();
        }
        let mut rows: Vec<PartRow> = self.parts.of_tenant(tenant).filter(|row| row.published > cursor).collect();
        rows.sort_by_key(|row| row.published);
        rows.into_iter().map(|row| row.part).collect()
    }

    pub(super) fn referenced_objects(&self) -> HashSet<String> {
        self.parts.rows().map(|row| row.part.id.object.clone()).collect()
    }
}

/// What a swap would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SwapState {
    Possible,
    /// It was done before; nothing is left to do.
    InEffect,
}
