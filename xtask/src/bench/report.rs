//! The table at the end, as Markdown for people and as JSON for plots.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::json;

use super::push::Push;
use super::queries::Asked;

/// CPU and memory of the server; absent where the process is not ours to see.
#[derive(Debug, Serialize)]
pub(super) struct Processor {
    pub push_cpu_seconds: Option<f64>,
    /// Until background work was done.
    pub settled_cpu_seconds: Option<f64>,
    pub ingest_peak_bytes: Option<u64>,
    pub query_peak_bytes: Option<u64>,
    pub settled_resident_bytes: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub target: String,
    pub seed: u64,
    pub connections: usize,
    pub streams: usize,
    pub lines: u64,
    pub raw_bytes: u64,
    /// Compressed bytes on the wire.
    pub sent_bytes: u64,
    pub push: Push,
    pub processor: Processor,
    pub settle_seconds: f64,
    /// The data directory, replaced parts that wait for their removal included.
    pub stored_bytes: Option<u64>,
    /// The parts that queries read.
    pub live_bytes: Option<u64>,
    pub live_parts: Option<u64>,
    pub queries: Vec<Asked>,
}

impl Report {
    /// Writes `report.md` and `report.json` and returns the Markdown.
    pub(super) fn write(&self, directory: &Path) -> Result<String> {
        let (machine, commit) = (machine(), commit());
        let text = self.markdown(&machine, &commit);
        let data = json!({ "machine": machine, "commit": commit, "report": self });
        fs::write(directory.join("report.md"), &text).context("writing report.md")?;
        fs::write(directory.join("report.json"), serde_json::to_vec_pretty(&data)?).context("writing report.json")?;
        Ok(text)
    }

    fn markdown(&self, machine: &str, commit: &str) -> String {
        let mut rows = vec![
            (
                "raw lines".to_owned(),
                format!("{:.1} MB, {} lines, {} streams", mb(self.raw_bytes), self.lines, self.streams),
            ),
            (
                "push, acknowledged".to_owned(),
                format!("{:.1} MB/s over {} connections", self.push.megabytes_per_second, self.connections),
            ),
            (
                "ack latency p50 / p99 / max".to_owned(),
                format!("{:.0} / {:.0} / {:.0} ms", self.push.ack_ms_p50, self.push.ack_ms_p99, self.push.ack_ms_max),
            ),
            ("pushes sent again (429, 503)".to_owned(), self.push.retries.to_string()),
            ("CPU while pushing".to_owned(), optional(self.processor.push_cpu_seconds, |s| format!("{s:.1} s"))),
            (
                "CPU, background work included".to_owned(),
                optional(self.processor.settled_cpu_seconds, |s| format!("{s:.1} s")),
            ),
            ("peak memory while pushing".to_owned(), optional(self.processor.ingest_peak_bytes, size)),
            ("peak memory, queries included".to_owned(), optional(self.processor.query_peak_bytes, size)),
            ("background work done after".to_owned(), format!("{:.1} s", self.settle_seconds)),
        ];
        let parts = self.live_parts.map(|parts| format!(", {parts} parts")).unwrap_or_default();
        rows.push(("stored, live parts".to_owned(), optional(self.live_bytes, |bytes| self.share(bytes) + &parts)));
        rows.push(("stored, whole directory".to_owned(), optional(self.stored_bytes, |bytes| self.share(bytes))));
        let mut out = format!("# Benchmark of {}\n\nCommit {commit}; {machine}; seed {}.\n\n", self.target, self.seed);
        out.push_str("| | |\n|---|---|\n");
        for (name, value) in rows {
            writeln!(out, "| {name} | {value} |").expect("writing to a String does not fail");
        }
        out.push_str("\n| query | first ms | median ms | worst ms | results |\n|---|---:|---:|---:|---:|\n");
        for asked in &self.queries {
            out.push_str(&query_row(asked));
        }
        out
    }

    fn share(&self, bytes: u64) -> String {
        format!("{:.1} MB, {:.1} % of raw", mb(bytes), 100.0 * bytes as f64 / self.raw_bytes as f64)
    }
}

fn query_row(asked: &Asked) -> String {
    if asked.outcome != "ok" {
        return format!("| {} | | {} | | |\n", asked.name, asked.outcome.replace(['|', '\n'], " "));
    }
    let Asked { name, first_ms, median_ms, worst_ms, results, .. } = asked;
    format!("| {name} | {first_ms:.1} | {median_ms:.1} | {worst_ms:.1} | {results} |\n")
}

fn optional<T>(value: Option<T>, show: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "not known".to_owned(), show)
}

fn size(bytes: u64) -> String {
    format!("{:.0} MB", mb(bytes))
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Processor model and count.
fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{} with {cores} processors", model.unwrap_or("a machine"))
}

/// Short id of the commit, with a mark when the tree differs from it.
fn commit() -> String {
    let output = Command::new("git").args(["describe", "--always", "--dirty"]).output().ok();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    if text.is_empty() { "unknown".to_owned() } else { text }
}
