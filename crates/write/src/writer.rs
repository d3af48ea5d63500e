//! The write target's front door.

use std::sync::Arc;

use prometheus_client::registry::Registry;
use sigyn_model::{Limits, TenantId, TenantLimits};
use sigyn_segment::Codec;
use sigyn_storage::{CpuPool, Storage};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::backlog::{Backlog, DecodePermit};
use crate::batcher::{Batcher, Waiting};
use crate::failures::{Discarded, Reason};
use crate::flush::Flusher;
use crate::group::TenantPush;
use crate::limiter::{RateLimiter, rate_bytes};
use crate::metrics::Metrics;
use crate::validate::{self, Checked};
use crate::{Error, PushBatch, Result, WriteConfig};

/// Pushes below this are checked where they are; above it the CPU pool does it.
const INLINE_BYTES_MAX: usize = 32 << 10;

/// Takes pushes of all tenants and answers each once it is durable and visible.
#[derive(Debug)]
pub struct Writer {
    storage: Storage,
    cpu: CpuPool,
    limits: Arc<TenantLimits>,
    rates: RateLimiter,
    metrics: Metrics,
    backlog: Arc<Backlog>,
    queue: mpsc::UnboundedSender<Waiting>,
    closing: CancellationToken,
    closed: CancellationToken,
}

impl Writer {
    /// Starts the batcher on the current tokio runtime.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn new(
        config: WriteConfig,
        storage: Storage,
        cpu: CpuPool,
        limits: Arc<TenantLimits>,
        registry: &mut Registry,
    ) -> Self {
        Self::with_codec(config, storage, cpu, limits, registry, Codec::L0)
    }

    /// Like [`Writer::new`], with an encoding of blocks other than the fastest, for tests of what reads them.
    pub fn with_codec(
        config: WriteConfig,
        storage: Storage,
        cpu: CpuPool,
        limits: Arc<TenantLimits>,
        registry: &mut Registry,
        codec: Codec,
    ) -> Self {
        let config = config.resolved(storage.catalog.terms().remote);
        let metrics = Metrics::register(registry);
        let backlog = Backlog::new(config.max_unflushed_bytes, metrics.clone());
        let flusher = Arc::new(Flusher::new(storage.clone(), cpu.clone(), metrics.clone(), codec));
        // Unbounded in number only: every push in it holds bytes of the backlog.
        let (queue, inbox) = mpsc::unbounded_channel();
        let (closing, closed) = (CancellationToken::new(), CancellationToken::new());
        let batcher = Batcher::new(config, Arc::clone(&backlog), flusher, inbox, closing.clone());
        let when_done = closed.clone().drop_guard();
        tokio::spawn(async move {
            batcher.run().await;
            drop(when_done);
        });
        Self { storage, cpu, limits, rates: RateLimiter::default(), metrics, backlog, queue, closing, closed }
    }

    /// Reserves `bytes`, an estimate of the decoded push, before a body is decoded. Pass the permit on to
    /// [`Writer::push_admitted`]; dropping it gives the bytes back.
    ///
    /// Errors: `Limited` (429) past `write.max_unflushed_bytes`, `Invalid` (413) when the push alone is larger than that,
    /// `Unavailable` (503) while shutting down.
    pub fn begin_decode(&self, bytes: usize) -> Result<DecodePermit> {
        if self.closing.is_cancelled() {
            return Err(Error::ShuttingDown);
        }
        self.backlog.admit(bytes as u64).inspect_err(|_| self.metrics.refused())
    }

    /// Stores a push and returns when it is durable and visible. Valid entries are stored even when the answer is
    /// [`Error::Rejected`] with status 400. Dropping the future after the first poll does not undo the push.
    pub async fn push(&self, tenant: &TenantId, batch: PushBatch) -> Result<()> {
        let permit = self.begin_decode(batch.memory_size())?;
        self.push_admitted(tenant, batch, permit).await
    }

    /// [`Writer::push`] for a push that was counted before it was decoded.
    pub async fn push_admitted(&self, tenant: &TenantId, batch: PushBatch, mut permit: DecodePermit) -> Result<()> {
        permit.resize(batch.memory_size());
        let limits = self.limits.get(tenant);
        let Checked { accepted, failures } = self.check(tenant, batch, &limits).await?;
        self.metrics.discarded(failures.discarded());
        let refused = failures.message().map(|message| Error::Rejected { status: 400, message });
        let entries = accepted.rows.len() as u64;
        if entries == 0 {
            return refused.map_or(Ok(()), Err);
        }
        self.take_rate(tenant, entries, accepted.raw_bytes, &limits)?;
        self.metrics.accepted(entries, accepted.raw_bytes);
        permit.resize(accepted.memory_size());
        let answer = self.enqueue(TenantPush { tenant: tenant.clone(), accepted }, permit)?;
        answer
            .await
            .unwrap_or_else(|_| Err(Error::Internal { message: "its flush ended early; retry it".to_owned() }))?;
        refused.map_or(Ok(()), Err)
    }

    /// Refuses new pushes, flushes and answers all that were accepted.
    pub async fn shutdown(&self) {
        self.closing.cancel();
        self.closed.cancelled().await;
    }

    async fn check(&self, tenant: &TenantId, batch: PushBatch, limits: &Arc<Limits>) -> Result<Checked> {
        let now = self.storage.clock.now();
        if batch.memory_size() <= INLINE_BYTES_MAX {
            return validate::check(tenant, batch, limits, now);
        }
        let (tenant, limits) = (tenant.clone(), Arc::clone(limits));
        let checked = self.cpu.run(move || validate::check(&tenant, batch, &limits, now)).await;
        checked.map_err(|error| Error::Internal { message: error.to_string() })?
    }

    fn take_rate(&self, tenant: &TenantId, entries: u64, bytes: u64, limits: &Limits) -> Result<()> {
        if self.rates.take(tenant, bytes, limits, Instant::now()) {
            return Ok(());
        }
        self.metrics.discarded(&[Discarded { reason: Reason::RateLimited, entries, bytes }]);
        let message = format!(
            "ingestion rate limit exceeded for user {tenant} (limit: {} bytes/sec) while attempting to ingest '{entries}' lines totaling '{bytes}' bytes, send less or raise limits.ingestion_rate_mb",
            rate_bytes(limits) as u64
        );
        Err(Error::Rejected { status: 429, message })
    }

    fn enqueue(&self, push: TenantPush, permit: DecodePermit) -> Result<oneshot::Receiver<Result<()>>> {
        let (done, answer) = oneshot::channel();
        let mut waiting = Waiting { push, done, permit, arrived: Instant::now() };
        // Before the send, so that the batcher, once woken by it, sees that this push is not being decoded any more.
        waiting.permit.end_decoding();
        self.queue.send(waiting).map_err(|_| Error::ShuttingDown)?;
        Ok(answer)
    }
}

#[cfg(test)]
mod tests;
