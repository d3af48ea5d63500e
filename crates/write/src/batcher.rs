//! Group commit: gathers pushes of all tenants and decides when they are flushed.
//!
//! A flush starts when enough waits, when the oldest push has waited long enough, or when a fair amount waits and
//! nobody is about to add to it. While the catalog throttles, the wait grows instead of the number of failures.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::backlog::{Backlog, DecodePermit};
use crate::flush::{Flushed, Flusher};
use crate::group::TenantPush;
use crate::{Result, WriteConfig};

/// Where a throttled interval of zero starts to grow from.
const SMALLEST_WIDENED: Duration = Duration::from_millis(50);

/// A push that waits to be flushed, and who waits for it.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) push: TenantPush,
    pub(crate) done: oneshot::Sender<Result<()>>,
    pub(crate) permit: DecodePermit,
    pub(crate) arrived: Instant,
}

/// The task that owns all waiting pushes.
#[derive(Debug)]
pub(crate) struct Batcher {
    config: WriteConfig,
    backlog: Arc<Backlog>,
    flusher: Arc<Flusher>,
    inbox: mpsc::UnboundedReceiver<Waiting>,
    closing: CancellationToken,
    waiting: VecDeque<Waiting>,
    waiting_bytes: u64,
    /// How long the oldest push may wait just now.
    interval: Duration,
    flushes: JoinSet<Flushed>,
    open: bool,
}

impl Batcher {
    /// `closing` ends it once everything received has been flushed.
    pub(crate) fn new(
        config: WriteConfig,
        backlog: Arc<Backlog>,
        flusher: Arc<Flusher>,
        inbox: mpsc::UnboundedReceiver<Waiting>,
        closing: CancellationToken,
    ) -> Self {
        let interval = config.interval();
        Self {
            config,
            backlog,
            flusher,
            inbox,
            closing,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            interval,
            flushes: JoinSet::new(),
            open: true,
        }
    }

    /// Runs until it is closed and all is flushed.
    pub(crate) async fn run(mut self) {
        while self.open || !self.waiting.is_empty() || !self.flushes.is_empty() {
            let deadline = self.deadline().filter(|_| self.may_start());
            tokio::select! {
                biased;
                Some(flushed) = self.flushes.join_next(), if !self.flushes.is_empty() => self.flushed(flushed),
                () = self.closing.cancelled(), if self.open => self.close(),
                received = self.inbox.recv(), if self.open => match received {
                    Some(waiting) => self.add(waiting),
                    None => self.open = false,
                },
                () = self.backlog.idle(), if self.open => {}
                () = tokio::time::sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {}
            }
            while let Ok(waiting) = self.inbox.try_recv() {
                self.add(waiting);
            }
            while self.is_due() {
                self.start_flush();
            }
        }
    }

    /// Takes no more; what was sent before is still in the inbox.
    fn close(&mut self) {
        self.open = false;
        self.inbox.close();
    }

    fn add(&mut self, waiting: Waiting) {
        self.waiting_bytes += waiting.push.accepted.raw_bytes;
        self.waiting.push_back(waiting);
    }

    fn deadline(&self) -> Option<Instant> {
        self.waiting.front().map(|oldest| oldest.arrived + self.interval)
    }

    fn may_start(&self) -> bool {
        self.flushes.len() < self.config.max_inflight_flushes.max(1)
    }

    fn is_due(&self) -> bool {
        let Some(deadline) = self.deadline().filter(|_| self.may_start()) else { return false };
        let throttled = self.interval > self.config.interval();
        !self.open
            || self.waiting_bytes >= self.config.flush_bytes.bytes()
            || Instant::now() >= deadline
            || (!throttled && self.waiting_bytes >= self.config.bytes_eager() && !self.backlog.is_decoding())
    }

    fn start_flush(&mut self) {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while bytes < self.config.flush_bytes.bytes() || batch.is_empty() {
            let Some(waiting) = self.waiting.pop_front() else { break };
            bytes += waiting.push.accepted.raw_bytes;
            batch.push(waiting);
        }
        self.waiting_bytes -= bytes;
        let ticket = self.flusher.ticket();
        self.flushes.spawn(Arc::clone(&self.flusher).flush(batch, ticket));
    }

    /// Doubles the interval while the catalog throttles and halves it again once it does not.
    fn flushed(&mut self, flushed: Result<Flushed, JoinError>) {
        let base = self.config.interval();
        let widest = self.config.flush_interval_max.as_duration().max(base);
        self.interval = match flushed {
            Ok(Flushed { throttled: true }) => (self.interval * 2).max(SMALLEST_WIDENED).min(widest),
            Ok(Flushed { throttled: false }) => (self.interval / 2).max(base),
            Err(error) => {
                // Its pushes learn it from their dropped channels.
                tracing::error!(%error, "flush ended early");
                self.interval
            }
        };
    }
}

#[cfg(test)]
mod tests;
