//! Live queries: nothing is missed, nothing comes twice.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::StreamExt;
use sigyn_model::duration::Span;
use sigyn_model::{Limits, Timestamp};
use sigyn_read::{ReadConfig, Reader, TailFrame, TailRequest, TailStream};

use crate::damage::SlyCatalog;
use crate::harness::{BASE, Bucket, Pushed, SECOND, log, tenant};

fn entry(n: i64) -> Pushed {
    Pushed::new(&[("app", "a")], BASE + n * SECOND, &format!("{n}"), &[])
}

async fn open(reader: &Reader, limit: usize, delay: Duration) -> TailStream {
    let request =
        TailRequest { expr: log(r#"{app="a"} != "skip""#), limit, start: Timestamp(BASE - 3600 * SECOND), delay };
    reader.tail(&tenant("t"), request).await.expect("a tail")
}

fn numbers(frame: &TailFrame) -> Vec<i64> {
    let number = |line: &[u8]| String::from_utf8_lossy(line).parse::<i64>().expect("a number");
    frame.entries.iter().map(|entry| number(&entry.entry.line)).collect()
}

/// Entries until nothing comes for ten seconds, and whether they were history.
async fn drain(tail: &mut TailStream) -> Vec<(i64, bool)> {
    let mut found = Vec::new();
    while let Ok(Some(frame)) = tokio::time::timeout(Duration::from_secs(10), tail.next()).await {
        let frame = frame.expect("no error");
        assert!(frame.dropped.is_empty());
        found.extend(numbers(&frame).into_iter().map(|n| (n, frame.history)));
    }
    found
}

#[tokio::test(start_paused = true)]
async fn history_then_live_without_gap_or_repeat() {
    let mut bucket = Bucket::new().await;
    for n in 0..20 {
        bucket.flush(&tenant("t"), &[entry(n)]).await;
    }
    let reader = bucket.reader();
    let mut tail = open(&reader, 5, Duration::ZERO).await;
    // Published between joining the feed and reading history, and after it.
    for n in 20..30 {
        bucket.flush(&tenant("t"), &[entry(n)]).await;
        bucket.flush(&tenant("other"), &[entry(1000 + n)]).await;
        tokio::task::yield_now().await;
    }
    let found = drain(&mut tail).await;
    let first = found[0].0;
    assert!((15..=25).contains(&first), "{found:?}");
    let order: Vec<i64> = found.iter().map(|(n, _)| *n).collect();
    assert_eq!(order, (first..30).collect::<Vec<_>>(), "{found:?}");
    assert_eq!(found.iter().filter(|(_, history)| *history).count(), 5);
    for n in 30..250 {
        bucket.flush(&tenant("t"), &[entry(n)]).await;
    }
    let more: Vec<i64> = drain(&mut tail).await.into_iter().map(|(n, _)| n).collect();
    assert_eq!(more, (30..250).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn listeners_share_a_feed_and_are_counted() {
    let mut bucket = Bucket::new().await;
    let limits = Limits { max_concurrent_tail_requests: 2, ..Limits::default() };
    let reader = bucket.reader_with(ReadConfig::default(), limits);
    let mut first = open(&reader, 0, Duration::ZERO).await;
    let mut second = open(&reader, 0, Duration::ZERO).await;
    let request = TailRequest { expr: log("{app=\"a\"}"), limit: 1, start: Timestamp(0), delay: Duration::ZERO };
    let Err(error) = reader.tail(&tenant("t"), request).await else { panic!("limit + 1") };
    assert_eq!(error.to_string(), "max concurrent tail requests limit exceeded, count > limit (3 > 2)");
    tokio::time::sleep(Duration::from_secs(1)).await;
    bucket.flush(&tenant("t"), &[entry(1)]).await;
    assert_eq!(drain(&mut first).await, [(1, false)]);
    drop(first);
    assert_eq!(drain(&mut second).await, [(1, false)]);
    // The place is free again once the task has noticed.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut third = open(&reader, 10, Duration::ZERO).await;
    assert_eq!(drain(&mut third).await, [(1, true)]);
}

/// Two readers and two writers, each in a process of its own: every line reaches both tails within a second, once.
#[tokio::test(start_paused = true)]
async fn tails_see_the_lines_of_other_processes_within_a_second() {
    let mut here = Bucket::new().await;
    let mut there = here.beside(2).await;
    let (one, other) = (here.beside(3).await.reader(), here.beside(4).await.reader());
    let mut tails = [open(&one, 0, Duration::ZERO).await, open(&other, 0, Duration::ZERO).await];
    for n in 0..40 {
        // The writers' clocks and the polls are at another phase each time.
        tokio::time::sleep(Duration::from_millis(137)).await;
        let writer = if n % 2 == 0 { &mut here } else { &mut there };
        writer.flush(&tenant("t"), &[entry(n)]).await;
        let published = tokio::time::Instant::now();
        for tail in &mut tails {
            let frame = tail.next().await.expect("a frame").expect("no error");
            assert_eq!(numbers(&frame), [n]);
            assert!(published.elapsed() < Duration::from_secs(1), "{:?} after line {n}", published.elapsed());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_poller_serves_all_listeners_of_a_tenant() {
    let mut bucket = Bucket::new().await;
    let sly = Arc::new(SlyCatalog::new(Arc::clone(&bucket.catalog)));
    bucket.catalog = Arc::<SlyCatalog>::clone(&sly);
    let reader = bucket.reader();
    let polls_in_a_minute = || async {
        let before = sly.polls.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(60)).await;
        sly.polls.load(Ordering::Relaxed) - before
    };
    let mut tails = vec![open(&reader, 0, Duration::ZERO).await];
    let alone = polls_in_a_minute().await;
    assert!((110..=121).contains(&alone), "{alone}: every 500 ms");
    for _ in 0..9 {
        tails.push(open(&reader, 0, Duration::ZERO).await);
    }
    let together = polls_in_a_minute().await;
    assert!((110..=121).contains(&together), "{together}: as for one");
    bucket.flush(&tenant("t"), &[entry(7)]).await;
    for tail in &mut tails {
        assert_eq!(drain(tail).await, [(7, false)]);
    }
    drop(tails);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(polls_in_a_minute().await, 0, "nobody listens, nobody asks");
}

#[tokio::test(start_paused = true)]
async fn delay_puts_late_entries_in_order() {
    let mut bucket = Bucket::new().await;
    let reader = bucket.reader();
    let mut tail = open(&reader, 0, Duration::from_secs(5)).await;
    for n in [3, 1, 2] {
        bucket.flush(&tenant("t"), &[entry(n)]).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(drain(&mut tail).await, [(1, false), (2, false), (3, false)]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_client_loses_entries_and_is_told_which() {
    let mut bucket = Bucket::new().await;
    let reader = bucket.reader();
    let mut tail = open(&reader, 0, Duration::ZERO).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let flood: Vec<Pushed> = (0..1500).map(|n| entry(n % 1000)).chain((1000..1500).map(entry)).collect();
    bucket.flush(&tenant("t"), &flood).await;
    // Nobody reads for a while.
    tokio::time::sleep(Duration::from_secs(60)).await;
    let mut arrived = 0;
    while let Ok(Some(frame)) = tokio::time::timeout(Duration::from_secs(2), tail.next()).await {
        arrived += frame.expect("no error").entries.len();
    }
    assert!((1000..1500).contains(&arrived), "{arrived}");
    bucket.flush(&tenant("t"), &[entry(5000)]).await;
    let frame = tail.next().await.expect("a frame").expect("no error");
    assert_eq!(numbers(&frame), [5000]);
    assert_eq!(frame.dropped.len(), 1500 - arrived);
}

#[tokio::test(start_paused = true)]
async fn a_tail_ends_after_its_longest_duration() {
    let bucket = Bucket::new().await;
    let config = ReadConfig { tail_max_duration: Span::seconds(30), ..ReadConfig::default() };
    let reader = bucket.reader_with(config, Limits::default());
    let mut tail = open(&reader, 0, Duration::ZERO).await;
    let error = tail.next().await.expect("a last word").expect_err("time is up");
    assert_eq!(error.to_string(), "reached tail max duration limit");
    assert!(tail.next().await.is_none());
}
