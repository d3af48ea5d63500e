//! `sigyn series`: the streams that selectors match, or how many values each of their labels has.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::Context;
use super::answer::{LabelSet, Listed};
use super::args::{Format, RangeArgs};
use super::client::retrying;
use super::output::{Align, Table, human_count};

const EXAMPLES: &str = "\
Examples:
  sigyn series '{app=\"api\"}'
  sigyn series '{env=\"prod\"}' '{env=\"test\"}' --since=24h
  sigyn series '{}' --analyze-labels           which labels make so many streams";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Selectors; a stream is listed when one of them matches. Without one, every stream is
    selector: Vec<String>,
    #[command(flatten)]
    range: RangeArgs,
    /// Count the values of each label instead
    #[arg(long)]
    analyze_labels: bool,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<()> {
    let (start, end) = args.range.resolve(context.now, &context.console.zone)?;
    let mut parameters = vec![("start", start.to_string()), ("end", end.to_string())];
    parameters.extend(args.selector.iter().map(|selector| ("match[]", selector.clone())));
    let answer: Listed<LabelSet> =
        retrying(context.shared.retries.unwrap_or(0), || context.client.get("/loki/api/v1/series", &parameters))?;
    let mut streams = answer.data;
    streams.sort();
    if args.analyze_labels {
        return analyze(context, &streams);
    }
    for stream in streams {
        match context.console.format {
            Format::Default | Format::Raw => writeln!(context.console.out, "{stream}")?,
            Format::Jsonl => writeln!(context.console.out, "{}", serde_json::to_string(&stream)?)?,
        }
    }
    Ok(())
}

fn analyze(context: &mut Context, streams: &[LabelSet]) -> Result<()> {
    let mut labels: BTreeMap<&str, (BTreeSet<&str>, u64)> = BTreeMap::new();
    for (name, value) in streams.iter().flat_map(|stream| &stream.0) {
        let (values, found) = labels.entry(name).or_default();
        values.insert(value);
        *found += 1;
    }
    let mut labels: Vec<_> =
        labels.into_iter().map(|(name, (values, found))| (name, values.len() as u64, found)).collect();
    labels.sort_by_key(|(name, values, _)| (std::cmp::Reverse(*values), *name));
    if context.console.format == Format::Jsonl {
        for (label, values, streams) in labels {
            let object = serde_json::json!({ "label": label, "values": values, "streams": streams });
            writeln!(context.console.out, "{object}")?;
        }
        return Ok(());
    }
    context.console.note(format_args!("{} streams, {} labels", human_count(streams.len() as u64), labels.len()));
    let mut table = Table::new(&[Align::Left, Align::Right, Align::Right]);
    table.push(["label", "values", "streams"]);
    for (label, values, streams) in labels {
        table.push([label.to_owned(), human_count(values), human_count(streams)]);
    }
    Ok(table.write(&mut context.console.out, "")?)
}
