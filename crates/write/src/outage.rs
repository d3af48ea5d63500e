//! Notices that the storage is away, so that clients are told at once instead of waiting for it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long an attempt may go without an answer before the storage counts as away.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// Since when no attempt to store something has worked.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    since: Mutex<Option<Instant>>,
}

impl Outage {
    fn since(&self) -> MutexGuard<'_, Option<Instant>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An attempt that began then has failed or goes without an answer.
    pub(crate) fn noticed(&self, began: Instant) {
        self.since().get_or_insert(began);
    }

    /// Something was stored.
    pub(crate) fn over(&self) {
        *self.since() = None;
    }

    /// How long the storage has been away; nothing while it works or merely stumbles.
    pub(crate) fn lasts(&self) -> Option<Duration> {
        let lasts = self.since().as_ref().map(Instant::elapsed)?;
        (lasts >= PATIENCE).then_some(lasts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_stumble_is_no_outage() {
        let outage = Outage::default();
        outage.noticed(Instant::now());
        assert_eq!(outage.lasts(), None);
        tokio::time::advance(PATIENCE).await;
        outage.noticed(Instant::now());
        assert_eq!(outage.lasts(), Some(PATIENCE), "since the first");
        outage.over();
        assert_eq!(outage.lasts(), None);
    }
}
