//! `sigyn query` and `sigyn instant-query`: log lines and metrics.

use anyhow::{Context as _, Result};
use sigyn_model::duration::Span;

use super::answer::QueryAnswer;
use super::args::{Format, RangeArgs};
use super::output::{self, Console, EntryPrinter, LabelChoice};
use super::pages::{Page, Pager, Request};
use super::{Context, tail, times};

pub(super) const RETRIES: u32 = 5;

const EXAMPLES: &str = "\
Examples:
  sigyn query '{app=\"api\"} |= \"error\"'                      the newest 30 of the last hour
  sigyn query '{app=\"api\"}' --since=24h --limit=0 -o jsonl   everything of a day, page by page
  sigyn query '{app=\"api\"}' --from='2026-11-23 10:00' --to='2026-11-23 10:05' --forward
  sigyn query 'sum by (app) (rate({env=\"prod\"}[5m]))' --step=5m
  sigyn query 'sum(count_over_time({env=\"prod\"}[1h]))' --instant";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The LogQL query
    query: String,
    #[command(flatten)]
    range: RangeArgs,
    /// Most entries to print, over all pages; 0 prints everything
    #[arg(long, value_name = "N", default_value_t = 30, help_heading = "Query")]
    limit: u64,
    /// Entries to ask for at once
    #[arg(long, value_name = "N", default_value_t = 1000, help_heading = "Query")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    batch: u64,
    /// Time between the points of a metric
    #[arg(long, value_name = "DURATION", help_heading = "Query")]
    step: Option<Span>,
    /// Least time between entries
    #[arg(long, value_name = "DURATION", help_heading = "Query")]
    interval: Option<Span>,
    /// Oldest first
    #[arg(long, help_heading = "Query")]
    forward: bool,
    /// Ask for a metric at one instant, --to or now
    #[arg(long, help_heading = "Query", conflicts_with_all = ["tail", "forward", "step", "interval"])]
    instant: bool,
    /// Go on with new entries as they arrive, as `sigyn tail` does
    #[arg(short, long, visible_short_alias = 'f', help_heading = "Query")]
    tail: bool,
    #[command(flatten)]
    labels: LabelChoice,
}

const INSTANT_EXAMPLES: &str = "\
Examples:
  sigyn instant-query 'sum by (app) (count_over_time({env=\"prod\"}[1h]))'
  sigyn instant-query 'topk(5, sum by (app) (bytes_over_time({env=~\".+\"}[24h])))' --now='2026-11-23 10:00'";

#[derive(Debug, clap::Args)]
#[command(after_help = INSTANT_EXAMPLES)]
pub(super) struct InstantArgs {
    /// The LogQL query; a metric
    query: String,
    /// When; spelled as --from of `sigyn query` [default: now]
    #[arg(long, value_name = "TIME", visible_alias = "time", allow_hyphen_values = true, help_heading = "Time")]
    now: Option<String>,
    /// Sent as it is, for those whose scripts have it; metrics are not limited by it
    #[arg(long, value_name = "N", hide = true)]
    limit: Option<u64>,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<()> {
    if args.tail {
        return tail::follow(context, &args.query, &args.range, args.limit, args.labels.clone());
    }
    if args.instant {
        let time = args.range.to.as_deref();
        let time = time.map(|text| times::parse(text, context.now, &context.console.zone)).transpose()?;
        return instant(context, &args.query, time.unwrap_or(context.now), None);
    }
    let (start, end) = args.range.resolve(context.now, &context.console.zone)?;
    let request = Request {
        query: args.query.clone(),
        start,
        end,
        forward: args.forward,
        limit: (args.limit > 0).then_some(args.limit),
        batch: args.batch,
        interval: args.interval.map_or(0, Span::nanos),
        step: args.step.map(|step| (step.nanos() as f64 / 1e9).to_string()),
        retries: context.shared.retries.unwrap_or(RETRIES),
        retry_first: context.shared.retries.is_some(),
    };
    let mut pager = Pager::new(&context.client, request);
    let mut printer = EntryPrinter::new(args.labels.clone(), context.console.format == Format::Default);
    let printed = print_pages(&mut context.console, &mut pager, &mut printer, (start, end));
    // What came before a failure is worth having.
    let flushed = context.console.flush();
    let (stats, warnings, rest) = (std::mem::take(&mut pager.stats), pager.warnings.clone(), pager.rest());
    if printed.as_ref().is_err_and(|(entries, _)| *entries > 0) && flushed.is_ok() {
        let flag = if args.forward { format!("--from={}", rest.0) } else { format!("--to={}", rest.1) };
        return printed.map_err(|(entries, problem)| {
            problem.context(format!("stopped after {entries} entries; {flag} goes on, perhaps repeating the last"))
        });
    }
    printed.map_err(|(_, problem)| problem)?;
    flushed?;
    finish(context, &stats, &warnings)
}

/// Prints to the end of the pages. Errors: with the number of entries that were printed before.
fn print_pages(
    console: &mut Console,
    pager: &mut Pager<'_>,
    printer: &mut EntryPrinter,
    (start, end): (i64, i64),
) -> Result<(), (u64, anyhow::Error)> {
    let mut progress = console.progress();
    let mut entries = 0;
    loop {
        let page = pager.next().map_err(|problem| (entries, problem))?;
        match page {
            None => return Ok(()),
            Some(Page::Metric(result)) => {
                return output::print_metric(console, &result).map_err(|problem| (0, problem));
            }
            Some(Page::Entries(rows)) => {
                printer.print(console, &rows).map_err(|problem| (entries, problem))?;
                entries += rows.len() as u64;
                let last = rows.last().map_or(start, |row| row.time);
                let way = if pager.is_forward() { last.saturating_sub(start) } else { end.saturating_sub(last) };
                progress.show(entries, way as f64 / end.saturating_sub(start) as f64, &console.zone.format(last));
            }
        }
    }
}

pub(super) fn run_instant(context: &mut Context, args: &InstantArgs) -> Result<()> {
    let time = args.now.as_deref().map(|text| times::parse(text, context.now, &context.console.zone)).transpose()?;
    instant(context, &args.query, time.unwrap_or(context.now), args.limit)
}

fn instant(context: &mut Context, query: &str, time: i64, limit: Option<u64>) -> Result<()> {
    let mut parameters = vec![("query", query.to_owned()), ("time", time.to_string())];
    parameters.extend(limit.map(|limit| ("limit", limit.to_string())));
    let retries = context.shared.retries.unwrap_or(0);
    let answer: QueryAnswer =
        super::client::retrying(retries, || context.client.get("/loki/api/v1/query", &parameters))?;
    output::print_metric(&mut context.console, &answer.data.result)?;
    context.console.flush()?;
    finish(context, &answer.data.stats, &answer.warnings)
}

/// What is to be said about an answer.
fn finish(context: &mut Context, stats: &serde_json::Value, warnings: &[String]) -> Result<()> {
    for warning in warnings {
        context.console.warn(format_args!("warning: {warning}"));
    }
    if context.shared.stats {
        let mut text = Vec::new();
        output::print_stats(&mut text, stats)?;
        context.console.warn(String::from_utf8(text).context("statistics are text")?.trim_end());
    }
    Ok(())
}
