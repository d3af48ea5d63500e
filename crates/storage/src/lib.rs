//! The only crate that knows object stores, the catalog's tables, the clock and randomness.
//!
//! Main types: [`Storage`] and [`open`]; the [`Catalog`] trait and its [`ObjectCatalog`], a numbered log beside the data;
//! [`Clock`], [`Rng`], [`CpuPool`]; [`CachedObjects`] for ranged reads through a memory cache; and, for tests,
//! the [`faulty`] wrappers and the [`conformance`] suite that every catalog passes.
//!
//! It knows keys, byte ranges and part rows; what is inside a segment is `sigyn-segment`'s business,
//! when to flush, compact or read is that of `write`, `backend` and `read`.

mod aws;
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
pub mod preflight;
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
pub use objects::{BucketUrl, get_ranges, open_bucket};
pub use preflight::{Access, Check, Preflight, preflight};
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

/// Opens and proves the bucket and its catalog, with every permission that writing needs. See [`preflight`].
///
/// Errors: `Invalid` for settings that do not work, `Unavailable` when something cannot be reached, `Corrupt` for a catalog that fails its checksum.
pub async fn open(config: &StorageConfig, clock: Arc<dyn Clock>) -> Result<Storage> {
    preflight(config, Access::Write, clock, &Metrics::default()).await.into_storage()
}
