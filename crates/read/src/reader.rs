//! The reader: the one door to everything that is stored.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use prometheus_client::registry::Registry;
use sigyn_logql::ast::Selector;
use sigyn_logql::detect::{self, DetectedField};
use sigyn_logql::matcher::CompiledSelector;
use sigyn_logql::{Direction, LogOptions, LogPlan, MetricPlan, MetricResult, Steps, StreamEntries};
use sigyn_model::{Labels, TenantId, TenantLimits, TimeRange};
use sigyn_storage::{CpuPool, Storage};
use tokio::time::Instant;

use crate::admission::Admission;
use crate::context::{QueryContext, QueryLimits};
use crate::exec::{logs, metric};
use crate::explain::{ExplainPlan, ExplainedRun};
use crate::metrics::{Kind, Metrics};
use crate::selection::{Selectors, label_sets};
use crate::source::Source;
use crate::stats::add;
use crate::tail::{self, Feeds};
use crate::{
    Answer, DetectedLabel, Error, ExplainRequest, Explanation, FieldsRequest, IndexStats, LogRequest, MetricRequest,
    Pattern, PatternsRequest, QueryStats, ReadConfig, Result, TailFrame, TailRequest, VolumeRequest, VolumeSeries,
    detected, explain, patterns, volume,
};

/// Frames of a tail; ends after an error. Dropping it ends the tail.
pub type TailStream = Pin<Box<dyn Stream<Item = Result<TailFrame>> + Send>>;

/// A label that writers may add to spread a stream; readers never show it.
const SHARD_LABEL: &str = "__stream_shard__";

/// Answers queries. Cheap to clone; dropping the future of a query stops its work.
///
/// `tenants` is never empty. With more than one, every stream carries the label `__tenant_id__`, and matchers on it pick tenants.
#[derive(Debug, Clone)]
pub struct Reader {
    core: Core,
    feeds: Arc<Feeds>,
}

/// What every kind of query shares.
#[derive(Debug, Clone)]
pub(crate) struct Core {
    pub(crate) source: Arc<Source>,
    limits: Arc<TenantLimits>,
    admission: Admission,
}

impl Reader {
    pub fn new(
        config: ReadConfig,
        storage: Storage,
        cpu: CpuPool,
        limits: Arc<TenantLimits>,
        registry: &mut Registry,
    ) -> Self {
        let admission = Admission::new(config.max_concurrent);
        let source = Arc::new(Source::new(config, storage, cpu, Metrics::register(registry)));
        Self { core: Core { source, limits, admission }, feeds: Arc::default() }
    }

    /// Streams sorted by label text, entries in query direction.
    pub async fn log_query(&self, tenants: &[TenantId], request: LogRequest) -> Result<Answer<Vec<StreamEntries>>> {
        let plan = Arc::new(sigyn_logql::plan_log(&request.expr, self.core.source.clock.now())?);
        self.run_log(tenants, plan, &request).await
    }

    async fn run_log(
        &self,
        tenants: &[TenantId],
        plan: Arc<LogPlan>,
        request: &LogRequest,
    ) -> Result<Answer<Vec<StreamEntries>>> {
        let LogRequest { range, limit, direction, interval_ns, .. } = *request;
        let answer = self.core.query(Kind::logs, tenants, |context| {
            let (source, plan) = (Arc::clone(&self.core.source), Arc::clone(&plan));
            let options = LogOptions { limit, direction, range, interval_ns, memory_max: context.engine_memory() };
            async move { logs::run(&source, &context, plan, options).await }
        });
        answered(answer.await?)
    }

    pub async fn metric_query(&self, tenants: &[TenantId], request: MetricRequest) -> Result<Answer<MetricResult>> {
        let plan = Arc::new(sigyn_logql::plan_metric(&request.expr, self.core.source.clock.now())?);
        self.run_metric(tenants, plan, request.steps, self.core.limits(tenants)).await
    }

    /// As [`Reader::metric_query`]; more series than the limit are cut off, with a warning, instead of refused.
    pub async fn metric_query_partial(
        &self,
        tenants: &[TenantId],
        request: MetricRequest,
    ) -> Result<Answer<MetricResult>> {
        let plan = Arc::new(sigyn_logql::plan_metric(&request.expr, self.core.source.clock.now())?);
        let limits = self.core.limits(tenants);
        let unlimited = QueryLimits { series: usize::MAX, ..limits };
        let mut answer = self.run_metric(tenants, plan, request.steps, unlimited).await?;
        let before = answer.data.series();
        answer.data.truncate(limits.series);
        if before > limits.series {
            answer.warnings.push(format!(
                "maximum number of series ({}) reached for a single query; returning partial results",
                limits.series
            ));
        }
        Ok(answer)
    }

    async fn run_metric(
        &self,
        tenants: &[TenantId],
        plan: Arc<MetricPlan>,
        steps: Steps,
        limits: QueryLimits,
    ) -> Result<Answer<MetricResult>> {
        let answer = self.core.query_within(limits, Kind::metric, tenants, |context| {
            let (source, plan) = (Arc::clone(&self.core.source), Arc::clone(&plan));
            async move { metric::run(&source, &context, plan, steps).await }
        });
        answered(answer.await?)
    }

    /// Names of stream labels, sorted.
    pub async fn label_names(
        &self,
        tenants: &[TenantId],
        selector: Option<Selector>,
        range: TimeRange,
    ) -> Result<Vec<String>> {
        let sets = self.label_sets(Kind::labels, tenants, selector.as_slice(), range).await?;
        let names: BTreeSet<&str> = sets.iter().flat_map(Labels::iter).map(|(name, _)| name).collect();
        Ok(names.into_iter().filter(|name| *name != SHARD_LABEL).map(str::to_owned).collect())
    }

    /// Values of one stream label, sorted.
    pub async fn label_values(
        &self,
        tenants: &[TenantId],
        name: &str,
        selector: Option<Selector>,
        range: TimeRange,
    ) -> Result<Vec<String>> {
        let sets = self.label_sets(Kind::labels, tenants, selector.as_slice(), range).await?;
        let values: BTreeSet<&str> = sets.iter().filter_map(|labels| labels.get(name)).collect();
        Ok(values.into_iter().map(str::to_owned).collect())
    }

    /// Label sets of the streams that match any of `selectors` (none, or one without matchers: all streams), sorted.
    pub async fn series(
        &self,
        tenants: &[TenantId],
        selectors: Vec<Selector>,
        range: TimeRange,
    ) -> Result<Vec<Labels>> {
        let mut sets = self.label_sets(Kind::series, tenants, &selectors, range).await?;
        sets.sort_unstable();
        Ok(sets)
    }

    async fn label_sets(
        &self,
        kind: Kind,
        tenants: &[TenantId],
        selectors: &[Selector],
        range: TimeRange,
    ) -> Result<Vec<Labels>> {
        let compiled: Vec<CompiledSelector> = selectors.iter().map(CompiledSelector::new).collect::<Result<_, _>>()?;
        let all = selectors.iter().any(|selector| selector.matchers.is_empty()) || selectors.is_empty();
        let answer = self.core.query(kind, tenants, |context| {
            let selectors = if all { Selectors::All } else { Selectors::AnyOf(compiled.clone()) };
            let source = Arc::clone(&self.core.source);
            async move { label_sets(&source, &context, selectors, range).await }
        });
        Ok(answer.await?.0)
    }

    pub async fn index_stats(&self, tenants: &[TenantId], selector: Selector, range: TimeRange) -> Result<IndexStats> {
        let answer = self.core.query(Kind::stats, tenants, |context| {
            let (source, selector) = (Arc::clone(&self.core.source), selector.clone());
            async move { volume::index_stats(&source, &context, &selector, range).await }
        });
        Ok(answer.await?.0)
    }

    /// Largest series first, ties by label text.
    pub async fn volume(&self, tenants: &[TenantId], request: VolumeRequest) -> Result<Answer<Vec<VolumeSeries>>> {
        let answer = self.core.query(Kind::volume, tenants, |context| {
            let (source, request) = (Arc::clone(&self.core.source), request.clone());
            async move { volume::volume(&source, &context, &request).await }
        });
        answered(answer.await?)
    }

    /// Names of stream labels and how many values each has, sorted. Labels that hold nothing but numbers and ids are left out.
    pub async fn detected_labels(
        &self,
        tenants: &[TenantId],
        selector: Option<Selector>,
        range: TimeRange,
    ) -> Result<Vec<DetectedLabel>> {
        let sets = self.label_sets(Kind::detected, tenants, selector.as_slice(), range).await?;
        Ok(self.core.source.cpu.run(move || detected::labels(&sets, SHARD_LABEL)).await?)
    }

    /// Fields of the newest entries, sorted by name.
    pub async fn detected_fields(&self, tenants: &[TenantId], request: FieldsRequest) -> Result<Vec<DetectedField>> {
        self.look_at_newest(tenants, request, |streams, limit| detect::fields(&streams, limit)).await
    }

    /// Values of one field in the newest entries, sorted.
    pub async fn detected_field_values(
        &self,
        tenants: &[TenantId],
        request: FieldsRequest,
        name: String,
    ) -> Result<Vec<String>> {
        self.look_at_newest(tenants, request, move |streams, limit| detect::values(&streams, &name, limit)).await
    }

    async fn look_at_newest<T: Send + 'static>(
        &self,
        tenants: &[TenantId],
        request: FieldsRequest,
        look: impl FnOnce(Vec<StreamEntries>, usize) -> T + Send + 'static,
    ) -> Result<T> {
        let FieldsRequest { expr, range, line_limit, limit } = request;
        let log = LogRequest { expr, range, limit: line_limit, direction: Direction::Backward, interval_ns: 0 };
        let streams = self.log_query(tenants, log).await?.data;
        Ok(self.core.source.cpu.run(move || look(streams, limit)).await?)
    }

    /// Patterns of lines, most frequent first; see [`Pattern`].
    pub async fn patterns(&self, tenants: &[TenantId], request: PatternsRequest) -> Result<Vec<Pattern>> {
        let answer = self.core.query(Kind::patterns, tenants, |context| {
            let (source, request) = (Arc::clone(&self.core.source), request.clone());
            async move { patterns::patterns(&source, &context, &request).await }
        });
        Ok(answer.await?.0)
    }

    /// What a query would do; with `analyze` it is run too, and its answer thrown away.
    pub async fn explain(&self, tenants: &[TenantId], request: ExplainRequest, analyze: bool) -> Result<Explanation> {
        let now = self.core.source.clock.now();
        let plan = match &request {
            ExplainRequest::Log(log) => ExplainPlan::Log(Arc::new(sigyn_logql::plan_log(&log.expr, now)?)),
            ExplainRequest::Metric(metric) => {
                ExplainPlan::Metric(Arc::new(sigyn_logql::plan_metric(&metric.expr, now)?))
            }
        };
        let answer = self.core.query(Kind::explain, tenants, |context| {
            let (source, request, plan) = (Arc::clone(&self.core.source), request.clone(), plan.clone());
            async move { explain::explain(&source, &context, &request, &plan).await }
        });
        let mut explanation = answer.await?.0;
        if analyze {
            let stats = match (&request, &plan) {
                (ExplainRequest::Log(log), ExplainPlan::Log(plan)) => {
                    self.run_log(tenants, Arc::clone(plan), log).await?.stats
                }
                (ExplainRequest::Metric(metric), ExplainPlan::Metric(plan)) => {
                    let limits = self.core.limits(tenants);
                    self.run_metric(tenants, Arc::clone(plan), metric.steps, limits).await?.stats
                }
                _ => return Err(Error::Internal("a plan of another kind than its query".to_owned())),
            };
            explanation.run = Some(ExplainedRun { stats, stages: plan.stage_rows() });
        }
        Ok(explanation)
    }

    /// Starts a tail. Errors before the first frame are returned here, later ones end the stream.
    pub async fn tail(&self, tenant: &TenantId, request: TailRequest) -> Result<TailStream> {
        tail::open(&self.core, &self.feeds, tenant, request).await
    }
}

fn answered<T>((data, stats): (T, QueryStats)) -> Result<Answer<T>> {
    Ok(Answer { data, stats, warnings: Vec::new() })
}

impl Core {
    pub(crate) fn limits(&self, tenants: &[TenantId]) -> QueryLimits {
        QueryLimits::of(tenants, &self.limits)
    }

    /// As [`Core::query_within`] the tenants' limits.
    pub(crate) async fn query<T, F: Future<Output = Result<T>>>(
        &self,
        kind: Kind,
        tenants: &[TenantId],
        work: impl Fn(Arc<QueryContext>) -> F,
    ) -> Result<(T, QueryStats)> {
        self.query_within(self.limits(tenants), kind, tenants, work).await
    }

    /// Waits for admission, runs `work` within the deadline, and begins anew, once, when a part is gone.
    async fn query_within<T, F: Future<Output = Result<T>>>(
        &self,
        limits: QueryLimits,
        kind: Kind,
        tenants: &[TenantId],
        work: impl Fn(Arc<QueryContext>) -> F,
    ) -> Result<(T, QueryStats)> {
        let context = QueryContext::new(tenants, limits);
        // A query of several tenants waits among the first one's.
        let payer = tenants.first().ok_or_else(|| Error::Internal("a query without a tenant".to_owned()))?;
        let _stop = context.stop_on_drop();
        let began = Instant::now();
        let mut queued = Duration::ZERO;
        let run = async {
            let _ticket = self.admission.enter(payer).await?;
            queued = began.elapsed();
            self.run_again(&context, &work).await
        };
        let timed = tokio::time::timeout(limits.timeout, run).await;
        let result = timed.unwrap_or_else(|_| Err(Error::TimedOut { limit: limits.timeout }));
        let mut stats = context.counters.snapshot();
        stats.queue_time = queued;
        stats.exec_time = began.elapsed().saturating_sub(queued);
        self.source.metrics.queued(queued);
        self.source.metrics.finished(kind, &result, &stats);
        self.source.metrics.footers(self.source.footers.weight());
        Ok((result?, stats))
    }

    async fn run_again<T, F: Future<Output = Result<T>>>(
        &self,
        context: &Arc<QueryContext>,
        work: &impl Fn(Arc<QueryContext>) -> F,
    ) -> Result<T> {
        match work(Arc::clone(context)).await {
            Err(Error::Gone { object }) => {
                tracing::debug!(%object, "an object was removed under a query, starting over from a fresh scan");
                self.source.metrics.restarted();
                add(&context.counters.restarts, 1);
            }
            result => return result,
        }
        // Objects outlive their rows by far longer than a scan takes: what is missing now is lost.
        work(Arc::clone(context)).await
    }
}
