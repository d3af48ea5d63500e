//! Settings of the write target.

use serde::{Deserialize, Serialize};
use sigyn_model::ByteSize;
use sigyn_model::duration::Span;

/// When buffered pushes become an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WriteConfig {
    /// Flush once the oldest push has waited this long. Default 50ms, right for a local disk; 250ms suits an object store.
    pub flush_interval: Span,
    /// What `flush_interval` may grow to while the catalog throttles. Default 5s.
    pub flush_interval_max: Span,
    /// Flush once this much raw data waits. Default 8MiB.
    pub flush_bytes: ByteSize,
    /// Flush without waiting once this much waits and no other push is being decoded. Default 1MiB.
    pub flush_bytes_eager: ByteSize,
    /// Flushes under way at a time. Default 4.
    pub max_inflight_flushes: usize,
    /// Bytes of pushes being decoded, waiting or being flushed; past it pushes are refused with 429. Default 64MiB.
    pub max_unflushed_bytes: ByteSize,
}

impl Default for WriteConfig {
    fn default() -> Self {
        Self {
            flush_interval: Span::millis(50),
            flush_interval_max: Span::seconds(5),
            flush_bytes: ByteSize::mib(8),
            flush_bytes_eager: ByteSize::mib(1),
            max_inflight_flushes: 4,
            max_unflushed_bytes: ByteSize::mib(64),
        }
    }
}

impl WriteConfig {
    /// Every problem at once, each with its key.
    #[must_use]
    pub fn validate(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.flush_interval.nanos() < 0 {
            problems.push(format!("write.flush_interval is {}; it must be 0s or more", self.flush_interval));
        }
        if self.flush_interval_max < self.flush_interval {
            problems.push(format!(
                "write.flush_interval_max is {}; it must be at least write.flush_interval, {}",
                self.flush_interval_max, self.flush_interval
            ));
        }
        if self.flush_bytes.bytes() == 0 {
            problems.push("write.flush_bytes must be more than 0".to_owned());
        }
        if self.max_inflight_flushes == 0 {
            problems.push("write.max_inflight_flushes must be at least 1".to_owned());
        }
        if self.max_unflushed_bytes < self.flush_bytes {
            problems.push(format!(
                "write.max_unflushed_bytes is {}; it must be at least write.flush_bytes, {}",
                self.max_unflushed_bytes, self.flush_bytes
            ));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_problems_come_together() {
        assert!(WriteConfig::default().validate().is_empty());
        let bad = WriteConfig {
            flush_interval: Span::seconds(9),
            flush_bytes: ByteSize(0),
            max_inflight_flushes: 0,
            ..WriteConfig::default()
        };
        assert_eq!(bad.validate().len(), 3);
    }
}
