//! A bucket of its own on a clock of its own, with entries published as the write target would.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use prometheus_client::registry::Registry;
use sigyn_backend::{Backend, BackendConfig};
use sigyn_model::{Labels, Level, Limits, PartId, PartMeta, TenantId, TenantLimits, TimeRange, Timestamp, Window};
use sigyn_segment::{BlockBuilder, BlockLimits, Codec, DecodedBlock, Footer, ObjectWriter, PartWriter, Row};
use sigyn_storage::{
    CatalogOptions, Clock, CpuPool, Metrics, ObjectCatalog, SeededRng, Storage, TokioClock, objects, rng,
};

/// 2026-11-22 00:00 UTC.
pub(crate) const START: i64 = 1_795_305_600_000_000_000;
pub(crate) const SECOND: i64 = 1_000_000_000;
pub(crate) const HOUR: i64 = 3600 * SECOND;

/// App, time, line.
pub(crate) type Entry = (String, i64, String);

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) storage: Storage,
    rng: SeededRng,
}

impl World {
    /// An empty bucket.
    pub(crate) async fn new() -> Self {
        Self::open(Arc::new(InMemory::new()), Arc::new(TokioClock::new(Timestamp(START))), 1).await
    }

    /// A second process on the same bucket.
    pub(crate) async fn beside(&self, seed: u64) -> Self {
        Self::open(Arc::clone(&self.storage.objects), Arc::clone(&self.storage.clock), seed).await
    }

    async fn open(store: Arc<dyn ObjectStore>, clock: Arc<dyn Clock>, seed: u64) -> Self {
        let rng = Arc::new(SeededRng::new(seed));
        let (options, metrics) = (CatalogOptions::default(), Metrics::default());
        let catalog = ObjectCatalog::open(Arc::clone(&store), Arc::clone(&clock), rng, options, metrics).await;
        let catalog = Arc::new(catalog.expect("the catalog opens"));
        let rng = Arc::new(SeededRng::new(seed ^ 0xbeef));
        let storage = Storage {
            objects: store,
            catalog,
            clock,
            rng,
            metrics: Metrics::default(),
            description: "test".to_owned(),
        };
        Self { storage, rng: SeededRng::new(seed ^ 0xfeed) }
    }

    pub(crate) fn backend(&self, config: BackendConfig) -> Backend {
        self.backend_on(self.storage.clone(), config, Limits::default(), 5)
    }

    pub(crate) fn backend_on(&self, storage: Storage, config: BackendConfig, limits: Limits, seed: u64) -> Backend {
        let limits = Arc::new(TenantLimits::new(limits));
        let storage = Storage { rng: Arc::new(SeededRng::new(seed)), ..storage };
        Backend::new(config, storage, CpuPool::inline(), limits, &mut Registry::default())
    }

    /// One flush of one tenant's entries, which lie in one hour. Returns its part.
    pub(crate) async fn publish(&self, tenant: &TenantId, entries: &[Entry]) -> PartMeta {
        let now = self.storage.clock.now();
        let object = rng::new_object_key(now, &self.rng);
        let (meta, bytes) = flush(tenant, entries, object, (now.nanos() / 1_000_000) as u64 * 65_536);
        objects::put_new(&*self.storage.objects, &meta.id.object, Bytes::from(bytes)).await.expect("memory takes it");
        self.storage.catalog.publish(std::slice::from_ref(&meta)).await.expect("memory takes it");
        meta
    }

    pub(crate) async fn parts(&self, tenant: &TenantId) -> Vec<Arc<PartMeta>> {
        self.storage.catalog.scan(tenant, TimeRange::all()).await.expect("memory answers")
    }

    /// Everything a query would find, sorted. A row in two parts appears twice.
    pub(crate) async fn entries(&self, tenant: &TenantId) -> Vec<Entry> {
        let mut entries = Vec::new();
        for part in self.parts(tenant).await {
            let range = part.offset..part.offset + part.length;
            let fetched = objects::get_ranges(&*self.storage.objects, &part.id.object, &[range]).await;
            let bytes = fetched.expect("a part with a row has its object").remove(0);
            let footer = Footer::parse(&bytes, part.length).expect("sound");
            assert_eq!((footer.level, footer.rows()), (part.level, part.rows));
            for block in &footer.blocks {
                let decoded = DecodedBlock::decode(&bytes, block).expect("sound");
                for run in &block.runs {
                    let app = footer.streams[run.stream as usize].get("app").unwrap_or_default();
                    entries.extend((run.first_row..run.first_row + run.rows).map(|row| {
                        let line = String::from_utf8_lossy(decoded.lines.get(row as usize)).into_owned();
                        (app.to_owned(), decoded.times[row as usize], line)
                    }));
                }
            }
        }
        entries.sort();
        entries
    }
}

fn flush(tenant: &TenantId, entries: &[Entry], object: String, sequence: u64) -> (PartMeta, Vec<u8>) {
    let mut streams: BTreeMap<Labels, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        streams.entry(Labels::from_pairs([("app", &*entry.0)])).or_default().push(entry);
    }
    let mut part = PartWriter::new(Level::L0, streams.keys().cloned().collect());
    let mut builder = BlockBuilder::new(BlockLimits::default());
    for (stream, mut rows) in (0..).zip(streams.into_values()) {
        rows.sort_by_key(|row| row.1);
        for (_, time, line) in rows {
            builder.push(stream, &Row { time: Timestamp(*time), line: line.as_bytes(), metadata: &[] });
        }
    }
    part.push(builder.take().encode(Codec::L0).expect("small"));
    let mut part = part.finish().expect("sorted");
    let window = Window::of(part.min_time);
    assert_eq!(window, Window::of(part.max_time), "a part lies in one hour");
    let mut meta = PartMeta {
        id: PartId { object, index: 0 },
        tenant: tenant.clone(),
        window,
        level: Level::L0,
        offset: 0,
        length: 0,
        footer_length: part.footer_length,
        min_time: part.min_time,
        max_time: part.max_time,
        rows: part.rows,
        streams: part.streams,
        raw_bytes: part.raw_bytes,
        sequence,
        label_filter: std::mem::take(&mut part.label_filter),
    };
    let mut writer = ObjectWriter::new();
    let placement = writer.push(tenant, window, part);
    (meta.offset, meta.length, meta.id.index) = (placement.offset, placement.length, placement.index);
    (meta, writer.finish())
}

pub(crate) fn entry(app: &str, time: i64, line: &str) -> Entry {
    (app.to_owned(), time, line.to_owned())
}

pub(crate) async fn pass(time: i64) {
    tokio::time::sleep(Duration::from_nanos(time as u64)).await;
}
