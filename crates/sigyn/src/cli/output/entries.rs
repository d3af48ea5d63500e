//! Log entries, printed for reading, as bare lines, or as JSON.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::{Colour, Console, Format};
use crate::cli::answer::{LabelSet, Row};

/// Which labels to print.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Labels")]
pub(in crate::cli) struct LabelChoice {
    /// Print no labels
    #[arg(long)]
    pub(in crate::cli) no_labels: bool,
    /// Print only this label; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) include_label: Vec<String>,
    /// Do not print this label; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) exclude_label: Vec<String>,
    /// Pad the labels to this many characters
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(in crate::cli) labels_length: usize,
}

impl LabelChoice {
    fn wants(&self, name: &str) -> bool {
        let included = self.include_label.is_empty() || self.include_label.iter().any(|label| label == name);
        included && !self.exclude_label.iter().any(|label| label == name)
    }

    fn of(&self, labels: &LabelSet) -> LabelSet {
        let wanted = labels.0.iter().filter(|(name, _)| !self.no_labels && self.wants(name));
        LabelSet(wanted.map(|(name, value)| (name.clone(), value.clone())).collect())
    }
}

/// Labels that repeat from entry to entry are looked at once.
#[derive(Debug, Default)]
struct Last {
    labels: LabelSet,
    text: String,
    colour: Option<Colour>,
    line_colour: Option<Colour>,
}

#[derive(Debug)]
pub(in crate::cli) struct EntryPrinter {
    choice: LabelChoice,
    /// Pairs that every entry of the first page has: said once, and not again.
    common: Option<BTreeMap<String, String>>,
    strip_common: bool,
    padding: usize,
    last: Option<Last>,
}

#[derive(Serialize)]
struct JsonRow<'a> {
    labels: &'a LabelSet,
    line: &'a str,
    timestamp: String,
}

impl EntryPrinter {
    /// `strip_common` takes labels that all entries share out of the lines and notes them once,
    /// unless labels were asked for by name.
    pub(in crate::cli) fn new(choice: LabelChoice, strip_common: bool) -> Self {
        let strip_common = strip_common && choice.include_label.is_empty();
        Self { padding: choice.labels_length, choice, common: None, strip_common, last: None }
    }

    pub(in crate::cli) fn print(&mut self, console: &mut Console, rows: &[Row]) -> Result<()> {
        match console.format {
            Format::Default => self.print_default(console, rows),
            Format::Raw => {
                for row in rows {
                    console.out.write_all(row.line.as_bytes())?;
                    console.out.write_all(b"\n")?;
                }
                Ok(())
            }
            Format::Jsonl => {
                for row in rows {
                    let labels = self.choice.of(&row.labels);
                    let timestamp = console.zone.format_exactly(row.time);
                    serde_json::to_writer(&mut console.out, &JsonRow { labels: &labels, line: &row.line, timestamp })
                        .map_err(std::io::Error::from)?;
                    console.out.write_all(b"\n")?;
                }
                Ok(())
            }
        }
    }

    fn print_default(&mut self, console: &mut Console, rows: &[Row]) -> Result<()> {
        if self.strip_common && !self.choice.no_labels && self.common.is_none() && !rows.is_empty() {
            let common = common(rows);
            if !common.is_empty() {
                console.note(format_args!("Common labels: {}", LabelSet(common.clone())));
            }
            self.common = Some(common);
        }
        // Widths first, so that the lines of a page stand under each other.
        if !self.choice.no_labels {
            for row in rows {
                let width = self.look(row).text.chars().count();
                self.padding = self.padding.max(width);
            }
        }
        for row in rows {
            let (padding, no_labels) = (self.padding, self.choice.no_labels);
            let last = self.look(row);
            let time = console.colours.paint(Colour::Dim, console.zone.format(row.time));
            write!(console.out, "{time} ")?;
            if !no_labels {
                let pad = padding.saturating_sub(last.text.chars().count());
                let text =
                    last.colour.map_or_else(|| last.text.clone(), |colour| console.colours.paint(colour, &last.text));
                write!(console.out, "{text}{:pad$} ", "")?;
            }
            let line = row.line.strip_suffix('\n').unwrap_or(&row.line);
            match last.line_colour {
                Some(colour) => writeln!(console.out, "{}", console.colours.paint(colour, line))?,
                None => writeln!(console.out, "{line}")?,
            }
        }
        Ok(())
    }

    /// What the labels of a row look like.
    fn look(&mut self, row: &Row) -> &Last {
        let same = self.last.take().filter(|last| last.labels == *row.labels);
        let last = same.unwrap_or_else(|| {
            let mut shown = self.choice.of(&row.labels);
            if let Some(common) = &self.common {
                shown.0.retain(|name, value| common.get(name) != Some(value));
            }
            Last {
                labels: (*row.labels).clone(),
                text: shown.to_string(),
                colour: Some(colour_of(&row.labels)),
                line_colour: level_colour(&row.labels),
            }
        });
        self.last.insert(last)
    }
}

fn common(rows: &[Row]) -> BTreeMap<String, String> {
    let mut rows = rows.iter();
    let mut common = rows.next().map(|row| row.labels.0.clone()).unwrap_or_default();
    let mut previous = None;
    for row in rows {
        // Entries of one stream share one set.
        if previous.is_some_and(|labels| std::ptr::eq(labels, &*row.labels)) {
            continue;
        }
        previous = Some(&*row.labels);
        common.retain(|name, value| row.labels.0.get(name) == Some(value));
    }
    common
}

/// The same stream has the same colour every day.
fn colour_of(labels: &LabelSet) -> Colour {
    const COLOURS: [Colour; 4] = [Colour::Green, Colour::Blue, Colour::Magenta, Colour::Cyan];
    let mut hasher = DefaultHasher::new();
    labels.hash(&mut hasher);
    COLOURS[(hasher.finish() % COLOURS.len() as u64) as usize]
}

fn level_colour(labels: &LabelSet) -> Option<Colour> {
    let level = labels.0.get("detected_level").or_else(|| labels.0.get("level"))?;
    match level.to_ascii_lowercase().as_str() {
        "fatal" | "critical" | "error" | "err" => Some(Colour::Red),
        "warn" | "warning" => Some(Colour::Yellow),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::cli::output::Colours;
    use crate::cli::testing::Sheet;

    const NOW: i64 = 1_795_428_000_000_000_000;

    fn row(offset: i64, labels: &[(&str, &str)], line: &str) -> Row {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Row { time: NOW + offset, labels: Rc::new(LabelSet(labels)), line: line.to_owned() }
    }

    fn sample() -> Vec<Row> {
        vec![
            row(1, &[("app", "api"), ("env", "prod"), ("level", "error")], "disk \"full\"\n"),
            row(1_000_000, &[("app", "worker"), ("env", "prod")], "ok"),
        ]
    }

    fn printed(format: Format, choice: LabelChoice, change: impl FnOnce(&mut Console)) -> (String, String) {
        let (out, notes) = (Sheet::default(), Sheet::default());
        let mut console = Console::for_test(format, out.clone(), notes.clone());
        change(&mut console);
        EntryPrinter::new(choice, true).print(&mut console, &sample()).expect("memory takes it");
        (out.text(), notes.text())
    }

    #[test]
    fn for_reading() {
        let (out, notes) = printed(Format::Default, LabelChoice::default(), |_| {});
        assert_eq!(notes, "Common labels: {env=\"prod\"}\n");
        let expected = "2026-11-23T10:00:00.000Z {app=\"api\", level=\"error\"} disk \"full\"\n\
                        2026-11-23T10:00:00.001Z {app=\"worker\"}             ok\n";
        assert_eq!(out, expected);
    }

    #[test]
    fn labels_can_be_chosen() {
        let only = LabelChoice { include_label: vec!["app".to_owned()], ..LabelChoice::default() };
        let (out, _) = printed(Format::Default, only, |_| {});
        assert!(out.contains("{app=\"api\"}    disk") && !out.contains("level"), "{out}");
        let without = LabelChoice { exclude_label: vec!["app".to_owned()], ..LabelChoice::default() };
        assert!(!printed(Format::Default, without.clone(), |_| {}).0.contains("app="));
        assert!(!printed(Format::Jsonl, without, |_| {}).0.contains("app"));
        let none = LabelChoice { no_labels: true, ..LabelChoice::default() };
        let (out, notes) = printed(Format::Default, none, |_| {});
        assert_eq!((out.lines().last(), notes.as_str()), (Some("2026-11-23T10:00:00.001Z ok"), ""));
    }

    #[test]
    fn for_programs() {
        let (out, notes) = printed(Format::Jsonl, LabelChoice::default(), |_| {});
        let first = r#"{"labels":{"app":"api","env":"prod","level":"error"},"line":"disk \"full\"\n","timestamp":"2026-11-23T10:00:00.000000001Z"}"#;
        assert_eq!((out.lines().next(), notes.as_str()), (Some(first), ""));
        assert_eq!(printed(Format::Raw, LabelChoice::default(), |_| {}).0, "disk \"full\"\n\nok\n");
    }

    #[test]
    fn colours_tell_streams_and_levels() {
        let (out, _) = printed(Format::Default, LabelChoice::default(), |console| console.colours = Colours::always());
        assert!(out.starts_with("\x1b[2m2026-11-23T10:00:00.000Z\x1b[0m \x1b[3"), "{out:?}");
        assert!(out.contains("\x1b[31mdisk \"full\"\x1b[0m\n") && out.ends_with(" ok\n"), "{out:?}");
    }
}
