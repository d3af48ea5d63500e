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
pub mod error;
pub mod faulty;
pub mod metrics;
pub mod object_catalog;
pub mod objects;
pub mod rng;

use std::sync::Arc;

use object_store::ObjectStore;

pub use cache::{CacheUse, CachedObjects};
pub use catalog::{Catalog, Cursor, Lease, Member, Swap};
pub use clock::{Clock, ManualClock, SystemClock, TokioClock};
pub use config::StorageConfig;
pub use cpu::CpuPool;
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

/// Opens the bucket and its catalog: reads the newest checkpoint and the log after it.
///
/// Errors: `Invalid` for a bucket that is not understood, `Unavailable` when it cannot be reached, `Corrupt` for a catalog that fails its checksum.
pub async fn open_with_metrics(config: &StorageConfig, clock: Arc<dyn Clock>, metrics: &Metrics) -> Result<Storage> {
    let url = objects::BucketUrl::parse(&config.bucket)?;
    if let Some(catalog) = &config.catalog {
        config::check_catalog(catalog).map_err(|reason| Error::Bucket { url: catalog.clone(), reason })?;
    }
    let objects = objects::instrumented(objects::open_bucket(&config.bucket)?, metrics.clone());
    let rng: Arc<dyn Rng> = Arc::new(SystemRng);
    let catalog = ObjectCatalog::open(
        Arc::clone(&objects),
        Arc::clone(&clock),
        Arc::clone(&rng),
        CatalogOptions::default(),
        metrics.clone(),
    )
    .await?;
    Ok(Storage {
        objects,
        catalog: Arc::new(catalog),
        clock,
        rng,
        metrics: metrics.clone(),
        description: format!("bucket {url}, catalog in the bucket"),
    })
}
