//! One query's bounds and counters: whether it may go on, what it may hold, what it has cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use sigyn_logql::SeriesLimit;
use sigyn_model::{ByteSize, TenantId, TenantLimits};

use crate::stats::Counters;
use crate::{Error, Result};

/// The strictest of the limits of a query's tenants.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueryLimits {
    pub(crate) timeout: Duration,
    /// `u64::MAX` when off, as the next.
    pub(crate) memory: u64,
    pub(crate) bytes_read: u64,
    /// `usize::MAX` when off, as the next.
    pub(crate) series: usize,
    pub(crate) volume_series: usize,
    pub(crate) tails: usize,
}

impl QueryLimits {
    pub(crate) fn of(tenants: &[TenantId], limits: &TenantLimits) -> Self {
        let mut strictest = Self {
            timeout: Duration::MAX,
            memory: u64::MAX,
            bytes_read: u64::MAX,
            series: usize::MAX,
            volume_series: usize::MAX,
            tails: usize::MAX,
        };
        for tenant in tenants {
            let limits = limits.get(tenant);
            let timeout = u64::try_from(limits.query_timeout.nanos()).unwrap_or(0);
            strictest.timeout = strictest.timeout.min(Duration::from_nanos(unless_zero(timeout)));
            strictest.memory = strictest.memory.min(unless_zero(limits.max_query_memory.bytes()));
            strictest.bytes_read = strictest.bytes_read.min(unless_zero(limits.max_query_bytes_read.bytes()));
            strictest.series = strictest.series.min(some_or_max(limits.max_query_series));
            strictest.volume_series = strictest.volume_series.min(some_or_max(limits.volume_max_series));
            strictest.tails = strictest.tails.min(some_or_max(limits.max_concurrent_tail_requests));
        }
        strictest
    }
}

fn unless_zero(limit: u64) -> u64 {
    if limit == 0 { u64::MAX } else { limit }
}

fn some_or_max(limit: usize) -> usize {
    if limit == 0 { usize::MAX } else { limit }
}

/// Shared by all tasks of a query.
#[derive(Debug)]
pub(crate) struct QueryContext {
    pub(crate) tenants: Vec<TenantId>,
    pub(crate) limits: QueryLimits,
    pub(crate) counters: Counters,
    stopped: AtomicBool,
    memory: AtomicU64,
    bytes_read: AtomicU64,
}

impl QueryContext {
    pub(crate) fn new(tenants: &[TenantId], limits: QueryLimits) -> Arc<Self> {
        Arc::new(Self {
            tenants: tenants.to_vec(),
            limits,
            counters: Counters::default(),
            stopped: AtomicBool::new(false),
            memory: AtomicU64::new(0),
            bytes_read: AtomicU64::new(0),
        })
    }

    /// Between blocks: an error once nobody waits for the answer any more.
    pub(crate) fn check(&self) -> Result<()> {
        if self.stopped.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// Makes every task of the query end at its next check when the guard is dropped.
    pub(crate) fn stop_on_drop(self: &Arc<Self>) -> StopOnDrop {
        StopOnDrop(Arc::clone(self))
    }

    /// Counts `bytes` against the memory budget until the answer is dropped.
    pub(crate) fn hold(self: &Arc<Self>, bytes: u64) -> Result<Held> {
        let before = self.memory.fetch_add(bytes, Ordering::Relaxed);
        let held = Held { context: Arc::clone(self), bytes };
        if before.saturating_add(bytes) > self.limits.memory { Err(self.out_of_memory()) } else { Ok(held) }
    }

    pub(crate) fn out_of_memory(&self) -> Error {
        Error::Memory { limit: ByteSize(self.limits.memory) }
    }

    /// Counts stored bytes about to be read and returns how many they are by now.
    pub(crate) fn count_read(&self, bytes: u64) -> Result<u64> {
        let total = self.bytes_read.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if total > self.limits.bytes_read {
            return Err(Error::BytesRead { bytes: ByteSize(total), limit: ByteSize(self.limits.bytes_read) });
        }
        Ok(total)
    }

    /// What the engine may hold for one collector or accumulator.
    pub(crate) fn engine_memory(&self) -> usize {
        usize::try_from(self.limits.memory).unwrap_or(usize::MAX)
    }

    pub(crate) fn series_limit(&self) -> SeriesLimit {
        SeriesLimit { series: self.limits.series, memory: self.engine_memory() }
    }
}

/// See [`QueryContext::stop_on_drop`].
#[derive(Debug)]
pub(crate) struct StopOnDrop(Arc<QueryContext>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stopped.store(true, Ordering::Relaxed);
    }
}

/// Bytes counted against a query's budget.
#[derive(Debug)]
pub(crate) struct Held {
    context: Arc<QueryContext>,
    bytes: u64,
}

impl Held {
    /// Changes what is held, for things that grow.
    pub(crate) fn resize(&mut self, bytes: u64) -> Result<()> {
        if bytes <= self.bytes {
            self.context.memory.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
            self.bytes = bytes;
            return Ok(());
        }
        let grown = bytes - self.bytes;
        let before = self.context.memory.fetch_add(grown, Ordering::Relaxed);
        self.bytes = bytes;
        if before.saturating_add(grown) > self.context.limits.memory {
            return Err(self.context.out_of_memory());
        }
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.context.memory.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use sigyn_model::Limits;

    use super::*;

    fn context(limits: Limits) -> Arc<QueryContext> {
        let tenants = [TenantId::single()];
        QueryContext::new(&tenants, QueryLimits::of(&tenants, &TenantLimits::new(limits)))
    }

    #[test]
    fn memory_is_refused_past_the_limit_and_given_back() {
        let context = context(Limits { max_query_memory: ByteSize(100), ..Limits::default() });
        let mut held = context.hold(100).expect("at the limit");
        assert!(context.hold(1).is_err(), "limit + 1");
        held.resize(40).expect("shrinks");
        drop(context.hold(60).expect("fits again"));
        assert!(held.resize(101).is_err());
        drop(held);
        assert_eq!(context.memory.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn bytes_read_are_refused_past_the_limit() {
        let context = context(Limits { max_query_bytes_read: ByteSize(10), ..Limits::default() });
        context.count_read(10).expect("at the limit");
        let error = context.count_read(1).expect_err("limit + 1");
        assert!(
            error.to_string().starts_with("the query would read too many bytes (query: 11B, limit: 10B)"),
            "{error}"
        );
    }

    #[test]
    fn zero_is_no_limit() {
        let limits = QueryLimits::of(
            &[TenantId::single()],
            &TenantLimits::new(Limits { max_query_series: 0, max_query_memory: ByteSize(0), ..Limits::default() }),
        );
        assert_eq!((limits.series, limits.memory, limits.bytes_read), (usize::MAX, u64::MAX, u64::MAX));
    }
}
