//! `sigyn explain`: how a query will be answered, as a page for people.

mod page;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::Context;
use super::args::{Format, RangeArgs};
use super::client::{Refused, retrying};

const EXPLAIN: &str = "/sigyn/api/v1/explain";

const EXAMPLES: &str = "\
Examples:
  sigyn explain '{app=\"api\"} | json | status >= 500' --since=24h
  sigyn explain 'sum by (app) (rate({env=\"prod\"} |= \"error\" [5m]))' --analyze";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The LogQL query
    query: String,
    #[command(flatten)]
    range: RangeArgs,
    /// Run the query as well and show where the time goes
    #[arg(long, visible_alias = "run")]
    analyze: bool,
    /// Time between the points of a metric
    #[arg(long, value_name = "DURATION", help_heading = "Query")]
    step: Option<sigyn_model::duration::Span>,
    /// Entries that the query would return
    #[arg(long, value_name = "N", help_heading = "Query")]
    limit: Option<u64>,
    /// Oldest first
    #[arg(long, help_heading = "Query")]
    forward: bool,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<()> {
    let (start, end) = args.range.resolve(context.now, &context.console.zone)?;
    let direction = if args.forward { "forward" } else { "backward" };
    let mut parameters = vec![
        ("query", args.query.clone()),
        ("start", start.to_string()),
        ("end", end.to_string()),
        ("direction", direction.to_owned()),
    ];
    parameters.extend(args.step.map(|step| ("step", (step.nanos() as f64 / 1e9).to_string())));
    parameters.extend(args.limit.map(|limit| ("limit", limit.to_string())));
    if args.analyze {
        parameters.push(("analyze", "true".to_owned()));
    }
    let answer: Result<Value> =
        retrying(context.shared.retries.unwrap_or(0), || context.client.get(EXPLAIN, &parameters));
    let answer = answer.map_err(|problem| {
        let is_unknown = problem.downcast_ref::<Refused>().is_some_and(|refused| refused.status == 404);
        if is_unknown {
            problem.context(format!("{} cannot explain queries; only Sigyn does", context.client.base()))
        } else {
            problem
        }
    })?;
    let data = answer.get("data").context("the answer has no data")?;
    match context.console.format {
        Format::Jsonl | Format::Raw => Ok(writeln!(context.console.out, "{data}")?),
        Format::Default => page::print(&mut context.console, data),
    }
}
