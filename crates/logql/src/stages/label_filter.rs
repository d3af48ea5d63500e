//! `| status >= 400 and level="error" or addr=ip("10.0.0.0/8")`.

mod text;

use std::cmp::Ordering;

use sigyn_model::duration::parse_go;
use sigyn_model::labels::GoQuoted;

use super::ip::IpSet;
use crate::ast::{CompareOp, LabelFilter};
use crate::batch::Batch;
use crate::fields::{Field, LabelView};
use crate::humanize::parse_bytes;
use crate::pipeline::Workspace;
use text::TextTest;

#[derive(Debug)]
pub(crate) enum CompiledLabelFilter {
    Test(Box<LabelTest>),
    And(Box<CompiledLabelFilter>, Box<CompiledLabelFilter>),
    Or(Box<CompiledLabelFilter>, Box<CompiledLabelFilter>),
}

#[derive(Debug)]
pub(crate) struct LabelTest {
    name: String,
    test: ValueTest,
}

#[derive(Debug)]
enum ValueTest {
    Text(TextTest),
    Number(CompareOp, f64),
    Duration(CompareOp, i64),
    Bytes(CompareOp, u64),
    Ip { negated: bool, set: IpSet },
}

/// What a test makes of one value.
enum Outcome {
    Pass(bool),
    /// The value is no number, duration or size: the entry stays, with `LabelFilterErr`.
    Failed(String),
}

pub(crate) const ERROR: &str = "__error__";
pub(crate) const ERROR_DETAILS: &str = "__error_details__";

impl CompiledLabelFilter {
    /// Errors: Loki's text for a bad regex or address.
    pub(crate) fn new(filter: &LabelFilter) -> Result<Self, String> {
        let test = |name: &str, test| Self::Test(Box::new(LabelTest { name: name.to_owned(), test }));
        Ok(match filter {
            LabelFilter::Match(matcher) => test(&matcher.name, ValueTest::Text(TextTest::new(matcher)?)),
            LabelFilter::Number { name, op, value } => test(name, ValueTest::Number(*op, *value)),
            LabelFilter::Duration { name, op, value } => test(name, ValueTest::Duration(*op, *value)),
            LabelFilter::Bytes { name, op, value } => test(name, ValueTest::Bytes(*op, *value)),
            LabelFilter::Ip { name, negated, pattern } => {
                test(name, ValueTest::Ip { negated: *negated, set: IpSet::new(pattern)? })
            }
            LabelFilter::And(left, right) => Self::And(Box::new(Self::new(left)?), Box::new(Self::new(right)?)),
            LabelFilter::Or(left, right) => Self::Or(Box::new(Self::new(left)?), Box::new(Self::new(right)?)),
        })
    }

    /// The labels it looks at.
    pub(crate) fn names(&self) -> Vec<String> {
        match self {
            Self::Test(test) => vec![test.name.clone()],
            Self::And(left, right) | Self::Or(left, right) => [left.names(), right.names()].concat(),
        }
    }

    pub(crate) fn run(&self, batch: &Batch<'_>, workspace: &mut Workspace) {
        let Workspace { selection, overlay, .. } = workspace;
        let view = LabelView::new(batch, overlay);
        let mut bound = Bound::new(self, view);
        let error = view.field(ERROR);
        let mut failures: Vec<(u32, String)> = Vec::new();
        if let Some(outcome) = bound.constant_outcome() {
            if !outcome {
                selection.clear();
            }
            return;
        }
        selection.retain(|row| {
            let mut failure = None;
            let pass = bound.test(row, &mut failure);
            if let Some(details) = failure.filter(|_| pass && error.get(row).is_none()) {
                failures.push((row, details));
            }
            pass
        });
        for (row, details) in failures {
            overlay.set(ERROR, row, "LabelFilterErr");
            overlay.set(ERROR_DETAILS, row, &details);
        }
    }
}

/// A filter whose labels have been looked up in a batch.
enum Bound<'f, 'a> {
    Test { test: &'f LabelTest, field: Field<'a>, known: Vec<Known> },
    And(Box<Bound<'f, 'a>>, Box<Bound<'f, 'a>>),
    Or(Box<Bound<'f, 'a>>, Box<Bound<'f, 'a>>),
}

/// What a dictionary value has been found to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Not,
    Passes,
    FailsToPass,
}

impl<'f, 'a> Bound<'f, 'a> {
    fn new(filter: &'f CompiledLabelFilter, view: LabelView<'a>) -> Self {
        match filter {
            CompiledLabelFilter::Test(test) => Self::Test { test, field: view.field(&test.name), known: Vec::new() },
            CompiledLabelFilter::And(left, right) => {
                Self::And(Box::new(Self::new(left, view)), Box::new(Self::new(right, view)))
            }
            CompiledLabelFilter::Or(left, right) => {
                Self::Or(Box::new(Self::new(left, view)), Box::new(Self::new(right, view)))
            }
        }
    }

    /// The outcome for every row, when the filter is about one label that does not vary and the test cannot fail.
    fn constant_outcome(&self) -> Option<bool> {
        match self {
            Self::Test { test: LabelTest { test: ValueTest::Text(test), .. }, field, .. } => {
                Some(test.matches(field.constant()?.unwrap_or("")))
            }
            _ => None,
        }
    }

    fn test(&mut self, row: u32, failure: &mut Option<String>) -> bool {
        match self {
            Self::And(left, right) => {
                let (left, right) = (left.test(row, failure), right.test(row, failure));
                left && right
            }
            Self::Or(left, right) => left.test(row, failure) || right.test(row, failure),
            Self::Test { test, field, known } => {
                let id = match field.only_metadata() {
                    Some(column) if (column.ids[row as usize] as usize) < column.values() => {
                        known.resize(column.values(), Known::Not);
                        column.ids[row as usize] as usize
                    }
                    _ => return settle(test.test.outcome(field.get(row)), failure),
                };
                match known[id] {
                    Known::Passes => true,
                    Known::FailsToPass => false,
                    Known::Not => {
                        let outcome = test.test.outcome(field.get(row));
                        if let Outcome::Pass(pass) = outcome {
                            known[id] = if pass { Known::Passes } else { Known::FailsToPass };
                        }
                        settle(outcome, failure)
                    }
                }
            }
        }
    }
}

fn settle(outcome: Outcome, failure: &mut Option<String>) -> bool {
    match outcome {
        Outcome::Pass(pass) => pass,
        Outcome::Failed(details) => {
            failure.get_or_insert(details);
            true
        }
    }
}

impl LabelTest {
    /// Whether an entry with this value is sure to be dropped.
    pub(crate) fn rejects(&self, value: &str) -> bool {
        matches!(self.test.outcome(Some(value)), Outcome::Pass(false))
    }
}

impl ValueTest {
    fn outcome(&self, value: Option<&str>) -> Outcome {
        if let Self::Text(test) = self {
            return Outcome::Pass(test.matches(value.unwrap_or("")));
        }
        let Some(value) = value else {
            return Outcome::Pass(false);
        };
        let compared = match self {
            Self::Number(op, limit) => parse_number(value).map(|number| holds(*op, number.partial_cmp(limit))),
            Self::Duration(op, limit) => parse_go(value).map(|nanos| holds(*op, Some(nanos.cmp(limit)))),
            Self::Bytes(op, limit) => parse_bytes(value).map(|bytes| holds(*op, Some(bytes.cmp(limit)))),
            Self::Ip { negated, set } => Ok(value.parse().is_ok_and(|address| set.contains(address) != *negated)),
            Self::Text(test) => Ok(test.matches(value)),
        };
        compared.map_or_else(Outcome::Failed, Outcome::Pass)
    }
}

/// Errors: Go's text.
fn parse_number(value: &str) -> Result<f64, String> {
    value.parse().map_err(|_| format!("strconv.ParseFloat: parsing {}: invalid syntax", GoQuoted(value)))
}

/// `None`: one side is NaN.
fn holds(op: CompareOp, order: Option<Ordering>) -> bool {
    match op {
        CompareOp::Eq => order == Some(Ordering::Equal),
        CompareOp::NotEq => order != Some(Ordering::Equal),
        CompareOp::Gt => order == Some(Ordering::Greater),
        CompareOp::Gte => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        CompareOp::Lt => order == Some(Ordering::Less),
        CompareOp::Lte => matches!(order, Some(Ordering::Less | Ordering::Equal)),
    }
}

#[cfg(test)]
mod tests;
