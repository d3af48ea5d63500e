//! The backend target: background work on what the write target has published.
//!
//! [`Backend::run`] repeats three jobs, each also callable once: compaction (many small parts of a tenant's hour become few),
//! retention (parts past a tenant's age are dropped) and garbage collection (objects that no catalog row names are deleted).
//! Any number of backends may run: leases in the catalog keep them from doing the same work, and a swap that lost its race is dropped.
//! Every job may be killed at any instruction and repeated: an object without a row is garbage, a row without an object never exists.
//!
//! What a part holds is `sigyn-segment`'s business; merging rows is its [`sigyn_segment::Merger`].

mod config;
mod error;
mod metrics;

mod backend;
mod collect;
mod compact;
mod plan;
mod retain;

pub use backend::Backend;
pub use collect::Collected;
pub use compact::Compacted;
pub use config::BackendConfig;
pub use error::{Error, Result};
