//! Settings of the write target.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sigyn_model::ByteSize;
use sigyn_model::duration::Span;

const LOCAL_INTERVAL: Span = Span::millis(50);
const LOCAL_EAGER: ByteSize = ByteSize::mib(1);

/// When buffered pushes become an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WriteConfig {
    /// Flush once the oldest push has waited this long. Default 250ms where bucket or catalog are remote and every flush is paid for, 50ms on a local disk.
    pub flush_interval: Option<Span>,
    /// What `flush_interval` may grow to while the catalog throttles. Default 5s.
    pub flush_interval_max: Span,
    /// Flush once this much raw data waits. Default 8MiB.
    pub flush_bytes: ByteSize,
    /// Flush without waiting once this much waits and no other push is being decoded. Default: `flush_bytes` where bucket or catalog are remote, 1MiB on a local disk.
    pub flush_bytes_eager: Option<ByteSize>,
    /// Flushes under way at a time. Default 4.
    pub max_inflight_flushes: usize,
    /// Bytes of pushes being decoded, waiting or being flushed; past it pushes are refused with 429. Default 64MiB.
    pub max_unflushed_bytes: ByteSize,
}

impl Default for WriteConfig {
    fn default() -> Self {
        Self {
            flush_interval: None,
            flush_interval_max: Span::seconds(5),
            flush_bytes: ByteSize::mib(8),
            flush_bytes_eager: None,
            max_inflight_flushes: 4,
            max_unflushed_bytes: ByteSize::mib(64),
        }
    }
}

impl WriteConfig {
    /// With the defaults that depend on where the storage is filled in.
    #[must_use]
    pub fn resolved(self, remote: bool) -> Self {
        let interval = if remote { Span::millis(250) } else { LOCAL_INTERVAL };
        let eager = if remote { self.flush_bytes } else { LOCAL_EAGER };
        Self {
            flush_interval: Some(self.flush_interval.unwrap_or(interval)),
            flush_bytes_eager: Some(self.flush_bytes_eager.unwrap_or(eager)),
            ..self
        }
    }

    pub(crate) fn interval(&self) -> Duration {
        self.flush_interval.unwrap_or(LOCAL_INTERVAL).as_duration()
    }

    pub(crate) fn bytes_eager(&self) -> u64 {
        self.flush_bytes_eager.unwrap_or(LOCAL_EAGER).bytes()
    }

    /// Every problem at once, each with its key.
    #[must_use]
    pub fn validate(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if let Some(interval) = self.flush_interval.filter(|interval| interval.nanos() < 0) {
            problems.push(format!("write.flush_interval is {interval}; it must be 0s or more"));
        }
        if let Some(interval) = self.flush_interval.filter(|interval| self.flush_interval_max < *interval) {
            problems.push(format!(
                "write.flush_interval_max is {}; it must be at least write.flush_interval, {interval}",
                self.flush_interval_max
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
            flush_interval: Some(Span::seconds(9)),
            flush_bytes: ByteSize(0),
            max_inflight_flushes: 0,
            ..WriteConfig::default()
        };
        assert_eq!(bad.validate().len(), 3);
    }

    #[test]
    fn a_remote_storage_is_given_fewer_and_larger_flushes() {
        let (local, remote) = (WriteConfig::default().resolved(false), WriteConfig::default().resolved(true));
        assert_eq!((local.interval(), local.bytes_eager()), (Duration::from_millis(50), 1 << 20));
        assert_eq!((remote.interval(), remote.bytes_eager()), (Duration::from_millis(250), 8 << 20));
        let chosen = WriteConfig { flush_interval: Some(Span::millis(7)), ..WriteConfig::default() }.resolved(true);
        assert_eq!(chosen.interval(), Duration::from_millis(7));
    }
}
