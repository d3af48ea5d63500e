//! New parts of a tenant, polled once and handed to every listener.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sigyn_model::{PartMeta, TenantId};
use sigyn_storage::Cursor;
use tokio::sync::broadcast;
use tokio_util::task::AbortOnDropHandle;

use crate::source::Source;
use crate::{Error, Result};

/// Polls a listener may lag behind before it is told that it missed something.
const POLLS_BUFFERED: usize = 1024;

/// Parts of one poll.
pub(crate) type Published = Arc<[Arc<PartMeta>]>;

/// The feeds that somebody listens to.
#[derive(Debug, Default)]
pub(crate) struct Feeds(Mutex<HashMap<TenantId, Listened>>);

#[derive(Debug)]
struct Listened {
    feed: Arc<Feed>,
    listeners: usize,
    _poller: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct Feed {
    tenant: TenantId,
    published: broadcast::Sender<Published>,
    /// Locked for a whole poll, so that joining and polling exclude each other.
    cursor: tokio::sync::Mutex<Cursor>,
}

impl Feed {
    /// Hands out what was published since the last poll.
    async fn poll(&self, source: &Source) -> Result<()> {
        let mut cursor = self.cursor.lock().await;
        self.poll_locked(source, &mut cursor).await
    }

    async fn poll_locked(&self, source: &Source, cursor: &mut Cursor) -> Result<()> {
        let (parts, next) = source.catalog.since(&self.tenant, cursor).await?;
        *cursor = next;
        if !parts.is_empty() {
            // Nobody listening is fine: the feed is about to be closed.
            let _ = self.published.send(parts.into());
        }
        Ok(())
    }

    /// What a scan that begins after this call does not see comes out of the receiver.
    async fn subscribe(&self, source: &Source) -> Result<broadcast::Receiver<Published>> {
        let mut cursor = self.cursor.lock().await;
        self.poll_locked(source, &mut cursor).await?;
        Ok(self.published.subscribe())
    }
}

/// A place among the listeners of a feed.
#[derive(Debug)]
pub(crate) struct Seat {
    source: Arc<Source>,
    feeds: Arc<Feeds>,
    feed: Arc<Feed>,
}

impl Feeds {
    /// Takes a place in the tenant's feed, opening it if need be. Errors: `TooManyTails`.
    pub(crate) fn join(self: &Arc<Self>, source: &Arc<Source>, tenant: &TenantId, limit: usize) -> Result<Seat> {
        let mut feeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = feeds.get(tenant).map_or(0, |listened| listened.listeners) + 1;
        if count > limit {
            return Err(Error::TooManyTails { count, limit });
        }
        let listened = feeds.entry(tenant.clone()).or_insert_with(|| open(source, tenant));
        listened.listeners = count;
        source.metrics.tails.inc();
        Ok(Seat { source: Arc::clone(source), feeds: Arc::clone(self), feed: Arc::clone(&listened.feed) })
    }
}

fn open(source: &Arc<Source>, tenant: &TenantId) -> Listened {
    let feed = Arc::new(Feed {
        tenant: tenant.clone(),
        published: broadcast::Sender::new(POLLS_BUFFERED),
        cursor: tokio::sync::Mutex::default(),
    });
    let poller = tokio::spawn(poll_for_ever(Arc::clone(source), Arc::clone(&feed)));
    Listened { feed, listeners: 0, _poller: AbortOnDropHandle::new(poller) }
}

async fn poll_for_ever(source: Arc<Source>, feed: Arc<Feed>) {
    let interval = std::time::Duration::from_nanos(
        u64::try_from(source.config.tail_poll_interval.nanos()).unwrap_or(500_000_000).max(1_000_000),
    );
    loop {
        tokio::time::sleep(interval).await;
        if let Err(error) = feed.poll(&source).await {
            // The cursor has not moved: the next poll brings what this one could not.
            tracing::warn!(tenant = %feed.tenant, %error, "tail could not ask the catalog, trying again");
        }
    }
}

impl Seat {
    pub(crate) async fn subscribe(&self) -> Result<broadcast::Receiver<Published>> {
        self.feed.subscribe(&self.source).await
    }
}

/// The last one to leave closes the feed and ends its poller.
impl Drop for Seat {
    fn drop(&mut self) {
        self.source.metrics.tails.dec();
        let mut feeds = self.feeds.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(listened) = feeds.get_mut(&self.feed.tenant) else { return };
        listened.listeners -= 1;
        if listened.listeners == 0 {
            feeds.remove(&self.feed.tenant);
        }
    }
}
