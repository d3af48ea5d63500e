//! Answers, in the form in which files hold them.

use std::fmt::Write as _;

use sigyn_model::Labels;

use super::script::{Entry, write_offset};
use super::text;

/// What a target answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Streams(Vec<Stream>),
    /// Of an instant query, too, with one point each.
    Series(Vec<Series>),
    Scalar(f64),
    /// The error's text.
    Refused(String),
}

/// Entries of one label set, in the order answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    pub labels: Labels,
    pub entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub labels: Labels,
    /// One per step.
    pub points: Vec<Option<f64>>,
}

/// Sums may be added in any order.
const RELATIVE_ERROR: f64 = 1e-9;

impl Outcome {
    /// Takes labels away that are not compared. Streams that become one are merged; series must not.
    ///
    /// Errors: two series differ only in a hidden label.
    pub(super) fn hide(self, hidden: &[String], forward: bool) -> Result<Self, String> {
        let without = |labels: &Labels| {
            Labels::with_empty(labels.iter().filter(|(name, _)| !hidden.iter().any(|hidden| hidden == name)))
        };
        match self {
            Self::Streams(streams) => {
                let streams = streams.into_iter().map(|stream| Stream { labels: without(&stream.labels), ..stream });
                Ok(Self::Streams(merge(streams, forward)))
            }
            Self::Series(all) => {
                let all: Vec<Series> =
                    all.into_iter().map(|series| Series { labels: without(&series.labels), ..series }).collect();
                for (at, series) in all.iter().enumerate() {
                    if all[..at].iter().any(|other| other.labels == series.labels) {
                        return Err(format!(
                            "several series {} but for {}: show them",
                            series.labels,
                            hidden.join(", ")
                        ));
                    }
                }
                Ok(Self::Series(all))
            }
            other => Ok(other),
        }
    }

    /// Sorts what has no order of its own: streams, and series unless the query sorts them.
    pub(super) fn sort(&mut self, is_sorted: bool) {
        match self {
            Self::Streams(streams) => streams.sort_by_cached_key(|stream| stream.labels.to_string()),
            Self::Series(all) if !is_sorted => all.sort_by_cached_key(|series| series.labels.to_string()),
            _ => {}
        }
    }

    /// The lines of the answer below an `eval`.
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = String::new();
        match self {
            Self::Streams(streams) => {
                for stream in streams {
                    let _ = writeln!(out, "  {}", stream.labels);
                    for entry in &stream.entries {
                        let _ = writeln!(out, "    {} {}", write_offset(entry.offset), text::write_line(&entry.line));
                    }
                }
            }
            Self::Series(all) => {
                for series in all {
                    let points: Vec<String> = series.points.iter().copied().map(text::write_value).collect();
                    let _ = writeln!(out, "  {}  {}", series.labels, points.join(" "));
                }
            }
            Self::Scalar(value) => {
                let _ = writeln!(out, "  {}", text::write_value(Some(*value)));
            }
            Self::Refused(message) => {
                for line in message.trim_end().lines() {
                    let _ = writeln!(out, "  {}", line.trim_end());
                }
            }
        }
        out
    }

    /// Whether this is the expected answer; floats may differ in their last digits.
    pub(super) fn matches(&self, expected: &Self) -> bool {
        match (self, expected) {
            (Self::Series(got), Self::Series(expected)) => {
                got.len() == expected.len() && got.iter().zip(expected).all(|(a, b)| a.matches(b))
            }
            (Self::Scalar(got), Self::Scalar(expected)) => close(*got, *expected),
            // A query without results has no labels to tell what it is.
            (Self::Streams(got), Self::Series(expected)) => got.is_empty() && expected.is_empty(),
            (got, expected) => got == expected,
        }
    }
}

impl Series {
    fn matches(&self, expected: &Self) -> bool {
        let point = |(got, expected): (&Option<f64>, &Option<f64>)| match (got, expected) {
            (Some(got), Some(expected)) => close(*got, *expected),
            (got, expected) => got.is_none() && expected.is_none(),
        };
        self.labels == expected.labels
            && self.points.len() == expected.points.len()
            && self.points.iter().zip(&expected.points).all(point)
    }
}

fn close(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= RELATIVE_ERROR * a.abs().max(b.abs())
}

/// Puts the entries of streams with equal labels together, by time; equal times keep the order of the streams.
fn merge(streams: impl Iterator<Item = Stream>, forward: bool) -> Vec<Stream> {
    let mut merged: Vec<Stream> = Vec::new();
    for stream in streams {
        match merged.iter_mut().find(|other| other.labels == stream.labels) {
            Some(other) => {
                other.entries.extend(stream.entries);
                match forward {
                    true => other.entries.sort_by_key(|entry| entry.offset),
                    false => other.entries.sort_by_key(|entry| std::cmp::Reverse(entry.offset)),
                }
            }
            None => merged.push(stream),
        }
    }
    merged
}
