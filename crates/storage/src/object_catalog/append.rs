//! Appending to the log: one entry at a time, carrying what every waiting caller asked for.

use std::sync::Arc;
use std::time::Duration;

use object_store::path::Path;
use object_store::{ObjectStore, PutMode, PutOptions};
use sigyn_model::ErrorKind;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::debug;

use super::checkpointer::Checkpointer;
use super::entry::{LogEntry, Operation, WriterNonce};
use super::format;
use super::head::{Moment, Shared};
use super::state::Outcome;
use crate::metrics::{Append, AppendOutcome};
use crate::{Error, Result, rng};

/// Callers answered by one entry, at most.
const OPERATIONS_MAX: usize = 256;

/// Puts of unknown outcome before the callers are told so, and the pause after the first, doubled each time.
const PUTS_MAX: u32 = 5;
const BACKOFF: Duration = Duration::from_millis(25);

/// An entry that has not found its number by then is given up, which bounds how late an operation can happen.
const APPEND_MAX: Duration = Duration::from_secs(60);

/// One caller's operation and where its outcome goes.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) operation: Operation,
    pub(super) answer: oneshot::Sender<Outcome>,
}

/// The task that appends. There is one for each catalog, so a process never races itself for a number.
#[derive(Debug)]
pub(super) struct Appender {
    shared: Arc<Shared>,
    checkpointer: Checkpointer,
}

impl Appender {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { checkpointer: Checkpointer::new(Arc::clone(&shared)), shared }
    }

    /// Serves callers until the catalog is dropped. While an entry is on its way, the next callers gather.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Request>) {
        let mut batch: Vec<Request> = Vec::new();
        while queue.recv_many(&mut batch, OPERATIONS_MAX).await > 0 {
            // What nobody waits for any more must not happen late: its object may be taken for garbage by then.
            let wanted = batch.drain(..).filter(|request| !request.answer.is_closed());
            let (operations, answers): (Vec<_>, Vec<_>) =
                wanted.map(|request| (request.operation, request.answer)).unzip();
            if operations.is_empty() {
                continue;
            }
            let outcomes = self.append(operations, answers.len()).await;
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                // A caller that gave up does not want to know.
                let _ = answer.send(outcome);
            }
            self.checkpointer.start_if_due();
        }
    }

    /// One outcome for each operation; the same error for all when the entry could not be appended.
    async fn append(&self, operations: Vec<Operation>, count: usize) -> Vec<Outcome> {
        let writer = self.nonce();
        {
            let mut head = self.shared.head();
            head.awaited = Some(writer);
            head.landed = None;
        }
        let result = self.append_entry(writer, operations).await;
        self.shared.head().awaited = None;
        let outcome = match &result {
            Ok(_) => AppendOutcome::won,
            Err(_) => AppendOutcome::failed,
        };
        self.count(outcome);
        self.shared.metrics.catalog_operations.inc_by(count as u64);
        result.unwrap_or_else(|error| vec![Err(error); count])
    }

    fn nonce(&self) -> WriterNonce {
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&self.shared.rng.next_u64().to_le_bytes());
        nonce[8..].copy_from_slice(&self.shared.rng.next_u64().to_le_bytes());
        nonce
    }

    fn count(&self, outcome: AppendOutcome) {
        self.shared.metrics.catalog_entries.get_or_create(&Append { outcome }).inc();
    }

    /// Puts the entry at the first free number, however often that number is lost to another process.
    ///
    /// A put whose answer was lost is never taken for a failure: the number is put again or read, and the nonce in the entry found
    /// there tells whose it is. The entry moves to the next number only once another writer's entry was read at this one,
    /// so it cannot end up in the log twice.
    async fn append_entry(&self, writer: WriterNonce, operations: Vec<Operation>) -> Result<Vec<Outcome>> {
        let shared = &*self.shared;
        let mut entry = LogEntry { sequence: 0, time: shared.clock.now(), writer, operations };
        let (mut loads_at_put, mut unknown) = (None, 0);
        let started = Instant::now();
        loop {
            let (sequence, known_at, loads) = {
                let mut head = shared.head();
                if let Some(landed) = head.landed.take() {
                    return Ok(landed);
                }
                // The state has jumped over the number that was put, so what became of it cannot be known any more.
                if loads_at_put.is_some_and(|loads| loads != head.loads) {
                    return Err(Error::Stale { action: "appending to the catalog's log" });
                }
                (head.state.sequence + 1, head.known_at(), head.loads)
            };
            if started.elapsed() > APPEND_MAX {
                let (action, key) = ("appending to the log at", format::log_key(sequence));
                return Err(Error::NoAnswer { action, key, seconds: APPEND_MAX.as_secs() });
            }
            if shared.is_stale(known_at) {
                shared.refresh().await?;
                continue;
            }
            loads_at_put = Some(loads);
            entry.sequence = sequence;
            entry.time = shared.clock.now();
            match self.put(&entry, known_at).await {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Conflict => {
                    self.count(AppendOutcome::lost);
                    self.refresh_patiently(&mut unknown).await?;
                }
                Err(error) => {
                    unknown += 1;
                    debug!(entry = sequence, attempt = unknown, error = %error, "put of unknown outcome");
                    if unknown >= PUTS_MAX {
                        return Err(error);
                    }
                    self.pause(unknown).await;
                    self.refresh_patiently(&mut unknown).await?;
                }
            }
        }
    }

    /// Creates the entry's object and, when that is beyond doubt, applies it.
    ///
    /// `known_at` belongs to the state whose next number the entry has; a later one may belong to a later state.
    async fn put(&self, entry: &LogEntry, known_at: Option<Moment>) -> Result<()> {
        let shared = &*self.shared;
        let object = entry.encode();
        let bytes = object.len() as u64;
        let before = shared.moment();
        let key = format::log_key(entry.sequence);
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let path = Path::from(key.as_str());
        shared.in_time("writing", &key, shared.objects.put_opts(&path, object.into(), options)).await?;
        if shared.is_stale(known_at) {
            // The number may have been deleted before it was won. The refresh lists the checkpoints, and either reads
            // the entry from the log, in its place, or jumps over it: then it counts as not done.
            return shared.refresh().await;
        }
        let mut head = shared.head();
        head.apply(entry, bytes);
        head.learned(before);
        Ok(())
    }

    /// A refresh that fails leaves the outcome unknown, as a put does, and is worth the same patience.
    async fn refresh_patiently(&self, unknown: &mut u32) -> Result<()> {
        while let Err(error) = self.shared.refresh().await {
            *unknown += 1;
            if *unknown >= PUTS_MAX || error.kind() != ErrorKind::Unavailable {
                return Err(error);
            }
            self.pause(*unknown).await;
        }
        Ok(())
    }

    /// Waits 25, 50, 100 … ms, each up to half longer, so that rivals do not stay in step.
    async fn pause(&self, attempt: u32) {
        let pause = BACKOFF * 2_u32.saturating_pow(attempt.saturating_sub(1));
        let jitter = rng::below(&*self.shared.rng, u64::try_from(pause.as_micros() / 2).unwrap_or(0));
        tokio::time::sleep(pause + Duration::from_micros(jitter)).await;
    }
}
