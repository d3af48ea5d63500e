//! Batches and storage for tests.

use std::sync::Arc;

use bytes::Bytes;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use prometheus_client::registry::Registry;
use sigyn_model::{Labels, Limits, PartMeta, TenantId, TenantLimits, TimeRange, Timestamp};
use sigyn_segment::{DecodedBlock, Footer};
use sigyn_storage::faulty::{Faults, FaultyCatalog, FaultyObjects};
use sigyn_storage::{Catalog, CatalogOptions, Clock, CpuPool, ObjectCatalog, SeededRng, Storage, TokioClock};

use crate::{PushBatch, PushEntry, PushStream, Span32, WriteConfig, Writer};

/// Builds a batch stream by stream, entry by entry.
#[derive(Debug, Default)]
pub(crate) struct BatchBuilder {
    arena: Vec<u8>,
    batch: PushBatch,
}

impl BatchBuilder {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Starts a stream; entries that follow are its.
    pub(crate) fn stream(mut self, labels: &[(&str, &str)]) -> Self {
        let at = self.batch.entries.len() as u32;
        let labels = Labels::from_pairs(labels.iter().copied());
        self.batch.streams.push(PushStream { labels, repeated_name: None, entries: at..at });
        self
    }

    pub(crate) fn entry(mut self, ts: i64, line: &[u8], metadata: &[(&str, &str)]) -> Self {
        let line = self.span(line);
        let first = self.batch.metadata.len() as u32;
        for (name, value) in metadata {
            let pair = (self.span(name.as_bytes()), self.span(value.as_bytes()));
            self.batch.metadata.push(pair);
        }
        self.batch.entries.push(PushEntry { ts, line, metadata: first..self.batch.metadata.len() as u32 });
        if let Some(stream) = self.batch.streams.last_mut() {
            stream.entries.end += 1;
        }
        self
    }

    pub(crate) fn build(mut self) -> PushBatch {
        self.batch.arena = Bytes::from(self.arena);
        self.batch
    }

    fn span(&mut self, bytes: &[u8]) -> Span32 {
        let offset = self.arena.len() as u32;
        self.arena.extend_from_slice(bytes);
        Span32 { offset, len: bytes.len() as u32 }
    }
}

/// Noon of nowhere: the clock of every test starts here.
pub(crate) const NOW: i64 = 1_795_305_600_000_000_000;

/// Storage in memory that fails when told to, on tokio's clock.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) storage: Storage,
    /// The same storage, without faults.
    pub(crate) truth: Storage,
    pub(crate) object_faults: Arc<Faults>,
    pub(crate) catalog_faults: Arc<Faults>,
}

impl World {
    pub(crate) async fn new() -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(TokioClock::new(Timestamp(NOW)));
        let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let catalog: Arc<dyn Catalog> = Arc::new(
            ObjectCatalog::open(
                Arc::new(InMemory::new()),
                Arc::clone(&clock),
                Arc::new(SeededRng::new(1)),
                CatalogOptions::default(),
                sigyn_storage::Metrics::default(),
            )
            .await?,
        );
        let truth = Storage {
            objects,
            catalog,
            clock,
            rng: Arc::new(SeededRng::new(2)),
            metrics: sigyn_storage::Metrics::default(),
            description: "memory".to_owned(),
        };
        let (object_faults, catalog_faults) = (Faults::none(), Faults::none());
        let storage = Storage {
            objects: Arc::new(FaultyObjects::new(Arc::clone(&truth.objects), Arc::clone(&object_faults))),
            catalog: Arc::new(FaultyCatalog::new(Arc::clone(&truth.catalog), Arc::clone(&catalog_faults))),
            ..truth.clone()
        };
        Ok(Self { storage, truth, object_faults, catalog_faults })
    }

    pub(crate) fn writer(&self, config: WriteConfig, limits: Limits) -> Arc<Writer> {
        let limits = Arc::new(TenantLimits::new(limits));
        Arc::new(Writer::new(config, self.storage.clone(), CpuPool::inline(), limits, &mut Registry::default()))
    }

    /// The parts a reader sees, oldest first.
    pub(crate) async fn parts(&self, tenant: &str) -> anyhow::Result<Vec<Arc<PartMeta>>> {
        let mut parts = self.truth.catalog.scan(&TenantId::new(tenant)?, TimeRange::all()).await?;
        parts.sort_by_key(|part| part.sequence);
        Ok(parts)
    }

    /// Every row of every part as `labels time line name=value …`, oldest part first.
    pub(crate) async fn rows(&self, tenant: &str) -> anyhow::Result<Vec<String>> {
        let mut rows = Vec::new();
        for part in self.parts(tenant).await? {
            let object = sigyn_storage::objects::get(&*self.truth.objects, &part.id.object).await?;
            let bytes = &object[part.offset as usize..(part.offset + part.length) as usize];
            let footer = Footer::parse(&bytes[bytes.len() - part.footer_length as usize..], part.length)?;
            for block in &footer.blocks {
                let decoded = DecodedBlock::decode(bytes, block)?;
                for run in &block.runs {
                    for row in run.first_row as usize..(run.first_row + run.rows) as usize {
                        let pairs = decoded.metadata.iter().filter_map(|(name, column)| Some((name, column.get(row)?)));
                        let pairs: Vec<String> = pairs.map(|(name, value)| format!(" {name}={value}")).collect();
                        let line = String::from_utf8_lossy(decoded.lines.get(row));
                        let labels = &footer.streams[run.stream as usize];
                        rows.push(format!("{labels} {} {line}{}", decoded.times[row] - NOW, pairs.concat()));
                    }
                }
            }
        }
        Ok(rows)
    }
}
