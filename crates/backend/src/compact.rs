//! Compaction: many small parts of a tenant's hour become one.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use sigyn_model::{ErrorKind, Level, PartId, PartMeta, TenantId, TimeRange, Window};
use sigyn_segment::{BlockLimits, Codec, Merged, Merger, ObjectWriter, check_part};
use sigyn_storage::{CpuPool, Lease, Storage, Swap, objects, rng};
use tracing::{debug, info, warn};

use crate::backend::Backend;
use crate::metrics::{AtLevel, Compaction, CompactionOutcome, InOut, Side};
use crate::plan::{self, Due, Plan};
use crate::{Error, Result};

/// What one pass of compaction did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compacted {
    pub merges: usize,
    /// Merges whose swap lost a race; their output is garbage.
    pub conflicts: usize,
    /// Parts that still wait to be merged, due or not.
    pub pending: usize,
    /// Another pass would find more to do at once.
    pub more: bool,
}

/// How long a lease outlives its last renewal.
const LEASE_TTL: Duration = Duration::from_secs(60);
/// Oldest object that may still be published: garbage collection spares what is younger than an hour.
const PUBLISH_AGE_MAX_SECONDS: i64 = 60;
/// How often all hours are looked at where scans cost money.
const LOOK_EVERYWHERE_NANOS: i64 = 600 * 1_000_000_000;
/// Inputs fetched at a time.
const FETCHES: usize = 4;
/// Blocks merged between two breaks: about 5 ms. A block of the last level takes longer alone.
const BLOCKS_PER_SLICE: usize = 4;

impl Backend {
    /// Looks at every tenant's hours once and merges what is due, at most one merge an hour.
    ///
    /// Errors: the first that stopped a merge; other hours have had their turn by then.
    pub async fn compact_once(&self) -> Result<Compacted> {
        let mut done = Compacted::default();
        let mut failure = None;
        for (tenant, window) in self.due(&mut done).await? {
            if let Err(error) = self.compact_window(&tenant, window, &mut done).await {
                self.metrics.compactions.get_or_create(&Compaction { outcome: CompactionOutcome::failed }).inc();
                failure.get_or_insert(error);
            }
        }
        failure.map_or(Ok(done), Err)
    }

    /// Hours with a merge to do, newest first because that is where queries look. Sets the gauges on the way.
    async fn due(&self, done: &mut Compacted) -> Result<Vec<(TenantId, Window)>> {
        let mut due = Vec::new();
        let mut live = Live::default();
        let range = self.range_to_look_at();
        for tenant in self.storage.catalog.tenants().await? {
            let parts = self.storage.catalog.scan(&tenant, range).await?;
            live.count(&parts);
            for (window, parts) in sigyn_storage::catalog::by_window(parts) {
                let parts = self.without_damaged(parts);
                done.pending += plan::pending(&parts);
                if plan::plan(&self.rested(parts), self.due_times()).is_some() {
                    due.push((tenant.clone(), window));
                }
            }
        }
        due.sort_by(|(tenant_a, a), (tenant_b, b)| b.cmp(a).then_with(|| tenant_a.cmp(tenant_b)));
        self.metrics.pending_parts.set(done.pending as i64);
        if range == TimeRange::all() {
            live.report(&self.metrics);
        }
        Ok(due)
    }

    /// Everything; but where scans cost money only the present hours, and everything every now and then: late lines wait that long
    /// to be merged.
    fn range_to_look_at(&self) -> TimeRange {
        if !self.storage.catalog.terms().scans_cost {
            return TimeRange::all();
        }
        let now = self.storage.clock.now();
        let mut looked = self.looked_everywhere.lock().unwrap_or_else(PoisonError::into_inner);
        if looked.is_none_or(|looked| now - LOOK_EVERYWHERE_NANOS >= looked) {
            *looked = Some(now);
            return TimeRange::all();
        }
        let window = Window::of(now).0;
        TimeRange::new(Window(window - 2).start(), Window(window + 1).end())
    }

    /// Without flushed parts that tails may not have seen yet.
    fn rested(&self, mut parts: Vec<Arc<PartMeta>>) -> Vec<Arc<PartMeta>> {
        let rest = self.storage.catalog.terms().rest;
        if !rest.is_zero() {
            let before = self.flushed_at(i64::try_from(rest.as_nanos()).unwrap_or(i64::MAX));
            parts.retain(|part| part.level != Level::L0 || part.sequence < before);
        }
        parts
    }

    /// Takes the hour's lease, plans again under it, merges, swaps.
    async fn compact_window(&self, tenant: &TenantId, window: Window, done: &mut Compacted) -> Result<()> {
        let catalog = &self.storage.catalog;
        let Some(lease) = catalog.acquire(&format!("compact/{tenant}/{window}"), &self.owner, LEASE_TTL).await? else {
            return Ok(());
        };
        debug!(lease = lease.name, epoch = lease.epoch, "took a lease");
        let swapped = self.compact_leased(tenant, window, lease.clone(), done).await;
        if let Err(error) = catalog.release(&lease).await {
            debug!(lease = lease.name, %error, "a lease was not released and will run out");
        }
        match swapped {
            Err(error) if error.kind() == ErrorKind::Conflict => {
                info!(%tenant, window = window.0, %error, "compaction lost a race; its work is dropped");
                self.metrics.compactions.get_or_create(&Compaction { outcome: CompactionOutcome::conflict }).inc();
                done.conflicts += 1;
                Ok(())
            }
            other => other,
        }
    }

    async fn compact_leased(
        &self,
        tenant: &TenantId,
        window: Window,
        lease: Lease,
        done: &mut Compacted,
    ) -> Result<()> {
        let hour = TimeRange::new(window.start(), window.end());
        let mut parts = self.storage.catalog.scan(tenant, hour).await?;
        parts.retain(|part| part.window == window);
        let parts = self.rested(self.without_damaged(parts));
        let Some(Plan { inputs, level, more }) = plan::plan(&parts, self.due_times()) else {
            return Ok(());
        };
        let mut work = Work { backend: self, lease, level, hurried: more, cpu: self.cpu.clone() };
        let merged = work.merge(&inputs).await?;
        let (rows, duplicates, raw_bytes) = (merged.part.rows, merged.duplicates, merged.part.raw_bytes);
        let stored = self.publish(tenant, (window, level), &inputs, merged, work.lease).await?;
        done.merges += 1;
        done.more |= more;
        self.count(&inputs, stored, raw_bytes, duplicates);
        info!(%tenant, window = window.0, inputs = inputs.len(), rows, duplicates, bytes = stored, "compacted parts");
        Ok(())
    }

    /// Puts the merged part into an object of its own and swaps it in. Returns its stored bytes.
    async fn publish(
        &self,
        tenant: &TenantId,
        (window, level): (Window, Level),
        inputs: &[Arc<PartMeta>],
        merged: Merged,
        lease: Lease,
    ) -> Result<u64> {
        let Storage { objects, catalog, clock, .. } = &self.storage;
        let started = clock.now();
        let object = rng::new_object_key(started, &*self.storage.rng);
        let (meta, bytes) = lay_out(&object, tenant, (window, level), inputs, merged);
        let stored = meta.length;
        objects::put_new(&**objects, &object, Bytes::from(bytes)).await?;
        let seconds = (clock.now().nanos() - started.nanos()) / 1_000_000_000;
        if seconds > PUBLISH_AGE_MAX_SECONDS {
            return Err(Error::TooSlow { object, seconds });
        }
        let remove: Vec<PartId> = inputs.iter().map(|part| part.id.clone()).collect();
        let swap = Swap { tenant: tenant.clone(), window, remove, add: vec![meta], fence: Some(lease) };
        catalog.replace(&swap).await?;
        Ok(stored)
    }

    fn count(&self, inputs: &[Arc<PartMeta>], stored: u64, raw_bytes: u64, duplicates: u64) {
        let metrics = &self.metrics;
        metrics.compactions.get_or_create(&Compaction { outcome: CompactionOutcome::swapped }).inc();
        metrics.compacted_parts.inc_by(inputs.len() as u64);
        let bytes_in = inputs.iter().map(|part| part.length).sum();
        metrics.compacted_bytes.get_or_create(&Side { side: InOut::r#in }).inc_by(bytes_in);
        metrics.compacted_bytes.get_or_create(&Side { side: InOut::out }).inc_by(stored);
        metrics.compacted_raw_bytes.inc_by(raw_bytes);
        metrics.duplicate_entries.inc_by(duplicates);
    }

    fn due_times(&self) -> Due {
        Due {
            flushed_before: self.flushed_at(self.config.compact_after.nanos()),
            quiet_before: self.flushed_at(self.config.finish_after.nanos()),
        }
    }

    /// The sequence of a part that was flushed so many nanoseconds ago: it starts with milliseconds.
    fn flushed_at(&self, ago: i64) -> u64 {
        let then = self.storage.clock.now() - ago;
        u64::try_from(then.nanos() / 1_000_000).unwrap_or(0) << 16
    }

    fn without_damaged(&self, mut parts: Vec<Arc<PartMeta>>) -> Vec<Arc<PartMeta>> {
        let damaged = self.damaged.lock().unwrap_or_else(PoisonError::into_inner);
        parts.retain(|part| !damaged.contains(&part.id));
        parts
    }
}

/// One merge under its lease.
struct Work<'a> {
    backend: &'a Backend,
    lease: Lease,
    /// Of the output.
    level: Level,
    /// There is more to merge in the hour than one merge takes: the backlog must not grow.
    hurried: bool,
    cpu: CpuPool,
}

impl Work<'_> {
    async fn merge(&mut self, inputs: &[Arc<PartMeta>]) -> Result<Merged> {
        let parts = self.fetch(inputs).await?;
        match self.merge_bytes(parts).await {
            Err(error) if error.kind() == ErrorKind::Corrupt => Err(self.blame(inputs, error).await?),
            other => other,
        }
    }

    async fn fetch(&self, inputs: &[Arc<PartMeta>]) -> Result<Vec<Bytes>> {
        let objects = &self.backend.storage.objects;
        let fetch = |part: Arc<PartMeta>| async move {
            let range = part.offset..part.offset + part.length;
            let fetched = objects::get_ranges(&**objects, &part.id.object, &[range]).await;
            if let Err(error) = &fetched
                && matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::NotFound)
            {
                self.mark_damaged(&part.id);
                warn!(part = %part.id, %error, "a part cannot be fetched and is left out of compaction");
            }
            Ok(fetched?.pop().unwrap_or_default())
        };
        stream::iter(inputs.iter().cloned()).map(fetch).buffered(FETCHES).try_collect().await
    }

    /// Merges in slices and leaves the processor alone as long as it was used, so that queries and pushes come first; unless the
    /// backlog grows.
    async fn merge_bytes(&mut self, parts: Vec<Bytes>) -> Result<Merged> {
        let level = self.level;
        let (codec, limits, blocks_per_slice) = match level {
            Level::L2 => (Codec::L2, BlockLimits::last(), 1),
            _ => (Codec::L1, BlockLimits::compacted(), BLOCKS_PER_SLICE),
        };
        let make = move || Merger::new(parts, level, codec, limits);
        let mut merger = self.cpu.run_background(make).await??;
        loop {
            let started = tokio::time::Instant::now();
            let slice = move || -> Result<(Merger<Bytes>, bool)> {
                for _ in 0..blocks_per_slice {
                    if !merger.step()? {
                        return Ok((merger, false));
                    }
                }
                Ok((merger, true))
            };
            let (next, more) = self.cpu.run_background(slice).await??;
            if !more {
                return Ok(self.cpu.run_background(move || next.finish()).await??);
            }
            merger = next;
            self.keep_lease().await?;
            if !self.hurried {
                tokio::time::sleep(started.elapsed()).await;
            }
        }
    }

    /// Renews the lease once half of its time is gone.
    async fn keep_lease(&mut self) -> Result<()> {
        let Storage { catalog, clock, .. } = &self.backend.storage;
        let half = LEASE_TTL.as_nanos() as i64 / 2;
        if (self.lease.expires - half) <= clock.now() {
            self.lease = catalog.renew(&self.lease, LEASE_TTL).await?;
        }
        Ok(())
    }

    /// Finds the inputs that cannot be read and leaves them out from now on.
    async fn blame(&self, inputs: &[Arc<PartMeta>], error: Error) -> Result<Error> {
        let mut blamed = error;
        for (part, bytes) in inputs.iter().zip(self.fetch(inputs).await?) {
            if let Err(source) = self.cpu.run_background(move || check_part(&bytes)).await? {
                self.mark_damaged(&part.id);
                blamed = Error::Part { part: part.id.clone(), source };
                warn!(error = %blamed, "a damaged part is left out of compaction");
            }
        }
        Ok(blamed)
    }

    fn mark_damaged(&self, part: &PartId) {
        self.backend.damaged.lock().unwrap_or_else(PoisonError::into_inner).insert(part.clone());
    }
}

/// The merged part as an object, and its catalog row.
fn lay_out(
    object: &str,
    tenant: &TenantId,
    (window, level): (Window, Level),
    inputs: &[Arc<PartMeta>],
    merged: Merged,
) -> (PartMeta, Vec<u8>) {
    let sequence = inputs.iter().map(|part| part.sequence).max().unwrap_or(0);
    let mut writer = ObjectWriter::new();
    let meta = writer.push_named(object, tenant, window, level, sequence, merged.part);
    (meta, writer.finish())
}

/// Parts this process found damaged, until it restarts.
pub(crate) type Damaged = Mutex<HashSet<PartId>>;

/// What the catalog holds, for the gauges.
#[derive(Debug, Default)]
struct Live {
    parts: [i64; 3],
    bytes: u64,
}

impl Live {
    fn count(&mut self, parts: &[Arc<PartMeta>]) {
        for part in parts {
            self.parts[usize::from(part.level.0).min(2)] += 1;
            self.bytes += part.length;
        }
    }

    fn report(&self, metrics: &crate::metrics::Metrics) {
        for (level, parts) in (0..).zip(self.parts) {
            metrics.live_parts.get_or_create(&AtLevel { level }).set(parts);
        }
        metrics.live_bytes.set(i64::try_from(self.bytes).unwrap_or(i64::MAX));
    }
}
