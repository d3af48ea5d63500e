//! Knowing where the log ends: refreshes that callers share, and reloads after a long pause.
//!
//! # Why a paused process does no harm
//!
//! Log entries that a checkpoint covers are deleted after a while, so an absent number has two meanings: not written yet, or
//! deleted long ago. A process that slept through the deletion of the entry after its last one must neither conclude that
//! it is at the end, nor create that number again and believe that it appended. The argument that it cannot:
//!
//! 1. Entry `n` is deleted only by a process that has known, for [`CatalogOptions::log_keep`] (1 h) of its own monotonic
//!    clock, a checkpoint `c ≥ n`. That checkpoint was written after entry `n` existed. So entry `n` exists for at least an hour.
//! 2. A process at state `h` remembers `known_at`: an instant at which entry `h + 1` did not exist. It is the instant *before*
//!    the read that found `h + 1` absent, *before* the put that won number `h`, or *before* the listing whose newest checkpoint
//!    is `≤ h` (entry `h + 1` may exist then; but no checkpoint covers it yet, which serves as well).
//!    An instant that holds for `h` holds for every later number too, for numbers are taken in order.
//! 3. By 1 and 2, entry `h + 1` cannot have been deleted before `known_at` + 1 h. So whatever a read or a put of number `h + 1` says
//!    *when it is answered* less than [`CatalogOptions::trust`] (30 min) after `known_at`, is the truth:
//!    absent means not written yet, and a put that created the number was the first to do so.
//! 4. An answer that comes later proves nothing and is thrown away, even an entry found: it may have been put there by another
//!    sleeper at a deleted number. The process then lists the checkpoints. If the newest is `c ≤ h`, nothing after `h` was deleted
//!    (deleting needs a checkpoint that covers it, and the newest is never pruned), and it goes on from `h`, with the instant before
//!    the listing as `known_at`. Otherwise it loads `c` and goes on from there; a put of its own at a number `≤ c` counts as not done,
//!    and its callers are told to repeat, which every operation allows.
//! 5. What a sleeper created at a deleted number `n ≤ c` is never read: starters begin after the newest checkpoint, others that
//!    would read `n` next are sleepers themselves and stopped by 4. The next truncation deletes it.
//!
//! A pause is noticed by two clocks, monotonic and wall, and either suffices: some systems stop the one while suspended, and the
//! other may be stepped. A machine that is frozen and thawed with both clocks stopped for an hour is beyond this argument.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::TryStreamExt;
use futures::future::join_all;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use sigyn_model::{ErrorKind, Timestamp};
use tokio::time::Instant;
use tracing::{error, info};

use super::CatalogOptions;
use super::checkpoint::decode_checkpoint;
use super::entry::{LogEntry, WriterNonce};
use super::format::{self, CHECKPOINT_PREFIX};
use super::state::{Outcome, State};
use crate::clock::nanos;
use crate::{Clock, Error, Metrics, Result, Rng};

/// Entries read at a time when far behind.
const READ_AHEAD_MAX: u64 = 32;

/// How often a checkpoint may vanish between listing and reading, because a newer one pruned it.
const LOAD_ATTEMPTS_MAX: usize = 5;

/// What readers and the appender of one catalog share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) objects: Arc<dyn ObjectStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) rng: Arc<dyn Rng>,
    pub(super) options: CatalogOptions,
    pub(super) metrics: Metrics,
    head: Mutex<Head>,
    /// Calls so far; a call's ticket is its number.
    tickets: AtomicU64,
    refreshes: tokio::sync::Mutex<Refreshed>,
}

/// The state and how far it can be trusted.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) state: State,
    /// See the module's text, point 2; `None` until the checkpoints have been listed once.
    known_at: Option<Moment>,
    /// Bytes of the entries applied since the newest checkpoint known, and that checkpoint's number and size.
    pub(super) tail_bytes: u64,
    pub(super) checkpoint: u64,
    pub(super) checkpoint_bytes: u64,
    /// Counts loads of a checkpoint, each of which may have jumped over entries.
    pub(super) loads: u64,
    /// Set when an older checkpoint had to do: the log must then lead beyond the corrupt one.
    must_reach: Option<(u64, Error)>,
    /// The appender's entry in flight, and what became of it once it was applied, by whoever read it first.
    pub(super) awaited: Option<WriterNonce>,
    pub(super) landed: Option<Vec<Outcome>>,
}

/// The last refresh.
#[derive(Debug)]
struct Refreshed {
    /// It began after every call with a smaller ticket.
    covers: u64,
    outcome: Result<()>,
}

/// An instant on both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    wall: Timestamp,
    monotonic: Instant,
}

impl Shared {
    pub(super) fn new(
        objects: Arc<dyn ObjectStore>,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
        options: CatalogOptions,
        metrics: Metrics,
    ) -> Self {
        let head = Head {
            state: State::default(),
            known_at: None,
            tail_bytes: 0,
            checkpoint: 0,
            checkpoint_bytes: 0,
            loads: 0,
            must_reach: None,
            awaited: None,
            landed: None,
        };
        Self {
            objects,
            clock,
            rng,
            options,
            metrics,
            head: Mutex::new(head),
            tickets: AtomicU64::new(0),
            refreshes: tokio::sync::Mutex::new(Refreshed { covers: 0, outcome: Ok(()) }),
        }
    }

    pub(super) fn head(&self) -> MutexGuard<'_, Head> {
        self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn with_state<T>(&self, f: impl FnOnce(&State) -> T) -> T {
        f(&self.head().state)
    }

    pub(super) fn moment(&self) -> Moment {
        Moment { wall: self.clock.now(), monotonic: Instant::now() }
    }

    /// Whether too much time passed since `known_at` to believe an answer that came just now.
    pub(super) fn is_stale(&self, known_at: Option<Moment>) -> bool {
        let Some(known_at) = known_at else { return true };
        // A wall clock that was set back is as suspicious as one that leapt ahead.
        let wall_nanos = self.clock.now().nanos().abs_diff(known_at.wall.nanos());
        known_at.monotonic.elapsed() > self.options.trust || wall_nanos > nanos(self.options.trust).unsigned_abs()
    }

    /// Brings the state to the end of the log as it is at some instant after this call began.
    ///
    /// Callers that wait while one of them reads share its next reading, success or failure.
    pub(super) async fn refresh(&self) -> Result<()> {
        let ticket = self.tickets.fetch_add(1, Ordering::SeqCst);
        let mut last = self.refreshes.lock().await;
        if last.covers > ticket {
            return last.outcome.clone();
        }
        let covers = self.tickets.load(Ordering::SeqCst);
        let outcome = self.catch_up().await;
        *last = Refreshed { covers, outcome: outcome.clone() };
        outcome
    }

    /// Reads entry after entry until one is absent.
    async fn catch_up(&self) -> Result<()> {
        let mut width = 1;
        loop {
            let (sequence, known_at) = {
                let head = self.head();
                (head.state.sequence, head.known_at)
            };
            if self.is_stale(known_at) {
                self.reload().await?;
                continue;
            }
            let before = self.moment();
            let read = join_all((1..=width).map(|ahead| self.read_entry(sequence + ahead))).await;
            if self.is_stale(known_at) {
                continue;
            }
            let mut head = self.head();
            for entry in read {
                // What came before a failure is kept, so that even a bad connection gets on.
                let Some((entry, bytes)) = entry? else {
                    head.check_reached()?;
                    head.learned(before);
                    self.metrics.catalog_parts.set(i64::try_from(head.state.parts.len()).unwrap_or(i64::MAX));
                    return Ok(());
                };
                head.apply(&entry, bytes);
            }
            drop(head);
            width = (width * 2).min(READ_AHEAD_MAX);
        }
    }

    /// Reads an entry and its size; `None` when its number is free.
    async fn read_entry(&self, sequence: u64) -> Result<Option<(LogEntry, u64)>> {
        match self.get(&format::log_key(sequence)).await {
            Ok(object) => Ok(Some((LogEntry::decode(sequence, &object)?, object.len() as u64))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn get(&self, key: &str) -> Result<bytes::Bytes> {
        let path = Path::from(key);
        let read = async { self.objects.get(&path).await?.bytes().await };
        self.in_time("reading", key, read).await
    }

    /// Waits for a request, but not for ever.
    pub(super) async fn in_time<T>(
        &self,
        action: &'static str,
        key: &str,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T> {
        let limit = self.options.request_timeout;
        match tokio::time::timeout(limit, request).await {
            Ok(answer) => answer.map_err(|cause| Error::object(action, key, cause)),
            Err(_) => Err(Error::NoAnswer { action, key: key.to_owned(), seconds: limit.as_secs() }),
        }
    }

    /// Numbers and sizes of the checkpoints in the bucket, newest first.
    pub(super) async fn checkpoints(&self) -> Result<Vec<(u64, u64)>> {
        let prefix = Path::from(CHECKPOINT_PREFIX);
        let listing = self.objects.list(Some(&prefix)).try_collect::<Vec<_>>();
        let listed = self.in_time("listing", CHECKPOINT_PREFIX, listing).await?;
        let ours = listed.iter().filter_map(|meta| Some((format::sequence_of(&meta.location)?, meta.size)));
        let mut numbers: Vec<(u64, u64)> = ours.collect();
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        Ok(numbers)
    }

    /// Lists the checkpoints and, when one is ahead of the state, loads it. See the module's text, point 4.
    async fn reload(&self) -> Result<()> {
        for _ in 0..LOAD_ATTEMPTS_MAX {
            let before = self.moment();
            let checkpoints = self.checkpoints().await?;
            let sequence = self.head().state.sequence;
            let ahead: Vec<(u64, u64)> = checkpoints.into_iter().filter(|(number, _)| *number > sequence).collect();
            let Some(&newest) = ahead.first() else {
                self.head().go_on(before);
                return Ok(());
            };
            match self.load(newest.0).await {
                Ok(state) => self.head().replace(state, newest, before),
                Err(damage) if damage.kind() == ErrorKind::NotFound => continue,
                Err(damage) if damage.kind() == ErrorKind::Corrupt => {
                    error!(error = %damage, "checkpoint cannot be read, using what came before it");
                    // The log after the older of two checkpoints is kept for this case.
                    if let Some(&older) = ahead.get(1) {
                        let Ok(state) = self.load(older.0).await else { return Err(damage) };
                        self.head().replace(state, older, before);
                    } else {
                        self.head().go_on(before);
                    }
                    self.head().must_reach = Some((newest.0, damage));
                }
                Err(error) => return Err(error),
            }
            self.metrics.catalog_reloads.inc();
            return Ok(());
        }
        let reason = "checkpoints vanish faster than they can be read".to_owned();
        Err(Error::Corrupt { key: CHECKPOINT_PREFIX.to_owned(), reason })
    }

    async fn load(&self, sequence: u64) -> Result<State> {
        const INLINE_BYTES_MAX: usize = 64 << 10;
        let key = format::checkpoint_key(sequence);
        let object = self.get(&key).await?;
        let state = if object.len() <= INLINE_BYTES_MAX {
            decode_checkpoint(sequence, &object)?
        } else {
            let decoding = tokio::task::spawn_blocking(move || decode_checkpoint(sequence, &object));
            decoding.await.map_err(|panic| Error::Panicked { message: panic.to_string() })??
        };
        info!(checkpoint = %key, parts = state.parts.len(), "catalog loaded");
        Ok(state)
    }
}

impl Head {
    /// Applies an entry unless it was applied already: the appender and a refresh may both bring it.
    pub(super) fn apply(&mut self, entry: &LogEntry, bytes: u64) {
        if entry.sequence != self.state.sequence + 1 {
            return;
        }
        let outcomes = self.state.apply(entry);
        self.tail_bytes += bytes;
        if self.awaited == Some(entry.writer) {
            self.landed = Some(outcomes);
        }
    }

    /// When the end of the log was last known; `None` while it has to be looked for.
    pub(super) fn known_at(&self) -> Option<Moment> {
        self.known_at.filter(|_| self.must_reach.is_none())
    }

    /// Notes that at `moment` the entry after the state's did not exist.
    pub(super) fn learned(&mut self, moment: Moment) {
        if self.known_at.is_none_or(|known_at| known_at.monotonic <= moment.monotonic) {
            self.known_at = Some(moment);
        }
    }

    /// Notes a checkpoint that this process wrote or saw listed, and its size.
    pub(super) fn noticed_checkpoint(&mut self, (sequence, bytes): (u64, u64)) {
        if sequence > self.checkpoint {
            (self.checkpoint, self.checkpoint_bytes, self.tail_bytes) = (sequence, bytes, 0);
        }
    }

    /// Keeps the state, now that the checkpoints have been looked at.
    fn go_on(&mut self, listed: Moment) {
        self.known_at = Some(listed);
        self.must_reach = None;
    }

    fn replace(&mut self, state: State, checkpoint: (u64, u64), listed: Moment) {
        self.noticed_checkpoint(checkpoint);
        self.state = state;
        self.loads += 1;
        self.go_on(listed);
    }

    /// Fails while the log ends before a checkpoint that could not be read: entries between are missing.
    fn check_reached(&mut self) -> Result<()> {
        match self.must_reach.take() {
            Some((sequence, damage)) if self.state.sequence < sequence => {
                self.known_at = None;
                Err(damage)
            }
            _ => Ok(()),
        }
    }
}
