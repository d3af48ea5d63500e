//! Executors: what is done with a selection, one file per kind of answer.

pub(crate) mod logs;
pub(crate) mod metric;
pub(crate) mod newest;
pub(crate) mod sizes;
