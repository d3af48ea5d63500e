//! Measures on an S3 and a DynamoDB in this process, over HTTP and with the delays of a network: what a push and a query cost in
//! requests and capacity units, how long acknowledgements take, and how soon other processes see a line.

mod ack;
mod cloud;
mod cost;
mod visibility;

use std::path::PathBuf;

use anyhow::{Context as _, Result};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
    /// The server to start.
    #[arg(long, global = true, default_value = "target/release/sigyn")]
    binary: PathBuf,
    /// Keep the servers' directories under .bench/.
    #[arg(long, global = true)]
    keep: bool,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Capacity units, requests and bytes of a load and of queries on cold caches.
    Cost(cost::Args),
    /// Latency of acknowledgements at a steady rate while every put takes longer.
    Ack(ack::Args),
    /// From a push's answer on one process to the line in a query and in a tail of another.
    Visibility(visibility::Args),
}

pub(crate) fn run(args: &Args) -> Result<()> {
    std::fs::create_dir_all(crate::bench::OUTPUT).with_context(|| format!("creating {}", crate::bench::OUTPUT))?;
    let mut directory = tempfile::Builder::new().prefix("remote-").tempdir_in(crate::bench::OUTPUT)?;
    directory.disable_cleanup(args.keep);
    let place = cloud::Place { binary: args.binary.clone(), directory: directory.path().to_owned() };
    let text = match &args.what {
        What::Cost(args) => cost::run(args, &place),
        What::Ack(args) => ack::run(args, &place),
        What::Visibility(args) => visibility::run(args, &place),
    }?;
    println!("{text}");
    if args.keep {
        eprintln!("kept {}", directory.path().display());
    }
    Ok(())
}

/// The value below which `share` of the sorted `times` lie, in milliseconds.
fn percentile(times: &[std::time::Duration], share: f64) -> f64 {
    let place = (share * times.len().saturating_sub(1) as f64).round() as usize;
    times.get(place).map_or(0.0, |time| time.as_secs_f64() * 1e3)
}
