//! LogQL: text to tree, tree to plan, plan and batches to answers. No I/O, no clock.
//!
//! - [`ast`], [`lexer`], [`parser`]: query text to syntax tree, with Loki's error texts; [`display`] and [`format`] print it.
//! - [`matcher`], [`re2`]: compiled stream selectors and regular expressions.
//! - [`batch`], [`pipeline`], [`stages`]: columnar evaluation of a pipeline over the rows of one stream run.
//! - [`aggregate`], [`plan`], [`eval`]: range aggregations, the plan `read` executes, and operators over series.
//!
//! `read` feeds batches in; this crate never fetches anything.

pub mod ast;
