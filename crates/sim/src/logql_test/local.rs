//! The crates of this process as a target: a writer and a reader over one store in memory, on a clock of their own.

use std::sync::Arc;

use bytes::Bytes;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use prometheus_client::registry::Registry;
use sigyn_logql::ast::Expr;
use sigyn_logql::{MetricResult, merge_categories};
use sigyn_model::duration::{HOUR, Span};
use sigyn_model::{Labels, Limits, TenantId, TenantLimits, TimeRange, Timestamp};
use sigyn_read::{LogRequest, MetricRequest, ReadConfig, Reader, Steps};
use sigyn_storage::{CatalogOptions, CpuPool, Metrics, ObjectCatalog, SeededRng, Storage, TokioClock};
use sigyn_write::{Codec, PushBatch, PushEntry, PushStream, Span32, WriteConfig, Writer};
use tokio::runtime::Runtime;

use super::Target;
use super::outcome::{Outcome, Series, Stream};
use super::script::{Entry, Kind, Load, Question};

/// 2026-11-22T04:00:00Z: the test's start. The clock shows an hour later.
const BASE: i64 = 1_795_320_000_000_000_000;

/// A writer, a reader and a store.
#[derive(Debug)]
pub struct Local {
    runtime: Runtime,
    writer: Writer,
    reader: Reader,
    tenant: TenantId,
}

impl Local {
    /// An empty store whose blocks are encoded in this way. Errors: the runtime or the catalog does not start.
    pub fn new(codec: Codec) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let (writer, reader) = runtime.block_on(start(codec))?;
        let tenant = TenantId::new("test").map_err(|error| error.to_string())?;
        Ok(Self { runtime, writer, reader, tenant })
    }
}

async fn start(codec: Codec) -> Result<(Writer, Reader), String> {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let clock = Arc::new(TokioClock::new(Timestamp(BASE + HOUR)));
    let catalog = ObjectCatalog::open(
        Arc::clone(&objects),
        Arc::clone(&clock) as _,
        Arc::new(SeededRng::new(1)),
        CatalogOptions::default(),
        Metrics::default(),
    );
    let catalog = Arc::new(catalog.await.map_err(|error| error.to_string())?);
    let storage = Storage {
        objects,
        catalog,
        clock,
        rng: Arc::new(SeededRng::new(1)),
        metrics: Metrics::default(),
        description: "memory".to_owned(),
    };
    let (cpu, registry) = (CpuPool::inline(), &mut Registry::default());
    let limits = Arc::new(TenantLimits::new(Limits::default()));
    let writing = WriteConfig { flush_interval: Some(Span::millis(1)), ..WriteConfig::default() };
    let writer = Writer::with_codec(writing, storage.clone(), cpu.clone(), Arc::clone(&limits), registry, codec);
    let reader = Reader::new(ReadConfig::default(), storage, cpu, limits, registry);
    Ok((writer, reader))
}

impl Target for Local {
    fn load(&self, load: &Load) -> Result<(), String> {
        let pushed = self.runtime.block_on(self.writer.push(&self.tenant, batch(load)));
        pushed.map_err(|error| error.to_string())
    }

    fn ask(&self, question: &Question) -> Result<Outcome, String> {
        let expr = match sigyn_logql::parse(&question.query) {
            Ok(expr) => expr,
            Err(error) => return Ok(Outcome::Refused(error.to_string())),
        };
        let (from, to) = (BASE + question.from, BASE + question.to);
        let tenants = std::slice::from_ref(&self.tenant);
        match expr {
            Expr::Log(expr) => {
                let request = LogRequest {
                    expr,
                    range: TimeRange::new(Timestamp(from), Timestamp(to)),
                    limit: question.limit,
                    direction: question.direction,
                    interval_ns: question.interval,
                };
                Ok(match self.runtime.block_on(self.reader.log_query(tenants, request)) {
                    Ok(answer) => {
                        let streams = merge_categories(answer.data, question.direction);
                        Outcome::Streams(streams.into_iter().map(stream).collect())
                    }
                    Err(error) => Outcome::Refused(error.to_string()),
                })
            }
            Expr::Metric(_) if question.kind == Kind::Logs => Err("a metric query asked for logs".to_owned()),
            Expr::Metric(expr) => {
                let steps = match question.kind {
                    Kind::Instant => Steps::instant(to),
                    _ => Steps::range(from, to, question.step),
                };
                Ok(match self.runtime.block_on(self.reader.metric_query(tenants, MetricRequest { expr, steps })) {
                    Ok(answer) => outcome(answer.data, question),
                    Err(error) => Outcome::Refused(error.to_string()),
                })
            }
            Expr::Variants { .. } => Err("variants are asked over HTTP only".to_owned()),
        }
    }
}

fn stream(stream: sigyn_logql::StreamEntries) -> Stream {
    let entry = |entry: sigyn_logql::Entry| Entry {
        offset: entry.timestamp - BASE,
        line: String::from_utf8_lossy(&entry.line).into_owned(),
        metadata: Labels::default(),
    };
    Stream { labels: stream.labels, entries: stream.entries.into_iter().map(entry).collect() }
}

fn outcome(result: MetricResult, question: &Question) -> Outcome {
    match result {
        MetricResult::Scalar(sample) => Outcome::Scalar(sample.value),
        MetricResult::Vector(samples) => {
            let series = |sample: sigyn_logql::VectorSample| Series {
                labels: sample.labels,
                points: vec![Some(sample.sample.value)],
            };
            Outcome::Series(samples.into_iter().map(series).collect())
        }
        MetricResult::Matrix(all) => {
            let series = |series: sigyn_logql::MatrixSeries| {
                let mut points = vec![None; question.steps()];
                for sample in series.samples {
                    let step = (sample.timestamp - BASE - question.from) / question.step;
                    if let Some(point) = usize::try_from(step).ok().and_then(|step| points.get_mut(step)) {
                        *point = Some(sample.value);
                    }
                }
                Series { labels: series.labels, points }
            };
            Outcome::Series(all.into_iter().map(series).collect())
        }
    }
}

/// The push that a client would send.
fn batch(load: &Load) -> PushBatch {
    let (mut arena, mut batch) = (Vec::new(), PushBatch::default());
    let mut span = |text: &str| {
        let span = Span32 { offset: arena.len() as u32, len: text.len() as u32 };
        arena.extend_from_slice(text.as_bytes());
        span
    };
    for entry in &load.entries {
        let first = batch.metadata.len() as u32;
        batch.metadata.extend(entry.metadata.iter().map(|(name, value)| (span(name), span(value))));
        let metadata = first..batch.metadata.len() as u32;
        batch.entries.push(PushEntry { ts: BASE + entry.offset, line: span(&entry.line), metadata });
    }
    let entries = 0..batch.entries.len() as u32;
    batch.streams.push(PushStream { labels: load.labels.clone(), repeated_name: None, entries });
    batch.arena = Bytes::from(arena);
    batch
}
