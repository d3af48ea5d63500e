//! Pushes generated logs to a server of the Loki API, times a fixed set of queries, writes a table.
//!
//! Everything is generated and encoded before the clock starts, so that the loader costs the machine little while the
//! server is measured. Without `--url` it starts the release build of Sigyn in a directory of its own under `.bench/`.

mod fleet;
pub(crate) mod payload;
pub(crate) mod push;
mod queries;
mod random;
mod report;
pub(crate) mod settle;
mod templates;

use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use crate::process::{Process, directory_bytes};
use crate::server::Server;
pub(crate) use payload::Plan;
use report::{Processor, Report};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Raw log lines to push, in MB (10^6 bytes).
    #[arg(long, default_value_t = 300)]
    mb: usize,
    /// Connections that push at the same time.
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// The lines' timestamps cover this much time and end a minute ago.
    #[arg(long, default_value_t = 50)]
    minutes: u64,
    /// Same seed, same lines.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Times each query is asked; the median counts.
    #[arg(long, default_value_t = 7)]
    repeat: usize,
    /// A server of the Loki API to push to, instead of starting Sigyn.
    #[arg(long)]
    url: Option<String>,
    /// With --url: the server's process on this machine, for CPU and memory.
    #[arg(long)]
    pid: Option<u32>,
    /// With --url: where that server keeps its data, for the stored bytes.
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Tenant to push as; without it no X-Scope-OrgID is sent.
    #[arg(long)]
    tenant: Option<String>,
    /// The server to start.
    #[arg(long, default_value = "target/release/sigyn")]
    binary: PathBuf,
    /// Keep the server's directory under .bench/.
    #[arg(long)]
    keep: bool,
}

pub(crate) const OUTPUT: &str = ".bench";

pub(crate) fn run(args: &Args) -> Result<()> {
    fs::create_dir_all(OUTPUT).with_context(|| format!("creating {OUTPUT}"))?;
    let plan = Plan::new(args.mb, args.minutes, args.seed, now_seconds()?);
    let load = payload::build(&plan);
    eprintln!("generated {} lines in {} payloads", load.lines, load.payloads.len());

    let mut dir = tempfile::Builder::new().prefix("run-").tempdir_in(OUTPUT)?;
    dir.disable_cleanup(args.keep);
    let server = match &args.url {
        Some(_) => None,
        None => Some(Server::start(&args.binary, dir.path())?),
    };
    let url = args.url.clone().or_else(|| server.as_ref().map(|server| server.url.clone())).unwrap_or_default();
    let process = args.pid.or_else(|| server.as_ref().map(Server::pid)).map(Process::new);
    let data_dir = args.data_dir.clone().or_else(|| server.as_ref().map(Server::data_dir));

    let before = process.and_then(|process| process.cpu_seconds());
    let push = push::run(&url, args.tenant.as_deref(), &load, args.connections)?;
    let pushed = process.and_then(|process| process.cpu_seconds());
    let peak_ingest = process.and_then(|process| process.peak_resident_bytes());
    let settled = settle::wait(&url, process)?;
    let idle = process.and_then(|process| process.cpu_seconds());
    let stored = data_dir.as_deref().map(directory_bytes);

    let asked = queries::run(&url, args.tenant.as_deref(), &plan, args.repeat)?;
    let since_start = |now: Option<f64>| Some(now? - before?);
    let report = Report {
        target: args.url.clone().unwrap_or_else(|| "sigyn".to_owned()),
        seed: args.seed,
        connections: args.connections,
        streams: load.streams,
        lines: load.lines,
        raw_bytes: load.raw_bytes,
        sent_bytes: load.sent_bytes(),
        push,
        processor: Processor {
            push_cpu_seconds: since_start(pushed),
            settled_cpu_seconds: since_start(idle),
            ingest_peak_bytes: peak_ingest,
            query_peak_bytes: process.and_then(|process| process.peak_resident_bytes()),
            settled_resident_bytes: settled.resident_bytes,
        },
        settle_seconds: settled.seconds,
        stored_bytes: stored,
        live_bytes: settled.live_bytes,
        live_parts: settled.live_parts,
        queries: asked,
    };
    drop(server);
    let text = report.write(OUTPUT.as_ref())?;
    println!("{text}");
    if args.keep {
        eprintln!("kept {}", dir.path().display());
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the lines must carry times that a server accepts today")]
pub(crate) fn now_seconds() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}
