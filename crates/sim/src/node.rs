//! One process: a writer, a reader and a backend over a store that misbehaves.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use sigyn_backend::{Backend, BackendConfig};
use sigyn_model::duration::Span;
use sigyn_read::{ReadConfig, Reader};
use sigyn_storage::faulty::{FaultPlan, Faults, FaultyCatalog, FaultyObjects};
use sigyn_storage::{CatalogOptions, CpuPool, Metrics, ObjectCatalog, SeededRng, Storage};
use sigyn_write::{WriteConfig, Writer};
use tokio_util::sync::CancellationToken;

use crate::world::World;

/// A node, running until it is crashed.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) writer: Writer,
    pub(crate) reader: Reader,
    pub(crate) backend: Backend,
    pub(crate) faults: Arc<Faults>,
    /// Cancelled by the crash: clients notice that the connection is gone.
    pub(crate) crashed: CancellationToken,
}

impl Node {
    /// Starts a node; the third attempt meets no faults, for in bad weather a start needs many requests to go well.
    pub(crate) async fn start(world: &World) -> Arc<Self> {
        let mut attempt = 1;
        loop {
            let weather = if attempt < 3 { world.weather() } else { FaultPlan::default() };
            if let Ok(node) = Self::try_start(world, weather).await {
                node.faults.set_plan(world.weather());
                return Arc::new(node);
            }
            attempt += 1;
            world.pause(Duration::from_millis(50)).await;
        }
    }

    async fn try_start(world: &World, weather: FaultPlan) -> sigyn_storage::Result<Self> {
        let faults = Faults::new(world.next_seed(), weather);
        let objects = Arc::new(FaultyObjects::new(Arc::clone(&world.objects), Arc::clone(&faults)));
        // Few entries between checkpoints, so that a short run has some.
        let options = CatalogOptions { checkpoint_entries: 8, ..CatalogOptions::default() };
        let catalog = ObjectCatalog::open(
            Arc::clone(&objects) as _,
            Arc::clone(&world.clock),
            Arc::new(SeededRng::new(world.next_seed())),
            options,
            Metrics::default(),
        );
        let catalog = Arc::new(catalog.await?);
        let storage = Storage {
            objects,
            catalog: Arc::new(FaultyCatalog::new(catalog, Arc::clone(&faults))),
            clock: Arc::clone(&world.clock),
            rng: Arc::new(SeededRng::new(world.next_seed())),
            metrics: Metrics::default(),
            description: "simulated".to_owned(),
        };
        let (cpu, registry, limits) = (CpuPool::inline(), &mut Registry::default(), &world.limits);
        let writing = WriteConfig { flush_interval: Some(Span::millis(20)), ..WriteConfig::default() };
        let backend = BackendConfig { compact_after: Span::millis(200), ..BackendConfig::default() };
        let backend = Backend::new(backend, storage.clone(), cpu.clone(), Arc::clone(limits), registry);
        Ok(Self {
            writer: Writer::new(writing, storage.clone(), cpu.clone(), Arc::clone(limits), registry),
            reader: Reader::new(ReadConfig::default(), storage, cpu, Arc::clone(limits), registry),
            backend,
            faults,
            crashed: CancellationToken::new(),
        })
    }

    /// Kills the node: nothing that its tasks do from now on reaches the store, and its clients hear no more of it.
    pub(crate) fn crash(&self, world: &World) {
        self.faults.set_all_fail(true);
        self.crashed.cancel();
        world.count(|tally| {
            tally.crashes += 1;
            tally.faults += self.faults.injected();
        });
    }
}
