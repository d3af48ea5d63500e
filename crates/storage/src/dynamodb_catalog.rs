//! The catalog in one DynamoDB table.
//!
//! Every row is one item, so nothing is read to write and any number of processes share the table. The items, their keys and
//! what each call costs are in docs/formats/catalog.md § The table. No state is kept here but names, to save requests.

mod connect;
mod consumed;
mod items;
mod keys;
mod leases;
mod provision;
mod publish;
mod scan;
mod since;
mod swap;
mod table;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::error::BuildError;
use sigyn_model::{ErrorKind, PartMeta, TenantId, TimeRange};

pub use self::connect::CatalogUrl;
use self::publish::Remembered;
use self::table::Table;
use crate::config::{DynamoDbConfig, S3Config};
use crate::{Catalog, Clock, Cursor, Error, Lease, Member, Metrics, Result, Rng, Swap, Terms};

/// How long compaction leaves a flushed part alone, so that tails find it before it is merged away; see [`since`].
const L0_REST: Duration = Duration::from_secs(5);
/// Requests of one call that are under way at a time.
const CONCURRENCY: usize = 16;

/// A catalog kept in the table `{prefix}catalog`.
#[derive(Debug)]
pub struct DynamoDbCatalog {
    table: Table,
    clock: Arc<dyn Clock>,
    /// Parts that this process has published or tried to.
    published: Mutex<Remembered>,
    /// Tenants and days that are in the table.
    known: Mutex<Remembered>,
}

impl DynamoDbCatalog {
    /// Connects and makes sure that the table is there and fits: makes it when it is absent and `create_table` allows.
    ///
    /// Errors: `Invalid` without a region or with a table of another shape; `Unavailable`, with what is not allowed or does not answer.
    pub async fn open(
        url: &CatalogUrl,
        config: &DynamoDbConfig,
        s3: &S3Config,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
        metrics: Metrics,
    ) -> Result<Self> {
        let table = connect::table(url, config, s3, rng, metrics).await?;
        provision::ensure(&table, config).await?;
        Ok(Self { table, clock, published: Mutex::default(), known: Mutex::default() })
    }

    /// One line for the start-up log: which table, where.
    #[must_use]
    pub fn description(&self) -> String {
        format!("DynamoDB table {} ({})", self.table.name, self.table.place)
    }

    /// The SDK refuses to build a request: a fault of this code.
    fn malformed(&self, action: &'static str, error: &BuildError) -> Error {
        Error::Table {
            action,
            table: self.table.name.to_string(),
            reason: error.to_string(),
            kind: ErrorKind::Internal,
        }
    }
}

#[async_trait]
impl Catalog for DynamoDbCatalog {
    async fn publish(&self, parts: &[PartMeta]) -> Result<()> {
        self.publish_all(parts).await
    }

    async fn replace(&self, swap: &Swap) -> Result<()> {
        self.swap(swap).await
    }

    async fn scan(&self, tenant: &TenantId, range: TimeRange) -> Result<Vec<Arc<PartMeta>>> {
        self.scan_range(tenant, range).await
    }

    async fn since(&self, tenant: &TenantId, cursor: &Cursor) -> Result<(Vec<Arc<PartMeta>>, Cursor)> {
        self.published_since(tenant, cursor).await
    }

    async fn tenants(&self) -> Result<Vec<TenantId>> {
        self.known_tenants().await
    }

    async fn referenced_objects(&self) -> Result<HashSet<String>> {
        self.all_objects().await
    }

    async fn acquire(&self, name: &str, owner: &str, ttl: Duration) -> Result<Option<Lease>> {
        self.take(name, owner, ttl).await
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Lease> {
        self.prolong(lease, ttl).await
    }

    async fn release(&self, lease: &Lease) -> Result<()> {
        self.give_up(lease).await
    }

    async fn heartbeat(&self, member: &Member, ttl: Duration) -> Result<()> {
        self.beat(member, ttl).await
    }

    async fn members(&self) -> Result<Vec<Member>> {
        self.living().await
    }

    fn terms(&self) -> Terms {
        Terms { rest: L0_REST, scans_cost: true, remote: true }
    }
}
