//! The words every other crate speaks: tenants, labels, timestamps, limits, parts and decoded columns.
//!
//! Main types: [`TenantId`], [`Labels`], [`Timestamp`], [`TimeRange`], [`Limits`], [`PartMeta`], [`ErrorKind`],
//! and the in-memory columns [`Lines`] and [`StringColumn`] that segments decode to and LogQL reads from.
//!
//! This crate does no I/O, knows no clock and no wire format.
//! Anything that two crates need and neither owns belongs here; anything else does not.

pub mod byte_size;
pub mod columns;
pub mod duration;
pub mod encoded;
pub mod error;
pub mod labels;
pub mod limits;
pub mod part;
pub mod secret;
pub mod tenant;
pub mod time;

pub use byte_size::ByteSize;
pub use columns::{Lines, StringColumn};
pub use encoded::{Damaged, EncodedLines, Found, Needle, Piece};
pub use error::ErrorKind;
pub use labels::{Label, Labels};
pub use limits::{Limits, TenantLimits};
pub use part::{Level, PartId, PartMeta, Window};
pub use secret::Secret;
pub use tenant::TenantId;
pub use time::{TimeRange, Timestamp};
