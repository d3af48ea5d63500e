//! How soon another process sees a line.

use std::collections::HashMap;
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::cloud::{Cloud, Place};
use super::percentile;
use crate::bench;
use crate::http;
use crate::server::pause;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Lines to push, one after the other.
    #[arg(long, default_value_t = 200)]
    lines: usize,
    /// Pause between lines.
    #[arg(long, default_value_t = 50)]
    every_ms: u64,
    /// `write.flush_interval` of the writer.
    #[arg(long, default_value = "250ms")]
    flush_interval: String,
}

const GIVE_UP_AFTER: Duration = Duration::from_secs(30);
const SELECTOR: &str = r#"{job="visibility"}"#;

pub(super) fn run(args: &Args, place: &Place) -> Result<String> {
    let cloud = Cloud::start()?;
    let writer =
        cloud.sigyn(place, "write", "write", &format!("write:\n  flush_interval: {}\n", args.flush_interval))?;
    let reader = cloud.sigyn(place, "read", "read", "")?;
    let _backend = cloud.sigyn(place, "backend", "backend", "")?;
    let tailed = tail(&reader.url)?;
    let mut answered = HashMap::new();
    let mut in_query = Vec::with_capacity(args.lines);
    for number in 0..args.lines {
        let line = format!("line {number}");
        push(&writer.url, &line)?;
        let since = Instant::now();
        answered.insert(line.clone(), since);
        in_query.push(until_seen(&reader.url, &line, since)?);
        pause(Duration::from_millis(args.every_ms));
    }
    let mut in_tail = Vec::with_capacity(args.lines);
    while in_tail.len() < args.lines {
        let (line, seen) = tailed.recv_timeout(GIVE_UP_AFTER).context("the tail did not bring every line")?;
        let since =
            answered.remove(&line).with_context(|| format!("the tail brought {line:?} twice or out of nothing"))?;
        // A tail may be faster than the writer's answer.
        in_tail.push(seen.saturating_duration_since(since));
    }
    in_query.sort_unstable();
    in_tail.sort_unstable();
    let row = |name: &str, times: &[Duration]| {
        let at = |share| percentile(times, share);
        format!("| {name} | {:.0} | {:.0} | {:.0} |\n", at(0.5), at(0.99), at(1.0))
    };
    Ok(format!(
        "{} lines, write.flush_interval {}; from the push's answer to the line on another process, ms\n\n| | median | p99 | worst |\n|---|---|---|---|\n{}{}",
        args.lines,
        args.flush_interval,
        row("in a query", &in_query),
        row("in a tail", &in_tail),
    ))
}

fn push(url: &str, line: &str) -> Result<()> {
    let time = (u128::from(bench::now_seconds()?) * 1_000_000_000).to_string();
    let body = json!({ "streams": [{ "stream": { "job": "visibility" }, "values": [[time, line]] }] });
    let answer = http::post_json(&format!("{url}/loki/api/v1/push"), body.to_string().as_bytes())?;
    if answer.status != 204 {
        bail!("a push was answered {}: {}", answer.status, answer.text());
    }
    Ok(())
}

fn until_seen(url: &str, line: &str, since: Instant) -> Result<Duration> {
    let parameters = [("query", format!("{SELECTOR} |= `{line}`")), ("limit", "10".to_owned())];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value));
    let ends = format!("\"{line}\"");
    while since.elapsed() < GIVE_UP_AFTER {
        let answer = http::get_with(&format!("{url}/loki/api/v1/query_range"), &parameters)?;
        if answer.status == 200 && answer.text().contains(&ends) {
            return Ok(since.elapsed());
        }
        pause(Duration::from_millis(2));
    }
    bail!("{line:?} was not seen within {GIVE_UP_AFTER:?}")
}

/// Listens; gives lines and when they came.
fn tail(url: &str) -> Result<mpsc::Receiver<(String, Instant)>> {
    let host = url.trim_start_matches("http://");
    let stream = TcpStream::connect(host)?;
    let query = "query=%7Bjob%3D%22visibility%22%7D";
    let (mut socket, _) = tungstenite::client(format!("ws://{host}/loki/api/v1/tail?{query}"), stream)
        .map_err(|error| anyhow::anyhow!("opening the tail: {error}"))?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        while let Ok(message) = socket.read() {
            let seen = Instant::now();
            let Ok(text) = message.to_text() else { continue };
            let Ok(value) = serde_json::from_str::<Value>(text) else { continue };
            let streams = value["streams"].as_array().into_iter().flatten();
            for entry in streams.flat_map(|stream| stream["values"].as_array().into_iter().flatten()) {
                let line = entry[1].as_str().unwrap_or_default().to_owned();
                if sender.send((line, seen)).is_err() {
                    return;
                }
            }
        }
    });
    Ok(receiver)
}
