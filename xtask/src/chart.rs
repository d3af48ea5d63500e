//! `chart`: renders the Helm chart over a matrix of values and checks every object of it; refused values must say why.

mod cases;
mod helm;
mod kubernetes;
mod objects;
mod overrides;

use anyhow::{Result, bail};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Seed of the random overrides.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many random overrides to try.
    #[arg(long, default_value_t = 20)]
    overrides: usize,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let root = crate::root();
    let Some(helm) = helm::Helm::find(root)? else {
        println!("chart: skipped, helm is missing and there is no Go to install it with (see https://helm.sh)");
        return Ok(());
    };
    helm.lint()?;
    let mut tally = Tally::default();
    let rendered = cases::accepted(root, &helm, &mut tally)?;
    cases::refused(root, &helm, &mut tally)?;
    overrides::check(root, &helm, args.seed, args.overrides, &mut tally)?;
    let validated = kubernetes::validate(root, &rendered, &mut tally)?;
    for problem in &tally.problems {
        println!("{problem}");
    }
    if !tally.problems.is_empty() {
        bail!("chart: {} problems", tally.problems.len());
    }
    println!(
        "chart: lint, {} sets of values accepted, {} refused, {} overrides (seed {}), {validated}",
        tally.accepted, tally.refused, tally.overrides, args.seed
    );
    Ok(())
}

/// What was tried and what was wrong.
#[derive(Debug, Default)]
struct Tally {
    accepted: usize,
    refused: usize,
    overrides: usize,
    problems: Vec<String>,
}
