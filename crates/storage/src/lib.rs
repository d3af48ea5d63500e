//! The only crate that knows object stores, the catalog's tables, the clock and randomness.
//!
//! Main types: [`Storage`] and [`open`]; the [`Catalog`] trait and its [`ObjectCatalog`], a numbered log beside the data;
//! [`Clock`], [`Rng`], [`CpuPool`]; [`CachedObjects`] for ranged reads through a memory cache; and, for tests,
//! the [`faulty`] wrappers and the [`conformance`] suite that every catalog passes.
//!
//! It knows keys, byte ranges and part rows; what is inside a segment is `sigyn-segment`'s business,
//! when to flush, compact or read is that of `write`, `backend` and `read`.

pub mod cache;
pub mod catalog;
pub mod clock;
pub mod config;
pub mod conformance;
pub mod cpu;
pub mod dynamodb_catalog;
pub mod error;
pub mod faulty;
pub mod metrics;
pub mod object_catalog;
pub mod objects;
pub mod rng;

use std::sync::Arc;

use object_store::ObjectStore;

pub use cache::{CacheUse, CachedObjects};
pub use catalog::{Catalog, Cursor, Lease, Member, Swap, Terms};
pub use clock::{Clock, ManualClock, SystemClock, TokioClock};
pub use config::StorageConfig;
pub use cpu::CpuPool;
pub use dynamodb_catalog::DynamoDbCatalog;
pub use error::{Error, Result};
pub use metrics::Metrics;
pub use object_catalog::{CatalogOptions, ObjectCatalog};
pub use objects::{get_ranges, open_bucket};
pub use rng::{Rng, SeededRng, SystemRng};

/// The outside world of a node. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Storage {
    pub objects: Arc<dyn ObjectStore>,
    pub catalog: Arc<dyn Catalog>,
    pub clock: Arc<dyn Clock>,
    /// Names of objects, owners of leases, jitter.
    pub rng: Arc<dyn Rng>,
    /// Counters of the decorators that others put around `objects`, such as caches.
    pub metrics: Metrics,
    /// One line for the start-up log: which bucket, which catalog.
    pub description: String,
}

/// Opens the bucket and its catalog, without metrics. See [`open_with_metrics`].
pub async fn open(config: &StorageConfig, clock: Arc<dyn Clock>) -> Result<Storage> {
    open_with_metrics(config, clock, &Metrics::default()).await
}

/// Opens the bucket and its catalog: the log in the bucket, or the table in DynamoDB, which is made when it is absent.
///
/// Errors: `Invalid` for settings that do not work, `Unavailable` when something cannot be reached, `Corrupt` for a catalog that fails its checksum.
pub async fn open_with_metrics(config: &StorageConfig, clock: Arc<dyn Clock>, metrics: &Metrics) -> Result<Storage> {
    let url = objects::BucketUrl::parse(&config.bucket)?;
    let in_table = config::catalog_url(config.catalog.as_deref())
        .map_err(|reason| Error::Bucket { url: "storage.catalog".to_owned(), reason })?;
    let objects = objects::instrumented(objects::open_bucket(&config.bucket)?, metrics.clone());
    let rng: Arc<dyn Rng> = Arc::new(SystemRng);
    let metrics = metrics.clone();
    let (catalog, place): (Arc<dyn Catalog>, String) = match in_table {
        None => {
            let (clock, rng, options) = (Arc::clone(&clock), Arc::clone(&rng), CatalogOptions::default());
            let catalog = ObjectCatalog::open(Arc::clone(&objects), clock, rng, options, metrics.clone()).await?;
            (Arc::new(catalog), "catalog in the bucket".to_owned())
        }
        Some(table) => {
            let (clock, rng) = (Arc::clone(&clock), Arc::clone(&rng));
            let catalog =
                DynamoDbCatalog::open(&table, &config.dynamodb, &config.s3, clock, rng, metrics.clone()).await?;
            let place = format!("catalog in {}", catalog.description());
            (Arc::new(catalog), place)
        }
    };
    Ok(Storage { objects, catalog, clock, rng, metrics, description: format!("bucket {url}, {place}") })
}
