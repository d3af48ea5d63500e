//! Settings of the read path.

use serde::{Deserialize, Serialize};
use sigyn_model::ByteSize;
use sigyn_model::duration::Span;

/// Settings of the read path; the defaults suit one machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReadConfig {
    /// Queries that run at a time; the others wait in order. Default 16.
    pub max_concurrent: usize,
    /// Memory for parsed footers. Default 64MiB.
    pub footer_cache_size: ByteSize,
    /// Memory for fetched column ranges. Default 128MiB.
    pub range_cache_size: ByteSize,
    /// Requests one query has in flight at the object store. Default 16.
    pub fetch_concurrency: usize,
    /// How often the catalog is asked for new parts while somebody tails. Default 500ms.
    pub tail_poll_interval: Span,
    /// How long a tail may last. Default 1h.
    pub tail_max_duration: Span,
}

impl Default for ReadConfig {
    fn default() -> Self {
        Self {
            max_concurrent: 16,
            footer_cache_size: ByteSize::mib(64),
            range_cache_size: ByteSize::mib(128),
            fetch_concurrency: 16,
            tail_poll_interval: Span(500_000_000),
            tail_max_duration: Span::seconds(3600),
        }
    }
}

impl ReadConfig {
    /// Every problem at once, each with its key.
    #[must_use]
    pub fn validate(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.max_concurrent == 0 {
            problems.push("read.max_concurrent is 0; no query could ever run".to_owned());
        }
        if self.fetch_concurrency == 0 {
            problems.push("read.fetch_concurrency is 0; no object could ever be read".to_owned());
        }
        if self.tail_poll_interval.nanos() <= 0 {
            problems.push("read.tail_poll_interval must be more than 0s".to_owned());
        }
        if self.tail_max_duration.nanos() <= 0 {
            problems.push("read.tail_max_duration must be more than 0s".to_owned());
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_zeros_are_not() {
        assert!(ReadConfig::default().validate().is_empty());
        let zeros = ReadConfig { max_concurrent: 0, fetch_concurrency: 0, ..ReadConfig::default() };
        assert_eq!(zeros.validate().len(), 2);
    }
}
