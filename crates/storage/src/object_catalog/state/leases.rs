//! Named leases with epochs.

use std::collections::BTreeMap;

use sigyn_model::Timestamp;

use crate::{Error, Lease, Result};

/// A lease that nobody prolonged is forgotten this long after it expired.
const KEEP_NANOS: i64 = 3_600_000_000_000;

/// All leases. Epochs come from one counter, so a forgotten lease comes back with a higher epoch.
#[derive(Debug, Clone, Default)]
pub(in crate::object_catalog) struct Leases {
    pub(in crate::object_catalog) last_epoch: u64,
    pub(in crate::object_catalog) records: BTreeMap<String, LeaseRecord>,
}

#[derive(Debug, Clone)]
pub(in crate::object_catalog) struct LeaseRecord {
    pub(in crate::object_catalog) lease: Lease,
    /// Given up by its owner: free at once, and no longer a fence.
    pub(in crate::object_catalog) released: bool,
}

impl Leases {
    /// Whether somebody other than `owner` holds the lease at `now`.
    pub(in crate::object_catalog) fn is_held_by_another(&self, name: &str, owner: &str, now: Timestamp) -> bool {
        self.records
            .get(name)
            .is_some_and(|record| !record.released && record.lease.expires > now && record.lease.owner != owner)
    }

    /// Whether `lease` is still the one in force, expired or not.
    pub(in crate::object_catalog) fn holds(&self, lease: &Lease) -> bool {
        self.records.get(&lease.name).is_some_and(|record| {
            !record.released && record.lease.epoch == lease.epoch && record.lease.owner == lease.owner
        })
    }

    pub(super) fn acquire(&mut self, wanted: &Lease, now: Timestamp) -> Option<Lease> {
        if self.is_held_by_another(&wanted.name, &wanted.owner, now) {
            return None;
        }
        let held = self
            .records
            .get(&wanted.name)
            .filter(|record| !record.released && record.lease.expires > now && record.lease.owner == wanted.owner);
        // Whoever takes a lease that had run out gets a new epoch, even its former owner: work begun under the old one is void.
        let epoch = match held {
            Some(record) => record.lease.epoch,
            None => {
                self.last_epoch += 1;
                self.last_epoch
            }
        };
        let lease = Lease { epoch, ..wanted.clone() };
        self.records.insert(lease.name.clone(), LeaseRecord { lease: lease.clone(), released: false });
        Some(lease)
    }

    pub(super) fn renew(&mut self, lease: &Lease) -> Result<Lease> {
        if !self.holds(lease) {
            return Err(Error::LeaseLost { name: lease.name.clone(), epoch: lease.epoch });
        }
        self.records.insert(lease.name.clone(), LeaseRecord { lease: lease.clone(), released: false });
        Ok(lease.clone())
    }

    pub(super) fn release(&mut self, lease: &Lease) {
        if self.holds(lease)
            && let Some(record) = self.records.get_mut(&lease.name)
        {
            record.released = true;
        }
    }

    /// Forgets by the log's own clock, so that every process forgets at the same entry.
    pub(super) fn prune(&mut self, time: Timestamp) {
        self.records.retain(|_, record| record.lease.expires + KEEP_NANOS >= time);
    }
}
