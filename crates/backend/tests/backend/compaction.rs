//! Compaction: fewer parts, the same entries.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::ObjectStoreExt as _;
use prometheus_client::registry::Registry;
use sigyn_backend::{Backend, BackendConfig, Compacted};
use sigyn_model::duration::Span;
use sigyn_model::{ErrorKind, Level, Limits, TenantId, TenantLimits};
use sigyn_storage::faulty::{FaultPlan, Faults, FaultyObjects};
use sigyn_storage::{CpuPool, Storage};
use tokio_util::sync::CancellationToken;

use crate::support::{Entry, HOUR, SECOND, START, World, entry, pass};

/// `flushes` flushes of three streams each, a second apart, with one entry that every flush repeats.
async fn ingest(world: &World, tenant: &TenantId, flushes: i64) -> Vec<Entry> {
    let mut all = vec![entry("a", START, "sent again and again")];
    for at in 0..flushes {
        let mut entries = vec![all[0].clone()];
        for app in ["a", "b", "c"] {
            entries.extend((0..5).map(|row| entry(app, START + at * SECOND + row, &format!("line {at} {row}"))));
        }
        world.publish(tenant, &entries).await;
        all.extend_from_slice(&entries[1..]);
        pass(SECOND).await;
    }
    all.sort();
    all
}

#[tokio::test(start_paused = true)]
async fn flushed_parts_become_one_and_duplicates_go() {
    let (world, tenant) = (World::new().await, TenantId::single());
    let expected = ingest(&world, &tenant, 12).await;
    let newest = world.parts(&tenant).await.iter().map(|part| part.sequence).max();
    let backend = world.backend(BackendConfig::default());
    let done = backend.compact_once().await.expect("nothing fails");
    assert_eq!((done.merges, done.more), (1, false));
    let parts = world.parts(&tenant).await;
    assert_eq!((parts.len(), parts[0].level, Some(parts[0].sequence)), (1, Level::L1, newest));
    assert_eq!(world.entries(&tenant).await, expected);
    let waits = Compacted { pending: 1, ..Compacted::default() };
    assert_eq!(backend.compact_once().await.expect("nothing fails"), waits);
    pass(31 * SECOND).await;
    assert_eq!(backend.compact_once().await.expect("nothing fails").merges, 1, "a quiet hour is finished");
    let parts = world.parts(&tenant).await;
    assert_eq!((parts.len(), parts[0].level, Some(parts[0].sequence)), (1, Level::L2, newest));
    assert_eq!(world.entries(&tenant).await, expected);
    assert_eq!(backend.compact_once().await.expect("nothing fails"), Compacted::default());
}

#[tokio::test(start_paused = true)]
async fn few_and_young_parts_wait() {
    let (world, tenant) = (World::new().await, TenantId::single());
    ingest(&world, &tenant, 3).await;
    let backend = world.backend(BackendConfig::default());
    let done = backend.compact_once().await.expect("nothing fails");
    assert_eq!((done.merges, done.pending), (0, 3));
    pass(10 * SECOND).await;
    assert_eq!(backend.compact_once().await.expect("nothing fails").merges, 1);
    assert_eq!(world.parts(&tenant).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn tenants_and_hours_stay_apart() {
    let world = World::new().await;
    let tenants = [TenantId::single(), TenantId::new("other").expect("valid")];
    for at in 0..4 {
        for tenant in &tenants {
            for hour in [START, START + HOUR, START - 30 * 24 * HOUR] {
                world.publish(tenant, &[entry("a", hour + at, tenant.as_str())]).await;
            }
        }
        pass(SECOND).await;
    }
    pass(20 * SECOND).await;
    let done = world.backend(BackendConfig::default()).compact_once().await.expect("nothing fails");
    assert_eq!(done.merges, 6);
    for tenant in &tenants {
        assert_eq!(world.parts(tenant).await.len(), 3);
        let entries = world.entries(tenant).await;
        assert!(entries.len() == 12 && entries.iter().all(|(_, _, line)| line == tenant.as_str()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_minute_after_a_long_ingest_an_hour_has_at_most_eight_parts() {
    let (world, tenant) = (World::new().await, TenantId::single());
    let cancel = CancellationToken::new();
    let running = tokio::spawn(world.backend(BackendConfig::default()).run(cancel.clone()));
    let expected = ingest(&world, &tenant, 600).await;
    pass(60 * SECOND).await;
    let parts = world.parts(&tenant).await;
    assert!(parts.len() <= 8, "{} parts", parts.len());
    assert_eq!(world.entries(&tenant).await, expected);
    cancel.cancel();
    running.await.expect("it stops when told to");
}

#[tokio::test(start_paused = true)]
async fn two_backends_at_once_lose_nothing() {
    let (world, tenant) = (World::new().await, TenantId::single());
    let expected = ingest(&world, &tenant, 40).await;
    let other = world.beside(2).await;
    let backends = [world.backend(BackendConfig::default()), other.backend(BackendConfig::default())];
    let (one, two) = tokio::join!(backends[0].compact_once(), backends[1].compact_once());
    let merges = one.expect("nothing fails").merges + two.expect("nothing fails").merges;
    assert!(merges >= 1);
    assert_eq!(world.entries(&tenant).await, expected);
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_lease_is_respected_until_it_runs_out() {
    let (world, tenant) = (World::new().await, TenantId::single());
    ingest(&world, &tenant, 12).await;
    let lease = format!("compact/{tenant}/{}", START / HOUR);
    let taken = world.storage.catalog.acquire(&lease, "other", Duration::from_secs(60)).await;
    assert!(taken.expect("memory answers").is_some());
    let backend = world.backend(BackendConfig::default());
    assert_eq!(backend.compact_once().await.expect("nothing fails").merges, 0);
    pass(61 * SECOND).await;
    assert_eq!(backend.compact_once().await.expect("nothing fails").merges, 1);
}

#[tokio::test(start_paused = true)]
async fn a_damaged_part_is_named_and_left_out() {
    let (world, tenant) = (World::new().await, TenantId::single());
    ingest(&world, &tenant, 12).await;
    let damaged = world.parts(&tenant).await.swap_remove(5);
    let path = damaged.id.object.as_str().into();
    let mut bytes = world.storage.objects.get(&path).await.expect("there").bytes().await.expect("there").to_vec();
    bytes[damaged.offset as usize + 3] ^= 1;
    world.storage.objects.put(&path, Bytes::from(bytes).into()).await.expect("memory takes it");
    let backend = world.backend(BackendConfig::default());
    let error = backend.compact_once().await.expect_err("it met the damage");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains(&damaged.id.to_string()), "{error}");
    assert_eq!(backend.compact_once().await.expect("the others are sound").merges, 1);
    let parts = world.parts(&tenant).await;
    assert_eq!(parts.len(), 2, "the damaged part stays for whoever can repair it");
    assert!(parts.iter().any(|part| part.id == damaged.id));
}

#[tokio::test(start_paused = true)]
async fn work_that_lost_its_race_is_dropped() {
    let (world, tenant) = (World::new().await, TenantId::single());
    for at in 0..12 {
        world.publish(&tenant, &[entry("a", START - 30 * HOUR + at, "old")]).await;
    }
    let slow = FaultPlan { delay: 1.0, delay_max: Duration::from_secs(2), ..FaultPlan::default() };
    let objects = FaultyObjects::new(Arc::clone(&world.storage.objects), Faults::new(1, slow));
    let storage = Storage { objects: Arc::new(objects), ..world.storage.clone() };
    let backend = world.backend_on(storage, BackendConfig::default(), Limits::default(), 1);
    let limits = Limits { retention_period: Span(24 * HOUR), ..Limits::default() };
    let expiring = world.backend_on(world.storage.clone(), BackendConfig::default(), limits, 2);
    let (compacted, expired) = tokio::join!(backend.compact_once(), async {
        pass(SECOND / 100).await;
        expiring.retain_once().await
    });
    assert_eq!(expired.expect("nothing fails"), 12);
    let done = compacted.expect("a lost race is no failure");
    assert_eq!((done.merges, done.conflicts), (0, 1));
    assert!(world.parts(&tenant).await.is_empty(), "dropped entries do not come back");
}

/// On threads and the real clock, with parts of several blocks, so that merging takes more than one slice.
#[tokio::test]
async fn large_parts_merge_on_the_pool() {
    let (world, tenant) = (World::new().await, TenantId::single());
    let mut expected = Vec::new();
    for at in 0..8 {
        let line = |row: i64| format!("{at} {row} {}", "some words ".repeat(30));
        let entries: Vec<Entry> = (0..2000).map(|row| entry("a", START + row * 8 + at, &line(row))).collect();
        world.publish(&tenant, &entries).await;
        expected.extend(entries);
    }
    let config = BackendConfig::default();
    let limits = Arc::new(TenantLimits::new(Limits::default()));
    let cpu = CpuPool::new(2).expect("threads start");
    let backend = Backend::new(config, world.storage.clone(), cpu, limits, &mut Registry::default());
    assert_eq!(backend.compact_once().await.expect("nothing fails").merges, 1);
    assert_eq!(world.parts(&tenant).await.len(), 1);
    expected.sort();
    assert!(world.entries(&tenant).await == expected);
}
