//! What one tenant may do, under the names and with the defaults of Loki's `limits_config`.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use crate::duration::Span;
use crate::{ByteSize, TenantId};

/// A tenant's limits. Zero means "no limit" unless said otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    // Push.
    /// Bytes a tenant may push per second and process, in MiB. Default 4.
    pub ingestion_rate_mb: f64,
    /// Burst above the rate, in MiB; a single push must fit. Default 6.
    pub ingestion_burst_size_mb: f64,
    /// Longest label name, in bytes. Default 1024.
    pub max_label_name_length: usize,
    /// Longest label value, in bytes. Default 2048.
    pub max_label_value_length: usize,
    /// Labels per stream, `service_name` not counted. Default 15.
    pub max_label_names_per_series: usize,
    /// Refuse entries older than `reject_old_samples_max_age`. Default true.
    pub reject_old_samples: bool,
    /// Age past which an entry is too old. Default 1w.
    pub reject_old_samples_max_age: Span,
    /// How far ahead of the clock an entry may be. Default 10m.
    pub creation_grace_period: Span,
    /// Longest line. Default 256KB.
    pub max_line_size: ByteSize,
    /// Cut longer lines instead of refusing them. Default false.
    pub max_line_size_truncate: bool,
    /// Suffix of lines that were cut. Default empty.
    pub max_line_size_truncate_identifier: String,
    /// Move an entry by 1 ns when the stream's previous one in the push has its timestamp. Default false.
    pub increment_duplicate_timestamp: bool,
    /// Accept structured metadata. Default true.
    pub allow_structured_metadata: bool,
    /// Structured metadata per entry, in bytes. Default 64KB.
    pub max_structured_metadata_size: ByteSize,
    /// Structured metadata pairs per entry. Default 128.
    pub max_structured_metadata_entries_count: usize,
    /// Labels tried, in order, for `service_name`; empty turns discovery off.
    pub discover_service_name: Vec<String>,
    /// Add `detected_level` to entries. Default true.
    pub discover_log_levels: bool,
    /// Fields searched for a level.
    pub log_level_fields: Vec<String>,
    /// How deep JSON lines are searched for a level; 0 is unlimited. Default 2.
    pub log_level_from_json_max_depth: usize,
    /// Labels every stream must carry. Default none.
    pub enforced_labels: Vec<String>,
    /// Accepted for Loki's sake, never reached: Sigyn keeps no state per stream. Default 5000.
    pub max_global_streams_per_user: u64,
    /// Accepted for Loki's sake, never reached: Sigyn keeps no state per stream. Default 3MB.
    pub per_stream_rate_limit: ByteSize,
    /// Accepted for Loki's sake, never reached: Sigyn keeps no state per stream. Default 15MB.
    pub per_stream_rate_limit_burst: ByteSize,

    // Queries.
    /// Series a metric query may have. Default 500.
    pub max_query_series: usize,
    /// A query's start is moved up to now minus this. Default 0s, off.
    pub max_query_lookback: Span,
    /// Longest end − start. Default 30d1h.
    pub max_query_length: Span,
    /// Longest `[range]`. Default 0s, off.
    pub max_query_range: Span,
    /// Matchers per selector. Default 1000.
    pub max_streams_matchers_per_query: usize,
    /// Largest `limit` of a log query. Default 5000.
    pub max_entries_limit_per_query: usize,
    /// Time a query may take. Default 1m.
    pub query_timeout: Span,
    /// Stored bytes a query may read. Default 0B, off.
    pub max_query_bytes_read: ByteSize,
    /// Memory one query may hold; Sigyn's own. Default 512MiB.
    pub max_query_memory: ByteSize,
    /// Labels every selector must match on. Default none.
    pub required_labels: Vec<String>,
    /// Fewest matchers of a selector. Default 0.
    pub minimum_labels_number: usize,
    /// Answer `variants(…) of (…)` queries. Default false.
    pub enable_multi_variant_queries: bool,
    /// Tails open at a time. Default 10.
    pub max_concurrent_tail_requests: usize,
    /// Serve the volume endpoints. Default true.
    pub volume_enabled: bool,
    /// Series of a volume answer. Default 1000.
    pub volume_max_series: usize,

    // Retention.
    /// Age at which data is dropped. Default 0s, kept for ever; otherwise at least 24h.
    pub retention_period: Span,
}

const SERVICE_NAME_LABELS: [&str; 13] = [
    "service",
    "app",
    "application",
    "app_name",
    "name",
    "app_kubernetes_io_name",
    "container",
    "container_name",
    "k8s_container_name",
    "component",
    "workload",
    "job",
    "k8s_job_name",
];

const LOG_LEVEL_FIELDS: [&str; 14] = [
    "level",
    "LEVEL",
    "Level",
    "log.level",
    "severity",
    "SEVERITY",
    "Severity",
    "SeverityText",
    "lvl",
    "LVL",
    "Lvl",
    "severity_text",
    "Severity_Text",
    "SEVERITY_TEXT",
];

impl Default for Limits {
    fn default() -> Self {
        Self {
            ingestion_rate_mb: 4.0,
            ingestion_burst_size_mb: 6.0,
            max_label_name_length: 1024,
            max_label_value_length: 2048,
            max_label_names_per_series: 15,
            reject_old_samples: true,
            reject_old_samples_max_age: Span::seconds(7 * 24 * 3600),
            creation_grace_period: Span::seconds(600),
            max_line_size: ByteSize::kib(256),
            max_line_size_truncate: false,
            max_line_size_truncate_identifier: String::new(),
            increment_duplicate_timestamp: false,
            allow_structured_metadata: true,
            max_structured_metadata_size: ByteSize::kib(64),
            max_structured_metadata_entries_count: 128,
            discover_service_name: SERVICE_NAME_LABELS.iter().map(|&name| name.to_owned()).collect(),
            discover_log_levels: true,
            log_level_fields: LOG_LEVEL_FIELDS.iter().map(|&name| name.to_owned()).collect(),
            log_level_from_json_max_depth: 2,
            enforced_labels: Vec::new(),
            max_global_streams_per_user: 5000,
            per_stream_rate_limit: ByteSize::mib(3),
            per_stream_rate_limit_burst: ByteSize::mib(15),
            max_query_series: 500,
            max_query_lookback: Span(0),
            max_query_length: Span::seconds((30 * 24 + 1) * 3600),
            max_query_range: Span(0),
            max_streams_matchers_per_query: 1000,
            max_entries_limit_per_query: 5000,
            query_timeout: Span::seconds(60),
            max_query_bytes_read: ByteSize(0),
            max_query_memory: ByteSize::mib(512),
            required_labels: Vec::new(),
            minimum_labels_number: 0,
            enable_multi_variant_queries: false,
            max_concurrent_tail_requests: 10,
            volume_enabled: true,
            volume_max_series: 1000,
            retention_period: Span(0),
        }
    }
}

impl Limits {
    /// Every problem at once, each with its key.
    #[must_use]
    pub fn validate(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let retention = self.retention_period.nanos();
        if retention != 0 && retention < 24 * crate::duration::HOUR {
            problems.push(format!(
                "limits.retention_period is {}; it must be 0s (keep for ever) or at least 24h",
                self.retention_period
            ));
        }
        if !(self.ingestion_rate_mb.is_finite() && self.ingestion_rate_mb >= 0.0) {
            problems.push(format!("limits.ingestion_rate_mb is {}; it must be 0 or more", self.ingestion_rate_mb));
        }
        if !(self.ingestion_burst_size_mb.is_finite() && self.ingestion_burst_size_mb >= 0.0) {
            problems.push(format!(
                "limits.ingestion_burst_size_mb is {}; it must be 0 or more",
                self.ingestion_burst_size_mb
            ));
        }
        if self.query_timeout.nanos() <= 0 {
            problems.push("limits.query_timeout must be more than 0s".to_owned());
        }
        problems
    }
}

/// The limits in force for each tenant: its own where it has any, otherwise those of all. They may change at any time.
#[derive(Debug)]
pub struct TenantLimits {
    default: Arc<Limits>,
    own: RwLock<HashMap<TenantId, Arc<Limits>>>,
}

impl TenantLimits {
    #[must_use]
    pub fn new(default: Limits) -> Self {
        Self { default: Arc::new(default), own: RwLock::default() }
    }

    #[must_use]
    pub fn get(&self, tenant: &TenantId) -> Arc<Limits> {
        let own = self.own.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(own.get(tenant).unwrap_or(&self.default))
    }

    /// The limits of tenants that have none of their own.
    #[must_use]
    pub fn default_limits(&self) -> &Limits {
        &self.default
    }

    /// From now on exactly these tenants have limits of their own.
    pub fn set_own(&self, own: HashMap<TenantId, Arc<Limits>>) {
        *self.own.write().unwrap_or_else(PoisonError::into_inner) = own;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_short_retention_is_not() {
        assert!(Limits::default().validate().is_empty());
        let short = Limits { retention_period: Span::seconds(3600), ..Limits::default() };
        assert_eq!(short.validate(), ["limits.retention_period is 1h; it must be 0s (keep for ever) or at least 24h"]);
    }

    #[test]
    fn tenants_may_have_limits_of_their_own() {
        let limits = TenantLimits::new(Limits::default());
        let (a, b) = (TenantId::new("a").expect("valid"), TenantId::new("b").expect("valid"));
        let own = Arc::new(Limits { max_query_series: 7, ..Limits::default() });
        limits.set_own(HashMap::from([(a.clone(), own)]));
        assert_eq!((limits.get(&a).max_query_series, limits.get(&b).max_query_series), (7, 500));
        limits.set_own(HashMap::new());
        assert_eq!(limits.get(&a).max_query_series, 500);
    }
}
