//! Storage that fails, answers late or loses answers, and processes that die anywhere.

use std::sync::Arc;
use std::time::Duration;

use sigyn_backend::BackendConfig;
use sigyn_model::duration::Span;
use sigyn_model::{Limits, TenantId};
use sigyn_storage::faulty::{FaultPlan, Faults, FaultyCatalog, FaultyObjects};
use sigyn_storage::{SeededRng, Storage, objects, rng};

use crate::support::{Entry, SECOND, START, World, entry, pass};

/// Publishes on sound storage while backends work on bad storage and are killed at random; then checks every entry.
/// Returns the merges that succeeded in spite of it.
async fn run(seed: u64) -> usize {
    let (world, tenant) = (World::new().await, TenantId::single());
    let luck = SeededRng::new(seed);
    let mut merges = 0;
    let mut expected: Vec<Entry> = Vec::new();
    for round in 0..6_i64 {
        for at in 0..10_i64 {
            let time = START + round * SECOND + at;
            let entries = [entry("a", time, &format!("{round} {at}")), entry("b", time, "same")];
            expected.extend_from_slice(&entries);
            world.publish(&tenant, &entries).await;
        }
        let faults = Faults::new(seed + round as u64, FaultPlan::with_probability(0.05));
        let victim = world.beside(seed ^ 77).await;
        let storage = Storage {
            objects: Arc::new(FaultyObjects::new(Arc::clone(&world.storage.objects), Arc::clone(&faults))),
            catalog: Arc::new(FaultyCatalog::new(Arc::clone(&victim.storage.catalog), faults)),
            ..world.storage.clone()
        };
        let config = BackendConfig { delete_grace: Span::seconds(30), ..BackendConfig::default() };
        let backend = world.backend_on(storage, config, Limits::default(), seed * 10 + round as u64);
        let life = Duration::from_millis(rng::below(&luck, 3000));
        let work = async {
            loop {
                // Failures are what this is about.
                merges += backend.compact_once().await.map_or(0, |done| done.merges);
                let _ = backend.collect_once().await;
                pass(SECOND / 10).await;
            }
        };
        let _ = tokio::time::timeout(life, work).await;
        pass(rng::below(&luck, 120) as i64 * SECOND).await;
    }
    let backend = world.backend(BackendConfig::default());
    // Flushed parts are merged, then finished; each time what was replaced is collected in the next round.
    for _ in 0..6 {
        backend.collect_once().await.expect("sound storage");
        backend.compact_once().await.expect("sound storage");
        pass(2 * 3600 * SECOND).await;
    }
    backend.collect_once().await.expect("sound storage");
    expected.sort();
    assert_eq!(world.entries(&tenant).await, expected, "seed {seed}");
    assert!(world.parts(&tenant).await.len() <= 8, "seed {seed}");
    let listed = objects::list(&*world.storage.objects, "data").await.expect("sound storage");
    let referenced = world.storage.catalog.referenced_objects().await.expect("sound storage");
    assert_eq!(listed.len(), referenced.len(), "seed {seed}: orphans are gone");
    merges
}

#[test]
fn every_entry_survives_faults_and_kills() {
    let mut merges = 0;
    for seed in 0..150 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        merges += runtime.expect("a runtime starts").block_on(run(seed));
    }
    assert!(merges > 100, "only {merges} merges got through: the faults are too dense to prove anything");
}
