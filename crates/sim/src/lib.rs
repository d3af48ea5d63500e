//! Simulation: nodes that write, crash, compact and read over one store that misbehaves, in virtual time, from a seed.
//!
//! [`run_seed`] builds a world of two nodes and some clients that push numbered lines, lets a seeded script of faults pass over it
//! ([`script`]), and checks throughout and at the end that every acknowledged line is read exactly once and none is
//! invented ([`ledger`]). Dev only: nothing of this is in the binary.
//!
//! The nodes are the real crates `write`, `read` and `backend` over the seams of `storage`; only what is outside is simulated.
//! A crash cuts the node off its store for ever: whatever its tasks still do has no effect, as if they had been killed there.
//!
//! Apart from that, [`logql_test`] runs the `.test` files of `testdata/logql`, in process and over HTTP.

mod client;
mod ledger;
pub mod logql_test;
mod node;
mod reading;
mod run;
mod script;
mod world;

pub use run::{Failure, Summary, run_seed};
pub use world::Tally;
