//! Publishing and finding parts.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use sigyn_model::{ErrorKind, Level, PartId, PartMeta, TimeRange, Timestamp, Window};

use super::{Pair, open_patiently, part, patiently, publish, scan, scan_all, spanning, tenant};
use crate::{Catalog, Cursor, Result};

/// A publish is seen by every process once it returned, and repeating it changes nothing.
pub(super) async fn check_publish(pair: &Pair<'_>) {
    let (one, other) = (tenant("publish-one"), tenant("publish-other"));
    assert!(scan_all(&*pair.a, &one).await.is_empty());
    let parts = [part(&one, 5, "a"), part(&one, 6, "b"), part(&other, 5, "c")];
    publish(&*pair.a, &parts).await;
    assert_eq!(scan_all(&*pair.b, &one).await, parts[..2]);
    assert_eq!(scan_all(&*pair.b, &other).await, parts[2..]);
    // The same ids again, from another process, mixed with news.
    let news = part(&one, 6, "d");
    publish(&*pair.b, &[parts[0].clone(), news.clone(), parts[1].clone()]).await;
    publish(&*pair.a, &parts).await;
    publish(&*pair.a, &[]).await;
    assert_eq!(scan_all(&*pair.a, &one).await, [parts[0].clone(), parts[1].clone(), news]);
}

/// Two processes that publish at once both succeed.
pub(super) async fn check_publish_race(pair: &Pair<'_>) {
    let tenant = tenant("publish-race");
    let parts: Vec<PartMeta> = (0..60).map(|n| part(&tenant, n % 4, &format!("{n:03}"))).collect();
    let publishes = parts.iter().enumerate().map(|(n, part)| {
        let catalog = if n % 2 == 0 { &pair.a } else { &pair.b };
        publish(&**catalog, std::slice::from_ref(part))
    });
    join_all(publishes).await;
    assert_eq!(scan_all(&*pair.a, &tenant).await, parts);
    assert_eq!(scan_all(&*pair.b, &tenant).await, parts);
}

/// A part that scans would miss is refused.
pub(super) async fn check_invalid_parts(pair: &Pair<'_>) {
    let tenant = tenant("invalid");
    let good = part(&tenant, 5, "a");
    let (start, end) = (good.min_time.nanos(), good.max_time.nanos());
    for bad in [
        spanning(good.clone(), start - 1, end),
        spanning(good.clone(), start, end + 1),
        spanning(good.clone(), end, start),
    ] {
        let error = patiently(|| pair.a.publish(std::slice::from_ref(&bad))).await.expect_err("it leaves its window");
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    }
    assert!(scan_all(&*pair.a, &tenant).await.is_empty());
}

/// A scan returns exactly the parts whose closed span touches the half-open range.
pub(super) async fn check_scan_ranges(pair: &Pair<'_>) {
    let tenant = tenant("ranges");
    let hour = Window(0).end().nanos();
    let parts = [
        spanning(part(&tenant, -2, "a"), -2 * hour, -hour - 1),
        spanning(part(&tenant, 0, "b"), 100, 200),
        spanning(part(&tenant, 0, "c"), 200, 300),
        spanning(part(&tenant, 1, "d"), hour, hour),
        spanning(part(&tenant, Window::of(Timestamp::MIN).0, "e"), i64::MIN, i64::MIN + 5),
        spanning(part(&tenant, Window::of(Timestamp::MAX).0, "f"), i64::MAX - 9, i64::MAX - 1),
    ];
    publish(&*pair.a, &parts).await;
    for (start, end, expected) in [
        (100, 101, "b"),
        (99, 100, ""),
        (200, 201, "bc"),
        (201, 300, "c"),
        (300, 301, "c"),
        (301, hour, ""),
        (301, hour + 1, "d"),
        (hour, hour + 1, "d"),
        (hour + 1, 2 * hour, ""),
        (-hour - 1, -hour, "a"),
        (-hour, 100, ""),
        (-hour, 0, ""),
        (150, 150, ""),
        (300, 100, ""),
        (-2 * hour, hour + 1, "abcd"),
        (i64::MIN, i64::MIN + 1, "e"),
        (i64::MAX - 1, i64::MAX, "f"),
        (i64::MIN, i64::MAX, "abcdef"),
    ] {
        let found = scan(&*pair.b, &tenant, TimeRange::new(Timestamp(start), Timestamp(end))).await;
        let names: String = found.iter().map(|part| &part.id.object["data/ranges-".len()..][..1]).collect();
        assert_eq!(names, expected, "{start}..{end}");
    }
}

/// A tail sees each L0 part published after its cursor, once, in order.
pub(super) async fn check_since(pair: &Pair<'_>) {
    let (mine, other) = (tenant("since"), tenant("since-other"));
    publish(&*pair.a, &[part(&mine, 5, "before")]).await;
    let now = Cursor::default();
    let (parts, mut cursor) = patiently(|| pair.b.since(&mine, &now)).await.expect("since");
    assert!(parts.is_empty(), "a new cursor starts at now");
    let mut seen = Vec::new();
    for n in 0..5 {
        publish(&*pair.a, &[part(&mine, n, &format!("{n}"))]).await;
        publish(&*pair.b, &[part(&other, n, &format!("{n}"))]).await;
        if n == 2 {
            continue; // Two at once next time.
        }
        let (parts, next) = patiently(|| pair.b.since(&mine, &cursor)).await.expect("since");
        seen.extend(parts.iter().map(|part| part.id.object.clone()));
        cursor = next;
    }
    // Compacted results are no news.
    let merged = PartMeta { level: Level::L1, ..part(&mine, 0, "merged") };
    publish(&*pair.a, &[merged]).await;
    let (parts, _) = patiently(|| pair.b.since(&mine, &cursor)).await.expect("since");
    assert!(parts.is_empty());
    assert_eq!(seen, (0..5).map(|n| format!("data/since-{n}.seg")).collect::<Vec<_>>());
    let nonsense = Cursor(Some("nonsense".to_owned()));
    let error = patiently(|| pair.a.since(&mine, &nonsense)).await.expect_err("no such cursor");
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

/// Tenants and objects are those of the parts.
pub(super) async fn check_tenants_and_objects(pair: &Pair<'_>) {
    let tenant = tenant("objects");
    let shared = PartId { object: "data/shared.seg".to_owned(), index: 1 };
    let parts = [part(&tenant, 1, "a"), PartMeta { id: shared, ..part(&tenant, 2, "b") }];
    publish(&*pair.a, &parts).await;
    assert!(patiently(|| pair.b.tenants()).await.expect("tenants").contains(&tenant));
    let objects = patiently(|| pair.b.referenced_objects()).await.expect("objects");
    assert!(objects.contains("data/shared.seg") && objects.contains("data/objects-a.seg"));
    assert!(!objects.contains("data/objects-b.seg"));
}

/// Holds `count` parts, finds them fast, and starts again fast; returns how long the start took.
///
/// `count` is at least 1,000, in publishes of 1,000 over a thousand windows.
pub async fn check_many_parts<O, F>(open: O, count: usize) -> Duration
where
    O: Fn() -> F,
    F: Future<Output = Result<Arc<dyn Catalog>>>,
{
    const PUBLISH_PARTS: usize = 1_000;
    let tenant = tenant("many");
    let catalog = open_patiently(&open).await;
    for start in (0..count).step_by(PUBLISH_PARTS) {
        let parts: Vec<PartMeta> = (start..(start + PUBLISH_PARTS).min(count))
            .map(|n| part(&tenant, i64::try_from(n % 1_000).unwrap_or(0), &format!("{n:026}")))
            .collect();
        publish(&*catalog, &parts).await;
    }
    let range = TimeRange::new(Window(10).start(), Window(12).start());
    let expected = (0..count).filter(|n| (10..12).contains(&(n % 1_000))).count();
    assert_eq!(scan(&*catalog, &tenant, range).await.len(), expected);
    let started = Instant::now();
    let again = open_patiently(&open).await;
    let opened_in = started.elapsed();
    let found = scan_all(&*again, &tenant).await;
    assert_eq!(found.len(), count);
    let ids: HashSet<PartId> = found.into_iter().map(|part| part.id).collect();
    assert_eq!(ids.len(), count);
    opened_in
}
