//! Log queries against the naive evaluation.

use sigyn_logql::Direction;
use sigyn_model::{Limits, TimeRange, Timestamp};
use sigyn_read::{LogRequest, ReadConfig, Reader};
use sigyn_storage::CpuPool;

use crate::harness::{BASE, Bucket, Dice, Pushed, SECOND, log, random_entries, random_flushes, tenant};
use crate::naive;

pub(crate) async fn ask(
    reader: &Reader,
    query: &str,
    range: TimeRange,
    limit: usize,
    direction: Direction,
) -> naive::Streams {
    let request = LogRequest { expr: log(query), range, limit, direction, interval_ns: 0 };
    let answer = reader.log_query(&[tenant("t")], request).await.expect(query);
    let found = naive::answered(&answer.data);
    assert_eq!(answer.stats.entries_returned, found.values().flatten().count() as u64);
    found
}

type Wanted = fn(&Pushed) -> bool;

const QUERIES: [(&str, Wanted); 5] = [
    (r#"{app=~".+"}"#, |_| true),
    (r#"{app="a"}"#, |entry| entry.labels.get("app") == Some("a")),
    (r#"{app="a"} |= "error""#, |entry| entry.labels.get("app") == Some("a") && entry.line.contains("error")),
    (r#"{pod!="p1", app=~".+"} != "ok""#, |entry| entry.labels.get("pod") != Some("p1") && !entry.line.contains("ok")),
    (r#"{app="nope"}"#, |_| false),
];

async fn check_seed(seed: u64, reader: impl Fn(&Bucket) -> Reader) {
    println!("seed {seed}");
    let dice = Dice::new(seed);
    let mut bucket = Bucket::new().await;
    let entries = random_entries(&dice, 150 + usize::try_from(dice.roll(250)).expect("small"));
    let arrived = random_flushes(&mut bucket, &dice, &tenant("t"), &entries).await;
    let distinct = naive::distinct(&arrived);
    let reader = reader(&bucket);
    for (query, wanted) in QUERIES {
        for direction in [Direction::Forward, Direction::Backward] {
            let start = BASE + i64::try_from(dice.roll(4000)).expect("small") * SECOND;
            let end = start + i64::try_from(dice.roll(9000)).expect("small") * SECOND;
            for range in [TimeRange::new(Timestamp(start), Timestamp(end)), TimeRange::all()] {
                let all = naive::logs(&distinct, range, direction, wanted);
                assert_eq!(ask(&reader, query, range, 100_000, direction).await, all, "{query} {direction:?}");
                for limit in [1, 7, 50] {
                    let found = ask(&reader, query, range, limit, direction).await;
                    naive::check_limited(&all, &found, limit, direction, &format!("{query} {direction:?} {limit}"));
                }
            }
        }
    }
}

#[tokio::test]
async fn random_data_inline() {
    for seed in 0..12 {
        check_seed(seed, Bucket::reader).await;
    }
}

#[tokio::test]
async fn random_data_on_the_pool() {
    let cpu = CpuPool::new(2).expect("two threads");
    for seed in 100..106 {
        let cpu = cpu.clone();
        check_seed(seed, move |bucket| bucket.reader_on(cpu.clone(), ReadConfig::default(), Limits::default())).await;
    }
}

#[tokio::test]
async fn equal_timestamps_keep_arrival_order_over_flushes() {
    let mut bucket = Bucket::new().await;
    let entry = |n: usize| Pushed::new(&[("app", "same")], BASE, &format!("line {n}"), &[]);
    for flush in 0..4 {
        let entries: Vec<Pushed> = (0..5).map(|n| entry(flush * 5 + n)).collect();
        bucket.flush(&tenant("t"), &entries).await;
    }
    let reader = bucket.reader();
    let lines =
        |streams: naive::Streams| -> Vec<String> { streams.into_values().flatten().map(|(_, line, _)| line).collect() };
    let expected: Vec<String> = (0..20).map(|n| format!("line {n}")).collect();
    let query = r#"{app="same"}"#;
    let forward = lines(ask(&reader, query, TimeRange::all(), 100, Direction::Forward).await);
    assert_eq!(forward, expected);
    let first = lines(ask(&reader, query, TimeRange::all(), 7, Direction::Forward).await);
    assert_eq!(first, expected[..7]);
    let backward = lines(ask(&reader, query, TimeRange::all(), 7, Direction::Backward).await);
    assert_eq!(backward, expected[13..].iter().rev().cloned().collect::<Vec<_>>());
}

#[tokio::test]
async fn equal_lines_with_different_metadata_are_different_entries() {
    let mut bucket = Bucket::new().await;
    for metadata in [&[][..], &[("k", "1")], &[("k", "2")], &[("k", "1")], &[("k2", "1")]] {
        bucket.flush(&tenant("t"), &[Pushed::new(&[("app", "a")], BASE, "x", metadata)]).await;
    }
    let found = ask(&bucket.reader(), r#"{app="a"}"#, TimeRange::all(), 100, Direction::Forward).await;
    let metadata: Vec<String> = found.into_values().flatten().map(|(_, _, metadata)| metadata).collect();
    assert_eq!(metadata, ["{}", r#"{k="1"}"#, r#"{k="2"}"#, r#"{k2="1"}"#]);
}

#[tokio::test]
async fn a_limit_stops_reading_early() {
    let mut bucket = Bucket::new().await;
    let entries: Vec<Pushed> =
        (0..20_000).map(|n| Pushed::new(&[("app", "a")], BASE + n * 1000, &format!("line number {n}"), &[])).collect();
    bucket.flush(&tenant("t"), &entries).await;
    let reader = bucket.reader();
    for (query, blocks) in [(r#"{app="a"}"#, 40), (r#"{app="a"} |= "line""#, 10)] {
        let request = LogRequest {
            expr: log(query),
            range: TimeRange::all(),
            limit: 10,
            direction: Direction::Backward,
            interval_ns: 0,
        };
        let answer = reader.log_query(&[tenant("t")], request).await.expect(query);
        assert_eq!(answer.data[0].entries[0].line, b"line number 19999");
        assert!(answer.stats.blocks_read < blocks, "{query}: {:?}", answer.stats);
    }
}
