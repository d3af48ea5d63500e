//! Footers of parts: one ranged read each, parsed once, kept in memory.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sigyn_model::{PartId, PartMeta};
use sigyn_segment::Footer;

use crate::context::QueryContext;
use crate::source::Source;
use crate::stats::add;
use crate::{Error, Result};

/// A parsed footer and what is worth computing once.
#[derive(Debug)]
pub(crate) struct LoadedFooter {
    pub(crate) footer: Footer,
    /// `Labels::hash64` of each stream.
    pub(crate) hashes: Vec<u64>,
    /// Rows of the part before each block.
    pub(crate) first_rows: Vec<u64>,
    pub(crate) memory: u64,
}

impl LoadedFooter {
    fn new(footer: Footer) -> Self {
        let hashes: Vec<u64> = footer.streams.iter().map(sigyn_model::Labels::hash64).collect();
        let first_rows: Vec<u64> = footer
            .blocks
            .iter()
            .scan(0_u64, |rows, block| {
                let first = *rows;
                *rows += u64::from(block.rows);
                Some(first)
            })
            .collect();
        let memory = (footer.memory_size() + 8 * (hashes.len() + first_rows.len())) as u64;
        Self { footer, hashes, first_rows, memory }
    }
}

/// Footers expected in the cache. Few, because the cache is cut into parts by it and a footer must fit into one.
const FOOTERS: usize = 128;

#[derive(Debug, Clone)]
struct FooterWeight;

impl Weighter<PartId, Arc<LoadedFooter>> for FooterWeight {
    fn weight(&self, id: &PartId, footer: &Arc<LoadedFooter>) -> u64 {
        footer.memory + id.object.len() as u64 + 64
    }
}

/// Parsed footers by part, bounded by their memory.
#[derive(Debug)]
pub(crate) struct FooterCache(Cache<PartId, Arc<LoadedFooter>, FooterWeight>);

impl FooterCache {
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self(Cache::with_weighter(FOOTERS, bytes_max, FooterWeight))
    }

    /// Bytes held.
    pub(crate) fn weight(&self) -> u64 {
        self.0.weight()
    }
}

/// Footers of all `parts`, in their order.
pub(crate) async fn load(
    source: &Source,
    context: &Arc<QueryContext>,
    parts: &[Arc<PartMeta>],
) -> Result<Vec<Arc<LoadedFooter>>> {
    let concurrency = source.config.fetch_concurrency.max(1);
    let loads: Vec<_> = parts.iter().map(|part| load_one(source, context, Arc::clone(part))).collect();
    futures::stream::iter(loads).buffered(concurrency).try_collect().await
}

async fn load_one(source: &Source, context: &Arc<QueryContext>, part: Arc<PartMeta>) -> Result<Arc<LoadedFooter>> {
    if let Some(footer) = source.footers.0.get(&part.id) {
        add(&context.counters.cache_hits, 1);
        return Ok(footer);
    }
    context.check()?;
    let id = part.id.clone();
    source.footers.0.get_or_insert_async(&id, read_one(source, context, part)).await
}

async fn read_one(source: &Source, context: &Arc<QueryContext>, part: Arc<PartMeta>) -> Result<Arc<LoadedFooter>> {
    let end = part.offset + part.length;
    let start = end - u64::from(part.footer_length).min(part.length);
    let tail = source.read_uncached(context, &part.id.object, start..end).await?;
    let parse = move || {
        Footer::parse(&tail, part.length)
            .map(|footer| Arc::new(LoadedFooter::new(footer)))
            .map_err(|source| Error::Footer { part: part.id.to_string(), source })
    };
    source.cpu.run(parse).await?
}
