//! The catalog as a numbered log of objects beside the data.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use object_store::ObjectStore;
use sigyn_model::{PartMeta, TenantId, TimeRange};

use crate::{Catalog, Clock, Cursor, Error, Lease, Member, Metrics, Result, Rng, Swap};

/// A catalog kept in `catalog/log/{seq:020}` and `catalog/checkpoint/{seq:020}` of a bucket.
#[derive(Debug)]
pub struct ObjectCatalog {}

/// What tests turn; production takes the default.
#[derive(Debug, Clone)]
pub struct CatalogOptions {
    /// Log entries between checkpoints. Default 256.
    pub checkpoint_entries: u64,
}

impl Default for CatalogOptions {
    fn default() -> Self {
        Self { checkpoint_entries: 256 }
    }
}

impl ObjectCatalog {
    /// Reads the newest checkpoint and the log after it. Must be called inside a tokio runtime.
    pub async fn open(
        _objects: Arc<dyn ObjectStore>,
        _clock: Arc<dyn Clock>,
        _rng: Arc<dyn Rng>,
        _options: CatalogOptions,
        _metrics: Metrics,
    ) -> Result<Self> {
        Err(Error::Closed)
    }
}

#[async_trait]
impl Catalog for ObjectCatalog {
    async fn publish(&self, _: &[PartMeta]) -> Result<()> {
        Err(Error::Closed)
    }
    async fn replace(&self, _: &Swap) -> Result<()> {
        Err(Error::Closed)
    }
    async fn scan(&self, _: &TenantId, _: TimeRange) -> Result<Vec<Arc<PartMeta>>> {
        Err(Error::Closed)
    }
    async fn since(&self, _: &TenantId, _: &Cursor) -> Result<(Vec<Arc<PartMeta>>, Cursor)> {
        Err(Error::Closed)
    }
    async fn tenants(&self) -> Result<Vec<TenantId>> {
        Err(Error::Closed)
    }
    async fn referenced_objects(&self) -> Result<HashSet<String>> {
        Err(Error::Closed)
    }
    async fn acquire(&self, _: &str, _: &str, _: Duration) -> Result<Option<Lease>> {
        Err(Error::Closed)
    }
    async fn renew(&self, _: &Lease, _: Duration) -> Result<Lease> {
        Err(Error::Closed)
    }
    async fn release(&self, _: &Lease) -> Result<()> {
        Err(Error::Closed)
    }
    async fn heartbeat(&self, _: &Member, _: Duration) -> Result<()> {
        Err(Error::Closed)
    }
    async fn members(&self) -> Result<Vec<Member>> {
        Err(Error::Closed)
    }
}
