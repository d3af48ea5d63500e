//! One file per route.

pub(crate) mod buildinfo;
pub(crate) mod config;
pub(crate) mod detected_fields;
pub(crate) mod detected_labels;
pub(crate) mod explain;
pub(crate) mod format_query;
pub(crate) mod index_stats;
pub(crate) mod index_volume;
pub(crate) mod label_values;
pub(crate) mod labels;
pub(crate) mod legacy;
pub(crate) mod log_level;
pub(crate) mod members;
pub(crate) mod metrics;
pub(crate) mod patterns;
pub(crate) mod push;
pub(crate) mod query;
pub(crate) mod query_range;
pub(crate) mod ready;
pub(crate) mod series;
pub(crate) mod services;
pub(crate) mod tail;
pub(crate) mod tenant_limits;
pub(crate) mod unsupported;
