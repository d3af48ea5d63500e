//! The jobs and the loop that repeats them.

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use sigyn_model::duration::Span;
use sigyn_model::{ErrorKind, TenantLimits, Timestamp};
use sigyn_storage::{CpuPool, Storage, rng};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use crate::collect::Memory;
use crate::compact::Damaged;
use crate::metrics::{InJob, Job, Metrics};
use crate::{BackendConfig, Result};

/// Background work on one bucket. Any number of them may run, in one process or many.
#[derive(Debug)]
pub struct Backend {
    pub(crate) config: BackendConfig,
    pub(crate) storage: Storage,
    pub(crate) cpu: CpuPool,
    pub(crate) limits: Arc<TenantLimits>,
    pub(crate) metrics: Metrics,
    /// Who we are in leases.
    pub(crate) owner: String,
    pub(crate) damaged: Damaged,
    pub(crate) garbage: Mutex<Memory>,
    /// When compaction last looked at all hours.
    pub(crate) looked_everywhere: std::sync::Mutex<Option<Timestamp>>,
}

/// Share of an interval by which it varies, in percent, so that several backends do not march in step.
const JITTER_PERCENT: u64 = 20;

impl Backend {
    #[must_use]
    pub fn new(
        config: BackendConfig,
        storage: Storage,
        cpu: CpuPool,
        limits: Arc<TenantLimits>,
        registry: &mut Registry,
    ) -> Self {
        let metrics = Metrics::register(registry);
        let owner = format!("backend-{:016x}", storage.rng.next_u64());
        Self {
            config,
            storage,
            cpu,
            limits,
            metrics,
            owner,
            damaged: Damaged::default(),
            garbage: Mutex::default(),
            looked_everywhere: std::sync::Mutex::default(),
        }
    }

    /// Repeats all jobs until cancelled. A job that fails is logged, counted and repeated at its next turn.
    ///
    /// Cancelling stops at the next wait; what a job had begun is dropped, which harms nothing.
    pub async fn run(self, cancel: CancellationToken) {
        let jobs = async {
            tokio::join!(
                self.repeat(Job::compact, self.config.compact_interval, || self.compact_backlog()),
                self.repeat(Job::retain, self.config.retention_interval, || self.retain_once()),
                self.repeat(Job::collect, self.config.gc_interval, || self.collect_once()),
            )
        };
        tokio::select! {
            () = cancel.cancelled() => {}
            _ = jobs => {}
        }
    }

    /// Passes of compaction until no hour has more than one merge can take.
    async fn compact_backlog(&self) -> Result<()> {
        while self.compact_once().await?.more {}
        Ok(())
    }

    async fn repeat<T: Debug, F: Future<Output = Result<T>>>(&self, job: Job, interval: Span, run: impl Fn() -> F) {
        loop {
            tokio::time::sleep(self.jittered(interval)).await;
            match run().await {
                Ok(done) => debug!(job = job.name(), ?done, "job done"),
                Err(failure) => {
                    self.metrics.failures.get_or_create(&InJob { job }).inc();
                    match failure.kind() {
                        ErrorKind::Internal => error!(job = job.name(), error = %failure, "job failed, this is a bug"),
                        _ => warn!(job = job.name(), error = %failure, "job failed and will be repeated"),
                    }
                }
            }
        }
    }

    fn jittered(&self, interval: Span) -> Duration {
        let percent = 100 - JITTER_PERCENT / 2 + rng::below(&*self.storage.rng, JITTER_PERCENT + 1);
        interval.as_duration() * percent as u32 / 100
    }
}
