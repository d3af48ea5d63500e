//! Counters of the read path.

use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::{QueryStats, Result};

/// Kinds of queries, as label values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the label values")]
pub(crate) enum Kind {
    logs,
    metric,
    labels,
    series,
    stats,
    volume,
    detected,
    patterns,
    explain,
    tail,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the label values")]
pub(crate) enum Outcome {
    ok,
    error,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueryLabels {
    kind: Kind,
    outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: Kind,
}

/// Shared handles; clones count into the same series.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    queries: Family<QueryLabels, Counter>,
    duration: Family<KindLabel, Histogram>,
    queue_duration: Histogram,
    lines: Counter,
    bytes_fetched: Counter,
    object_gets: Counter,
    cache_hits: Counter,
    cache_misses: Counter,
    duplicates: Counter,
    restarts: Counter,
    footer_cache: Gauge,
    pub(crate) tails: Gauge,
    pub(crate) tail_dropped: Counter,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let histogram = || Histogram::new(exponential_buckets(0.001, 2.0, 18));
        let metrics = Self {
            queries: Family::default(),
            duration: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 2.0, 18))),
            queue_duration: histogram(),
            lines: Counter::default(),
            bytes_fetched: Counter::default(),
            object_gets: Counter::default(),
            cache_hits: Counter::default(),
            cache_misses: Counter::default(),
            duplicates: Counter::default(),
            restarts: Counter::default(),
            footer_cache: Gauge::default(),
            tails: Gauge::default(),
            tail_dropped: Counter::default(),
        };
        let read = registry.sub_registry_with_prefix("sigyn_read");
        read.register("queries", "Queries answered, by kind and outcome", metrics.queries.clone());
        let duration = metrics.duration.clone();
        read.register_with_unit("query_duration", "Time from admission to answer", Unit::Seconds, duration);
        let queue = metrics.queue_duration.clone();
        read.register_with_unit("queue_duration", "Time queries waited for admission", Unit::Seconds, queue);
        read.register("lines", "Rows evaluated, run summaries included", metrics.lines.clone());
        read.register_with_unit("fetched", "Bytes fetched for queries", Unit::Bytes, metrics.bytes_fetched.clone());
        read.register("object_gets", "Requests to the object store", metrics.object_gets.clone());
        read.register("cache_hits", "Footers and column ranges found in memory", metrics.cache_hits.clone());
        read.register("cache_misses", "Column ranges not found in memory", metrics.cache_misses.clone());
        read.register("duplicates", "Rows skipped because another part holds the entry", metrics.duplicates.clone());
        read.register(
            "restarts",
            "Queries begun anew because an object was removed under them",
            metrics.restarts.clone(),
        );
        let footers = metrics.footer_cache.clone();
        read.register_with_unit("footer_cache", "Parsed footers in memory", Unit::Bytes, footers);
        read.register("tails", "Tails open", metrics.tails.clone());
        read.register("tail_dropped", "Entries dropped because a listener was slow", metrics.tail_dropped.clone());
        metrics
    }

    pub(crate) fn finished<T>(&self, kind: Kind, result: &Result<T>, stats: &QueryStats) {
        let outcome = if result.is_ok() { Outcome::ok } else { Outcome::error };
        self.queries.get_or_create(&QueryLabels { kind, outcome }).inc();
        self.duration.get_or_create(&KindLabel { kind }).observe(stats.exec_time.as_secs_f64());
        self.lines.inc_by(stats.lines_processed);
        self.bytes_fetched.inc_by(stats.bytes_fetched);
        self.object_gets.inc_by(stats.object_gets);
        self.cache_hits.inc_by(stats.cache_hits);
        self.cache_misses.inc_by(stats.cache_misses);
        self.duplicates.inc_by(stats.duplicates);
    }

    pub(crate) fn queued(&self, waited: Duration) {
        self.queue_duration.observe(waited.as_secs_f64());
    }

    pub(crate) fn restarted(&self) {
        self.restarts.inc();
    }

    pub(crate) fn footers(&self, bytes: u64) {
        self.footer_cache.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}
