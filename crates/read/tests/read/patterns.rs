//! Patterns: exact while the sample is everything, estimates beyond.

use sigyn_model::{TenantId, TimeRange, Timestamp};
use sigyn_read::{Pattern, PatternsRequest};
use sigyn_segment::BlockLimits;

use crate::harness::{BASE, Bucket, Pushed, SECOND, selector};

fn entries(count: i64) -> Vec<Pushed> {
    let level = |n: i64| if n % 10 == 0 { "error" } else { "info" };
    let line = |n: i64| if n % 10 == 0 { format!("disk sd{n} is full") } else { format!("GET /item/{n} took {n}ms") };
    (0..count)
        .map(|n| {
            let stream = if n % 2 == 0 { "even" } else { "odd" };
            Pushed::new(&[("app", stream)], BASE + n * SECOND / 100, &line(n), &[("detected_level", level(n))])
        })
        .collect()
}

async fn mine(bucket: &Bucket, query: &str, step: i64) -> Vec<Pattern> {
    let range = TimeRange::new(Timestamp(BASE), Timestamp(BASE + 3600 * SECOND));
    let request = PatternsRequest { selector: selector(query), range, step };
    bucket.reader().patterns(&[TenantId::single()], request).await.expect("patterns")
}

fn total(pattern: &Pattern) -> u64 {
    pattern.samples.iter().map(|(_, count)| count).sum()
}

#[tokio::test]
async fn small_selections_are_counted_exactly() {
    let mut bucket = Bucket::new().await;
    bucket.flush(&TenantId::single(), &entries(1000)).await;
    let found = mine(&bucket, r#"{app=~".+"}"#, 5 * SECOND).await;
    let shown: Vec<_> = found.iter().map(|p| (p.pattern.as_str(), p.level.as_str(), total(p))).collect();
    assert_eq!(shown, [("GET /item/<_> took <_>", "info", 900), ("disk <_> is full", "error", 100)]);
    assert_eq!(found[0].samples, [(BASE, 450), (BASE + 5 * SECOND, 450)]);
    let odd = mine(&bucket, r#"{app="odd"}"#, 3600 * SECOND).await;
    assert_eq!(odd.iter().map(total).collect::<Vec<_>>(), [500]);
}

#[tokio::test]
async fn large_selections_are_estimated() {
    const ROWS: i64 = 120_000;
    let mut bucket = Bucket::new().await;
    bucket.blocks = BlockLimits { raw_bytes_max: 64 << 10, rows_max: 2000 };
    bucket.flush(&TenantId::single(), &entries(ROWS)).await;
    let found = mine(&bucket, r#"{app=~".+"}"#, 600 * SECOND).await;
    let counts: Vec<u64> = found.iter().map(total).collect();
    let near = |count: u64, truth: i64| (count as f64 - truth as f64).abs() < 0.1 * truth as f64;
    assert!(counts.len() == 2 && near(counts[0], ROWS * 9 / 10) && near(counts[1], ROWS / 10), "{counts:?}");
    assert!(found[0].samples.iter().all(|(_, count)| near(*count, ROWS * 9 / 20)), "{:?}", found[0].samples);
}
