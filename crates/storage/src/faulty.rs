//! Wrappers that fail on purpose: from a seed, or on command. For tests and simulation.

mod catalog;
mod objects;

use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use self::catalog::FaultyCatalog;
pub use self::objects::FaultyObjects;
use crate::SeededRng;
use crate::rng::{below, chance};

/// How often each thing goes wrong, as a probability per operation; and how slow the rest is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct FaultPlan {
    /// Fails and does nothing.
    pub fail_before: f64,
    /// Does it, and then says that it failed: the answer was lost.
    pub fail_after: f64,
    /// A put only: says that it failed, and does it later, when nobody expects it any more.
    pub apply_late: f64,
    /// Takes up to `delay_max` longer.
    pub delay: f64,
    pub delay_max: Duration,
    /// Leaves everything but puts alone.
    pub only_puts: bool,
}

impl FaultPlan {
    /// Every kind of trouble with the same probability.
    #[must_use]
    pub fn with_probability(p: f64) -> Self {
        Self {
            fail_before: p,
            fail_after: p,
            apply_late: p,
            delay: p,
            delay_max: Duration::from_millis(200),
            only_puts: false,
        }
    }
}

/// The switchboard of one or more faulty wrappers. Share it to change the weather while they run.
#[derive(Debug)]
pub struct Faults {
    rng: SeededRng,
    plan: Mutex<FaultPlan>,
    all_fail: AtomicBool,
    disk_full: AtomicBool,
    injected: AtomicU64,
}

/// What becomes of one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Succeed,
    FailBefore,
    FailAfter,
    ApplyLate(Duration),
}

impl Faults {
    /// The same faults for the same seed and the same order of operations.
    #[must_use]
    pub fn new(seed: u64, plan: FaultPlan) -> Arc<Self> {
        Arc::new(Self {
            rng: SeededRng::new(seed),
            plan: Mutex::new(plan),
            all_fail: AtomicBool::new(false),
            disk_full: AtomicBool::new(false),
            injected: AtomicU64::new(0),
        })
    }

    /// No faults, until it is told otherwise.
    #[must_use]
    pub fn none() -> Arc<Self> {
        Self::new(0, FaultPlan::default())
    }

    pub fn set_plan(&self, plan: FaultPlan) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = plan;
    }

    /// While on, every operation fails and does nothing.
    pub fn set_all_fail(&self, on: bool) {
        self.all_fail.store(on, Ordering::SeqCst);
    }

    /// While on, every put fails as on a full disk.
    pub fn set_disk_full(&self, on: bool) {
        self.disk_full.store(on, Ordering::SeqCst);
    }

    /// Operations that were made to fail so far.
    #[must_use]
    pub fn injected(&self) -> u64 {
        self.injected.load(Ordering::SeqCst)
    }

    fn is_disk_full(&self) -> bool {
        self.disk_full.load(Ordering::SeqCst)
    }

    /// Waits if it must, and decides. Only a put can be applied late; for others that is a plain failure.
    async fn decide(&self, is_put: bool) -> Fate {
        let mut plan = *self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        if plan.only_puts && !is_put {
            plan = FaultPlan::default();
        }
        if self.happens(plan.delay) {
            tokio::time::sleep(self.up_to(plan.delay_max)).await;
        }
        let fate = if self.all_fail.load(Ordering::SeqCst) || self.happens(plan.fail_before) {
            Fate::FailBefore
        } else if self.happens(plan.fail_after) {
            Fate::FailAfter
        } else if is_put && self.happens(plan.apply_late) {
            Fate::ApplyLate(self.up_to(plan.delay_max * 4))
        } else {
            Fate::Succeed
        };
        if fate != Fate::Succeed {
            self.injected.fetch_add(1, Ordering::SeqCst);
        }
        fate
    }

    fn happens(&self, p: f64) -> bool {
        p > 0.0 && chance(&self.rng, p)
    }

    fn up_to(&self, longest: Duration) -> Duration {
        let micros = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(below(&self.rng, micros))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use object_store::ObjectStore;
    use object_store::memory::InMemory;
    use sigyn_model::ErrorKind;

    use super::*;
    use crate::objects::{get, put_new};

    fn faulty(plan: FaultPlan) -> (Arc<InMemory>, FaultyObjects, Arc<Faults>) {
        let inner = Arc::new(InMemory::new());
        let faults = Faults::new(1, plan);
        (Arc::clone(&inner), FaultyObjects::new(inner as Arc<dyn ObjectStore>, Arc::clone(&faults)), faults)
    }

    #[tokio::test(start_paused = true)]
    async fn each_fault_does_what_it_says() {
        let body = Bytes::from_static(b"x");
        let (inner, objects, _) = faulty(FaultPlan { fail_before: 1.0, ..FaultPlan::default() });
        assert!(put_new(&objects, "a", body.clone()).await.is_err() && get(&*inner, "a").await.is_err());

        let (inner, objects, faults) = faulty(FaultPlan { fail_after: 1.0, ..FaultPlan::default() });
        assert!(put_new(&objects, "a", body.clone()).await.is_err() && get(&*inner, "a").await.is_ok());
        assert_eq!(faults.injected(), 1);

        let late = FaultPlan { apply_late: 1.0, delay_max: Duration::from_secs(1), ..FaultPlan::default() };
        let (inner, objects, _) = faulty(late);
        assert!(put_new(&objects, "a", body.clone()).await.is_err() && get(&*inner, "a").await.is_err());
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(get(&*inner, "a").await.is_ok(), "it arrived late");
    }

    #[tokio::test(start_paused = true)]
    async fn switches_work_at_once_and_can_be_undone() {
        let body = Bytes::from_static(b"x");
        let (_, objects, faults) = faulty(FaultPlan::default());
        faults.set_disk_full(true);
        let error = put_new(&objects, "a", body.clone()).await.expect_err("no room");
        assert!(matches!(error, crate::Error::DiskFull { .. }) && error.kind() == ErrorKind::Unavailable);
        faults.set_disk_full(false);
        assert!(put_new(&objects, "a", body).await.is_ok());
        faults.set_all_fail(true);
        assert!(get(&objects, "a").await.is_err());
        faults.set_all_fail(false);
        assert!(get(&objects, "a").await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn delays_take_time() {
        let plan = FaultPlan { delay: 1.0, delay_max: Duration::from_secs(1), ..FaultPlan::default() };
        let (_, objects, _) = faulty(plan);
        let started = tokio::time::Instant::now();
        for _ in 0..20 {
            assert!(get(&objects, "absent").await.is_err());
        }
        let elapsed = started.elapsed();
        assert!(elapsed > Duration::from_secs(2) && elapsed < Duration::from_secs(20), "{elapsed:?}");
    }
}
