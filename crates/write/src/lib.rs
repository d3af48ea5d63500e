//! Target `write`: accepts pushes, checks limits, and makes them durable before they are answered.
//!
//! A decoded [`PushBatch`] is validated and normalised (`validate`, `levels`), waits in the batcher with the pushes of every
//! other tenant, and becomes one L0 object with a part per tenant and hour (`flush`).
//! Only when the object is stored and its parts are published does [`Writer::push`] return.
//!
//! Main types: [`Writer`], [`WriteConfig`], [`PushBatch`], [`Error`].
//!
//! There is no state per stream between flushes. Wire formats are left to `api`, on-disk bytes to `segment`.

mod batch;
mod config;
mod error;
mod writer;

mod accepted;
mod failures;
mod levels;
mod limiter;
mod metadata;
mod validate;

mod backlog;
mod batcher;
mod encode;
mod flush;
mod group;
mod metrics;
mod outage;
#[cfg(test)]
mod testing;

pub use backlog::DecodePermit;
pub use batch::{PushBatch, PushEntry, PushStream, Span32};
pub use config::WriteConfig;
pub use error::{Error, Result};
pub use sigyn_segment::Codec;
pub use writer::Writer;
