//! The `.test` files against any server of the Loki API: a real Loki is the oracle.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail};
use sigyn_sim::logql_test::{Http, Script, files};

use crate::root;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The server to ask, without a path.
    #[arg(long)]
    url: String,
    /// Only files whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
}

const MINUTE: i64 = 60_000_000_000;
const HOUR: i64 = 60 * MINUTE;

pub(crate) fn run(args: &Args) -> Result<()> {
    let paths = files(&root().join("testdata/logql")).map_err(|error| anyhow!(error))?;
    let now = now()?;
    let (mut evaluations, mut failed) = (0, 0);
    for path in &paths {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        if !name.contains(&args.only) {
            continue;
        }
        let script = Script::read(path).map_err(|error| anyhow!(error))?;
        // A tenant per file and run, so that no run meets the entries of another.
        let tenant = format!("{name}-{}", now / 1_000_000);
        let target = Http::new(&args.url, &tenant, now / HOUR * HOUR - HOUR);
        let report = script.run(&target).map_err(|error| anyhow!(error))?;
        for failure in &report.failures {
            println!("{failure}");
        }
        println!("{name}: {} of {} evaluations agree", report.evaluations - report.failures.len(), report.evaluations);
        evaluations += report.evaluations;
        failed += report.failures.len();
    }
    println!("{} of {evaluations} evaluations agree", evaluations - failed);
    if failed > 0 {
        bail!("{failed} of {evaluations} evaluations differ");
    }
    Ok(())
}

/// Nanoseconds since the Unix epoch.
#[expect(clippy::disallowed_methods, reason = "servers refuse entries far from the real time")]
fn now() -> Result<i64> {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
    i64::try_from(elapsed.as_nanos()).context("the clock is past 2262")
}
