//! What every query reads from: objects, catalog, caches and the CPU pool.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use sigyn_model::ErrorKind;
use sigyn_storage::{CacheUse, CachedObjects, Catalog, Clock, CpuPool, Storage};

use crate::context::QueryContext;
use crate::footers::FooterCache;
use crate::metrics::Metrics;
use crate::stats::add;
use crate::{Error, ReadConfig, Result};

/// Shared by all queries of a reader.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) config: ReadConfig,
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) cpu: CpuPool,
    pub(crate) footers: FooterCache,
    pub(crate) ranges: CachedObjects,
    pub(crate) metrics: Metrics,
}

impl Source {
    pub(crate) fn new(config: ReadConfig, storage: Storage, cpu: CpuPool, metrics: Metrics) -> Self {
        Self {
            footers: FooterCache::new(config.footer_cache_size.bytes()),
            ranges: CachedObjects::new(storage.objects, config.range_cache_size, storage.metrics),
            config,
            catalog: storage.catalog,
            clock: storage.clock,
            cpu,
            metrics,
        }
    }

    /// One ranged read past the cache, for what is kept in another form.
    pub(crate) async fn read_uncached(&self, context: &QueryContext, object: &str, range: Range<u64>) -> Result<Bytes> {
        let mut found = self.read(context, object, std::slice::from_ref(&range), Some(CacheUse::Bypass)).await?;
        found.pop().ok_or_else(|| Error::Internal(format!("reading {object} brought nothing")))
    }

    /// Several ranges of one object through the cache, in their order.
    pub(crate) async fn read_ranges(
        &self,
        context: &QueryContext,
        object: &str,
        ranges: &[Range<u64>],
    ) -> Result<Vec<Bytes>> {
        self.read(context, object, ranges, None).await
    }

    async fn read(
        &self,
        context: &QueryContext,
        object: &str,
        ranges: &[Range<u64>],
        cache_use: Option<CacheUse>,
    ) -> Result<Vec<Bytes>> {
        let bytes: u64 = ranges.iter().map(|range| range.end - range.start).sum();
        let total = context.count_read(bytes)?;
        // What does not fit in the cache beside other queries' ranges is not worth throwing those out.
        let large = total > self.config.range_cache_size.bytes() / 2;
        let cache_use = cache_use.unwrap_or(if large { CacheUse::LookOnly } else { CacheUse::Fill });
        let began = tokio::time::Instant::now();
        let fetched = self.ranges.get_ranges(object, ranges, cache_use).await.map_err(|error| {
            if error.kind() == ErrorKind::NotFound {
                Error::Gone { object: object.to_owned() }
            } else {
                Error::Storage(error)
            }
        })?;
        let counters = &context.counters;
        add(&counters.fetch_nanos, u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX));
        add(&counters.object_gets, fetched.requests);
        add(&counters.bytes_fetched, fetched.bytes_fetched);
        add(&counters.cache_hits, fetched.hits);
        add(&counters.cache_misses, fetched.misses);
        add(&counters.cache_bytes, bytes.saturating_sub(fetched.bytes_fetched));
        if fetched.ranges.len() != ranges.len() {
            return Err(Error::Internal(format!("reading {object} brought fewer ranges than were asked for")));
        }
        Ok(fetched.ranges)
    }
}
