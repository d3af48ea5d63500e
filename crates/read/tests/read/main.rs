//! The read path end to end, in memory: parts written as `write` would, answers compared with a naive evaluation.

mod harness;
mod naive;

mod bounds;
mod cluster;
mod damage;
mod labels;
mod logs;
mod metrics;
mod patterns;
mod speed;
mod tail;
