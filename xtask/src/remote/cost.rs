//! What a load and single queries cost.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use sigyn_servers::Faults;

use super::cloud::{Cloud, Place};
use crate::bench::{self, Plan, settle};
use crate::http;
use crate::process::Process;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Raw log lines to push, in MB (10^6 bytes).
    #[arg(long, default_value_t = 300)]
    mb: usize,
    /// Connections that push at the same time.
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// How long every request to the bucket takes while queries are asked.
    #[arg(long, default_value_t = 30)]
    delay_ms: u64,
}

const UNITS: &str = "sigyn_catalog_consumed_units_total";

/// Each is asked once, of a process that has read nothing yet.
const QUERIES: [(&str, &str); 6] = [
    ("count of everything, per minute", r#"sum(count_over_time({cluster=~".+"}[1m]))"#),
    ("count by app, per minute", r#"sum by (app) (count_over_time({cluster=~".+"}[1m]))"#),
    ("newest 100 of one app", r#"{app="checkout"}"#),
    ("needle in everything (one hit)", r#"{cluster=~".+"} |= "NEEDLE""#),
    ("absent trace id (structured metadata)", r#"{cluster=~".+"} | trace_id="TRACE""#),
    ("json filter and count, one app", r#"sum(count_over_time({app="api-gateway"} | json | status >= 500 [1m]))"#),
];

pub(super) fn run(args: &Args, place: &Place) -> Result<String> {
    let cloud = Cloud::start()?;
    let now = bench::now_seconds()?;
    let plan = Plan::new(args.mb, 50, 1, now);
    let load = bench::payload::build(&plan);
    let mut out = String::new();
    let server = cloud.sigyn(place, "all", "all", "")?;
    let push = bench::push::run(&server.url, None, &load, args.connections)?;
    let gigabytes = load.raw_bytes as f64 / 1e9;
    let pushed = units(&server.url, "write");
    let puts = cloud.s3.usage();
    let process = Process::new(server.pid());
    let settled = settle::wait(&server.url, Some(process))?;
    let all = units(&server.url, "write");
    let usage = cloud.s3.usage();
    writeln!(
        out,
        "{:.0} MB pushed at {:.0} MB/s, settled after {:.0} s\n",
        load.raw_bytes as f64 / 1e6,
        push.megabytes_per_second,
        settled.seconds
    )?;
    writeln!(out, "| | pushing | with compaction |\n|---|---|---|")?;
    writeln!(out, "| write units a GB | {:.0} | {:.0} |", pushed / gigabytes, all / gigabytes)?;
    writeln!(out, "| S3 puts | {} | {} |", puts.puts, usage.puts)?;
    writeln!(out, "| S3 gets | {} | {} |", puts.gets, usage.gets)?;
    writeln!(out, "| MB put | {:.1} | {:.1} |", puts.bytes_put as f64 / 1e6, usage.bytes_put as f64 / 1e6)?;
    drop(server);
    cloud.bucket.set(Faults { delay: Duration::from_millis(args.delay_ms), ..Faults::default() });
    writeln!(
        out,
        "\nQueries over 24 hours, each by a process that has read nothing; {} ms a request to the bucket\n",
        args.delay_ms
    )?;
    writeln!(out, "| query | ms | again, ms | gets | MB got | read units |\n|---|---|---|---|---|---|")?;
    for (number, (name, query)) in QUERIES.iter().enumerate() {
        let reader = cloud.sigyn(place, &format!("read-{number}"), "read", "")?;
        let query = query.replace("NEEDLE", bench::payload::NEEDLE).replace("TRACE", bench::payload::ABSENT_TRACE);
        let (start, end) = ((now - 86_400).to_string(), now.to_string());
        let parameters = [("query", query), ("start", start), ("end", end), ("step", "60".to_owned())]
            .map(|(name, value)| (name.to_owned(), value));
        let (before, units_before) = (cloud.s3.usage(), units(&reader.url, "read"));
        let cold = ask(&reader.url, &parameters)?;
        let (after, units_after) = (cloud.s3.usage(), units(&reader.url, "read"));
        let warm = ask(&reader.url, &parameters)?;
        writeln!(
            out,
            "| {name} | {cold:.0} | {warm:.0} | {} | {:.2} | {:.1} |",
            after.gets - before.gets,
            (after.bytes_got - before.bytes_got) as f64 / 1e6,
            units_after - units_before
        )?;
    }
    Ok(out)
}

/// Milliseconds until the whole answer is there.
fn ask(url: &str, parameters: &[(String, String)]) -> Result<f64> {
    let start = Instant::now();
    let answer = http::get_with(&format!("{url}/loki/api/v1/query_range"), parameters)?;
    if answer.status != 200 {
        bail!("a query was answered {}: {}", answer.status, answer.text());
    }
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

fn units(url: &str, kind: &str) -> f64 {
    let Ok(answer) = http::get(&format!("{url}/metrics")) else { return 0.0 };
    let kind = format!("kind=\"{kind}\"");
    let text = answer.text();
    let samples = text.lines().filter(|line| line.starts_with(UNITS) && line.contains(&kind));
    samples.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}
