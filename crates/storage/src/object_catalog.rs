//! The catalog as a numbered log of objects beside the data.
//!
//! A change is an object `catalog/log/{n}` created with put-if-absent, so exactly one writer wins each number; the loser reads
//! the winner and tries the next. The state is what the entries add up to ([`state`]); `catalog/checkpoint/{n}` holds the state
//! after entry `n`. Bytes are specified in docs/formats/catalog.md; why a paused process does no harm is told in [`head`].

mod append;
mod checkpoint;
mod checkpointer;
mod entry;
mod format;
mod head;
pub(crate) mod messages;
mod state;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use object_store::ObjectStore;
use sigyn_model::{PartMeta, TenantId, TimeRange};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use self::append::{Appender, Request};
use self::entry::Operation;
use self::head::Shared;
use self::state::{Outcome, SwapState};
use crate::catalog::{check_part, check_swap};
use crate::clock::nanos;
use crate::{Catalog, Clock, Cursor, Error, Lease, Member, Metrics, Result, Rng, Swap, Terms};

/// A catalog kept in `catalog/log/{n}` and `catalog/checkpoint/{n}` of a bucket.
///
/// Dropping it stops its background task; what was not answered by then may or may not be in the log.
#[derive(Debug)]
pub struct ObjectCatalog {
    shared: Arc<Shared>,
    requests: mpsc::Sender<Request>,
    appender: JoinHandle<()>,
}

/// What tests turn; production takes the default.
#[derive(Debug, Clone)]
pub struct CatalogOptions {
    /// Log entries between checkpoints, at least; a large checkpoint waits for up to four times as many. Default 256.
    pub checkpoint_entries: u64,
    /// How long a checkpoint must have been known before log entries it covers are deleted. Default 1 h.
    pub log_keep: Duration,
    /// How long a process trusts its knowledge of the log's end; well below `log_keep`. Default 30 min.
    pub trust: Duration,
    /// How long one request to the object store may take. Default 30 s.
    pub request_timeout: Duration,
    /// The bucket is behind a network and requests are paid for. Default false.
    pub remote: bool,
}

impl Default for CatalogOptions {
    fn default() -> Self {
        Self {
            checkpoint_entries: 256,
            log_keep: Duration::from_secs(3_600),
            trust: Duration::from_secs(1_800),
            request_timeout: Duration::from_secs(30),
            remote: false,
        }
    }
}

/// Callers waiting for the appender; past it they wait in line.
const REQUESTS_WAITING_MAX: usize = 1024;

impl ObjectCatalog {
    /// Reads the newest checkpoint and the log after it. Must be called inside a tokio runtime.
    ///
    /// Errors: `Unavailable`; `Corrupt`, naming the object that fails its checksum.
    pub async fn open(
        objects: Arc<dyn ObjectStore>,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
        options: CatalogOptions,
        metrics: Metrics,
    ) -> Result<Self> {
        let shared = Arc::new(Shared::new(objects, clock, rng, options, metrics));
        shared.refresh().await?;
        let (requests, queue) = mpsc::channel(REQUESTS_WAITING_MAX);
        let appender = tokio::spawn(Appender::new(Arc::clone(&shared)).run(queue));
        Ok(Self { shared, requests, appender })
    }

    /// Hands the operation to the appender, which puts it into the next log entry together with those of other callers.
    async fn append(&self, operation: Operation) -> Outcome {
        let (answer, outcome) = oneshot::channel();
        self.requests.send(Request { operation, answer }).await.map_err(|_| Error::Closed)?;
        outcome.await.unwrap_or(Err(Error::Closed))
    }

    fn lease(&self, name: &str, owner: &str, epoch: u64, ttl: Duration) -> Lease {
        let expires = self.shared.clock.now() + nanos(ttl);
        Lease { name: name.to_owned(), owner: owner.to_owned(), epoch, expires }
    }
}

impl Drop for ObjectCatalog {
    fn drop(&mut self) {
        self.appender.abort();
    }
}

#[async_trait]
impl Catalog for ObjectCatalog {
    async fn publish(&self, parts: &[PartMeta]) -> Result<()> {
        parts.iter().try_for_each(check_part)?;
        // What the state knows has been read from the log, or was put there: it is durable, and repeating it is done.
        if self.shared.with_state(|state| parts.iter().all(|part| state.knows(part))) {
            return Ok(());
        }
        self.append(Operation::Publish(parts.iter().cloned().map(Arc::new).collect())).await.map(drop)
    }

    async fn replace(&self, swap: &Swap) -> Result<()> {
        check_swap(swap)?;
        if swap.remove.is_empty() && swap.add.is_empty() {
            return Ok(());
        }
        // A swap that is void anyway need not burden the log. One that looks possible is judged again when it is applied.
        self.shared.refresh().await?;
        if self.shared.with_state(|state| state.check_swap(swap))? == SwapState::InEffect {
            return Ok(());
        }
        self.append(Operation::Replace(Arc::new(swap.clone()))).await.map(drop)
    }

    async fn scan(&self, tenant: &TenantId, range: TimeRange) -> Result<Vec<Arc<PartMeta>>> {
        self.shared.refresh().await?;
        Ok(self.shared.with_state(|state| state.parts.scan(tenant, range)))
    }

    /// The cursor is the number of a log entry. A cursor older than ten minutes, or from before this process began, gets
    /// every part of any level that came after it: no row is skipped, some may come twice.
    async fn since(&self, tenant: &TenantId, cursor: &Cursor) -> Result<(Vec<Arc<PartMeta>>, Cursor)> {
        let after = cursor.0.as_deref().map(parse_cursor).transpose()?;
        self.shared.refresh().await?;
        self.shared.with_state(|state| {
            let next = Cursor(Some(state.sequence.to_string()));
            match after {
                None => Ok((Vec::new(), next)),
                Some(after) if after > state.sequence => Err(invalid_cursor(&after.to_string())),
                Some(after) => Ok((state.published_since(tenant, after), next)),
            }
        })
    }

    async fn tenants(&self) -> Result<Vec<TenantId>> {
        self.shared.refresh().await?;
        Ok(self.shared.with_state(|state| state.parts.tenants().map(|(tenant, _)| tenant.clone()).collect()))
    }

    async fn referenced_objects(&self) -> Result<HashSet<String>> {
        self.shared.refresh().await?;
        Ok(self.shared.with_state(|state| state.referenced_objects()))
    }

    async fn acquire(&self, name: &str, owner: &str, ttl: Duration) -> Result<Option<Lease>> {
        self.shared.refresh().await?;
        let now = self.shared.clock.now();
        if self.shared.with_state(|state| state.leases.is_held_by_another(name, owner, now)) {
            return Ok(None);
        }
        self.append(Operation::Acquire(self.lease(name, owner, 0, ttl))).await
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Lease> {
        let lost = || Error::LeaseLost { name: lease.name.clone(), epoch: lease.epoch };
        self.shared.refresh().await?;
        if !self.shared.with_state(|state| state.leases.holds(lease)) {
            return Err(lost());
        }
        let wanted = self.lease(&lease.name, &lease.owner, lease.epoch, ttl);
        self.append(Operation::Renew(wanted)).await?.ok_or_else(lost)
    }

    async fn release(&self, lease: &Lease) -> Result<()> {
        self.shared.refresh().await?;
        if !self.shared.with_state(|state| state.leases.holds(lease)) {
            return Ok(());
        }
        self.append(Operation::Release(lease.clone())).await.map(drop)
    }

    async fn heartbeat(&self, member: &Member, ttl: Duration) -> Result<()> {
        let expires = self.shared.clock.now() + nanos(ttl);
        self.append(Operation::Heartbeat(member.clone(), expires)).await.map(drop)
    }

    async fn members(&self) -> Result<Vec<Member>> {
        self.shared.refresh().await?;
        let now = self.shared.clock.now();
        Ok(self.shared.with_state(|state| {
            let alive = state.members.values().filter(|(_, expires)| *expires > now);
            alive.map(|(member, _)| member.clone()).collect()
        }))
    }

    fn terms(&self) -> Terms {
        Terms { remote: self.shared.options.remote, ..Terms::default() }
    }
}

fn parse_cursor(cursor: &str) -> Result<u64> {
    cursor.parse().map_err(|_| invalid_cursor(cursor))
}

fn invalid_cursor(cursor: &str) -> Error {
    Error::InvalidCursor { cursor: cursor.to_owned() }
}
