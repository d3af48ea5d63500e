//! Label filters: comparisons joined by `and`, `or`, commas or nothing.

use crate::ast::{CompareOp, LabelFilter, MatchOp, Matcher};
use crate::token::{Kind, Symbol, Value, Word};

use super::check;
use super::cursor::{Cursor, Result};

/// What can start a label filter.
pub(super) const LABEL_FILTER_START: [Kind; 2] = [Kind::Identifier, Kind::Symbol(Symbol::Open)];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Join {
    And,
    Or,
    /// A comma or nothing: an `and` that takes everything to its right, whatever joins it.
    Comma,
}

impl Join {
    /// Whether `self`, already read, takes its right side before `next` does.
    fn binds_before(self, next: Self) -> bool {
        match self {
            Self::Comma => false,
            Self::And => next != Self::Comma,
            Self::Or => next == Self::Or,
        }
    }
}

impl Cursor<'_> {
    /// A whole label filter, by precedence climbing with explicit stacks, so that long chains need no recursion.
    pub(super) fn label_filter(&mut self) -> Result<LabelFilter> {
        let mut operands = vec![self.label_comparison()?];
        let mut joins: Vec<Join> = Vec::new();
        while let Some(next) = self.label_join()? {
            self.count_operator()?;
            while let Some(last) = joins.pop_if(|last| last.binds_before(next)) {
                reduce(&mut operands, last);
            }
            joins.push(next);
            operands.push(self.label_comparison()?);
        }
        while let Some(last) = joins.pop() {
            reduce(&mut operands, last);
        }
        Ok(operands.pop().expect("one operand more than joins"))
    }

    /// Consumes what joins two filters, if another filter follows.
    fn label_join(&mut self) -> Result<Option<Join>> {
        let join = match self.peek()? {
            Kind::Word(Word::And) => Join::And,
            Kind::Word(Word::Or) => Join::Or,
            Kind::Symbol(Symbol::Comma) => Join::Comma,
            Kind::Identifier | Kind::Symbol(Symbol::Open) => return Ok(Some(Join::Comma)),
            _ => return Ok(None),
        };
        self.advance()?;
        Ok(Some(join))
    }

    /// One comparison, or a filter in parentheses.
    fn label_comparison(&mut self) -> Result<LabelFilter> {
        if self.accept_symbol(Symbol::Open)? {
            let inner = self.nested(Self::label_filter)?;
            self.expect(Kind::Symbol(Symbol::Close), &[])?;
            return Ok(inner);
        }
        let name = self.expect_text(Kind::Identifier, &LABEL_FILTER_START)?;
        let (op, match_op) = match self.peek()? {
            Kind::Symbol(Symbol::Eq) => (Some(CompareOp::Eq), Some(MatchOp::Eq)),
            Kind::Symbol(Symbol::NotEq) => (Some(CompareOp::NotEq), Some(MatchOp::NotEq)),
            Kind::Symbol(Symbol::Re) => (None, Some(MatchOp::Re)),
            Kind::Symbol(Symbol::NotRe) => (None, Some(MatchOp::NotRe)),
            Kind::Symbol(Symbol::CmpEq) => (Some(CompareOp::Eq), None),
            Kind::Symbol(Symbol::Gt) => (Some(CompareOp::Gt), None),
            Kind::Symbol(Symbol::Gte) => (Some(CompareOp::Gte), None),
            Kind::Symbol(Symbol::Lt) => (Some(CompareOp::Lt), None),
            Kind::Symbol(Symbol::Lte) => (Some(CompareOp::Lte), None),
            _ => return Err(self.unexpected(&[])),
        };
        self.advance()?;
        match (op, match_op) {
            (Some(op), Some(match_op)) => match self.peek()? {
                Kind::Str => self.string_comparison(name, match_op),
                Kind::Ip => {
                    self.advance()?;
                    let pattern = self.ip_argument()?;
                    Ok(LabelFilter::Ip { name, negated: match_op == MatchOp::NotEq, pattern })
                }
                _ => self.value_comparison(name, op),
            },
            (Some(op), None) => self.value_comparison(name, op),
            (None, match_op) => self.string_comparison(name, match_op.unwrap_or(MatchOp::Re)),
        }
    }

    fn string_comparison(&mut self, name: String, op: MatchOp) -> Result<LabelFilter> {
        let matcher = Matcher { name, op, value: self.string()? };
        check::matcher(&matcher)?;
        Ok(LabelFilter::Match(matcher))
    }

    /// The right side of a comparison with a number, duration or size.
    fn value_comparison(&mut self, name: String, op: CompareOp) -> Result<LabelFilter> {
        match self.peek()? {
            Kind::Number | Kind::Symbol(Symbol::Add | Symbol::Sub) => {
                Ok(LabelFilter::Number { name, op, value: self.signed_number()? })
            }
            Kind::Duration => Ok(LabelFilter::Duration { name, op, value: self.nanos(Kind::Duration, &[])? }),
            Kind::Bytes => match self.advance()?.value {
                Value::Bytes(value) => Ok(LabelFilter::Bytes { name, op, value }),
                _ => Err(self.unexpected(&[])),
            },
            _ => Err(self.unexpected(&[])),
        }
    }
}

/// Joins the two topmost operands.
fn reduce(operands: &mut Vec<LabelFilter>, join: Join) {
    let right = Box::new(operands.pop().expect("a join has a right side"));
    let left = Box::new(operands.pop().expect("a join has a left side"));
    operands.push(match join {
        Join::Or => LabelFilter::Or(left, right),
        Join::And | Join::Comma => LabelFilter::And(left, right),
    });
}
