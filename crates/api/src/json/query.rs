//! The envelope of query answers.

use axum::http::HeaderMap;
use sigyn_logql::{MetricResult, StreamEntries};
use sigyn_read::{QueryStats, VolumeSeries};

use super::{array, key, samples, stats, streams, string};

const HEADER: &str = "x-loki-response-encoding-flags";
const CATEGORIZE_LABELS: &str = "categorize-labels";

/// What the client asked for in `X-Loki-Response-Encoding-Flags`; echoed, known or not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct EncodingFlags(Vec<String>);

impl EncodingFlags {
    pub(crate) fn from_headers(headers: &HeaderMap) -> Self {
        let value = headers.get(HEADER).and_then(|value| value.to_str().ok()).unwrap_or("");
        Self(value.split(',').map(str::trim).filter(|flag| !flag.is_empty()).map(str::to_owned).collect())
    }

    /// Whether each value tells its metadata and parsed labels apart.
    pub(crate) fn categorize(&self) -> bool {
        self.0.iter().any(|flag| flag == CATEGORIZE_LABELS)
    }

    /// Appends the member `encodingFlags`, when there are flags.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        if !self.0.is_empty() {
            key(out, "encodingFlags");
            array(out, &self.0, |out, flag| string(out, flag.as_bytes()));
        }
    }
}

/// The result proper.
#[derive(Debug)]
pub(crate) enum Result {
    /// Already merged unless the flags ask for categories.
    Streams(Vec<StreamEntries>),
    Metric(MetricResult),
    Volume(Vec<VolumeSeries>),
}

/// A whole answer of `query`, `query_range`, `index/volume` or `index/volume_range`.
#[derive(Debug)]
pub(crate) struct QueryAnswer {
    pub(crate) result: Result,
    pub(crate) stats: QueryStats,
    pub(crate) warnings: Vec<String>,
    pub(crate) flags: EncodingFlags,
}

/// Roughly the bytes the answer will take.
pub(crate) fn size_hint(result: &Result) -> usize {
    const PER_STREAM: usize = 256;
    match result {
        Result::Streams(streams) => {
            let entry = |e: &sigyn_logql::Entry| e.line.len() + 40;
            streams.iter().map(|s| PER_STREAM + s.entries.iter().map(entry).sum::<usize>()).sum()
        }
        Result::Metric(MetricResult::Matrix(series)) => series.iter().map(|s| PER_STREAM + s.samples.len() * 20).sum(),
        Result::Metric(MetricResult::Vector(samples)) => samples.len() * PER_STREAM,
        Result::Metric(MetricResult::Scalar(_)) => PER_STREAM,
        Result::Volume(series) => series.iter().map(|s| PER_STREAM + s.points.len() * 24).sum(),
    }
}

/// Appends the answer and a newline.
pub(crate) fn query_answer(out: &mut Vec<u8>, answer: &QueryAnswer) {
    out.extend_from_slice(br#"{"status":"success","data":{"resultType":""#);
    out.extend_from_slice(result_type(&answer.result).as_bytes());
    out.push(b'"');
    answer.flags.write(out);
    key(out, "result");
    match &answer.result {
        Result::Streams(found) => streams::streams(out, found, answer.flags.categorize()),
        Result::Metric(MetricResult::Matrix(series)) => samples::matrix(out, series),
        Result::Metric(MetricResult::Vector(found)) => samples::vector(out, found),
        Result::Metric(MetricResult::Scalar(sample)) => samples::scalar(out, *sample),
        Result::Volume(series) => samples::volumes(out, series),
    }
    key(out, "stats");
    stats::stats(out, &answer.stats);
    out.push(b'}');
    if !answer.warnings.is_empty() {
        key(out, "warnings");
        array(out, &answer.warnings, |out, warning| string(out, warning.as_bytes()));
    }
    out.extend_from_slice(b"}\n");
}

fn result_type(result: &Result) -> &'static str {
    match result {
        Result::Streams(_) => "streams",
        Result::Metric(MetricResult::Matrix(_)) => "matrix",
        Result::Metric(MetricResult::Vector(_)) => "vector",
        Result::Metric(MetricResult::Scalar(_)) => "scalar",
        Result::Volume(series) if samples::volumes_are_vector(series) => "vector",
        Result::Volume(_) => "matrix",
    }
}
