//! The whole API over in-memory storage: push, then ask.

mod ask;
mod detect;
mod errors;
mod explain;
mod harness;
mod legacy;
mod limits;
mod otlp;
mod tail;
mod tenants;
