//! Tests of the log itself: pauses, lost answers, damage, size.

mod damage;
mod pauses;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::{join_all, try_join_all};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use sigyn_model::{ErrorKind, Level, PartId, PartMeta, TenantId, TimeRange, Timestamp, Window};

use super::{CatalogOptions, ObjectCatalog, format};
use crate::conformance::{check_catalog, check_many_parts};
use crate::faulty::{FaultPlan, Faults, FaultyCatalog, FaultyObjects};
use crate::{
    Catalog, Clock, Cursor, ManualClock, Metrics, Result, SeededRng, Swap, SystemClock, SystemRng, objects, open_bucket,
};

fn start() -> Timestamp {
    Timestamp::from_seconds(1_800_000_000)
}

fn tenant() -> TenantId {
    TenantId::single()
}

fn part(name: &str) -> PartMeta {
    let window = Window(5);
    PartMeta {
        id: PartId { object: format!("data/{name}.seg"), index: 0 },
        tenant: tenant(),
        window,
        level: Level::L0,
        offset: 16,
        length: 4_096,
        footer_length: 512,
        min_time: window.start(),
        max_time: window.end() - 1,
        rows: 10,
        streams: 2,
        raw_bytes: 1_000,
        sequence: 7,
        label_filter: vec![1, 2, 3],
    }
}

async fn open_at(
    objects: &Arc<dyn ObjectStore>,
    clock: &Arc<ManualClock>,
    options: CatalogOptions,
) -> Result<Arc<ObjectCatalog>> {
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    let catalog = ObjectCatalog::open(Arc::clone(objects), clock, Arc::new(SystemRng), options, Metrics::default());
    catalog.await.map(Arc::new)
}

async fn open(objects: &Arc<dyn ObjectStore>) -> Result<Arc<ObjectCatalog>> {
    open_at(objects, &Arc::new(ManualClock::new(start())), CatalogOptions::default()).await
}

/// Names of all parts, in order.
async fn names(catalog: &dyn Catalog) -> Result<Vec<String>> {
    let parts = catalog.scan(&tenant(), TimeRange::all()).await?;
    let mut names: Vec<String> = parts.iter().map(|part| part.id.object.clone()).collect();
    names.sort();
    Ok(names)
}

async fn publish_many(catalog: &dyn Catalog, prefix: &str, count: usize) -> Result<Vec<String>> {
    let mut published = Vec::new();
    for n in 0..count {
        let part = part(&format!("{prefix}{n:03}"));
        catalog.publish(std::slice::from_ref(&part)).await?;
        published.push(part.id.object);
    }
    Ok(published)
}

/// Numbers of the objects below a prefix, in order.
async fn numbers(objects: &dyn ObjectStore, prefix: &str) -> Result<Vec<u64>> {
    let listed = objects::list(objects, prefix).await?;
    let mut numbers: Vec<u64> = listed.iter().filter_map(|meta| format::sequence_of(&meta.location)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

fn memory() -> Arc<dyn ObjectStore> {
    Arc::new(InMemory::new())
}

async fn conform(objects: Arc<dyn ObjectStore>, options: CatalogOptions) {
    let clock = Arc::new(ManualClock::new(start()));
    let open = || async { open_at(&objects, &clock, options.clone()).await.map(|catalog| catalog as Arc<dyn Catalog>) };
    check_catalog(open, &clock).await;
}

/// Checkpoints at every turn.
fn restless() -> CatalogOptions {
    CatalogOptions { checkpoint_entries: 4, ..CatalogOptions::default() }
}

#[tokio::test]
async fn conforms_in_memory() {
    conform(memory(), CatalogOptions::default()).await;
    conform(memory(), restless()).await;
}

#[tokio::test]
async fn conforms_on_local_disk() -> Result<()> {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    conform(open_bucket(&directory.path().display().to_string())?, restless()).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms_on_s3_behind_a_bad_network() {
    let (_server, proxy, objects) = objects::tests::remote(11).await;
    proxy.set(sigyn_servers::Faults { errors: 20, throttled: 20, resets: 40, ..Default::default() });
    conform(objects, restless()).await;
    let injected = proxy.injected();
    assert!(injected.errors > 5 && injected.throttled > 5 && injected.resets > 5, "{injected:?}");
}

#[tokio::test(start_paused = true)]
async fn conforms_while_the_store_misbehaves() {
    for seed in 0..20 {
        let faults = Faults::new(seed, FaultPlan::with_probability(0.08));
        let objects = FaultyObjects::new(memory(), Arc::clone(&faults));
        conform(Arc::new(objects), restless()).await;
        assert!(faults.injected() > 50);
    }
}

#[tokio::test(start_paused = true)]
async fn conforms_while_every_third_answer_to_a_put_is_lost() {
    let plan = FaultPlan {
        fail_after: 0.3,
        apply_late: 0.1,
        delay_max: Duration::from_millis(40),
        only_puts: true,
        ..FaultPlan::default()
    };
    for seed in 0..10 {
        conform(Arc::new(FaultyObjects::new(memory(), Faults::new(seed, plan))), restless()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn conforms_behind_a_faulty_catalog() {
    let objects = memory();
    let clock = Arc::new(ManualClock::new(start()));
    let faults = Faults::new(3, FaultPlan::with_probability(0.2));
    let open = || async {
        let catalog = open_at(&objects, &clock, restless()).await?;
        Ok(Arc::new(FaultyCatalog::new(catalog, Arc::clone(&faults))) as Arc<dyn Catalog>)
    };
    check_catalog(open, &clock).await;
}

#[tokio::test(start_paused = true)]
async fn callers_that_wait_share_an_entry() -> Result<()> {
    let slow = FaultPlan { delay: 1.0, delay_max: Duration::from_millis(100), ..FaultPlan::default() };
    let objects: Arc<dyn ObjectStore> = Arc::new(FaultyObjects::new(memory(), Faults::new(1, slow)));
    let catalog = open(&objects).await?;
    let parts: Vec<PartMeta> = (0..100).map(|n| part(&format!("{n:03}"))).collect();
    try_join_all(parts.iter().map(|part| catalog.publish(std::slice::from_ref(part)))).await?;
    assert_eq!(names(&*catalog).await?.len(), 100);
    let entries = numbers(&*objects, format::LOG_PREFIX).await?.len();
    assert!(entries <= 3, "{entries} entries");
    Ok(())
}

#[tokio::test]
async fn callers_that_share_an_entry_get_their_own_outcomes() -> Result<()> {
    let catalog = open(&memory()).await?;
    let inputs = [part("a"), part("b")];
    catalog.publish(&inputs).await?;
    let swaps: Vec<Swap> = ["x", "y", "z"]
        .iter()
        .map(|name| Swap {
            tenant: tenant(),
            window: Window(5),
            remove: inputs.iter().map(|part| part.id.clone()).collect(),
            add: vec![part(name)],
            fence: None,
        })
        .collect();
    let outcomes = join_all(swaps.iter().map(|swap| catalog.replace(swap))).await;
    let kinds: Vec<_> = outcomes.iter().map(|outcome| outcome.as_ref().err().map(crate::Error::kind)).collect();
    assert_eq!(kinds, [None, Some(ErrorKind::Conflict), Some(ErrorKind::Conflict)]);
    assert_eq!(names(&*catalog).await?, ["data/x.seg"]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_swap_whose_answer_was_lost_is_not_a_conflict() -> Result<()> {
    let faults = Faults::none();
    let objects: Arc<dyn ObjectStore> = Arc::new(FaultyObjects::new(memory(), Arc::clone(&faults)));
    let catalog = open(&objects).await?;
    catalog.publish(&[part("a")]).await?;
    faults.set_plan(FaultPlan { fail_after: 1.0, only_puts: true, ..FaultPlan::default() });
    let swap =
        Swap { tenant: tenant(), window: Window(5), remove: vec![part("a").id], add: vec![part("m")], fence: None };
    catalog.replace(&swap).await?;
    assert_eq!(names(&*catalog).await?, ["data/m.seg"]);
    assert_eq!(numbers(&*objects, format::LOG_PREFIX).await?, [1, 2]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_told_and_survived() -> Result<()> {
    let faults = Faults::none();
    let objects: Arc<dyn ObjectStore> = Arc::new(FaultyObjects::new(memory(), Arc::clone(&faults)));
    let catalog = open(&objects).await?;
    catalog.publish(&[part("before")]).await?;
    for switch in [Faults::set_all_fail, Faults::set_disk_full] {
        switch(&faults, true);
        let error = catalog.publish(&[part("during")]).await.expect_err("the store is away");
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        switch(&faults, false);
    }
    catalog.publish(&[part("after")]).await?;
    assert_eq!(names(&*catalog).await?, ["data/after.seg", "data/before.seg"]);
    Ok(())
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_disturb_the_others() -> Result<()> {
    let catalog = open(&memory()).await?;
    for n in 0..20 {
        let impatient = Arc::clone(&catalog);
        let task = tokio::spawn(async move { impatient.publish(&[part(&format!("impatient{n}"))]).await });
        tokio::task::yield_now().await;
        task.abort();
        catalog.publish(&[part(&format!("patient{n}"))]).await?;
    }
    assert_eq!(names(&*catalog).await?.iter().filter(|name| name.contains("/patient")).count(), 20);
    Ok(())
}

#[tokio::test]
async fn many_parts_start_fast() -> Result<()> {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let objects = open_bucket(&directory.path().display().to_string())?;
    // A checkpoint of about 10⁵ parts, and a log of a few entries behind it.
    let options = CatalogOptions { checkpoint_entries: 24, ..CatalogOptions::default() };
    let open = || async {
        let clock = Arc::new(SystemClock) as Arc<dyn Clock>;
        let rng = Arc::new(SeededRng::new(1));
        let catalog = ObjectCatalog::open(Arc::clone(&objects), clock, rng, options.clone(), Metrics::default());
        Ok(Arc::new(catalog.await?) as Arc<dyn Catalog>)
    };
    let started = Instant::now();
    let opened_in = check_many_parts(open, 100_000).await;
    println!("10^5 parts: opened in {opened_in:?}, all in {:?}", started.elapsed());
    let limit = if cfg!(debug_assertions) { 8 } else { 1 };
    assert!(opened_in < Duration::from_secs(limit), "{opened_in:?}");
    Ok(())
}

#[tokio::test]
async fn a_cursor_from_before_the_start_gets_what_came_since() -> Result<()> {
    let objects = memory();
    let clock = Arc::new(ManualClock::new(start()));
    let catalog = open_at(&objects, &clock, restless()).await?;
    catalog.publish(&[part("before")]).await?;
    let (_, cursor) = catalog.since(&tenant(), &Cursor::default()).await?;
    let published = publish_many(&*catalog, "after", 10).await?;
    let merged = PartMeta { level: Level::L1, ..part("merged") };
    let swap =
        Swap { tenant: tenant(), window: Window(5), remove: vec![part("after000").id], add: vec![merged], fence: None };
    catalog.replace(&swap).await?;
    publish_many(&*catalog, "more", 4).await?;
    let seen = |parts: Vec<Arc<PartMeta>>| parts.iter().map(|part| part.id.object.clone()).collect::<Vec<_>>();

    let (parts, _) = catalog.since(&tenant(), &cursor).await?;
    assert_eq!(seen(parts)[..10], published, "the replaced part is still news to this tail");

    wait_for_checkpoint(&*objects, 12).await?;
    let restarted = open_at(&objects, &clock, restless()).await?;
    let (parts, _) = restarted.since(&tenant(), &cursor).await?;
    let names = seen(parts);
    assert_eq!(names[..9], published[1..]);
    assert!(names.contains(&"data/merged.seg".to_owned()), "it holds the rows of the part that was replaced");
    assert!(!names.contains(&"data/before.seg".to_owned()));

    clock.advance(Duration::from_secs(1_200));
    catalog.publish(&[part("late")]).await?;
    let (parts, _) = catalog.since(&tenant(), &cursor).await?;
    assert_eq!(seen(parts).len(), names.len() + 1, "the journal has forgotten, the parts have not");
    Ok(())
}

/// Waits until a checkpoint of at least `sequence` is in the bucket.
async fn wait_for_checkpoint(objects: &dyn ObjectStore, sequence: u64) -> Result<()> {
    for _ in 0..1_000 {
        if numbers(objects, format::CHECKPOINT_PREFIX).await?.last().is_some_and(|last| *last >= sequence) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("no checkpoint {sequence} appeared");
}
