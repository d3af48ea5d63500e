//! `label_replace(v, "dst", "replacement", "src", "regex")`.

use sigyn_model::Labels;

use super::unite;
use crate::error::Result;
use crate::plan::LabelReplaceNode;
use crate::series::SeriesSet;

/// Errors: `Evaluation` when two series become the same.
pub(super) fn apply(node: &LabelReplaceNode, mut set: SeriesSet) -> Result<SeriesSet> {
    for series in &mut set {
        series.labels = replace(node, &series.labels);
    }
    unite(set, "vector cannot contain metrics with the same labelset")
}

fn replace(node: &LabelReplaceNode, labels: &Labels) -> Labels {
    let source = labels.get(&node.source).unwrap_or("");
    let Some(captures) = node.regex.captures(source.as_bytes()) else {
        return labels.clone();
    };
    let mut value = Vec::new();
    captures.expand(node.replacement.as_bytes(), &mut value);
    let value = String::from_utf8_lossy(&value).into_owned();
    let kept = labels.iter().filter(|(name, _)| *name != node.destination);
    Labels::from_pairs(kept.chain([(node.destination.as_str(), value.as_str())]))
}
