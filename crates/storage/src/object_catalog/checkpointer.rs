//! Writing checkpoints and deleting what they make superfluous, behind the callers' backs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStore, PutMode, PutOptions};
use sigyn_model::ErrorKind;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::checkpoint::Snapshot;
use super::format::{self, LOG_PREFIX};
use super::head::Shared;
use crate::{Error, Result, objects};

/// Checkpoints left in the bucket. Two, so that a corrupt one does no harm: the log after the older one is kept.
const CHECKPOINTS_KEPT: usize = 2;

/// A large checkpoint is written once the log behind it has grown to a quarter of its size…
const TAIL_SHARE: u64 = 4;

/// …or to this many times the usual number of entries, which bounds the time to start.
const PATIENCE: u64 = 4;

/// Snapshots of fewer parts are encoded where they are; a thread costs more.
const INLINE_PARTS_MAX: usize = 256;

/// Decides when a checkpoint is due, and runs at most one job at a time.
#[derive(Debug)]
pub(super) struct Checkpointer {
    shared: Arc<Shared>,
    job: Option<JoinHandle<()>>,
    /// Head at the last start, so that a job that fails is not begun again at every entry.
    started_at: u64,
    known: Arc<Mutex<Known>>,
}

/// What this process knows about checkpoints and the log's beginning.
#[derive(Debug, Default)]
struct Known {
    /// When each checkpoint was first seen, by this process's monotonic clock: other clocks may be wrong.
    seen: BTreeMap<u64, Instant>,
    /// The log has been deleted up to here.
    truncated: u64,
}

impl Checkpointer {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, job: None, started_at: 0, known: Arc::default() }
    }

    /// Starts a job when the log has grown enough and none is running.
    pub(super) fn start_if_due(&mut self) {
        if self.job.as_ref().is_some_and(|job| !job.is_finished()) {
            return;
        }
        let sequence = {
            let head = self.shared.head();
            let every = self.shared.options.checkpoint_entries;
            let tail = head.state.sequence.saturating_sub(head.checkpoint);
            let is_worth_it = head.tail_bytes.saturating_mul(TAIL_SHARE) >= head.checkpoint_bytes;
            let is_due = tail >= every && (is_worth_it || tail >= every.saturating_mul(PATIENCE));
            if !is_due || (self.started_at != 0 && head.state.sequence < self.started_at + every / 4) {
                return;
            }
            head.state.sequence
        };
        self.started_at = sequence;
        let (shared, known) = (Arc::clone(&self.shared), Arc::clone(&self.known));
        self.job = Some(tokio::spawn(async move {
            if let Err(error) = run(&shared, &known).await {
                warn!(error = %error, "catalog checkpoint failed, the next one will do");
            }
        }));
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        if let Some(job) = &self.job {
            job.abort();
        }
    }
}

/// Writes a checkpoint unless another process just did, then deletes older ones and the log that nobody needs.
async fn run(shared: &Shared, known: &Mutex<Known>) -> Result<()> {
    let mut checkpoints = shared.checkpoints().await?;
    let newest = checkpoints.first().copied().unwrap_or_default();
    shared.head().noticed_checkpoint(newest);
    if shared.with_state(|state| state.sequence) >= newest.0 + shared.options.checkpoint_entries {
        checkpoints.insert(0, write(shared).await?);
        checkpoints.dedup_by_key(|(number, _)| *number);
    }
    let truncate_to = note(shared, known, &checkpoints);
    for (number, _) in checkpoints.iter().skip(CHECKPOINTS_KEPT) {
        objects::delete(&shared.objects, &format::checkpoint_key(*number)).await?;
    }
    if let Some(last) = truncate_to {
        let deleted = truncate(shared, last).await?;
        known.lock().unwrap_or_else(PoisonError::into_inner).truncated = last;
        info!(entries = deleted, up_to = last, "old catalog log entries deleted");
    }
    Ok(())
}

/// Writes the state as a checkpoint; returns its number and size.
async fn write(shared: &Shared) -> Result<(u64, u64)> {
    let snapshot = shared.with_state(Snapshot::of);
    let (sequence, parts) = (snapshot.sequence, snapshot.parts);
    let object = if parts <= INLINE_PARTS_MAX {
        snapshot.encode()?
    } else {
        let encoding = tokio::task::spawn_blocking(move || snapshot.encode());
        encoding.await.map_err(|panic| Error::Panicked { message: panic.to_string() })??
    };
    let bytes = object.len() as u64;
    let key = format::checkpoint_key(sequence);
    let (path, options) = (Path::from(key.as_str()), PutOptions { mode: PutMode::Create, ..PutOptions::default() });
    match shared.in_time("writing", &key, shared.objects.put_opts(&path, object.into(), options)).await {
        // Whoever wrote it first wrote the same state.
        Err(error) if error.kind() == ErrorKind::Conflict => {}
        written => written.map(drop)?,
    }
    shared.head().noticed_checkpoint((sequence, bytes));
    shared.metrics.catalog_checkpoints.inc();
    debug!(checkpoint = %key, parts, bytes, "catalog checkpoint written");
    Ok((sequence, bytes))
}

/// Remembers when each checkpoint was first seen, and returns up to which entry the log may be deleted now.
///
/// Rule: up to a checkpoint that has been known for `log_keep`, even if it was pruned since, but never past the
/// older of the two that are kept. The first half keeps sleepers safe (see [`super::head`]), the second covers a corrupt checkpoint.
fn note(shared: &Shared, known: &Mutex<Known>, checkpoints: &[(u64, u64)]) -> Option<u64> {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    let now = Instant::now();
    for (number, _) in checkpoints {
        known.seen.entry(*number).or_insert(now);
    }
    let (older_kept, _) = *checkpoints.get(CHECKPOINTS_KEPT - 1)?;
    let keep = shared.options.log_keep;
    let aged = known.seen.range(..=older_kept).rev().find(|(_, seen)| now.duration_since(**seen) >= keep);
    let last = aged.map(|(number, _)| *number)?;
    // Smaller numbers will never be the answer again.
    known.seen = known.seen.split_off(&last);
    (last > known.truncated).then_some(last)
}

/// Deletes log entries up to `last`; returns how many.
async fn truncate(shared: &Shared, last: u64) -> Result<usize> {
    let prefix = Path::from(LOG_PREFIX);
    let objects = Arc::clone(&shared.objects);
    let doomed = objects.list(Some(&prefix)).try_filter_map(move |meta| async move {
        Ok(format::sequence_of(&meta.location).filter(|number| *number <= last).map(|_| meta.location))
    });
    let failed = |cause| Error::object("deleting", LOG_PREFIX, cause);
    // Collected first: a store may not like to be listed and emptied at once.
    let doomed: Vec<Path> = doomed.try_collect().await.map_err(failed)?;
    let mut deleted = 0;
    let mut deletions = objects.delete_stream(futures::stream::iter(doomed.into_iter().map(Ok)).boxed());
    while let Some(result) = deletions.next().await {
        match result {
            Ok(_) => deleted += 1,
            Err(object_store::Error::NotFound { .. }) => {}
            Err(cause) => return Err(failed(cause)),
        }
    }
    Ok(deleted)
}
