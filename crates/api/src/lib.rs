//! Loki's HTTP API over the writer and the reader: the only crate that knows wire formats and HTTP statuses.
//!
//! - [`router`] builds the axum router from an [`AppState`]; one file per route lives in `routes/`.
//! - `params` and `tenancy` read requests with Loki's defaults and error texts; `status` is the one table from
//!   error kinds to statuses; `json` writes answers straight to bytes.
//! - `push` decodes push bodies into the writer's arenas.
//!
//! What a query means is `logql`'s and `read`'s business, what a push may hold is `write`'s. This crate opens no storage
//! and has no clock: the host passes [`AppState::now`] and [`Cpu`] in.

mod body;
mod cpu;
mod error;
mod gzip;
mod json;
mod metrics;
mod observe;
mod params;
mod prometheus_text;
pub mod push;
mod query_limits;
mod reply;
mod request;
mod router;
mod routes;
mod state;
mod status;
mod tenancy;

pub use cpu::{Cpu, Work};
pub use error::{Error, Result};
pub use metrics::Metrics;
pub use router::router;
pub use state::{AppState, BuildInfo, LevelSwitch};
