//! Waiting for the work a server does after the last push: flushes, compaction.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::http;
use crate::process::Process;
use crate::progress::Progress;
use crate::server::pause;

const GIVE_UP_AFTER: Duration = Duration::from_secs(300);
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// This long without work counts as settled; longer than a compaction round is apart from the next.
const QUIET_FOR: Duration = Duration::from_secs(4);
/// CPU seconds per second below which a process is idle.
const IDLE: f64 = 0.05;

/// How a server looked once it had nothing left to do.
#[derive(Debug)]
pub(crate) struct Settled {
    pub seconds: f64,
    pub resident_bytes: Option<u64>,
    /// Bytes and number of the parts that queries read; replaced ones wait for their removal and do not count.
    pub live_bytes: Option<u64>,
    pub live_parts: Option<u64>,
}

/// Waits until no part waits for compaction and the process has been idle for a while.
/// A server that shows neither is taken as it is.
pub(crate) fn wait(url: &str, process: Option<Process>) -> Result<Settled> {
    let start = Instant::now();
    let mut quiet_since = start;
    let mut last_cpu = process.and_then(|process| process.cpu_seconds());
    let progress = Progress::new();
    let observable = last_cpu.is_some() || metric(url, PENDING).is_some();
    while observable && quiet_since.elapsed() < QUIET_FOR && start.elapsed() < GIVE_UP_AFTER {
        pause(LOOK_EVERY);
        let pending = metric(url, PENDING).unwrap_or(0.0);
        let cpu = process.and_then(|process| process.cpu_seconds());
        let used = cpu.zip(last_cpu).map_or(0.0, |(now, before)| now - before);
        last_cpu = cpu;
        if pending > 0.0 || used > IDLE * LOOK_EVERY.as_secs_f64() {
            quiet_since = Instant::now();
        }
        let seconds = start.elapsed().as_secs_f64();
        progress.show(|| format!("settling {seconds:4.0} s, {pending:.0} parts wait for compaction"));
    }
    progress.clear();
    Ok(Settled {
        seconds: (quiet_since - start).as_secs_f64(),
        resident_bytes: process.and_then(|process| process.resident_bytes()),
        live_bytes: metric(url, LIVE_BYTES).map(|value| value as u64),
        live_parts: metric(url, LIVE_PARTS).map(|value| value as u64),
    })
}

const PENDING: &str = "sigyn_backend_pending_parts";
const LIVE_BYTES: &str = "sigyn_backend_live_bytes";
const LIVE_PARTS: &str = "sigyn_backend_live_parts";

/// The sum of a metric's series on `/metrics`, or nothing when the server does not have it.
fn metric(url: &str, name: &str) -> Option<f64> {
    let answer = http::get(&format!("{url}/metrics")).ok()?;
    sum(&answer.text(), name)
}

fn sum(text: &str, name: &str) -> Option<f64> {
    let samples = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let value = match rest.strip_prefix('{') {
            Some(labels) => labels.rsplit_once("} ")?.1,
            None => rest.strip_prefix(' ')?,
        };
        value.split(' ').next()?.parse::<f64>().ok()
    });
    samples.fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_summed_over_their_series() {
        let text = "# TYPE a gauge\na 3\na_b 4\nc{x=\"} 1\"} 5\nc{x=\"2\"} 6 1700000000\n";
        assert_eq!(sum(text, "a"), Some(3.0));
        assert_eq!(sum(text, "c"), Some(11.0));
        assert_eq!(sum(text, "d"), None);
    }
}
