//! One flush: build the object, store it, publish its parts, answer its pushes.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use sigyn_model::{ByteSize, ErrorKind, PartMeta};
use sigyn_segment::Codec;
use sigyn_storage::{CpuPool, Storage, rng};
use tokio::time::{Instant, timeout, timeout_at};

use crate::batcher::Waiting;
use crate::encode::{Built, Ticket, build};
use crate::group::TenantPush;
use crate::metrics::Metrics;
use crate::outage::{self, Outage};
use crate::{Error, Result};

/// A flush older than this never publishes: `backend` may take its object for an orphan later on.
const AGE_MAX: Duration = Duration::from_secs(60);
/// A put or publish without an answer for this long is tried again.
const ATTEMPT_MAX: Duration = Duration::from_secs(15);
/// Waits between the attempts of a put or a publish.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_millis(300), Duration::from_secs(1), Duration::from_secs(3)];

/// What the batcher learns from a flush.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flushed {
    /// The catalog asked to slow down at least once.
    pub(crate) throttled: bool,
}

/// Why a step of a flush failed for good.
#[derive(Debug)]
struct Failed {
    kind: ErrorKind,
    message: String,
}

/// Makes batches of pushes durable and visible.
#[derive(Debug)]
pub(crate) struct Flusher {
    storage: Storage,
    cpu: CpuPool,
    metrics: Metrics,
    codec: Codec,
    last_sequence: AtomicU64,
    outage: Arc<Outage>,
}

impl Flusher {
    pub(crate) fn new(storage: Storage, cpu: CpuPool, metrics: Metrics, codec: Codec, outage: Arc<Outage>) -> Self {
        Self { storage, cpu, metrics, codec, last_sequence: AtomicU64::new(0), outage }
    }

    /// The next flush's name. Sequences follow the clock and always ascend within a process.
    pub(crate) fn ticket(&self) -> Ticket {
        let now = self.storage.clock.now();
        let of_clock = u64::try_from(now.nanos() / 1_000_000).unwrap_or(0) << 16;
        let last = self.last_sequence.load(Ordering::Relaxed);
        // Only the batcher asks, one flush after the other.
        let sequence = of_clock.max(last + 1);
        self.last_sequence.store(sequence, Ordering::Relaxed);
        Ticket { key: rng::new_object_key(now, &*self.storage.rng), sequence }
    }

    /// Flushes a batch and answers each of its pushes. Runs in a task of its own, so a client that leaves stops nothing.
    pub(crate) async fn flush(self: Arc<Self>, batch: Vec<Waiting>, ticket: Ticket) -> Flushed {
        let started = Instant::now();
        let oldest = batch.first().map_or(started, |waiting| waiting.arrived);
        let mut pushes = Vec::with_capacity(batch.len());
        let mut answers = Vec::with_capacity(batch.len());
        for Waiting { push, done, permit, .. } in batch {
            pushes.push(push);
            answers.push((done, permit));
        }
        let mut throttled = false;
        let result = self.store(pushes, &ticket, started + AGE_MAX, &mut throttled).await;
        self.metrics.flushed(started.elapsed(), oldest.elapsed(), result.is_ok());
        if let Err(failed) = &result {
            tracing::warn!(object = %ticket.key, pushes = answers.len(), error = %failed.message, "flush failed");
        }
        for (done, permit) in answers {
            let answer = match &result {
                Ok(()) => Ok(()),
                Err(Failed { kind, message }) => Err(Error::Flush { kind: *kind, message: message.clone() }),
            };
            // The client may be gone; its entries stay.
            let _ = done.send(answer);
            drop(permit);
        }
        Flushed { throttled }
    }

    async fn store(
        &self,
        pushes: Vec<TenantPush>,
        ticket: &Ticket,
        deadline: Instant,
        throttled: &mut bool,
    ) -> Result<(), Failed> {
        let (codec, parallel) = (self.codec, self.cpu.pool().is_some());
        let named = ticket.clone();
        let Built { object, parts, rows } = self
            .cpu
            .run(move || build(pushes, &named, codec, parallel))
            .await
            .map_err(|error| Failed { kind: error.kind(), message: error.to_string() })?
            .map_err(|error| Failed { kind: ErrorKind::Internal, message: error.to_string() })?;
        let size = ByteSize(object.len() as u64);
        self.put(&ticket.key, PutPayload::from(object), deadline).await?;
        self.publish(&parts, deadline, throttled).await?;
        self.metrics.stored(size.bytes(), parts.len() as u64, rows);
        tracing::debug!(object = %ticket.key, parts = parts.len(), rows, bytes = %size, "flushed");
        Ok(())
    }

    /// Repeating a put is harmless: the key is this flush's own and the bytes are the same.
    async fn put(&self, key: &str, payload: PutPayload, deadline: Instant) -> Result<(), Failed> {
        let path = Path::from(key);
        retry("storing the object", &self.outage, deadline, || async {
            let stored = self.storage.objects.put(&path, payload.clone()).await;
            stored.map(drop).map_err(|cause| sigyn_storage::Error::object("put", key, cause))
        })
        .await
    }

    /// Repeating a publish is harmless: the catalog knows the parts by their ids.
    async fn publish(&self, parts: &[PartMeta], deadline: Instant, throttled: &mut bool) -> Result<(), Failed> {
        let limited = std::sync::atomic::AtomicBool::new(false);
        let published = retry("publishing the parts", &self.outage, deadline, || async {
            let published = self.storage.catalog.publish(parts).await;
            if published.as_ref().is_err_and(|error| error.kind() == ErrorKind::Limited) {
                limited.store(true, Ordering::Relaxed);
            }
            published
        })
        .await;
        *throttled = limited.into_inner();
        published
    }
}

/// Tries until it works, the attempts are used up, the error is not one that passes, or the deadline is reached.
async fn retry<F>(what: &str, outage: &Outage, deadline: Instant, attempt: impl Fn() -> F) -> Result<(), Failed>
where
    F: Future<Output = sigyn_storage::Result<()>>,
{
    let mut pauses = PAUSES.iter();
    loop {
        let now = Instant::now();
        if now >= deadline {
            let message = format!("{what} took longer than {} s in all", AGE_MAX.as_secs());
            return Err(Failed { kind: ErrorKind::Unavailable, message });
        }
        let mut trying = pin!(timeout_at(deadline.min(now + ATTEMPT_MAX), attempt()));
        let tried = match timeout(outage::PATIENCE, &mut trying).await {
            Ok(tried) => tried,
            Err(_) => {
                outage.noticed(now);
                trying.await
            }
        };
        let failed = match tried {
            Ok(Ok(())) => {
                outage.over();
                return Ok(());
            }
            Ok(Err(error)) => Failed { kind: error.kind(), message: format!("{what}: {error}") },
            Err(_) => Failed { kind: ErrorKind::Unavailable, message: format!("{what}: no answer in time") },
        };
        if matches!(failed.kind, ErrorKind::Unavailable | ErrorKind::Timeout) {
            outage.noticed(now);
        }
        let passing = matches!(
            failed.kind,
            ErrorKind::Unavailable | ErrorKind::Limited | ErrorKind::Conflict | ErrorKind::Timeout
        );
        match pauses.next() {
            Some(pause) if passing => tokio::time::sleep_until(deadline.min(Instant::now() + *pause)).await,
            _ => return Err(failed),
        }
    }
}
