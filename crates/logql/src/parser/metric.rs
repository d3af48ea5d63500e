//! Metric expressions: aggregations, binary operations, literals.

use crate::ast::{BinaryOp, Expr, GroupSide, Grouping, LabelReplace, MetricExpr, RangeOp, VectorMatching, VectorOp};
use crate::error::ParseError;
use crate::token::{Kind, Symbol, Word};

use super::cursor::{Cursor, Result};
use super::range::RANGE_START;
use super::{Checked, Node, check};

const CLOSE: Kind = Kind::Symbol(Symbol::Close);
const COMMA: Kind = Kind::Symbol(Symbol::Comma);

impl Cursor<'_> {
    /// An expression of any type.
    pub(super) fn expression(&mut self) -> Result<Node> {
        self.nested(|cursor| {
            let left = cursor.operand()?;
            cursor.binary(left, 0)
        })
    }

    /// An expression that must be a metric.
    fn metric(&mut self) -> Result<Checked<MetricExpr>> {
        let node = self.expression()?;
        self.must_be_metric(node)
    }

    fn must_be_metric(&mut self, node: Node) -> Result<Checked<MetricExpr>> {
        match node {
            Node::Metric(metric) => Ok(metric),
            // A log expression can only go on with a binary operator here; there are too many to name.
            Node::Log(_) | Node::Variants(_) => Err(self.unexpected(&[])),
        }
    }

    /// Binary operators of at least `precedence`, by precedence climbing.
    fn binary(&mut self, mut left: Node, precedence: u8) -> Result<Node> {
        while let Some(op) = binary_op(self.peek()?).filter(|op| op.precedence() >= precedence) {
            self.advance()?;
            self.count_operator()?;
            let return_bool = self.accept_word(Word::Bool)?;
            let matching = self.vector_matching()?;
            let right_associative = op == BinaryOp::Pow;
            let right = self.nested(|cursor| {
                let first = cursor.operand()?;
                cursor.binary(first, op.precedence() + u8::from(!right_associative))
            })?;
            left = Node::Metric(check::binary(op, return_bool, matching, left, right));
        }
        Ok(left)
    }

    /// `on (…) group_left (…)`, if there.
    fn vector_matching(&mut self) -> Result<Option<VectorMatching>> {
        let on = self.accept_word(Word::On)?;
        if !on && !self.accept_word(Word::Ignoring)? {
            return Ok(None);
        }
        let labels = self.label_list()?;
        let group = if self.accept_word(Word::GroupLeft)? {
            Some(GroupSide::Left)
        } else if self.accept_word(Word::GroupRight)? {
            Some(GroupSide::Right)
        } else {
            None
        };
        let has_include = group.is_some() && self.peek()? == Kind::Symbol(Symbol::Open);
        let include = if has_include { self.label_list()? } else { Vec::new() };
        // `ignoring ()` alone says nothing.
        let says_something = on || !labels.is_empty() || group.is_some();
        Ok(says_something.then_some(VectorMatching { on, labels, group, include }))
    }

    /// `(a, b)` or `()`.
    fn label_list(&mut self) -> Result<Vec<String>> {
        self.expect_symbol(Symbol::Open)?;
        if self.accept(CLOSE)? {
            return Ok(Vec::new());
        }
        let mut labels = vec![self.expect_text(Kind::Identifier, &[Kind::Identifier, CLOSE])?];
        while self.accept(COMMA)? {
            labels.push(self.identifier()?);
        }
        self.expect(CLOSE, &[COMMA, CLOSE])?;
        Ok(labels)
    }

    /// One side of a binary operator.
    fn operand(&mut self) -> Result<Node> {
        match self.peek()? {
            Kind::Symbol(Symbol::OpenBrace) => self.log().map(Node::Log),
            Kind::Symbol(Symbol::Open) => self.parenthesised(),
            Kind::Number | Kind::Symbol(Symbol::Add | Symbol::Sub) => self.signed_number().map(literal),
            Kind::RangeOp(op) => self.range_aggregation(op).map(Node::Metric),
            Kind::VectorOp(op) => self.vector_aggregation(op).map(Node::Metric),
            Kind::LabelReplace => self.label_replace().map(Node::Metric),
            Kind::Vector => self.vector_literal(),
            Kind::Word(Word::Variants) => self.variants().map(Node::Variants),
            _ => Err(self.unexpected(&[])),
        }
    }

    fn parenthesised(&mut self) -> Result<Node> {
        self.advance()?;
        let inner = self.expression()?;
        if matches!(inner, Node::Variants(_)) {
            return Err(self.unexpected(&[]));
        }
        self.expect(CLOSE, &[])?;
        Ok(inner)
    }

    /// `5`, `-5`, `+ 5`
    pub(super) fn signed_number(&mut self) -> Result<f64> {
        let negative = self.accept_symbol(Symbol::Sub)?;
        if !negative {
            self.accept_symbol(Symbol::Add)?;
        }
        let value = number(&self.expect_text(Kind::Number, &[Kind::Number])?)?;
        Ok(if negative { -value } else { value })
    }

    /// `vector(1)`
    fn vector_literal(&mut self) -> Result<Node> {
        self.advance()?;
        self.expect_symbol(Symbol::Open)?;
        let value = number(&self.expect_text(Kind::Number, &[Kind::Number])?)?;
        self.expect_symbol(Symbol::Close)?;
        Ok(Node::Metric(Checked { expr: MetricExpr::VectorLiteral(value), problem: None }))
    }

    /// `rate({…} [5m]) by (a)`
    fn range_aggregation(&mut self, op: RangeOp) -> Result<Checked<MetricExpr>> {
        self.advance()?;
        self.expect_symbol(Symbol::Open)?;
        let (parameter, range) = if self.peek()? == Kind::Number {
            let parameter = self.expect_text(Kind::Number, &[])?;
            self.expect_symbol(Symbol::Comma)?;
            (Some(parameter), self.log_range(&RANGE_START)?)
        } else {
            let start = [Kind::Number, RANGE_START[0], RANGE_START[1]];
            (None, self.log_range(&start)?)
        };
        self.expect_symbol(Symbol::Close)?;
        let grouping = self.grouping()?;
        check::range(op, parameter, range, grouping)
    }

    /// `sum by (a) (…)` or `sum(…) by (a)`.
    fn vector_aggregation(&mut self, op: VectorOp) -> Result<Checked<MetricExpr>> {
        self.advance()?;
        let mut grouping = self.grouping()?;
        self.expect_symbol(Symbol::Open)?;
        let (parameter, inner) = self.nested(Self::vector_arguments)?;
        self.expect(CLOSE, &[])?;
        if grouping.is_none() {
            grouping = self.grouping()?;
        }
        Ok(check::vector(op, parameter, inner, grouping))
    }

    /// `5, metric` or `metric`; the metric may itself begin with a number.
    fn vector_arguments(&mut self) -> Result<(Option<String>, Checked<MetricExpr>)> {
        if self.peek()? != Kind::Number {
            return Ok((None, self.metric()?));
        }
        let text = self.expect_text(Kind::Number, &[])?;
        if self.accept(COMMA)? {
            return Ok((Some(text), self.metric()?));
        }
        let node = self.binary(literal(number(&text)?), 0)?;
        Ok((None, self.must_be_metric(node)?))
    }

    /// `by (a, b)`, if there.
    fn grouping(&mut self) -> Result<Option<Grouping>> {
        let without = self.accept_word(Word::Without)?;
        if !without && !self.accept_word(Word::By)? {
            return Ok(None);
        }
        Ok(Some(Grouping { without, labels: self.label_list()? }))
    }

    /// `label_replace(metric, "dst", "replacement", "src", "regex")`
    fn label_replace(&mut self) -> Result<Checked<MetricExpr>> {
        self.advance()?;
        self.expect_symbol(Symbol::Open)?;
        let inner = self.metric()?;
        self.expect(COMMA, &[])?;
        let destination = self.string()?;
        self.expect_symbol(Symbol::Comma)?;
        let replacement = self.string()?;
        self.expect_symbol(Symbol::Comma)?;
        let source = self.string()?;
        self.expect_symbol(Symbol::Comma)?;
        let regex = self.string()?;
        self.expect_symbol(Symbol::Close)?;
        let problem = check::label_replace_regex(&regex).err().or(inner.problem);
        let replace = LabelReplace { inner: inner.expr, destination, replacement, source, regex };
        Ok(Checked { expr: MetricExpr::LabelReplace(Box::new(replace)), problem })
    }

    /// `variants(m1, m2) of ({…} [5m])`
    fn variants(&mut self) -> Result<Checked<Expr>> {
        self.advance()?;
        self.expect_symbol(Symbol::Open)?;
        let checked = self.comma_list(Self::metric)?;
        self.expect(CLOSE, &[])?;
        self.expect(Kind::Word(Word::Of), &[Kind::Word(Word::Of)])?;
        self.expect_symbol(Symbol::Open)?;
        let of = self.log_range(&RANGE_START)?;
        self.expect_symbol(Symbol::Close)?;
        let mut problem = None;
        let mut metrics = Vec::with_capacity(checked.len());
        for metric in checked {
            problem = problem.or(metric.problem);
            metrics.push(metric.expr);
        }
        let problem = problem.or_else(|| check::selector(&of.log.selector).err());
        Ok(Checked { expr: Expr::Variants { metrics, of }, problem })
    }
}

fn literal(value: f64) -> Node {
    Node::Metric(Checked { expr: MetricExpr::Literal(value), problem: None })
}

/// The value of a number token. Hexadecimal and the like are scanned but count as 0, as in Loki.
pub(super) fn number(text: &str) -> Result<f64> {
    let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    match text.parse::<f64>() {
        Ok(value) if value.is_infinite() => {
            Err(ParseError::new(format!("strconv.ParseFloat: parsing \"{text}\": value out of range")))
        }
        Ok(value) if is_decimal => Ok(value),
        _ => Ok(0.0),
    }
}

fn binary_op(kind: Kind) -> Option<BinaryOp> {
    Some(match kind {
        Kind::Word(Word::Or) => BinaryOp::Or,
        Kind::Word(Word::And) => BinaryOp::And,
        Kind::Word(Word::Unless) => BinaryOp::Unless,
        Kind::Symbol(symbol) => match symbol {
            Symbol::CmpEq => BinaryOp::Eq,
            Symbol::NotEq => BinaryOp::NotEq,
            Symbol::Gt => BinaryOp::Gt,
            Symbol::Gte => BinaryOp::Gte,
            Symbol::Lt => BinaryOp::Lt,
            Symbol::Lte => BinaryOp::Lte,
            Symbol::Add => BinaryOp::Add,
            Symbol::Sub => BinaryOp::Sub,
            Symbol::Mul => BinaryOp::Mul,
            Symbol::Div => BinaryOp::Div,
            Symbol::Mod => BinaryOp::Mod,
            Symbol::Pow => BinaryOp::Pow,
            _ => return None,
        },
        _ => return None,
    })
}
