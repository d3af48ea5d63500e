//! Bytes per second per tenant: a token bucket each.

use std::sync::{Mutex, PoisonError};

use hashbrown::HashMap;
use sigyn_model::{Limits, TenantId};
use tokio::time::Instant;

/// Buckets kept before full ones are forgotten; a forgotten bucket comes back full, so nothing is lost.
const BUCKETS_MAX: usize = 10_000;

/// The buckets of all tenants of this process.
#[derive(Debug, Default)]
pub(crate) struct RateLimiter {
    buckets: Mutex<HashMap<TenantId, Bucket, foldhash::fast::RandomState>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    fn refill(&mut self, now: Instant, rate: f64, burst: f64) {
        self.tokens = (self.tokens + rate * (now - self.filled).as_secs_f64()).min(burst);
        self.filled = now;
    }
}

/// The tenant's limit in bytes per second; zero is none.
pub(crate) fn rate_bytes(limits: &Limits) -> f64 {
    limits.ingestion_rate_mb * 1_048_576.0
}

impl RateLimiter {
    /// Takes `bytes` from the tenant's bucket, or nothing when it does not hold as many.
    pub(crate) fn take(&self, tenant: &TenantId, bytes: u64, limits: &Limits, now: Instant) -> bool {
        let rate = rate_bytes(limits);
        if rate == 0.0 {
            return true;
        }
        let burst = limits.ingestion_burst_size_mb * 1_048_576.0;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= BUCKETS_MAX {
            buckets.retain(|_, bucket| {
                bucket.refill(now, rate, burst);
                bucket.tokens < burst
            });
        }
        let bucket = buckets.entry(tenant.clone()).or_insert(Bucket { tokens: burst, filled: now });
        bucket.refill(now, rate, burst);
        let enough = bucket.tokens >= bytes as f64;
        if enough {
            bucket.tokens -= bytes as f64;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_then_the_rate_holds() {
        let limits = Limits { ingestion_rate_mb: 1.0, ingestion_burst_size_mb: 2.0, ..Limits::default() };
        let (limiter, tenant, start) = (RateLimiter::default(), TenantId::single(), Instant::now());
        let mib = 1 << 20;
        assert!(!limiter.take(&tenant, 2 * mib + 1, &limits, start));
        assert!(limiter.take(&tenant, 2 * mib, &limits, start));
        assert!(!limiter.take(&tenant, 1, &limits, start));
        let later = start + Duration::from_millis(500);
        assert!(!limiter.take(&tenant, mib / 2 + 1, &limits, later));
        assert!(limiter.take(&tenant, mib / 2, &limits, later));
        assert!(limiter.take(&tenant, 2 * mib, &limits, later + Duration::from_secs(60)));
        let unlimited = Limits { ingestion_rate_mb: 0.0, ..limits };
        assert!(limiter.take(&tenant, 1 << 40, &unlimited, later));
    }
}
