//! Timings on 300 MB in eight L1 parts on disk. Run by hand, with optimisation:
//! `cargo test --release -p sigyn-read --test read -- --ignored --nocapture speed`.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use object_store::ObjectStoreExt;
use prometheus_client::registry::Registry;
use sigyn_logql::{Direction, Steps};
use sigyn_model::{Labels, Level, Limits, PartId, PartMeta, TenantLimits, TimeRange, Timestamp, Window};
use sigyn_read::{LogRequest, MetricRequest, QueryStats, ReadConfig, Reader};
use sigyn_segment::{BlockBuilder, BlockLimits, Codec, ObjectWriter, PartWriter, Row};
use sigyn_storage::{CpuPool, Storage, StorageConfig, SystemClock};

use crate::harness::{BASE, Dice, SECOND, log, metric, tenant};

const PARTS: i64 = 8;
const STREAMS: usize = 450;
const ROWS: i64 = 1_860_000;

fn streams() -> Vec<Labels> {
    let labels = |n: usize| {
        Labels::from_pairs([
            ("app", format!("app-{:02}", n % 30)),
            ("namespace", format!("ns-{}", n % 10)),
            ("pod", format!("pod-{n:03}")),
        ])
    };
    let mut streams: Vec<Labels> = (0..STREAMS).map(labels).collect();
    streams.sort();
    streams
}

/// Parts follow each other in time, or all span the whole hour.
async fn fill(storage: &Storage, overlapping: bool) -> u64 {
    let dice = Dice::new(7);
    let streams = streams();
    let rows_per_run = ROWS / PARTS / STREAMS as i64;
    let mut raw = 0;
    for part_at in 0..PARTS {
        let mut part = PartWriter::new(Level::L1, streams.clone());
        let mut builder = BlockBuilder::new(BlockLimits::default());
        let mut line = String::new();
        for stream in 0..STREAMS as u32 {
            for row in 0..rows_per_run {
                let slice = if overlapping { 3600 * SECOND } else { 3600 * SECOND / PARTS };
                let start = if overlapping { part_at * 1000 } else { part_at * slice };
                let time = BASE + start + slice * row / rows_per_run + dice.roll(1_000_000) as i64;
                line.clear();
                let (id, ms, size) = (dice.roll(u64::MAX), dice.roll(2000), dice.roll(100_000));
                let word = dice.pick(&["done", "retry", "timeout", "ok", "accepted", "closed", "opened"]);
                let _ = write!(
                    line,
                    "level=info ts={time} caller=server.go:{} msg=\"request {word}\" id={id:016x} duration={ms}ms \
                     bytes={size} path=/api/v1/things/{} client=10.0.{}.{}",
                    dice.roll(900),
                    dice.roll(50),
                    dice.roll(4),
                    dice.roll(250)
                );
                raw += line.len() as u64;
                let metadata = [("detected_level", "info")];
                builder.push(stream, &Row { time: Timestamp(time), line: line.as_bytes(), metadata: &metadata });
                if builder.is_full() {
                    part.push(builder.take().encode(Codec::L1).expect("a block"));
                }
            }
        }
        if !builder.is_empty() {
            part.push(builder.take().encode(Codec::L1).expect("a block"));
        }
        let part = part.finish().expect("in order");
        let window = Window::of(part.min_time);
        let mut meta = PartMeta {
            id: PartId { object: format!("data/{part_at:026}.seg"), index: 0 },
            tenant: tenant("t"),
            window,
            level: Level::L1,
            offset: 0,
            length: 0,
            footer_length: part.footer_length,
            min_time: part.min_time,
            max_time: part.max_time,
            rows: part.rows,
            streams: part.streams,
            raw_bytes: part.raw_bytes,
            sequence: part_at as u64,
            label_filter: part.label_filter.clone(),
        };
        let mut writer = ObjectWriter::new();
        let placement = writer.push(&tenant("t"), window, part);
        (meta.offset, meta.length) = (placement.offset, placement.length);
        let path = object_store::path::Path::from(meta.id.object.as_str());
        storage.objects.put(&path, writer.finish().into()).await.expect("on disk");
        storage.catalog.publish(&[meta]).await.expect("published");
    }
    raw
}

async fn logs(reader: &Reader, query: &str) -> QueryStats {
    let request = LogRequest {
        expr: log(query),
        range: TimeRange::all(),
        limit: 100,
        direction: Direction::Backward,
        interval_ns: 0,
    };
    reader.log_query(&[tenant("t")], request).await.expect(query).stats
}

async fn metrics(reader: &Reader, query: &str) -> QueryStats {
    let steps = Steps::range(BASE, BASE + 3600 * SECOND, 60 * SECOND);
    let request = MetricRequest { expr: metric(query), steps };
    reader.metric_query(&[tenant("t")], request).await.expect(query).stats
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures, needs a release build"]
async fn speed() {
    for overlapping in [false, true] {
        println!("parts that overlap in time: {overlapping}");
        measure(overlapping).await;
    }
}

async fn measure(overlapping: bool) {
    let directory = std::env::temp_dir().join(format!("sigyn-read-speed-{}", std::process::id()));
    let bucket = format!("file://{}", directory.display());
    let config = StorageConfig { bucket, ..StorageConfig::default() };
    let storage = sigyn_storage::open(&config, Arc::new(SystemClock)).await.expect("a directory");
    let raw = fill(&storage, overlapping).await;
    println!("{} MB of lines", raw / 1_000_000);
    let limits = Arc::new(TenantLimits::new(Limits::default()));
    let cpu = CpuPool::new(2).expect("two threads");
    let reader = Reader::new(ReadConfig::default(), storage, cpu, limits, &mut Registry::default());
    for round in 0..3 {
        println!("round {round}");
        for query in [
            r#"sum(count_over_time({app=~".+"}[1m]))"#,
            r#"sum by (app) (count_over_time({app=~".+"}[1m]))"#,
            r#"sum(count_over_time({app=~".+"}[1h]))"#,
            r#"count_over_time({namespace="ns-3"}[5m])"#,
            r#"sum(bytes_over_time({app=~".+"}[1m]))"#,
            r#"sum by (app) (rate({app=~".+"} |= "timeout" [1m]))"#,
        ] {
            let began = Instant::now();
            let stats = metrics(&reader, query).await;
            report(query, began, &stats);
        }
        for query in [
            r#"{namespace="ns-3"}"#,
            r#"{app=~".+"}"#,
            r#"{pod="pod-017"}"#,
            r#"{namespace="ns-3"} |= "timeout""#,
            r#"{app=~".+"} |= "no such thing""#,
        ] {
            let began = Instant::now();
            let stats = logs(&reader, query).await;
            report(query, began, &stats);
        }
        let began = Instant::now();
        reader.label_names(&[tenant("t")], None, TimeRange::all()).await.expect("labels");
        println!("{:9.2} ms  labels", began.elapsed().as_secs_f64() * 1e3);
    }
    std::fs::remove_dir_all(&directory).expect("ours");
}

fn report(query: &str, began: Instant, stats: &QueryStats) {
    println!(
        "{:9.2} ms  {query}  lines {} summarised {} blocks {} gets {} fetched {} KB hits {}",
        began.elapsed().as_secs_f64() * 1e3,
        stats.lines_processed,
        stats.lines_summarised,
        stats.blocks_read,
        stats.object_gets,
        stats.bytes_fetched / 1024,
        stats.cache_hits
    );
}
