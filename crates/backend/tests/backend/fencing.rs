//! Several backends over one catalog, some of them paused at the worst moment.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sigyn_backend::BackendConfig;
use sigyn_model::{Limits, PartMeta, TenantId, TimeRange};
use sigyn_storage::catalog::{Catalog, Cursor, Lease, Member, Swap};
use sigyn_storage::{Storage, objects};

use crate::support::{Entry, HOUR, SECOND, START, World, entry, pass};

type StorageResult<T> = sigyn_storage::Result<T>;

/// The catalog of a process that is paused just before it swaps.
#[derive(Debug)]
struct Paused {
    inner: Arc<dyn Catalog>,
    pause: Duration,
}

#[async_trait]
impl Catalog for Paused {
    async fn replace(&self, swap: &Swap) -> StorageResult<()> {
        tokio::time::sleep(self.pause).await;
        self.inner.replace(swap).await
    }
    async fn publish(&self, parts: &[PartMeta]) -> StorageResult<()> {
        self.inner.publish(parts).await
    }
    async fn scan(&self, tenant: &TenantId, range: TimeRange) -> StorageResult<Vec<Arc<PartMeta>>> {
        self.inner.scan(tenant, range).await
    }
    async fn since(&self, tenant: &TenantId, cursor: &Cursor) -> StorageResult<(Vec<Arc<PartMeta>>, Cursor)> {
        self.inner.since(tenant, cursor).await
    }
    async fn tenants(&self) -> StorageResult<Vec<TenantId>> {
        self.inner.tenants().await
    }
    async fn referenced_objects(&self) -> StorageResult<HashSet<String>> {
        self.inner.referenced_objects().await
    }
    async fn acquire(&self, name: &str, owner: &str, ttl: Duration) -> StorageResult<Option<Lease>> {
        self.inner.acquire(name, owner, ttl).await
    }
    async fn renew(&self, lease: &Lease, ttl: Duration) -> StorageResult<Lease> {
        self.inner.renew(lease, ttl).await
    }
    async fn release(&self, lease: &Lease) -> StorageResult<()> {
        self.inner.release(lease).await
    }
    async fn heartbeat(&self, member: &Member, ttl: Duration) -> StorageResult<()> {
        self.inner.heartbeat(member, ttl).await
    }
    async fn members(&self) -> StorageResult<Vec<Member>> {
        self.inner.members().await
    }
}

/// Ten flushes a minute old, of `hours` hours each.
async fn ingest(world: &World, tenant: &TenantId, hours: i64) -> Vec<Entry> {
    let mut all = Vec::new();
    for hour in 0..hours {
        for at in 0..10 {
            let entries =
                [entry("a", START + hour * HOUR + at, &format!("{hour} {at}")), entry("b", START + hour * HOUR, "b")];
            world.publish(tenant, &entries).await;
            all.extend(entries);
        }
    }
    pass(60 * SECOND).await;
    all.sort();
    all.dedup();
    all
}

#[tokio::test(start_paused = true)]
async fn a_process_that_wakes_up_late_swaps_nothing() {
    let (world, tenant) = (World::new().await, TenantId::single());
    let expected = ingest(&world, &tenant, 1).await;
    let victim = world.beside(7).await;
    let pause = Duration::from_secs(300);
    let paused = Arc::new(Paused { inner: Arc::clone(&victim.storage.catalog), pause });
    let storage = Storage { catalog: paused, ..victim.storage.clone() };
    let config = BackendConfig::default();
    let sleeper = victim.backend_on(storage, config.clone(), Limits::default(), 70);
    let other = world.backend(config);

    let asleep = sleeper.compact_once();
    let awake = async {
        pass(SECOND).await;
        let done = other.compact_once().await.expect("nothing fails");
        assert_eq!(done.merges, 0, "the hour is leased");
        // The lease runs out while its holder sleeps.
        pass(61 * SECOND).await;
        assert_eq!(other.compact_once().await.expect("nothing fails").merges, 1);
        world.parts(&tenant).await
    };
    let (late, merged) = tokio::join!(asleep, awake);
    let late = late.expect("a lost race is no failure");
    assert_eq!((late.merges, late.conflicts), (0, 1));
    assert_eq!(world.parts(&tenant).await, merged, "what the other one made is in force");
    assert_eq!(world.entries(&tenant).await, expected);

    // What the sleeper wrote is garbage, in time; what is named stays.
    for _ in 0..3 {
        other.collect_once().await.expect("nothing fails");
        pass(2 * HOUR).await;
    }
    let left = objects::list(&*world.storage.objects, "data").await.expect("memory answers");
    let named = world.storage.catalog.referenced_objects().await.expect("memory answers");
    assert_eq!(left.len(), named.len());
    assert_eq!(world.entries(&tenant).await, expected);
}

#[tokio::test(start_paused = true)]
async fn two_backends_share_the_work_and_do_nothing_twice() {
    let (world, tenant) = (World::new().await, TenantId::single());
    let expected = ingest(&world, &tenant, 12).await;
    let beside = world.beside(9).await;
    let config = BackendConfig::default();
    let one = world.backend(config.clone());
    let other = beside.backend_on(beside.storage.clone(), config, Limits::default(), 90);
    let (mut merges, mut conflicts) = (0, 0);
    for _ in 0..4 {
        let (a, b) = tokio::join!(one.compact_once(), other.compact_once());
        for done in [a.expect("nothing fails"), b.expect("nothing fails")] {
            merges += done.merges;
            conflicts += done.conflicts;
        }
        pass(31 * SECOND).await;
    }
    let parts = world.parts(&tenant).await;
    assert_eq!(parts.len(), 12, "one part an hour");
    // Each hour is merged, and finished once it has been quiet for a while.
    assert!((12..=24).contains(&merges), "{merges} merges");
    assert_eq!(conflicts, 0, "a lease keeps the other one away");
    assert_eq!(world.entries(&tenant).await, expected);
}
