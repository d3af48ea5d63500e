//! Counters of this crate.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Handles of this crate's metrics; clones share their values.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    pub(crate) object_requests: Family<Request, Counter>,
    pub(crate) object_bytes: Family<Transfer, Counter>,
    pub(crate) cache_lookups: Family<Lookup, Counter>,
    pub(crate) cache_bytes: Gauge,
    pub(crate) catalog_entries: Family<Append, Counter>,
    pub(crate) catalog_operations: Counter,
    pub(crate) catalog_reloads: Counter,
    pub(crate) catalog_checkpoints: Counter,
    pub(crate) catalog_parts: Gauge,
    pub(crate) catalog_units: Family<Consumption, Counter<f64, AtomicU64>>,
    pub(crate) catalog_requests: Family<CatalogRequest, Counter>,
}

/// Capacity of the catalog's table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Consumption {
    pub(crate) op: CatalogOp,
    pub(crate) kind: Units,
}

/// A request to the catalog's table and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct CatalogRequest {
    pub(crate) op: CatalogOp,
    pub(crate) outcome: CatalogOutcome,
}

/// The call of the catalog that a request serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the label values")]
pub(crate) enum CatalogOp {
    publish,
    replace,
    scan,
    since,
    tenants,
    objects,
    lease,
    member,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the label values")]
pub(crate) enum Units {
    read,
    write,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the label values")]
pub(crate) enum CatalogOutcome {
    ok,
    conflict,
    throttled,
    error,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Request {
    pub(crate) op: Op,
    pub(crate) outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the label values")]
pub(crate) enum Op {
    get,
    put,
    delete,
    list,
    copy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the label values")]
pub(crate) enum Outcome {
    ok,
    not_found,
    exists,
    error,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Transfer {
    pub(crate) op: Op,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Lookup {
    pub(crate) outcome: LookupOutcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the label values")]
pub(crate) enum LookupOutcome {
    hit,
    miss,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Append {
    pub(crate) outcome: AppendOutcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the label values")]
pub(crate) enum AppendOutcome {
    won,
    lost,
    failed,
}

impl Metrics {
    /// Capacity units of the catalog's table so far.
    #[cfg(test)]
    pub(crate) fn units(&self, op: CatalogOp, kind: Units) -> f64 {
        self.catalog_units.get_or_create(&Consumption { op, kind }).get()
    }

    /// Creates the metrics and registers them under `sigyn_storage_…`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let to = registry.sub_registry_with_prefix("sigyn_storage");
        to.register("object_requests", "Requests to the object store", metrics.object_requests.clone());
        to.register("object_bytes", "Bytes moved to and from the object store", metrics.object_bytes.clone());
        to.register("cache_lookups", "Ranges looked up in the memory cache", metrics.cache_lookups.clone());
        to.register("cache_bytes", "Bytes in the memory cache", metrics.cache_bytes.clone());
        to.register("catalog_entries", "Attempts to append a catalog log entry", metrics.catalog_entries.clone());
        to.register("catalog_operations", "Operations in appended log entries", metrics.catalog_operations.clone());
        to.register(
            "catalog_reloads",
            "Times the catalog was loaded from a checkpoint",
            metrics.catalog_reloads.clone(),
        );
        to.register("catalog_checkpoints", "Checkpoints written", metrics.catalog_checkpoints.clone());
        to.register("catalog_parts", "Parts in the catalog", metrics.catalog_parts.clone());
        let to = registry.sub_registry_with_prefix("sigyn_catalog");
        to.register("consumed_units", "Capacity units of the DynamoDB table", metrics.catalog_units.clone());
        to.register("requests", "Requests to the DynamoDB table", metrics.catalog_requests.clone());
        metrics
    }
}
