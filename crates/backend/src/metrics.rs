//! Counters of the backend target.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Handles of this crate's metrics; clones share their values.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    pub(crate) compactions: Family<Compaction, Counter>,
    pub(crate) compacted_parts: Counter,
    pub(crate) compacted_bytes: Family<Side, Counter>,
    pub(crate) compacted_raw_bytes: Counter,
    pub(crate) duplicate_entries: Counter,
    pub(crate) pending_parts: Gauge,
    pub(crate) live_parts: Family<AtLevel, Gauge>,
    pub(crate) live_bytes: Gauge,
    pub(crate) live_objects: Gauge,
    pub(crate) expired_parts: Counter,
    pub(crate) unreferenced_objects: Gauge,
    pub(crate) deleted_objects: Counter,
    pub(crate) deleted_bytes: Counter,
    pub(crate) failures: Family<InJob, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Compaction {
    pub(crate) outcome: CompactionOutcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the label values")]
pub(crate) enum CompactionOutcome {
    swapped,
    conflict,
    failed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Side {
    pub(crate) side: InOut,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the label values")]
pub(crate) enum InOut {
    r#in,
    out,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct AtLevel {
    pub(crate) level: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct InJob {
    pub(crate) job: Job,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the label values")]
pub(crate) enum Job {
    compact,
    retain,
    collect,
}

impl Job {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::compact => "compact",
            Self::retain => "retain",
            Self::collect => "collect",
        }
    }
}

impl Metrics {
    /// Creates the metrics and registers them under `sigyn_backend_…`.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let into = registry.sub_registry_with_prefix("sigyn_backend");
        into.register("compactions", "Merges by outcome", metrics.compactions.clone());
        into.register("compacted_parts", "Parts that were replaced by merged ones", metrics.compacted_parts.clone());
        into.register(
            "compacted_bytes",
            "Stored bytes of parts merged (in) and made (out)",
            metrics.compacted_bytes.clone(),
        );
        into.register("compacted_raw_bytes", "Raw bytes of parts made", metrics.compacted_raw_bytes.clone());
        into.register("duplicate_entries", "Equal entries merged away", metrics.duplicate_entries.clone());
        into.register("pending_parts", "Parts that wait to be merged", metrics.pending_parts.clone());
        into.register("live_parts", "Parts in the catalog", metrics.live_parts.clone());
        into.register("live_bytes", "Stored bytes of parts in the catalog", metrics.live_bytes.clone());
        into.register("live_objects", "Objects that the catalog names", metrics.live_objects.clone());
        into.register("expired_parts", "Parts dropped by retention", metrics.expired_parts.clone());
        into.register("unreferenced_objects", "Objects waiting to be deleted", metrics.unreferenced_objects.clone());
        into.register("deleted_objects", "Objects deleted", metrics.deleted_objects.clone());
        into.register("deleted_bytes", "Bytes of deleted objects", metrics.deleted_bytes.clone());
        into.register("failures", "Jobs that ended in an error, by job", metrics.failures.clone());
        metrics
    }
}
