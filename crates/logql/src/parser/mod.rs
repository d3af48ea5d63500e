//! Query text to syntax tree, by recursive descent.
//!
//! Two kinds of error: grammar errors and bad patterns stop at once, at a place in the text; errors of meaning
//! (a missing parameter, a grouping where none is allowed) are reported after the whole text has parsed, the outermost first.

mod check;
mod cursor;
mod label_filter;
mod metric;
pub mod pattern;
mod range;
mod stage;

#[cfg(test)]
mod tests;

use crate::ast::{Expr, LogExpr, MetricExpr, Selector};
use crate::error::{Error, ParseError};
use crate::token::Kind;

use cursor::{Cursor, Result};

pub use check::EmptyCompatible;

/// Brackets and right-hand sides inside one another.
pub const DEPTH_MAX: usize = 200;

/// Binary operators and label filter connectives of one query.
pub const OPERATORS_MAX: usize = 1000;

/// Parses a query: a log, metric or variants expression.
///
/// Errors: Loki's text and position; also queries beyond [`DEPTH_MAX`], [`OPERATORS_MAX`] or
/// [`QUERY_BYTES_MAX`](crate::lexer::QUERY_BYTES_MAX).
pub fn parse(query: &str) -> Result<Expr> {
    let (expr, problem) = parse_unchecked(query)?.finish();
    match problem {
        Some(problem) => Err(problem),
        None => Ok(expr),
    }
}

/// Parses a bare selector, as the labels, series, stats and volume endpoints take.
///
/// Errors: [`Error::NotASelector`] for any other query.
pub fn parse_selector(query: &str, empty: EmptyCompatible) -> crate::Result<Selector> {
    match parse_unchecked(query)? {
        Node::Log(log) if log.stages.is_empty() => {
            if empty == EmptyCompatible::Refused {
                check::selector(&log.selector)?;
            }
            Ok(log.selector)
        }
        _ => Err(Error::NotASelector),
    }
}

/// Parses the whole text, leaving errors of meaning in the node.
fn parse_unchecked(query: &str) -> Result<Node> {
    let mut cursor = Cursor::new(query)?;
    let node = cursor.expression()?;
    cursor.expect(Kind::End, &[])?;
    Ok(node)
}

/// A parsed expression of any type, before its meaning is checked.
enum Node {
    Log(LogExpr),
    Metric(Checked<MetricExpr>),
    Variants(Checked<Expr>),
}

/// A part of the tree and the first thing wrong with its meaning, outermost first.
struct Checked<T> {
    expr: T,
    problem: Option<ParseError>,
}

impl Node {
    fn finish(self) -> (Expr, Option<ParseError>) {
        match self {
            Self::Log(log) => {
                let problem = check::selector(&log.selector).err();
                (Expr::Log(log), problem)
            }
            Self::Metric(metric) => (Expr::Metric(metric.expr), metric.problem),
            Self::Variants(variants) => (variants.expr, variants.problem),
        }
    }

    /// As errors of binary operations name it.
    fn type_name(&self) -> &'static str {
        match self {
            Self::Log(log) if log.stages.is_empty() => "*syntax.MatchersExpr",
            Self::Log(_) => "*syntax.PipelineExpr",
            Self::Metric(_) => "syntax.SampleExpr",
            Self::Variants(_) => "*syntax.MultiVariantExpr",
        }
    }
}
