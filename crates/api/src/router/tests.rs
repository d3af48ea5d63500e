//! The whole API over in-memory storage: push, then ask.

mod ask;
mod detect;
mod errors;
mod harness;
mod tail;
