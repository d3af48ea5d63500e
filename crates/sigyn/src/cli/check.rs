//! `sigyn check`: proves the storage as a start does, without serving, and estimates the month's bill.

mod estimate;

use std::num::NonZero;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use sigyn_settings::mask;
use sigyn_storage::{BucketUrl, Check, Metrics, SystemClock};
use sigyn_write::WriteConfig;

use crate::config::{Config, Loaded};
use crate::flags::Flags;
use estimate::{Load, Prices};

/// Prove the storage of a file of settings, and estimate the month's bill
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exits with 0 when everything passed and 1 otherwise. Writes one small object into the bucket and deletes it; makes the
table when it is absent and storage.dynamodb.create_table allows it, as a start would.

Examples:
  sigyn check sigyn.yaml
  sigyn check --ingest-mb-s=20 --queries-per-hour=500 sigyn.yaml -target=write
  sigyn check --estimate-only --ingest-mb-s=5 --price-region=ap-northeast-2 loki.yaml")]
pub(super) struct Args {
    /// Raw log lines a second, in MB; asks for the estimate
    #[arg(long, value_name = "MB")]
    ingest_mb_s: Option<f64>,
    /// Queries an hour
    #[arg(long, value_name = "N", default_value_t = 100.0)]
    queries_per_hour: f64,
    /// Processes that take pushes
    #[arg(long, value_name = "N", default_value_t = 2.0)]
    writers: f64,
    /// Tenants that push all the time
    #[arg(long, value_name = "N", default_value_t = 1.0)]
    tenants: f64,
    /// Region whose prices apply. Default: that of the settings, else us-east-1
    #[arg(long, value_name = "REGION")]
    price_region: Option<String>,
    /// File of prices, in the form of the one that is built in
    #[arg(long, value_name = "FILE")]
    prices: Option<String>,
    /// Only estimate: ask nothing of the storage
    #[arg(long, requires = "ingest_mb_s")]
    estimate_only: bool,
    /// The file, and flags of the server over it, such as -target=read
    #[arg(value_name = "FILE [FLAGS]", trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Prints the checks and the estimate. Errors: a check failed, or the settings are not valid.
pub(super) fn run(args: &Args, print: &mut dyn FnMut(&str) -> Result<()>) -> Result<()> {
    for (flag, value) in [
        ("--ingest-mb-s", args.ingest_mb_s.unwrap_or(0.0)),
        ("--queries-per-hour", args.queries_per_hour),
        ("--writers", args.writers - 1.0),
        ("--tenants", args.tenants - 1.0),
    ] {
        if !value.is_finite() || value < 0.0 {
            bail!("{flag} is too small or not a number");
        }
    }
    let loaded = Config::load(&flags(&args.rest)?)?;
    let mut failed = None;
    if !args.estimate_only {
        let checks = prove(&loaded.config)?;
        print(&table(&loaded, &checks))?;
        failed = checks.iter().find(|check| check.outcome.is_err()).map(|check| check.name);
    }
    if let Some(ingest) = args.ingest_mb_s {
        print(&estimated(args, ingest, &loaded.config)?)?;
    }
    match failed {
        Some(name) => bail!("the storage does not work ({name})"),
        None => Ok(()),
    }
}

fn flags(rest: &[String]) -> Result<Flags> {
    let (file, flags) = match rest.split_first() {
        Some((file, flags)) if !file.starts_with('-') => (Some(file.clone()), flags),
        _ => (None, rest),
    };
    let mut flags = Flags::parse(flags.iter().cloned())?;
    if file.is_some() {
        flags.config_file = file;
    }
    Ok(flags)
}

fn prove(config: &Config) -> Result<Vec<Check>> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    let runtime = runtime.context("starting the async runtime")?;
    let access = config.target.storage_access();
    let metrics = Metrics::default();
    let proved = runtime
        .block_on(async { sigyn_storage::preflight(&config.storage, access, Arc::new(SystemClock), &metrics).await });
    Ok(proved.checks)
}

fn table(loaded: &Loaded, checks: &[Check]) -> String {
    let mut out = format!("{} as {}:\n\n", loaded.name, String::from(loaded.config.target));
    for check in checks {
        let (mark, found) = match &check.outcome {
            Ok(found) => ("ok  ", found.clone()),
            Err(problem) => ("FAIL", problem.to_string()),
        };
        let took = check.took.as_millis();
        out.push_str(&format!("  {mark}  {:<18} {took:>6} ms  {}\n", check.name, mask::urls(&found)));
    }
    out.push('\n');
    out
}

fn estimated(args: &Args, ingest_mb_s: f64, config: &Config) -> Result<String> {
    let prices = match &args.prices {
        None => Prices::built_in()?,
        Some(file) => {
            let text = std::fs::read_to_string(file).with_context(|| format!("reading --prices {file}"))?;
            Prices::parse(&text).with_context(|| format!("--prices {file}"))?
        }
    };
    let catalog = config.storage.catalog.as_deref().unwrap_or_default();
    let of_catalog = catalog.strip_prefix("dynamodb://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let named = [config.storage.s3.region.as_str(), of_catalog].into_iter().find(|region| !region.is_empty());
    let name = args.price_region.as_deref().or(named).unwrap_or("us-east-1");
    let region = prices.region(name)?;
    let is_remote = !catalog.is_empty() || BucketUrl::parse(&config.storage.bucket).is_ok_and(|url| url.is_remote());
    let write = WriteConfig::clone(&config.write).resolved(is_remote);
    let retention = config.limits.retention_period.as_duration().as_secs_f64() / 86_400.0;
    let load = Load {
        ingest_mb_s,
        queries_per_hour: args.queries_per_hour,
        writers: args.writers,
        tenants: args.tenants,
        // Without a retention everything is kept; a month is what a first bill shows.
        retention_days: if retention > 0.0 { retention } else { 30.0 },
        flush_interval_s: write.flush_interval.map_or(0.25, |interval| interval.as_duration().as_secs_f64()),
        flush_mb: write.flush_bytes_eager.map_or(8.0, |size| size.bytes() as f64 / 1e6),
        in_dynamodb: !of_catalog.is_empty(),
    };
    Ok(estimate::table(&estimate::bill(&load, region), &prices, region))
}
