use std::collections::BTreeSet;
use std::time::Duration;

use sigyn_model::ByteSize;
use sigyn_model::duration::{HOUR, Span};
use sigyn_storage::faulty::FaultPlan;

use super::*;
use crate::testing::{BatchBuilder, NOW, World};

/// One stream `{app="x"}` with these lines, a nanosecond apart.
fn lines(lines: &[&str]) -> PushBatch {
    let mut builder = BatchBuilder::new().stream(&[("app", "x")]);
    for (at, line) in (0..).zip(lines) {
        builder = builder.entry(NOW + at, line.as_bytes(), &[]);
    }
    builder.build()
}

/// A push of about this many bytes.
fn bulky(bytes: usize) -> PushBatch {
    let line = "x".repeat(1000);
    lines(&vec![line.as_str(); bytes / 1000])
}

fn fake() -> TenantId {
    TenantId::single()
}

/// Limits without a rate.
fn generous() -> Limits {
    Limits { ingestion_rate_mb: 0.0, ..Limits::default() }
}

/// Small writers wait one minute, so that only the rule under test makes them flush.
fn patient() -> WriteConfig {
    WriteConfig {
        flush_interval: Some(Span::seconds(60)),
        flush_interval_max: Span::seconds(60),
        ..WriteConfig::default()
    }
}

fn row(at: usize, line: &str) -> String {
    format!("{{app=\"x\", service_name=\"x\"}} {at} {line} detected_level=unknown")
}

#[tokio::test(start_paused = true)]
async fn a_push_is_durable_and_visible_when_it_is_answered() -> anyhow::Result<()> {
    let world = World::new().await?;
    let writer = world.writer(WriteConfig::default(), Limits::default());
    let started = Instant::now();
    writer.push(&fake(), lines(&["a", "b"])).await?;
    assert_eq!(started.elapsed(), Duration::from_millis(50));
    assert_eq!(world.rows("fake").await?, [row(0, "a"), row(1, "b")]);
    let part = &world.parts("fake").await?[0];
    assert!(part.id.object.starts_with("data/") && part.id.object.ends_with(".seg"));
    assert_eq!((part.rows, part.streams, part.min_time.nanos(), part.max_time.nanos()), (2, 1, NOW, NOW + 1));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn pushes_of_all_tenants_share_one_object() -> anyhow::Result<()> {
    let world = World::new().await?;
    let writer = world.writer(WriteConfig::default(), Limits::default());
    let (a, b) = (TenantId::new("a")?, TenantId::new("b")?);
    let spread = BatchBuilder::new().stream(&[("app", "x")]).entry(NOW, b"1", &[]).entry(NOW - HOUR, b"2", &[]).build();
    let answers = tokio::join!(writer.push(&a, spread), writer.push(&b, lines(&["3"])), writer.push(&a, lines(&["4"])));
    answers.0.and(answers.1).and(answers.2)?;
    let (a, b) = (world.parts("a").await?, world.parts("b").await?);
    let objects: BTreeSet<&str> = a.iter().chain(&b).map(|part| part.id.object.as_str()).collect();
    let indexes: BTreeSet<u32> = a.iter().chain(&b).map(|part| part.id.index).collect();
    assert_eq!((a.len(), b.len(), objects.len(), indexes), (2, 1, 1, BTreeSet::from([0, 1, 2])));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn enough_data_is_flushed_at_once_when_nobody_is_decoding() -> anyhow::Result<()> {
    let world = World::new().await?;
    let writer = world.writer(patient(), generous());
    let started = Instant::now();
    writer.push(&fake(), bulky(1_100_000)).await?;
    assert_eq!(started.elapsed(), Duration::ZERO);
    // Somebody is decoding: what waits is not flushed before they are done.
    let permit = writer.begin_decode(10)?;
    let push = tokio::spawn({
        let writer = Arc::clone(&writer);
        async move { writer.push(&fake(), bulky(1_100_000)).await }
    });
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert!(!push.is_finished());
    drop(permit);
    push.await??;
    assert_eq!(started.elapsed(), Duration::from_secs(7));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_full_batch_is_flushed_whoever_is_decoding() -> anyhow::Result<()> {
    let world = World::new().await?;
    let writer = world.writer(WriteConfig { flush_bytes: ByteSize::kib(64), ..patient() }, generous());
    let _decoding = writer.begin_decode(10)?;
    let started = Instant::now();
    writer.push(&fake(), bulky(70_000)).await?;
    assert_eq!(started.elapsed(), Duration::ZERO);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn several_flushes_are_under_way_at_a_time() -> anyhow::Result<()> {
    let world = World::new().await?;
    let slow = FaultPlan { delay: 1.0, delay_max: Duration::from_secs(8), ..FaultPlan::default() };
    world.object_faults.set_plan(slow);
    let writer = world.writer(WriteConfig { flush_bytes: ByteSize(1), ..patient() }, generous());
    let started = Instant::now();
    let pushes: Vec<_> = (0..4)
        .map(|at| {
            let writer = Arc::clone(&writer);
            tokio::spawn(async move { writer.push(&fake(), lines(&[&at.to_string()])).await })
        })
        .collect();
    for push in pushes {
        push.await??;
    }
    assert!(started.elapsed() <= Duration::from_secs(8), "{:?}", started.elapsed());
    let sequences: BTreeSet<u64> = world.parts("fake").await?.iter().map(|part| part.sequence).collect();
    assert_eq!((sequences.len(), world.rows("fake").await?.len()), (4, 4));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn later_flushes_have_higher_sequences_even_within_a_millisecond() -> anyhow::Result<()> {
    let world = World::new().await?;
    let writer = world.writer(WriteConfig { flush_bytes: ByteSize(1), ..patient() }, generous());
    for line in ["c", "b", "a"] {
        writer.push(&fake(), lines(&[line])).await?;
    }
    assert_eq!(world.rows("fake").await?, [row(0, "c"), row(0, "b"), row(0, "a")]);
    let sequences: Vec<u64> = world.parts("fake").await?.iter().map(|part| part.sequence).collect();
    let first = (NOW as u64 / 1_000_000) << 16;
    assert_eq!(sequences, [first, first + 1, first + 2]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn valid_entries_are_stored_and_the_rest_is_refused() -> anyhow::Result<()> {
    let world = World::new().await?;
    let writer = world.writer(WriteConfig::default(), Limits::default());
    let batch = BatchBuilder::new().stream(&[("app", "x")]).entry(NOW, b"a", &[]).entry(0, b"old", &[]).build();
    let error = writer.push(&fake(), batch).await.expect_err("one entry is too old");
    assert_eq!(error.status(), 400);
    assert!(error.to_string().contains("has timestamp too old: 1970-01-01T00:00:00Z"), "{error}");
    assert_eq!(world.rows("fake").await?, [row(0, "a")]);
    let old = BatchBuilder::new().stream(&[("app", "x")]).entry(0, b"old", &[]).build();
    assert_eq!(writer.push(&fake(), old).await.map_err(|error| error.status()), Err(400));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn past_the_rate_a_push_is_refused_whole() -> anyhow::Result<()> {
    let world = World::new().await?;
    let limits = Limits { ingestion_rate_mb: 1.0, ingestion_burst_size_mb: 1.0, ..Limits::default() };
    let writer = world.writer(WriteConfig::default(), limits);
    let error = writer.push(&fake(), bulky(1_100_000)).await.expect_err("more than the burst");
    let text = "ingestion rate limit exceeded for user fake (limit: 1048576 bytes/sec) while attempting to ingest '1100' lines totaling '1100000' bytes, ";
    assert!(error.status() == 429 && error.to_string().starts_with(text), "{error}");
    assert!(world.rows("fake").await?.is_empty());
    writer.push(&fake(), lines(&["a"])).await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn past_the_backlog_pushes_are_refused_at_once() -> anyhow::Result<()> {
    let world = World::new().await?;
    let config = WriteConfig { max_unflushed_bytes: ByteSize::mib(9), ..patient() };
    let writer = world.writer(config, generous());
    let permit = writer.begin_decode(9 << 20)?;
    let error = writer.push(&fake(), lines(&["a"])).await.expect_err("all is held");
    assert!(error.status() == 429 && error.to_string().contains("write.max_unflushed_bytes, 9MiB"), "{error}");
    drop(permit);
    assert_eq!(writer.begin_decode((9 << 20) + 1).map(drop).map_err(|error| error.status()), Err(413));
    let push = tokio::spawn({
        let writer = Arc::clone(&writer);
        async move { writer.push(&fake(), lines(&["a"])).await }
    });
    tokio::task::yield_now().await;
    // What waits is held until it is durable.
    assert_eq!(writer.begin_decode(9 << 20).map(drop).map_err(|error| error.status()), Err(429));
    writer.shutdown().await;
    push.await??;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_gives_503_and_nothing_is_visible() -> anyhow::Result<()> {
    for of_objects in [true, false] {
        let world = World::new().await?;
        let writer = world.writer(WriteConfig::default(), Limits::default());
        let faults = if of_objects { &world.object_faults } else { &world.catalog_faults };
        faults.set_all_fail(true);
        let error = writer.push(&fake(), lines(&["a"])).await.expect_err("storage is away");
        assert_eq!(error.status(), 503, "{error}");
        assert!(world.rows("fake").await?.is_empty());
        faults.set_all_fail(false);
        writer.push(&fake(), lines(&["b"])).await?;
        assert_eq!(world.rows("fake").await?, [row(0, "b")]);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_gives_503_until_there_is_space() -> anyhow::Result<()> {
    let world = World::new().await?;
    let writer = world.writer(WriteConfig::default(), Limits::default());
    world.object_faults.set_disk_full(true);
    let error = writer.push(&fake(), lines(&["a"])).await.expect_err("the disk is full");
    assert!(error.status() == 503 && error.to_string().contains("the disk is full"), "{error}");
    world.object_faults.set_disk_full(false);
    writer.push(&fake(), lines(&["a"])).await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn with_lost_answers_every_answered_push_is_there_exactly_once() -> anyhow::Result<()> {
    for seed in 0..30 {
        let world = World::new().await?;
        world.object_faults.set_plan(FaultPlan::with_probability(0.15));
        world.catalog_faults.set_plan(FaultPlan { apply_late: 0.0, ..FaultPlan::with_probability(0.2) });
        let writer = world.writer(WriteConfig { flush_bytes: ByteSize(40), ..WriteConfig::default() }, generous());
        let mut answered = BTreeSet::new();
        let pushes: Vec<_> = (0..20)
            .map(|at| {
                let (writer, line) = (Arc::clone(&writer), format!("push {seed} {at}"));
                tokio::spawn(async move { (line.clone(), writer.push(&fake(), lines(&[&line])).await) })
            })
            .collect();
        for push in pushes {
            let (line, answer) = push.await?;
            if answer.is_ok() {
                answered.insert(row(0, &line));
            }
        }
        let rows = world.rows("fake").await?;
        let distinct: BTreeSet<String> = rows.iter().cloned().collect();
        assert_eq!(distinct.len(), rows.len(), "seed {seed}: a row is there twice");
        assert!(answered.is_subset(&distinct), "seed {seed}: an answered row is missing");
        assert!(!answered.is_empty());
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_flush_that_takes_too_long_is_never_published() -> anyhow::Result<()> {
    let world = World::new().await?;
    world.object_faults.set_plan(FaultPlan {
        delay: 1.0,
        delay_max: Duration::from_secs(1_000_000),
        ..FaultPlan::default()
    });
    let writer = world.writer(WriteConfig::default(), Limits::default());
    let started = Instant::now();
    let error = writer.push(&fake(), lines(&["a"])).await.expect_err("the store hangs");
    assert_eq!((error.status(), started.elapsed().as_secs()), (503, 60), "{error}");
    tokio::time::sleep(Duration::from_secs(2_000_000)).await;
    assert!(world.rows("fake").await?.is_empty());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_stops_nothing() -> anyhow::Result<()> {
    let world = World::new().await?;
    let writer = world.writer(WriteConfig::default(), Limits::default());
    let left = tokio::time::timeout(Duration::from_millis(10), writer.push(&fake(), lines(&["a"]))).await;
    assert!(left.is_err());
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(world.rows("fake").await?, [row(0, "a")]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn shutdown_answers_what_was_accepted_and_refuses_the_rest() -> anyhow::Result<()> {
    let world = World::new().await?;
    let writer = world.writer(patient(), Limits::default());
    let push = tokio::spawn({
        let writer = Arc::clone(&writer);
        async move { writer.push(&fake(), lines(&["a"])).await }
    });
    tokio::task::yield_now().await;
    let started = Instant::now();
    writer.shutdown().await;
    assert_eq!(started.elapsed(), Duration::ZERO);
    push.await??;
    assert_eq!(world.rows("fake").await?, [row(0, "a")]);
    assert_eq!(writer.push(&fake(), lines(&["b"])).await.map_err(|error| error.status()), Err(503));
    writer.shutdown().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_ends_of_time_are_stored_when_limits_are_off() -> anyhow::Result<()> {
    let world = World::new().await?;
    let limits = Limits { reject_old_samples: false, creation_grace_period: Span(0), ..Limits::default() };
    let writer = world.writer(WriteConfig::default(), limits);
    // A range ends before its end, so no query can ask for the very last nanosecond.
    let last = i64::MAX - 1;
    let ends = BatchBuilder::new().stream(&[("app", "x")]).entry(i64::MIN, b"a", &[]).entry(last, b"b", &[]).build();
    writer.push(&fake(), ends).await?;
    let times: Vec<_> =
        world.parts("fake").await?.iter().map(|part| (part.min_time.nanos(), part.max_time.nanos())).collect();
    assert_eq!(times, [(i64::MIN, i64::MIN), (last, last)]);
    Ok(())
}
