//! Ranged reads through a memory cache.

use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use object_store::ObjectStore;
use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};
use sigyn_model::ByteSize;

use crate::metrics::{Lookup, LookupOutcome, Metrics};
use crate::{Result, objects};

/// An object store whose ranges are kept in memory, least useful out first. Cheap to clone.
///
/// Segments never change and their keys are never reused, so nothing is ever invalidated.
#[derive(Debug, Clone)]
pub struct CachedObjects {
    objects: Arc<dyn ObjectStore>,
    cache: Option<Arc<Cache<RangeKey, Bytes, ByteWeight>>>,
    metrics: Metrics,
}

/// Whether a read may leave its ranges in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheUse {
    /// Look up, and keep what had to be fetched.
    Fill,
    /// Look up, but do not let a large scan push out what others need.
    LookOnly,
    /// Neither.
    Bypass,
}

/// The ranges asked for, in order, and what it took to get them.
#[derive(Debug, Clone, Default)]
pub struct Fetched {
    pub ranges: Vec<Bytes>,
    /// Ranges found in the cache.
    pub hits: u64,
    /// Ranges fetched from the store.
    pub misses: u64,
    /// Bytes of the fetched ranges.
    pub bytes_fetched: u64,
    /// Requests to the object store: 0 or 1.
    pub requests: u64,
}

impl CachedObjects {
    /// A cache of `size` bytes over `objects`; none when `size` is 0.
    #[must_use]
    pub fn new(objects: Arc<dyn ObjectStore>, size: ByteSize, metrics: Metrics) -> Self {
        const TYPICAL_RANGE_BYTES: u64 = 16 << 10;
        let items = usize::try_from(size.bytes() / TYPICAL_RANGE_BYTES).unwrap_or(usize::MAX).max(16);
        let cache = (size.bytes() > 0).then(|| Arc::new(Cache::with_weighter(items, size.bytes(), ByteWeight)));
        Self { objects, cache, metrics }
    }

    /// The store below, for whole-object work.
    #[must_use]
    pub fn objects(&self) -> &Arc<dyn ObjectStore> {
        &self.objects
    }

    /// Reads byte ranges of one object; those not in the cache come in one request.
    ///
    /// Errors: as [`objects::get_ranges`].
    pub async fn get_ranges(&self, key: &str, ranges: &[Range<u64>], cache_use: CacheUse) -> Result<Fetched> {
        let Some(cache) = self.cache.as_deref().filter(|_| cache_use != CacheUse::Bypass) else {
            let fetched = objects::get_ranges(&self.objects, key, ranges).await?;
            return Ok(Fetched::without_cache(fetched));
        };
        let mut found: Vec<Option<Bytes>> =
            ranges.iter().map(|range| cache.get(&RangeRef { object: key, range })).collect();
        let missing: Vec<Range<u64>> =
            ranges.iter().zip(&found).filter(|(_, found)| found.is_none()).map(|(range, _)| range.clone()).collect();
        let (misses, found_here) = (missing.len() as u64, (ranges.len() - missing.len()) as u64);
        let mut fetched = Fetched { hits: found_here, misses, ..Fetched::default() };
        self.count(fetched.hits, fetched.misses);
        if !missing.is_empty() {
            let arrived = objects::get_ranges(&self.objects, key, &missing).await?;
            fetched.requests = 1;
            fetched.bytes_fetched = arrived.iter().map(|bytes| bytes.len() as u64).sum();
            let shared = arrived.len() > 1;
            let mut arrived = arrived.into_iter();
            for (range, found) in ranges.iter().zip(&mut found).filter(|(_, found)| found.is_none()) {
                let Some(bytes) = arrived.next() else { break };
                if cache_use == CacheUse::Fill {
                    // Ranges of one request may be slices of one buffer; a kept slice must not hold on to the rest of it.
                    let kept = if shared { Bytes::copy_from_slice(&bytes) } else { bytes.clone() };
                    cache.insert(RangeKey { object: key.into(), start: range.start, end: range.end }, kept);
                }
                *found = Some(bytes);
            }
            self.metrics.cache_bytes.set(i64::try_from(cache.weight()).unwrap_or(i64::MAX));
        }
        fetched.ranges = found.into_iter().flatten().collect();
        Ok(fetched)
    }

    fn count(&self, hits: u64, misses: u64) {
        let lookups = &self.metrics.cache_lookups;
        lookups.get_or_create(&Lookup { outcome: LookupOutcome::hit }).inc_by(hits);
        lookups.get_or_create(&Lookup { outcome: LookupOutcome::miss }).inc_by(misses);
    }
}

impl Fetched {
    fn without_cache(ranges: Vec<Bytes>) -> Self {
        let bytes_fetched = ranges.iter().map(|bytes| bytes.len() as u64).sum();
        Self { hits: 0, misses: ranges.len() as u64, bytes_fetched, requests: 1, ranges }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct RangeKey {
    object: Box<str>,
    start: u64,
    end: u64,
}

/// A key to look up with, without allocating.
struct RangeRef<'a> {
    object: &'a str,
    range: &'a Range<u64>,
}

impl Hash for RangeKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&*self.object, self.start, self.end).hash(state);
    }
}

impl Hash for RangeRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.object, self.range.start, self.range.end).hash(state);
    }
}

impl Equivalent<RangeKey> for RangeRef<'_> {
    fn equivalent(&self, key: &RangeKey) -> bool {
        self.range.start == key.start && self.range.end == key.end && self.object == &*key.object
    }
}

/// Weighs a range by its bytes and the room its key takes.
#[derive(Debug, Clone)]
struct ByteWeight;

impl Weighter<RangeKey, Bytes> for ByteWeight {
    fn weight(&self, key: &RangeKey, bytes: &Bytes) -> u64 {
        const OVERHEAD: usize = 96;
        (bytes.len() + key.object.len() + OVERHEAD) as u64
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::single_range_in_vec_init, reason = "one range is what is read")]

    use object_store::memory::InMemory;

    use super::*;

    async fn bucket() -> Result<Arc<dyn ObjectStore>> {
        let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        objects::put_new(&objects, "data/a.seg", Bytes::from(vec![7_u8; 100_000])).await?;
        Ok(objects)
    }

    #[tokio::test]
    async fn fetches_once_and_only_what_is_missing() -> Result<()> {
        let cached = CachedObjects::new(bucket().await?, ByteSize::mib(1), Metrics::default());
        let first = cached.get_ranges("data/a.seg", &[0..10, 20..50], CacheUse::Fill).await?;
        assert_eq!((first.hits, first.misses, first.bytes_fetched, first.requests), (0, 2, 40, 1));
        let second = cached.get_ranges("data/a.seg", &[20..50, 60..70, 0..10], CacheUse::LookOnly).await?;
        assert_eq!((second.hits, second.misses, second.bytes_fetched), (2, 1, 10));
        assert_eq!(second.ranges.iter().map(Bytes::len).collect::<Vec<_>>(), [30, 10, 10]);
        let third = cached.get_ranges("data/a.seg", &[60..70], CacheUse::Fill).await?;
        assert_eq!((third.hits, third.misses), (0, 1), "looking only keeps nothing");
        let bypassed = cached.get_ranges("data/a.seg", &[0..10], CacheUse::Bypass).await?;
        assert_eq!((bypassed.hits, bypassed.misses), (0, 1));
        Ok(())
    }

    #[tokio::test]
    async fn stays_within_its_size() -> Result<()> {
        let cached = CachedObjects::new(bucket().await?, ByteSize::kib(64), Metrics::default());
        for start in 0..90 {
            cached.get_ranges("data/a.seg", &[start * 1_000..start * 1_000 + 10_000], CacheUse::Fill).await?;
        }
        let weight = cached.cache.as_ref().map_or(0, |cache| cache.weight());
        assert!(weight > 0 && weight <= 64 << 10, "{weight}");
        Ok(())
    }

    #[tokio::test]
    async fn size_zero_turns_it_off() -> Result<()> {
        let cached = CachedObjects::new(bucket().await?, ByteSize(0), Metrics::default());
        for _ in 0..2 {
            assert_eq!(cached.get_ranges("data/a.seg", &[0..10], CacheUse::Fill).await?.misses, 1);
        }
        Ok(())
    }
}
