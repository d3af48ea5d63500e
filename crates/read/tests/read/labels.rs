//! Labels, series, index statistics, volumes and several tenants.

use sigyn_logql::Direction;
use sigyn_model::{Limits, TimeRange, Timestamp};
use sigyn_read::{LogRequest, ReadConfig, VolumeBy, VolumeRequest};

use crate::harness::{BASE, Bucket, Pushed, SECOND, log, selector, tenant};

const HOUR: i64 = 3600 * SECOND;

/// Three streams: `a` in both hours, `b` in the first, `c` in the second.
async fn filled() -> Bucket {
    let mut bucket = Bucket::new().await;
    let entry = |app: &str, at: i64| Pushed::new(&[("app", app), ("env", "prod")], BASE + at, "0123456789", &[]);
    let first: Vec<Pushed> = (0..20).flat_map(|n| [entry("a", n * SECOND), entry("b", n * SECOND)]).collect();
    bucket.flush(&tenant("t"), &first).await;
    let second: Vec<Pushed> =
        (0..20).flat_map(|n| [entry("a", HOUR + n * SECOND), entry("c", HOUR + n * SECOND)]).collect();
    bucket.flush(&tenant("t"), &second).await;
    bucket
}

fn range(from: i64, to: i64) -> TimeRange {
    TimeRange::new(Timestamp(BASE + from), Timestamp(BASE + to))
}

#[tokio::test]
async fn labels_and_series_follow_selector_and_range() {
    let bucket = filled().await;
    let reader = bucket.reader();
    let tenants = [tenant("t")];
    let values = async |range, query: Option<&str>| {
        let selector = query.map(selector);
        reader.label_values(&tenants, "app", selector, range).await.expect("values").join(" ")
    };
    assert_eq!(values(range(0, 2 * HOUR), None).await, "a b c");
    assert_eq!(values(range(0, HOUR), None).await, "a b");
    assert_eq!(values(range(HOUR, 2 * HOUR), None).await, "a c");
    assert_eq!(values(range(0, 2 * HOUR), Some(r#"{app!="a", env="prod"}"#)).await, "b c");
    assert_eq!(values(range(5 * HOUR, 6 * HOUR), None).await, "");
    assert_eq!(values(range(HOUR, HOUR), None).await, "");
    let names = reader.label_names(&tenants, None, TimeRange::all()).await.expect("names");
    assert_eq!(names, ["app", "env"]);
    let series = reader.series(&tenants, vec![selector(r#"{app="b"}"#), selector(r#"{app="c"}"#)], TimeRange::all());
    let series: Vec<String> = series.await.expect("series").iter().map(ToString::to_string).collect();
    assert_eq!(series, [r#"{app="b", env="prod"}"#, r#"{app="c", env="prod"}"#]);
    assert_eq!(reader.series(&tenants, vec![], TimeRange::all()).await.expect("series").len(), 3);
}

#[tokio::test]
async fn index_stats_are_exact_when_the_range_cuts_a_run() {
    let bucket = filled().await;
    let reader = bucket.reader();
    let stats = async |query: &str, range| {
        let stats = reader.index_stats(&[tenant("t")], selector(query), range).await.expect("stats");
        (stats.streams, stats.chunks, stats.entries, stats.bytes)
    };
    assert_eq!(stats(r#"{app="a"}"#, TimeRange::all()).await, (1, 2, 40, 400));
    assert_eq!(stats(r#"{env="prod"}"#, TimeRange::all()).await, (3, 4, 80, 800));
    assert_eq!(stats(r#"{app="a"}"#, range(3 * SECOND, 8 * SECOND)).await, (1, 1, 5, 50));
    assert_eq!(stats(r#"{app="a"}"#, range(SECOND / 2, SECOND)).await, (0, 0, 0, 0));
    assert_eq!(stats(r#"{app="x"}"#, TimeRange::all()).await, (0, 0, 0, 0));
}

fn volume(query: &str, step: Option<i64>) -> VolumeRequest {
    VolumeRequest {
        selector: selector(query),
        range: range(0, 2 * HOUR),
        limit: 100,
        step,
        by: VolumeBy::Series,
        target_labels: Vec::new(),
    }
}

#[tokio::test]
async fn volumes_are_ordered_and_bucketed() {
    let bucket = filled().await;
    let reader = bucket.reader();
    let ask = async |request| {
        let answer = reader.volume(&[tenant("t")], request).await.expect("volume");
        let show = |series: &sigyn_read::VolumeSeries| {
            let metric: Vec<String> = series.metric.iter().map(|(n, v)| format!("{n}={v}")).collect();
            let points: Vec<String> =
                series.points.iter().map(|(t, bytes)| format!("{}:{bytes}", (t.0 - BASE) / 1_000_000)).collect();
            format!("{} {}", metric.join(","), points.join(" "))
        };
        answer.data.iter().map(show).collect::<Vec<_>>()
    };
    assert_eq!(
        ask(volume(r#"{app=~".+"}"#, None)).await,
        ["app=a 7200000:400", "app=b 7200000:200", "app=c 7200000:200"]
    );
    assert_eq!(ask(VolumeRequest { limit: 1, ..volume(r#"{app=~".+"}"#, None) }).await, ["app=a 7200000:400"]);
    assert_eq!(ask(volume("{}", None)).await[0], "app=a,env=prod 7200000:400");
    let labels = VolumeRequest { by: VolumeBy::Labels, ..volume("{}", None) };
    assert_eq!(ask(labels).await, ["app= 7200000:800", "env= 7200000:800"]);
    assert_eq!(ask(volume(r#"{env="prod"}"#, Some(HOUR))).await, ["env=prod 3599999:400 7200000:400"]);
    assert_eq!(ask(volume(r#"{app="b"}"#, Some(15 * SECOND))).await, ["app=b 14999:150 29999:50"]);
}

#[tokio::test]
async fn volume_series_are_bounded() {
    let bucket = filled().await;
    let refused = |limit| {
        let limits = Limits { volume_max_series: limit, ..Limits::default() };
        bucket.reader_with(ReadConfig::default(), limits)
    };
    refused(3).volume(&[tenant("t")], volume("{}", None)).await.expect("at the limit");
    let error = refused(2).volume(&[tenant("t")], volume("{}", None)).await.expect_err("limit + 1");
    assert_eq!(error.to_string(), "the query hit the max number of series limit (limit: 2)");
}

#[tokio::test]
async fn several_tenants_are_told_apart() {
    let mut bucket = Bucket::new().await;
    for name in ["t1", "t2", "t3"] {
        bucket.flush(&tenant(name), &[Pushed::new(&[("app", "a")], BASE, name, &[])]).await;
    }
    let reader = bucket.reader();
    let ask = async |names: &[&str], query: &str| {
        let tenants: Vec<_> = names.iter().map(|name| tenant(name)).collect();
        let request = LogRequest {
            expr: log(query),
            range: TimeRange::all(),
            limit: 10,
            direction: Direction::Forward,
            interval_ns: 0,
        };
        let answer = reader.log_query(&tenants, request).await.expect(query);
        let show = |stream: &sigyn_logql::StreamEntries| {
            let lines: Vec<_> = stream.entries.iter().map(|e| String::from_utf8_lossy(&e.line).into_owned()).collect();
            format!("{} {}", stream.labels, lines.join(","))
        };
        answer.data.iter().map(show).collect::<Vec<_>>()
    };
    assert_eq!(ask(&["t1"], r#"{app="a"}"#).await, [r#"{app="a"} t1"#]);
    assert_eq!(
        ask(&["t1", "t2"], r#"{app="a"}"#).await,
        [r#"{__tenant_id__="t1", app="a"} t1"#, r#"{__tenant_id__="t2", app="a"} t2"#]
    );
    assert_eq!(ask(&["t1", "t2"], r#"{app="a", __tenant_id__="t2"}"#).await, [r#"{__tenant_id__="t2", app="a"} t2"#]);
    let two = [tenant("t1"), tenant("t2")];
    let names = reader.label_names(&two, None, TimeRange::all()).await.expect("names");
    assert_eq!(names, ["__tenant_id__", "app"]);
    let values = reader.label_values(&two, "__tenant_id__", None, TimeRange::all()).await.expect("values");
    assert_eq!(values, ["t1", "t2"]);
}
