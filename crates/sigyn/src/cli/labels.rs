//! `sigyn labels`: label names, or the values of one.

use anyhow::Result;

use super::Context;
use super::answer::Listed;
use super::args::{Format, RangeArgs};
use super::client::{percent_encoded, retrying};

const EXAMPLES: &str = "\
Examples:
  sigyn labels                                 all names
  sigyn labels app --since=24h                 the values of app
  sigyn labels app --query='{env=\"prod\"}'      of the streams that match";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Label whose values to list; without it, the names
    name: Option<String>,
    #[command(flatten)]
    range: RangeArgs,
    /// Only of the streams that this selector matches
    #[arg(long, value_name = "SELECTOR")]
    query: Option<String>,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<()> {
    let (start, end) = args.range.resolve(context.now, &context.console.zone)?;
    let mut parameters = vec![("start", start.to_string()), ("end", end.to_string())];
    parameters.extend(args.query.clone().map(|query| ("query", query)));
    let path = match &args.name {
        None => "/loki/api/v1/labels".to_owned(),
        Some(name) => format!("/loki/api/v1/label/{}/values", percent_encoded(name)),
    };
    let answer: Listed<String> =
        retrying(context.shared.retries.unwrap_or(0), || context.client.get(&path, &parameters))?;
    for item in answer.data {
        match context.console.format {
            Format::Default | Format::Raw => writeln!(context.console.out, "{item}")?,
            Format::Jsonl => writeln!(context.console.out, "{}", serde_json::to_string(&item)?)?,
        }
    }
    Ok(())
}
