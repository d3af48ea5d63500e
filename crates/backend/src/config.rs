//! Settings of the backend target.

use serde::{Deserialize, Serialize};
use sigyn_model::duration::Span;

/// When background jobs run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BackendConfig {
    /// How often to look for parts to merge. Default 2s.
    pub compact_interval: Span,
    /// Merge an hour's flushed parts once the oldest of them is this old, even when they are few. Default 10s.
    pub compact_after: Span,
    /// Merge an hour's parts for good, in the smallest encoding, once nothing was added to it for this long. Default 30s.
    pub finish_after: Span,
    /// Drop data past its tenant's `limits.retention_period`. Default true; false keeps everything, as Loki does without `compactor.retention_enabled`.
    pub retention_enabled: bool,
    /// How often to look for parts past their tenant's `limits.retention_period`. Default 10m.
    pub retention_interval: Span,
    /// How often to look for objects to delete. Default 1m.
    pub gc_interval: Span,
    /// How long an object outlives the last catalog row that names it, so that running queries can finish; above `limits.query_timeout`. Default 15m.
    pub delete_grace: Span,
}

impl Default for BackendConfig {
    fn default() -> Self {
        Self {
            compact_interval: Span::seconds(2),
            compact_after: Span::seconds(10),
            finish_after: Span::seconds(30),
            retention_enabled: true,
            retention_interval: Span::seconds(600),
            gc_interval: Span::seconds(60),
            delete_grace: Span::seconds(900),
        }
    }
}

impl BackendConfig {
    /// Every problem at once, each with its key.
    #[must_use]
    pub fn validate(&self) -> Vec<String> {
        let intervals = [
            ("compact_interval", self.compact_interval),
            ("retention_interval", self.retention_interval),
            ("gc_interval", self.gc_interval),
        ];
        let mut problems: Vec<String> = intervals
            .iter()
            .filter(|(_, interval)| interval.nanos() <= 0)
            .map(|(key, interval)| format!("backend.{key} is {interval}; it must be more than 0s"))
            .collect();
        let waits = [
            ("compact_after", self.compact_after),
            ("finish_after", self.finish_after),
            ("delete_grace", self.delete_grace),
        ];
        for (key, span) in waits {
            if span.nanos() < 0 {
                problems.push(format!("backend.{key} is {span}; it must be 0s or more"));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_problems_come_together() {
        assert!(BackendConfig::default().validate().is_empty());
        let bad = BackendConfig {
            compact_interval: Span(0),
            gc_interval: Span(0),
            delete_grace: Span(-1),
            ..BackendConfig::default()
        };
        assert_eq!(bad.validate().len(), 3);
    }
}
