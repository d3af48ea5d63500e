//! A bucket in memory, parts in it, and readers over it.

use std::collections::BTreeMap;
use std::sync::Arc;

use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};
use prometheus_client::registry::Registry;
use sigyn_logql::ast::{Expr, LogExpr, MetricExpr, Selector};
use sigyn_model::{Labels, Level, Limits, PartId, PartMeta, TenantId, TenantLimits, Timestamp, Window};
use sigyn_read::{ReadConfig, Reader};
use sigyn_segment::{BlockBuilder, BlockLimits, Codec, EncodedPart, ObjectWriter, PartWriter, Row};
use sigyn_storage::{Catalog, CatalogOptions, Clock, CpuPool, ObjectCatalog, Rng, SeededRng, Storage, TokioClock};

/// 2026-11-22T04:00:00Z, the start of an hour.
pub(crate) const BASE: i64 = 1_795_320_000 * SECOND;
pub(crate) const SECOND: i64 = 1_000_000_000;

/// One entry as pushed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pushed {
    pub(crate) labels: Labels,
    pub(crate) time: i64,
    pub(crate) line: String,
    pub(crate) metadata: Vec<(String, String)>,
}

impl Pushed {
    pub(crate) fn new(labels: &[(&str, &str)], time: i64, line: &str, metadata: &[(&str, &str)]) -> Self {
        Self {
            labels: Labels::from_pairs(labels.iter().copied()),
            time,
            line: line.to_owned(),
            metadata: metadata.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) objects: Arc<InMemory>,
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) blocks: BlockLimits,
    flushes: u64,
}

impl Bucket {
    pub(crate) async fn new() -> Self {
        let objects = Arc::new(InMemory::new());
        let clock: Arc<dyn Clock> = Arc::new(TokioClock::new(Timestamp(BASE)));
        let catalog = ObjectCatalog::open(
            Arc::clone(&objects) as Arc<dyn ObjectStore>,
            Arc::clone(&clock),
            Arc::new(SeededRng::new(1)),
            CatalogOptions::default(),
            sigyn_storage::Metrics::default(),
        );
        let catalog = Arc::new(catalog.await.expect("an empty bucket opens"));
        // Small blocks, so that a few entries already make many of them.
        let blocks = BlockLimits { raw_bytes_max: 300, rows_max: 9 };
        Self { objects, catalog, clock, blocks, flushes: 0 }
    }

    /// The same bucket as another process sees it: with a handle of its own on the catalog.
    pub(crate) async fn beside(&self, seed: u64) -> Self {
        let catalog = ObjectCatalog::open(
            Arc::clone(&self.objects) as Arc<dyn ObjectStore>,
            Arc::clone(&self.clock),
            Arc::new(SeededRng::new(seed)),
            CatalogOptions::default(),
            sigyn_storage::Metrics::default(),
        );
        Self {
            objects: Arc::clone(&self.objects),
            catalog: Arc::new(catalog.await.expect("a sound bucket opens")),
            clock: Arc::clone(&self.clock),
            blocks: self.blocks,
            flushes: self.flushes + 1_000 * seed,
        }
    }

    /// Stores the entries as one flush: an object with a part per hour, published.
    pub(crate) async fn flush(&mut self, tenant: &TenantId, entries: &[Pushed]) -> Vec<PartMeta> {
        let parts = self.put(tenant, entries, Level::L0).await;
        self.catalog.publish(&parts).await.expect("publishing in memory");
        parts
    }

    /// Stores the entries without telling the catalog.
    pub(crate) async fn put(&mut self, tenant: &TenantId, entries: &[Pushed], level: Level) -> Vec<PartMeta> {
        self.flushes += 1;
        let object = format!("data/{:026}.seg", self.flushes);
        let mut windows: BTreeMap<i64, Vec<&Pushed>> = BTreeMap::new();
        for entry in entries {
            windows.entry(Window::of(Timestamp(entry.time)).0).or_default().push(entry);
        }
        let mut writer = ObjectWriter::new();
        let mut parts = Vec::new();
        for (window, entries) in windows {
            let part = encode(entries, level, self.blocks);
            let meta = meta_of(&part, tenant, Window(window), level);
            let placement = writer.push(tenant, Window(window), part);
            parts.push(PartMeta {
                id: PartId { object: object.clone(), index: placement.index },
                offset: placement.offset,
                length: placement.length,
                sequence: self.flushes,
                ..meta
            });
        }
        let path = object_store::path::Path::from(object);
        self.objects.put(&path, writer.finish().into()).await.expect("putting in memory");
        parts
    }

    pub(crate) fn storage(&self) -> Storage {
        Storage {
            objects: Arc::clone(&self.objects) as Arc<dyn ObjectStore>,
            catalog: Arc::clone(&self.catalog),
            clock: Arc::clone(&self.clock),
            rng: Arc::new(sigyn_storage::SeededRng::new(1)),
            metrics: sigyn_storage::Metrics::default(),
            description: "memory".to_owned(),
        }
    }

    pub(crate) fn reader(&self) -> Reader {
        self.reader_with(ReadConfig::default(), Limits::default())
    }

    pub(crate) fn reader_with(&self, config: ReadConfig, limits: Limits) -> Reader {
        self.reader_on(CpuPool::inline(), config, limits)
    }

    pub(crate) fn reader_on(&self, cpu: CpuPool, config: ReadConfig, limits: Limits) -> Reader {
        let limits = Arc::new(TenantLimits::new(limits));
        Reader::new(config, self.storage(), cpu, limits, &mut Registry::default())
    }
}

fn encode(mut entries: Vec<&Pushed>, level: Level, limits: BlockLimits) -> EncodedPart {
    // Stable, so that equal timestamps keep their arrival order; then as `write` drops repeated entries.
    entries.sort_by(|a, b| (&a.labels, a.time).cmp(&(&b.labels, b.time)));
    let mut kept: Vec<&Pushed> = Vec::new();
    for entry in entries {
        let same_instant = kept.iter().rev().take_while(|k| k.labels == entry.labels && k.time == entry.time);
        if !same_instant.into_iter().any(|k| *k == entry) {
            kept.push(entry);
        }
    }
    let mut labels: Vec<Labels> = kept.iter().map(|entry| entry.labels.clone()).collect();
    labels.dedup();
    let mut writer = PartWriter::new(level, labels.clone());
    let mut builder = BlockBuilder::new(limits);
    for entry in kept {
        let stream = labels.binary_search(&entry.labels).expect("every stream is listed");
        let metadata: Vec<(&str, &str)> = entry.metadata.iter().map(|(n, v)| (&**n, &**v)).collect();
        let row = Row { time: Timestamp(entry.time), line: entry.line.as_bytes(), metadata: &metadata };
        builder.push(u32::try_from(stream).expect("few streams"), &row);
        if builder.is_full() {
            writer.push(builder.take().encode(Codec::L0).expect("a small block"));
        }
    }
    if !builder.is_empty() {
        writer.push(builder.take().encode(Codec::L0).expect("a small block"));
    }
    writer.finish().expect("streams ascend")
}

fn meta_of(part: &EncodedPart, tenant: &TenantId, window: Window, level: Level) -> PartMeta {
    PartMeta {
        id: PartId { object: String::new(), index: 0 },
        tenant: tenant.clone(),
        window,
        level,
        offset: 0,
        length: 0,
        footer_length: part.footer_length,
        min_time: part.min_time,
        max_time: part.max_time,
        rows: part.rows,
        streams: part.streams,
        raw_bytes: part.raw_bytes,
        sequence: 0,
        label_filter: part.label_filter.clone(),
    }
}

pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::new(name).expect("a good name")
}

pub(crate) fn log(query: &str) -> LogExpr {
    match sigyn_logql::parse(query) {
        Ok(Expr::Log(expr)) => expr,
        other => panic!("{query} is no log query: {other:?}"),
    }
}

pub(crate) fn metric(query: &str) -> MetricExpr {
    match sigyn_logql::parse(query) {
        Ok(Expr::Metric(expr)) => expr,
        other => panic!("{query} is no metric query: {other:?}"),
    }
}

pub(crate) fn selector(query: &str) -> Selector {
    if query == "{}" { Selector { matchers: Vec::new() } } else { log(query).selector }
}

/// Numbers from a printed seed.
#[derive(Debug)]
pub(crate) struct Dice(SeededRng);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(SeededRng::new(seed))
    }

    /// `0 ≤ n < below`
    pub(crate) fn roll(&self, below: u64) -> u64 {
        self.0.next_u64() % below
    }

    pub(crate) fn pick<'a, T>(&self, from: &'a [T]) -> &'a T {
        &from[usize::try_from(self.roll(from.len() as u64)).expect("a small number")]
    }
}

/// Entries with many equal timestamps, over about two and a half hours.
pub(crate) fn random_entries(dice: &Dice, count: usize) -> Vec<Pushed> {
    let words = ["alpha", "beta", "gamma", "error", "ok", "timeout", "GET /", "x=1"];
    (0..count)
        .map(|_| {
            let labels = [("app", *dice.pick(&["a", "b", "c"])), ("pod", *dice.pick(&["p0", "p1", "p2", "p3"]))];
            let time = BASE + i64::try_from(dice.roll(9000)).expect("small") / 7 * 7 * SECOND;
            let line = format!("{} {} {}", dice.pick(&words), dice.pick(&words), dice.roll(3));
            let mut metadata = Vec::new();
            if dice.roll(3) > 0 {
                metadata.push(("level", *dice.pick(&["info", "warn"])));
            }
            if dice.roll(8) == 0 {
                metadata.push(("trace", "t1"));
            }
            Pushed::new(&labels, time, &line, &metadata)
        })
        .collect()
}

/// Stores the entries in several flushes that overlap in time, some of them more than once; returns them in arrival order.
pub(crate) async fn random_flushes(
    bucket: &mut Bucket,
    dice: &Dice,
    tenant: &TenantId,
    entries: &[Pushed],
) -> Vec<Pushed> {
    let mut arrived: Vec<Pushed> = Vec::new();
    let mut rest = entries;
    while !rest.is_empty() {
        let size = usize::try_from(1 + dice.roll(entries.len() as u64 / 3)).expect("small").min(rest.len());
        let (flush, later) = rest.split_at(size);
        rest = later;
        let mut flush = flush.to_vec();
        for _ in 0..dice.roll(size as u64) {
            if !arrived.is_empty() {
                flush.push(dice.pick(&arrived).clone());
            }
        }
        bucket.flush(tenant, &flush).await;
        arrived.extend(flush);
    }
    arrived
}
