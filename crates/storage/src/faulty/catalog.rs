//! A catalog that fails on purpose.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sigyn_model::{PartMeta, TenantId, TimeRange};

use super::{Fate, Faults};
use crate::{Catalog, Cursor, Error, Lease, Member, Result, Swap, Terms};

/// Passes calls on to `catalog`, unless [`Faults`] say otherwise.
#[derive(Debug)]
pub struct FaultyCatalog {
    catalog: Arc<dyn Catalog>,
    faults: Arc<Faults>,
}

impl FaultyCatalog {
    #[must_use]
    pub fn new(catalog: Arc<dyn Catalog>, faults: Arc<Faults>) -> Self {
        Self { catalog, faults }
    }

    async fn run<T>(&self, what: &str, call: impl Future<Output = Result<T>>) -> Result<T> {
        let injected = |action| Error::Injected { action, what: what.to_owned() };
        match self.faults.decide(false).await {
            Fate::FailBefore => Err(injected("before")),
            Fate::FailAfter | Fate::ApplyLate(_) => {
                call.await?;
                Err(injected("after"))
            }
            Fate::Succeed => call.await,
        }
    }
}

#[async_trait]
impl Catalog for FaultyCatalog {
    fn terms(&self) -> Terms {
        self.catalog.terms()
    }

    async fn publish(&self, parts: &[PartMeta]) -> Result<()> {
        self.run("publish", self.catalog.publish(parts)).await
    }

    async fn replace(&self, swap: &Swap) -> Result<()> {
        self.run("replace", self.catalog.replace(swap)).await
    }

    async fn scan(&self, tenant: &TenantId, range: TimeRange) -> Result<Vec<Arc<PartMeta>>> {
        self.run("scan", self.catalog.scan(tenant, range)).await
    }

    async fn since(&self, tenant: &TenantId, cursor: &Cursor) -> Result<(Vec<Arc<PartMeta>>, Cursor)> {
        self.run("since", self.catalog.since(tenant, cursor)).await
    }

    async fn tenants(&self) -> Result<Vec<TenantId>> {
        self.run("tenants", self.catalog.tenants()).await
    }

    async fn referenced_objects(&self) -> Result<HashSet<String>> {
        self.run("referenced_objects", self.catalog.referenced_objects()).await
    }

    async fn acquire(&self, name: &str, owner: &str, ttl: Duration) -> Result<Option<Lease>> {
        self.run("acquire", self.catalog.acquire(name, owner, ttl)).await
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Lease> {
        self.run("renew", self.catalog.renew(lease, ttl)).await
    }

    async fn release(&self, lease: &Lease) -> Result<()> {
        self.run("release", self.catalog.release(lease)).await
    }

    async fn heartbeat(&self, member: &Member, ttl: Duration) -> Result<()> {
        self.run("heartbeat", self.catalog.heartbeat(member, ttl)).await
    }

    async fn members(&self) -> Result<Vec<Member>> {
        self.run("members", self.catalog.members()).await
    }
}
