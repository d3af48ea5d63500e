//! Counters of the write target.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::failures::Discarded;

/// Handles of this crate's metrics; clones share their values.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    pub(crate) unflushed_bytes: Gauge,
    accepted_entries: Counter,
    accepted_bytes: Counter,
    discarded_entries: Family<Dropped, Counter>,
    discarded_bytes: Family<Dropped, Counter>,
    refused_pushes: Counter,
    flushes: Family<Outcome, Counter>,
    flush_seconds: Histogram,
    wait_seconds: Histogram,
    stored_bytes: Counter,
    stored_parts: Counter,
    stored_rows: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Dropped {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let seconds = || Histogram::new(exponential_buckets(0.001, 2.0, 16));
        Self {
            unflushed_bytes: Gauge::default(),
            accepted_entries: Counter::default(),
            accepted_bytes: Counter::default(),
            discarded_entries: Family::default(),
            discarded_bytes: Family::default(),
            refused_pushes: Counter::default(),
            flushes: Family::default(),
            flush_seconds: seconds(),
            wait_seconds: seconds(),
            stored_bytes: Counter::default(),
            stored_parts: Counter::default(),
            stored_rows: Counter::default(),
        }
    }
}

impl Metrics {
    /// Creates the metrics and registers them under `sigyn_write_…`.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let to = registry.sub_registry_with_prefix("sigyn_write");
        to.register(
            "unflushed_bytes",
            "Bytes of pushes decoded or waiting to be durable",
            metrics.unflushed_bytes.clone(),
        );
        to.register("accepted_entries", "Entries that passed validation", metrics.accepted_entries.clone());
        to.register("accepted_bytes", "Line and metadata bytes that passed validation", metrics.accepted_bytes.clone());
        to.register("discarded_entries", "Entries refused, by reason", metrics.discarded_entries.clone());
        to.register("discarded_bytes", "Bytes refused, by reason", metrics.discarded_bytes.clone());
        to.register("refused_pushes", "Pushes refused because too much waits", metrics.refused_pushes.clone());
        to.register("flushes", "Flushes, by outcome", metrics.flushes.clone());
        to.register("flush_seconds", "From the start of a flush to its answers", metrics.flush_seconds.clone());
        to.register("wait_seconds", "From a flush's oldest push to its answer", metrics.wait_seconds.clone());
        to.register("stored_bytes", "Bytes of objects written", metrics.stored_bytes.clone());
        to.register("stored_parts", "Parts published", metrics.stored_parts.clone());
        to.register("stored_rows", "Rows published, exact duplicates not counted", metrics.stored_rows.clone());
        metrics
    }

    pub(crate) fn accepted(&self, entries: u64, bytes: u64) {
        self.accepted_entries.inc_by(entries);
        self.accepted_bytes.inc_by(bytes);
    }

    pub(crate) fn discarded(&self, discarded: &[Discarded]) {
        for Discarded { reason, entries, bytes } in discarded {
            let dropped = Dropped { reason: reason.as_str() };
            self.discarded_entries.get_or_create(&dropped).inc_by(*entries);
            self.discarded_bytes.get_or_create(&dropped).inc_by(*bytes);
        }
    }

    pub(crate) fn refused(&self) {
        self.refused_pushes.inc();
    }

    pub(crate) fn flushed(&self, took: Duration, waited: Duration, ok: bool) {
        self.flushes.get_or_create(&Outcome { outcome: if ok { "ok" } else { "failed" } }).inc();
        self.flush_seconds.observe(took.as_secs_f64());
        self.wait_seconds.observe(waited.as_secs_f64());
    }

    pub(crate) fn stored(&self, bytes: u64, parts: u64, rows: u64) {
        self.stored_bytes.inc_by(bytes);
        self.stored_parts.inc_by(parts);
        self.stored_rows.inc_by(rows);
    }
}
