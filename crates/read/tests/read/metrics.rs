//! Metric queries against the naive evaluation.

use sigyn_logql::Steps;
use sigyn_model::{Labels, Limits};
use sigyn_read::{MetricRequest, ReadConfig, Reader};
use sigyn_storage::CpuPool;

use crate::harness::{BASE, Bucket, Dice, Pushed, SECOND, metric, random_entries, random_flushes, tenant};
use crate::naive;

async fn ask(reader: &Reader, query: &str, (start, end, step): (i64, i64, i64)) -> naive::Matrix {
    let request = MetricRequest { expr: metric(query), steps: Steps::range(start, end, step) };
    let answer = reader.metric_query(&[tenant("t")], request).await.expect(query);
    naive::matrix(&answer.data)
}

fn by_app(entry: &Pushed) -> Option<Labels> {
    Some(Labels::from_pairs(entry.labels.get("app").map(|app| ("app", app))))
}

async fn check_seed(seed: u64, reader: impl Fn(&Bucket) -> Reader) {
    println!("seed {seed}");
    let dice = Dice::new(seed);
    let mut bucket = Bucket::new().await;
    let entries = random_entries(&dice, 150 + usize::try_from(dice.roll(250)).expect("small"));
    let arrived = random_flushes(&mut bucket, &dice, &tenant("t"), &entries).await;
    let distinct = naive::distinct(&arrived);
    let reader = reader(&bucket);
    for (step, range) in [(60, 60), (7, 35), (300, 60), (10_000, 20_000)] {
        let steps = (BASE + 60 * SECOND, BASE + 9000 * SECOND, step * SECOND);
        let window = range * SECOND;
        let count = |_: &Pushed| 1.0;
        let expected = naive::windows(&distinct, steps, window, by_app, count);
        let query = format!(r#"sum by (app) (count_over_time({{app=~".+"}}[{range}s]))"#);
        assert_eq!(ask(&reader, &query, steps).await, expected, "{query} step {step}");

        let every = |entry: &Pushed| Some(naive::all_labels(entry));
        let expected = naive::windows(&distinct, steps, window, every, count);
        let query = format!(r#"count_over_time({{app=~".+"}}[{range}s])"#);
        assert_eq!(ask(&reader, &query, steps).await, expected, "{query} step {step}");

        let bytes = |entry: &Pushed| entry.line.len() as f64;
        let expected = naive::windows(&distinct, steps, window, by_app, bytes);
        let query = format!(r#"sum by (app) (bytes_over_time({{app=~".+"}}[{range}s]))"#);
        assert_eq!(ask(&reader, &query, steps).await, expected, "{query} step {step}");

        let errors = |entry: &Pushed| entry.line.contains("error").then(|| by_app(entry)).flatten();
        let expected = naive::windows(&distinct, steps, window, errors, count);
        let query = format!(r#"sum by (app) (count_over_time({{app=~".+"}} |= "error" [{range}s]))"#);
        assert_eq!(ask(&reader, &query, steps).await, expected, "{query} step {step}");
    }
}

#[tokio::test]
async fn random_data_inline() {
    for seed in 0..8 {
        check_seed(seed, |bucket| bucket.reader_with(ReadConfig::default(), limits())).await;
    }
}

#[tokio::test]
async fn random_data_on_the_pool() {
    let cpu = CpuPool::new(2).expect("two threads");
    for seed in 100..104 {
        let cpu = cpu.clone();
        check_seed(seed, move |bucket| bucket.reader_on(cpu.clone(), ReadConfig::default(), limits())).await;
    }
}

fn limits() -> Limits {
    Limits { max_query_series: 100_000, ..Limits::default() }
}

#[tokio::test]
async fn label_only_counts_read_no_column() {
    let mut bucket = Bucket::new().await;
    let entries: Vec<Pushed> =
        (0..500).map(|n| Pushed::new(&[("app", "a")], BASE + n * SECOND, &format!("line {n}"), &[])).collect();
    bucket.flush(&tenant("t"), &entries).await;
    let request = MetricRequest {
        expr: metric(r#"sum(count_over_time({app="a"}[1h]))"#),
        steps: Steps::instant(BASE + 3600 * SECOND - 1),
    };
    let answer = bucket.reader().metric_query(&[tenant("t")], request).await.expect("counts");
    assert_eq!((answer.stats.blocks_read, answer.stats.bytes_processed), (0, 0), "{:?}", answer.stats);
    assert_eq!((answer.stats.lines_summarised, answer.stats.lines_processed), (500, 500), "{:?}", answer.stats);
}

#[tokio::test]
async fn a_push_stored_twice_counts_once_and_costs_lines_only_where_times_are_equal() {
    let mut bucket = Bucket::new().await;
    let entry = |n: i64| Pushed::new(&[("app", "a")], BASE + n * SECOND, &format!("line {n}"), &[]);
    bucket.flush(&tenant("t"), &(0..100).map(entry).collect::<Vec<_>>()).await;
    // Overlaps in time, but no timestamp is equal to the millisecond.
    let shifted: Vec<Pushed> = (0..100).map(|n| Pushed { time: BASE + n * SECOND + 1, ..entry(n) }).collect();
    bucket.flush(&tenant("t"), &shifted).await;
    let request = || MetricRequest {
        expr: metric(r#"sum(count_over_time({app="a"}[1h]))"#),
        steps: Steps::range(BASE + 3599 * SECOND, BASE + 3599 * SECOND, SECOND),
    };
    let answer = bucket.reader().metric_query(&[tenant("t")], request()).await.expect("counts");
    assert_eq!(naive::matrix(&answer.data)["{}"].values().copied().collect::<Vec<_>>(), [200.0]);
    assert_eq!(answer.stats.duplicates, 0);
    // The same push again: all of its rows are duplicates.
    bucket.flush(&tenant("t"), &(0..100).map(entry).collect::<Vec<_>>()).await;
    let answer = bucket.reader().metric_query(&[tenant("t")], request()).await.expect("counts");
    assert_eq!(naive::matrix(&answer.data)["{}"].values().copied().collect::<Vec<_>>(), [200.0]);
    assert_eq!(answer.stats.duplicates, 100);
}
