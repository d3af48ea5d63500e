//! Explanations of queries; the shape is Sigyn's own.

use std::time::Duration;

use sigyn_logql::explain::{Extracts, StageNote};
use sigyn_read::{ExplainedRun, Explanation, SelectorPlan};

use super::{array, display, key, number, string};

#[derive(Debug)]
pub(crate) struct ExplainAnswer {
    /// Canonical text.
    pub(crate) query: String,
    /// `log` or `metric`.
    pub(crate) kind: &'static str,
    pub(crate) explanation: Explanation,
}

pub(crate) fn explanation(out: &mut Vec<u8>, answer: &ExplainAnswer) {
    let found = &answer.explanation;
    out.extend_from_slice(br#"{"status":"success","data":{"#);
    key(out, "query");
    string(out, answer.query.as_bytes());
    key(out, "type");
    string(out, answer.kind.as_bytes());
    key(out, "selectors");
    array(out, &found.selectors, selector);
    key(out, "parts");
    let parts = found.parts;
    integers(
        out,
        &[
            ("matched", parts.matched),
            ("pruned_by_time", parts.pruned_by_time),
            ("pruned_by_labels", parts.pruned_by_labels),
            ("to_read", parts.to_read),
        ],
    );
    for (name, value) in [("streams", found.streams), ("blocks", found.blocks), ("rows", found.rows)] {
        key(out, name);
        display(out, value);
    }
    key(out, "bytes");
    integers(out, &[("stored", found.stored_bytes), ("raw", found.raw_bytes)]);
    key(out, "run");
    match &found.run {
        Some(done) => run(out, done),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b"}}\n");
}

fn selector(out: &mut Vec<u8>, plan: &SelectorPlan) {
    out.push(b'{');
    key(out, "selector");
    string(out, plan.selector.as_bytes());
    key(out, "stages");
    array(out, &plan.stages, stage);
    key(out, "columns");
    strings(out, &plan.columns);
    key(out, "pruning");
    strings(out, &plan.pruning);
    out.push(b'}');
}

fn stage(out: &mut Vec<u8>, stage: &StageNote) {
    out.push(b'{');
    key(out, "stage");
    string(out, stage.stage.as_bytes());
    key(out, "reads");
    strings(out, &stage.reads);
    key(out, "extracts");
    match &stage.extracts {
        Extracts::All => string(out, b"all"),
        Extracts::Names(names) => strings(out, names),
    }
    key(out, "note");
    string(out, stage.note.as_bytes());
    out.push(b'}');
}

fn run(out: &mut Vec<u8>, done: &ExplainedRun) {
    let stats = &done.stats;
    out.push(b'{');
    for (name, time) in [("exec_ms", stats.exec_time), ("queue_ms", stats.queue_time)] {
        key(out, name);
        number(out, millis(time));
    }
    for (name, value) in [
        ("bytes_fetched", stats.bytes_fetched),
        ("object_gets", stats.object_gets),
        ("cache_hits", stats.cache_hits),
        ("lines_processed", stats.lines_processed),
        ("lines_summarised", stats.lines_summarised),
        ("post_filter_lines", stats.post_filter_lines),
        ("entries_returned", stats.entries_returned),
        ("duplicates", stats.duplicates),
    ] {
        key(out, name);
        display(out, value);
    }
    key(out, "stages");
    array(out, &done.stages, |out, rows| {
        out.push(b'{');
        key(out, "stage");
        string(out, rows.stage.as_bytes());
        for (name, value) in [("rows_in", rows.rows_in), ("rows_out", rows.rows_out)] {
            key(out, name);
            display(out, value);
        }
        out.push(b'}');
    });
    out.push(b'}');
}

/// With three decimals at most.
fn millis(time: Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}

fn integers(out: &mut Vec<u8>, members: &[(&str, u64)]) {
    out.push(b'{');
    for (name, value) in members {
        key(out, name);
        display(out, value);
    }
    out.push(b'}');
}

fn strings(out: &mut Vec<u8>, items: &[String]) {
    array(out, items, |out, item| string(out, item.as_bytes()));
}
