//! What the HTTP side counts.

use std::sync::atomic::AtomicI64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Labels of a finished request; every value comes from a closed set.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RequestLabels {
    pub(crate) method: &'static str,
    /// The route's path with separators as `_`, or `other`.
    pub(crate) route: String,
    pub(crate) status_code: u16,
}

/// Metrics of the HTTP server.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub(crate) request_duration: Family<RequestLabels, Histogram, fn() -> Histogram>,
    pub(crate) inflight: Gauge<i64, AtomicI64>,
    pub(crate) tails: Gauge<i64, AtomicI64>,
    pub(crate) panics: Counter,
}

impl Metrics {
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            request_duration: Family::new_with_constructor(latencies),
            inflight: Gauge::default(),
            tails: Gauge::default(),
            panics: Counter::default(),
        };
        let registry = registry.sub_registry_with_prefix("sigyn_api");
        registry.register_with_unit(
            "request_duration",
            "Time from a request's head to its answer's head",
            Unit::Seconds,
            metrics.request_duration.clone(),
        );
        registry.register("inflight_requests", "Requests being answered", metrics.inflight.clone());
        registry.register("active_tails", "Tails open", metrics.tails.clone());
        registry.register("panics", "Requests answered 500 because their handler panicked", metrics.panics.clone());
        metrics
    }
}

fn latencies() -> Histogram {
    Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0])
}
