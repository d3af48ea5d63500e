//! Answers of a recorded conformance set, asked again here and compared.
//!
//! A set is a directory with `data.jsonl` (entries to push: `labels`, `ts`, `line`, `meta`) and `golden.jsonl`
//! (cases: `id`, `path`, `params`, and the recorded `status` and `body`). The rules of comparison are in [`compare`].

mod compare;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::http;
use crate::server::Server;
use compare::Recorded;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Directory of the recorded set; the largest one that is here when not given.
    #[arg(long, env = "SIGYN_CONFORMANCE")]
    set: Option<PathBuf>,
    /// Ask this server, already loaded or not, instead of starting one.
    #[arg(long)]
    url: Option<String>,
    /// With --url: the data is there already, do not push it.
    #[arg(long)]
    loaded: bool,
    /// The server to start.
    #[arg(long, default_value = "target/debug/sigyn")]
    binary: PathBuf,
    /// Fail when fewer cases pass.
    #[arg(long, default_value_t = 0)]
    floor: usize,
    /// Only cases whose id starts with this.
    #[arg(long, default_value = "")]
    only: String,
    /// Print every difference.
    #[arg(short, long)]
    verbose: bool,
}

/// The larger one holds lines that may not be redistributed, so it lies beside a checkout, where it is at hand.
const DEFAULT_SETS: [&str; 2] = ["../shared/conformance", "testdata/conformance"];
const ENTRIES_PER_PUSH: usize = 500;
const NOT_SUPPORTED: &str = "not supported yet";

#[derive(Debug, Deserialize)]
struct Case {
    id: String,
    path: String,
    params: BTreeMap<String, String>,
    status: u16,
    body: Value,
}

impl Case {
    /// `vec-agg-i-003` belongs to `vec-agg-i`.
    fn category(&self) -> &str {
        self.id.rsplit_once('-').map_or(&self.id, |(category, _)| category)
    }
}

#[derive(Debug, Deserialize)]
struct Entry {
    labels: BTreeMap<String, String>,
    ts: i64,
    line: String,
    #[serde(default)]
    meta: Map<String, Value>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    passed: usize,
    failed: usize,
    unsupported: usize,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.unsupported += other.unsupported;
    }
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let Some(set) = find_set(args.set.as_deref())? else {
        println!("conformance: no recorded set here (SIGYN_CONFORMANCE=DIR names one); skipped");
        return Ok(());
    };
    let cases: Vec<Case> = read_lines(&set.join("golden.jsonl"))?;
    let dir = tempfile::tempdir()?;
    let server = match &args.url {
        Some(_) => None,
        None => Some(Server::start(&args.binary, dir.path())?),
    };
    let url = args.url.clone().or_else(|| server.as_ref().map(|server| server.url.clone())).unwrap_or_default();
    if !args.loaded {
        let entries: Vec<Entry> = read_lines(&set.join("data.jsonl"))?;
        load(&url, &entries)?;
        println!("{} entries pushed", entries.len());
    }
    let cases: Vec<Case> = cases.into_iter().filter(|case| case.id.starts_with(&args.only)).collect();
    let total = ask_all(&url, &cases, args.verbose)?;
    if total.unsupported > 0 {
        println!("{} refused as \"{NOT_SUPPORTED}\", counted apart", total.unsupported);
    }
    println!("{} passed, {} failed", total.passed, total.failed);
    if total.passed < args.floor {
        bail!("conformance fell: {} cases pass, {} passed before", total.passed, args.floor);
    }
    Ok(())
}

/// The named directory, which must exist, or the first default that does.
fn find_set(named: Option<&Path>) -> Result<Option<PathBuf>> {
    if let Some(named) = named {
        if !named.join("golden.jsonl").exists() {
            bail!("{} holds no golden.jsonl", named.display());
        }
        return Ok(Some(named.to_owned()));
    }
    Ok(DEFAULT_SETS.iter().map(PathBuf::from).find(|set| set.join("golden.jsonl").exists()))
}

fn read_lines<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Vec<T>> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let lines = text.lines().enumerate();
    lines
        .map(|(i, line)| serde_json::from_str(line).with_context(|| format!("{} line {}", path.display(), i + 1)))
        .collect()
}

fn load(url: &str, entries: &[Entry]) -> Result<()> {
    for chunk in entries.chunks(ENTRIES_PER_PUSH) {
        let answer = http::post_json(&format!("{url}/loki/api/v1/push"), push_body(chunk).to_string().as_bytes())?;
        if !matches!(answer.status, 200 | 204) {
            bail!("a push was answered {}: {}", answer.status, answer.text());
        }
    }
    Ok(())
}

/// One JSON push; streams and entries keep the order of the file.
fn push_body(entries: &[Entry]) -> Value {
    let mut order: Vec<&BTreeMap<String, String>> = Vec::new();
    let mut values: BTreeMap<&BTreeMap<String, String>, Vec<Value>> = BTreeMap::new();
    for entry in entries {
        let mut value = vec![Value::from(entry.ts.to_string()), Value::from(entry.line.as_str())];
        if !entry.meta.is_empty() {
            value.push(Value::Object(entry.meta.clone()));
        }
        values
            .entry(&entry.labels)
            .or_insert_with(|| {
                order.push(&entry.labels);
                Vec::new()
            })
            .push(Value::Array(value));
    }
    let streams = order.into_iter().map(|labels| serde_json::json!({ "stream": labels, "values": values[labels] }));
    serde_json::json!({ "streams": streams.collect::<Vec<_>>() })
}

fn ask_all(url: &str, cases: &[Case], verbose: bool) -> Result<Count> {
    let mut order: Vec<&str> = Vec::new();
    let mut counts: BTreeMap<&str, Count> = BTreeMap::new();
    for case in cases {
        let answer = ask(url, case)?;
        let mut one = Count::default();
        if is_unsupported(&answer) {
            one.unsupported = 1;
        } else if let Some(difference) = compare::difference(case.category(), &recorded(case), &answer) {
            one.failed = 1;
            if verbose {
                let query = case.params.get("query").unwrap_or(&case.path);
                println!("{}\t{query}\t{difference}", case.id);
            }
        } else {
            one.passed = 1;
        }
        if !counts.contains_key(case.category()) {
            order.push(case.category());
        }
        counts.entry(case.category()).or_default().add(one);
    }
    let mut total = Count::default();
    for category in order {
        let count = counts[category];
        print_category(category, count);
        total.add(count);
    }
    Ok(total)
}

fn print_category(category: &str, count: Count) {
    let all = count.passed + count.failed + count.unsupported;
    let rest = match count.unsupported {
        0 => String::new(),
        n => format!("  ({n} not supported yet)"),
    };
    println!("{category:16} {:4} / {all}{rest}", count.passed);
}

fn ask(url: &str, case: &Case) -> Result<Recorded> {
    let parameters: Vec<_> = case.params.clone().into_iter().collect();
    let answer = http::get_with(&format!("{url}{}", case.path), &parameters)?;
    let text = Value::from(answer.text());
    let body =
        if answer.content_type.contains("json") { serde_json::from_slice(&answer.body).unwrap_or(text) } else { text };
    Ok(Recorded { status: answer.status, body: without_stats(body) })
}

fn recorded(case: &Case) -> Recorded {
    Recorded { status: case.status, body: case.body.clone() }
}

/// Statistics tell how an answer was found, so they are no part of it.
fn without_stats(mut body: Value) -> Value {
    if let Some(data) = body.get_mut("data").and_then(Value::as_object_mut) {
        data.remove("stats");
    }
    body
}

/// A query is refused with "not supported yet: ...", a whole path with "... is not supported yet".
fn is_unsupported(answer: &Recorded) -> bool {
    let says_so = |text: &str| text.starts_with(NOT_SUPPORTED) || text.trim_end().ends_with(NOT_SUPPORTED);
    matches!(answer.status, 400 | 404) && answer.body.as_str().is_some_and(says_so)
}
