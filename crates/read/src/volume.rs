//! Volumes and index statistics: how much is stored, by labels and time.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use sigyn_logql::ast::{MatchOp, Matcher, Selector};
use sigyn_logql::matcher::CompiledSelector;
use sigyn_model::{Labels, TimeRange, Timestamp};

use crate::context::QueryContext;
use crate::exec::sizes::{Buckets, Sizes, measure};
use crate::selection::{Selectors, select};
use crate::source::Source;
use crate::streams::TENANT_LABEL;
use crate::{Error, IndexStats, Result, VolumeBy, VolumeRequest, VolumeSeries};

pub(crate) async fn index_stats(
    source: &Arc<Source>,
    context: &Arc<QueryContext>,
    selector: &Selector,
    range: TimeRange,
) -> Result<IndexStats> {
    let selection = Arc::new(select(source, context, selectors(selector)?, range).await?);
    let sizes = measure(source, context, &selection, Buckets { range, step: None }).await?;
    let chunks: HashSet<(u32, u32)> = selection.runs.iter().map(|run| (run.part, run.stream)).collect();
    let chunks = chunks.into_iter().filter(|(_, stream)| sizes.contains_key(&(*stream, 0))).count();
    Ok(IndexStats {
        streams: sizes.len() as u64,
        chunks: chunks as u64,
        bytes: sizes.values().map(|size| size.bytes).sum(),
        entries: sizes.values().map(|size| size.rows).sum(),
    })
}

/// No matchers select everything.
pub(crate) fn selectors(selector: &Selector) -> Result<Selectors> {
    if selector.matchers.is_empty() {
        return Ok(Selectors::All);
    }
    Ok(Selectors::AnyOf(vec![CompiledSelector::new(selector)?]))
}

pub(crate) async fn volume(
    source: &Arc<Source>,
    context: &Arc<QueryContext>,
    request: &VolumeRequest,
) -> Result<Vec<VolumeSeries>> {
    let selection = select(source, context, selectors(&with_targets(request))?, request.range).await?;
    let selection = Arc::new(selection);
    let buckets = Buckets { range: request.range, step: request.step };
    let sizes = measure(source, context, &selection, buckets).await?;
    let summed = sum(request, &selection.streams, &sizes);
    if summed.len() > context.limits.volume_series {
        return Err(Error::VolumeSeries { limit: context.limits.volume_series });
    }
    Ok(largest(request, summed))
}

/// A target label that no matcher names must be there.
fn with_targets(request: &VolumeRequest) -> Selector {
    let mut selector = request.selector.clone();
    for name in &request.target_labels {
        if !selector.matchers.iter().any(|matcher| matcher.name == *name) {
            selector.matchers.push(Matcher { name: name.clone(), op: MatchOp::Re, value: ".+".to_owned() });
        }
    }
    selector
}

type Metric = Vec<(String, String)>;

/// Bytes by metric and bucket.
fn sum(request: &VolumeRequest, streams: &[Labels], sizes: &Sizes) -> BTreeMap<Metric, BTreeMap<u64, u64>> {
    let mut summed: BTreeMap<Metric, BTreeMap<u64, u64>> = BTreeMap::new();
    for ((stream, bucket), size) in sizes {
        for metric in metrics_of(request, &streams[*stream as usize]) {
            *summed.entry(metric).or_default().entry(*bucket).or_default() += size.bytes;
        }
    }
    summed
}

/// The series a stream counts towards.
fn metrics_of(request: &VolumeRequest, labels: &Labels) -> Vec<Metric> {
    let visible = labels.iter().filter(|(name, _)| *name != TENANT_LABEL);
    let targets = &request.target_labels;
    match request.by {
        VolumeBy::Labels => visible
            .filter(|(name, _)| targets.is_empty() || targets.iter().any(|target| target == name))
            .map(|(name, _)| vec![(name.to_owned(), String::new())])
            .collect(),
        VolumeBy::Series => {
            let all = targets.is_empty() && request.selector.matchers.is_empty();
            let wanted = |name: &str| {
                let matched = || request.selector.matchers.iter().any(|matcher| matcher.name == name);
                all || if targets.is_empty() { matched() } else { targets.iter().any(|target| target == name) }
            };
            vec![
                visible
                    .filter(|(name, _)| wanted(name))
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect(),
            ]
        }
    }
}

/// Largest first, ties by label text, cut at the limit.
fn largest(request: &VolumeRequest, summed: BTreeMap<Metric, BTreeMap<u64, u64>>) -> Vec<VolumeSeries> {
    let mut series: Vec<(u64, VolumeSeries)> = summed
        .into_iter()
        .map(|(metric, buckets)| {
            let total = buckets.values().sum();
            let points = buckets.into_iter().map(|(bucket, bytes)| (time_of(request, bucket), bytes)).collect();
            (total, VolumeSeries { metric, points })
        })
        .collect();
    // Stable: the map gave them in label order.
    series.sort_by_key(|(total, _)| std::cmp::Reverse(*total));
    series.truncate(request.limit);
    series.into_iter().map(|(_, series)| series).collect()
}

/// A bucket's instant as clients of Loki know it: its end less a millisecond, the last one's the end of the range.
fn time_of(request: &VolumeRequest, bucket: u64) -> Timestamp {
    let end = request.range.end.nanos();
    let Some(step) = request.step else { return request.range.end };
    let bucket_end = i128::from(request.range.start.nanos()) + i128::from(step) * (i128::from(bucket) + 1);
    match i64::try_from(bucket_end) {
        Ok(bucket_end) if bucket_end < end => Timestamp(bucket_end) - sigyn_model::duration::MILLISECOND,
        _ => request.range.end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(matchers: &[&str], targets: &[&str], by: VolumeBy) -> VolumeRequest {
        let matcher = |name: &&str| Matcher { name: (*name).to_owned(), op: MatchOp::Re, value: ".+".to_owned() };
        VolumeRequest {
            selector: Selector { matchers: matchers.iter().map(matcher).collect() },
            range: TimeRange::new(Timestamp(0), Timestamp(3_000_000_000)),
            limit: 100,
            step: Some(2_000_000_000),
            by,
            target_labels: targets.iter().map(|&target| target.to_owned()).collect(),
        }
    }

    #[test]
    fn series_are_grouped_as_documented() {
        let labels = Labels::from_pairs([("app", "a"), ("env", "prod"), (TENANT_LABEL, "x")]);
        let check = |matchers: &[&str], targets: &[&str], by, expected: &[&[(&str, &str)]]| {
            let metrics = metrics_of(&request(matchers, targets, by), &labels);
            let expected: Vec<Metric> = expected
                .iter()
                .map(|metric| metric.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect())
                .collect();
            assert_eq!(metrics, expected);
        };
        check(&[], &[], VolumeBy::Series, &[&[("app", "a"), ("env", "prod")]]);
        check(&["app"], &[], VolumeBy::Series, &[&[("app", "a")]]);
        check(&["app"], &["env"], VolumeBy::Series, &[&[("env", "prod")]]);
        check(&["app"], &[], VolumeBy::Labels, &[&[("app", "")], &[("env", "")]]);
        check(&[], &["env"], VolumeBy::Labels, &[&[("env", "")]]);
    }

    #[test]
    fn buckets_end_a_millisecond_early_but_the_last() {
        let request = request(&[], &[], VolumeBy::Series);
        assert_eq!(time_of(&request, 0), Timestamp(1_999_000_000));
        assert_eq!(time_of(&request, 1), Timestamp(3_000_000_000));
    }
}
