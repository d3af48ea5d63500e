//! Deadlines, budgets, admission and cancellation.

use std::sync::Arc;
use std::time::Duration;

use sigyn_logql::{Direction, Steps};
use sigyn_model::duration::Span;
use sigyn_model::{ByteSize, ErrorKind, Limits, TimeRange};
use sigyn_read::{LogRequest, MetricRequest, ReadConfig};

use crate::damage::SlyCatalog;
use crate::harness::{BASE, Bucket, Pushed, SECOND, log, metric, tenant};

async fn filled() -> Bucket {
    let mut bucket = Bucket::new().await;
    let entry = |n: i64| Pushed::new(&[("app", "a")], BASE + n * SECOND, &format!("line {n} {}", "x".repeat(200)), &[]);
    bucket.flush(&tenant("t"), &(0..500).map(entry).collect::<Vec<_>>()).await;
    bucket
}

fn everything() -> LogRequest {
    LogRequest {
        expr: log(r#"{app="a"}"#),
        range: TimeRange::all(),
        limit: 5000,
        direction: Direction::Backward,
        interval_ns: 0,
    }
}

fn slow(mut bucket: Bucket, delay: Duration) -> Bucket {
    let mut sly = SlyCatalog::new(Arc::clone(&bucket.catalog));
    sly.delay = delay;
    bucket.catalog = Arc::new(sly);
    bucket
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_a_query_with_lokis_words() {
    let bucket = slow(filled().await, Duration::from_secs(61));
    let began = tokio::time::Instant::now();
    let error = bucket.reader().log_query(&[tenant("t")], everything()).await.expect_err("too slow");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().starts_with("request timed out, decrease the duration of the request"), "{error}");
    assert_eq!(began.elapsed().as_secs(), 60);
    let patient = Limits { query_timeout: Span::seconds(62), ..Limits::default() };
    let reader = bucket.reader_with(ReadConfig::default(), patient);
    reader.log_query(&[tenant("t")], everything()).await.expect("in time");
}

#[tokio::test]
async fn memory_is_bounded_by_name() {
    let bucket = filled().await;
    let refused = |bytes| {
        let limits = Limits { max_query_memory: ByteSize(bytes), ..Limits::default() };
        bucket.reader_with(ReadConfig::default(), limits)
    };
    for bytes in [1_000, 60_000] {
        let error = refused(bytes).log_query(&[tenant("t")], everything()).await.expect_err("too large");
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(error.to_string().contains("max_query_memory"), "{bytes}: {error}");
    }
    refused(4 << 20).log_query(&[tenant("t")], everything()).await.expect("fits");
    // A count over the same data needs far less.
    let request = MetricRequest {
        expr: metric(r#"sum(count_over_time({app="a"} |= "line" [1h]))"#),
        steps: Steps::instant(BASE + 3599 * SECOND),
    };
    refused(300_000).metric_query(&[tenant("t")], request).await.expect("fits");
}

#[tokio::test]
async fn bytes_read_are_bounded() {
    let bucket = filled().await;
    let limits = Limits { max_query_bytes_read: ByteSize(3_000), ..Limits::default() };
    let reader = bucket.reader_with(ReadConfig::default(), limits);
    let error = reader.log_query(&[tenant("t")], everything()).await.expect_err("too large");
    assert!(error.to_string().starts_with("the query would read too many bytes"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn queries_past_the_limit_wait_their_turn() {
    let bucket = slow(filled().await, Duration::from_secs(5));
    let reader = bucket.reader_with(ReadConfig { max_concurrent: 1, ..ReadConfig::default() }, Limits::default());
    let tenants = [tenant("t")];
    let ask = || reader.log_query(&tenants, everything());
    let (first, second, third) = futures::join!(ask(), ask(), ask());
    let queued =
        |answer: sigyn_read::Result<sigyn_read::Answer<_>>| answer.expect("answered").stats.queue_time.as_secs();
    assert_eq!((queued(first), queued(second), queued(third)), (0, 5, 10));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_query_gives_its_place_back() {
    let bucket = slow(filled().await, Duration::from_secs(5));
    let reader = bucket.reader_with(ReadConfig { max_concurrent: 1, ..ReadConfig::default() }, Limits::default());
    let tenants = [tenant("t")];
    let dropped = tokio::time::timeout(Duration::from_secs(1), reader.log_query(&tenants, everything())).await;
    assert!(dropped.is_err(), "the client went away");
    let answer = reader.log_query(&tenants, everything()).await.expect("answered");
    assert_eq!(answer.stats.queue_time.as_secs(), 0);
}
