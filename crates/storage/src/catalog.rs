//! The catalog seam: which segment parts hold data of a tenant in a range.

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sigyn_model::{PartId, PartMeta, TenantId, TimeRange, Timestamp, Window};

use crate::{Error, Result};

/// What background work must heed with a catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    /// How long flushed parts are left alone, so that tails find them before they are merged away.
    pub rest: Duration,
    /// Scans are paid for by what they read, so looking at everything is worth a longer wait.
    pub scans_cost: bool,
    /// Bucket or catalog are behind a network and every request is paid for: fewer and larger flushes are better.
    pub remote: bool,
}

/// Which parts exist, who holds which lease, who is alive. Every call is one atomic step.
///
/// A lost race is `ErrorKind::Conflict`; a store that is away is `ErrorKind::Unavailable`. Every call may be repeated.
#[async_trait]
pub trait Catalog: Debug + Send + Sync {
    /// Makes `parts` visible to readers, all or none per tenant. Safe to repeat with the same ids:
    /// a part already published, or published and since replaced, is left as it is.
    async fn publish(&self, parts: &[PartMeta]) -> Result<()>;

    /// Swaps `remove` for `add` in one tenant's window. `Conflict` unless every part of `remove` is still there
    /// and the fence, if given, still holds its lease.
    async fn replace(&self, swap: &Swap) -> Result<()>;

    /// Parts of `tenant` whose time span touches `range`. Sees every publish and replace that returned before the call.
    async fn scan(&self, tenant: &TenantId, range: TimeRange) -> Result<Vec<Arc<PartMeta>>>;

    /// L0 parts of `tenant` published after `cursor`, oldest first, and the cursor to pass next.
    /// `Cursor::default()` starts at "now": it returns no parts and a cursor that sees only later publishes.
    async fn since(&self, tenant: &TenantId, cursor: &Cursor) -> Result<(Vec<Arc<PartMeta>>, Cursor)>;

    /// Tenants that have or had parts.
    async fn tenants(&self) -> Result<Vec<TenantId>>;

    /// Object keys that some part row names. For garbage collection: what is not in it and is old enough is garbage.
    async fn referenced_objects(&self) -> Result<std::collections::HashSet<String>>;

    /// Takes the named lease for `ttl` when it is free, expired or already `owner`'s.
    /// `Ok(None)`: someone else holds it. Each change of owner raises the epoch.
    async fn acquire(&self, name: &str, owner: &str, ttl: Duration) -> Result<Option<Lease>>;

    /// Prolongs a lease. `Conflict` when it has passed to another epoch.
    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Lease>;

    /// Gives a lease up; harmless when it is already lost.
    async fn release(&self, lease: &Lease) -> Result<()>;

    /// Says that `member` is alive until `ttl` from now.
    async fn heartbeat(&self, member: &Member, ttl: Duration) -> Result<()>;

    /// Members whose heartbeat has not run out.
    async fn members(&self) -> Result<Vec<Member>>;

    /// Takes `member` off the list before its heartbeat runs out: it is about to stop.
    async fn leave(&self, member: &Member) -> Result<()> {
        self.heartbeat(member, Duration::ZERO).await
    }

    /// What background work must heed.
    fn terms(&self) -> Terms {
        Terms::default()
    }
}

/// Compaction's swap of parts in one tenant and window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swap {
    pub tenant: TenantId,
    pub window: Window,
    pub remove: Vec<PartId>,
    pub add: Vec<PartMeta>,
    /// The lease under which the work was done; the swap is refused once the lease has a higher epoch.
    pub fence: Option<Lease>,
}

/// Where a tail has read to; opaque, one kind per catalog.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cursor(pub Option<String>);

/// A named lease held until `expires`, with a fencing epoch that never goes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub name: String,
    pub owner: String,
    pub epoch: u64,
    pub expires: Timestamp,
}

/// A live process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub node: String,
    /// `host:port` of its HTTP server.
    pub address: String,
    /// `write`, `read`, `backend`.
    pub targets: Vec<String>,
    /// Of the program.
    pub version: String,
}

/// Parts grouped by window, the unit of compaction.
#[must_use]
pub fn by_window(parts: Vec<Arc<PartMeta>>) -> HashMap<Window, Vec<Arc<PartMeta>>> {
    let mut windows: HashMap<Window, Vec<Arc<PartMeta>>> = HashMap::new();
    for part in parts {
        windows.entry(part.window).or_default().push(part);
    }
    windows
}

/// Scans find a part by its window, so a part that reaches beyond it would go missing.
pub(crate) fn check_part(part: &PartMeta) -> Result<()> {
    let invalid = |reason: String| Err(Error::InvalidPart { part: part.id.to_string(), reason });
    if part.min_time > part.max_time {
        return invalid(format!("it starts at {} and ends at {}", part.min_time, part.max_time));
    }
    if Window::of(part.min_time) != part.window || Window::of(part.max_time) != part.window {
        return invalid(format!("its entries {} to {} leave window {}", part.min_time, part.max_time, part.window));
    }
    if part.id.object.is_empty() {
        return invalid("it has no object".to_owned());
    }
    Ok(())
}

/// What a swap adds is of its tenant and window, and nothing is named twice.
pub(crate) fn check_swap(swap: &Swap) -> Result<()> {
    for part in &swap.add {
        check_part(part)?;
        if part.tenant != swap.tenant || part.window != swap.window {
            let reason = format!("it is not of tenant {} and window {}", swap.tenant, swap.window);
            return Err(Error::InvalidPart { part: part.id.to_string(), reason });
        }
    }
    let mut seen: HashSet<&PartId> = HashSet::new();
    for id in swap.remove.iter().chain(swap.add.iter().map(|part| &part.id)) {
        if !seen.insert(id) {
            let reason = "the swap names it twice, and ids are never reused".to_owned();
            return Err(Error::InvalidPart { part: id.to_string(), reason });
        }
    }
    Ok(())
}
