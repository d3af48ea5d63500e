//! `format_query`: the canonical text, split over lines where it is long.
//!
//! A part whose canonical text is longer than [`LINE_MAX`] is split, two spaces a level; a part that fits stays on its line.

use std::fmt::{Display, Write as _};

use sigyn_model::duration::{format_go, format_prometheus};
use sigyn_model::labels::GoQuoted;

use crate::ast::{
    BinaryExpr, BinaryOp, Expr, Grouping, LabelReplace, LogExpr, LogRange, MetricExpr, RangeAggregation, Stage,
    VectorAggregation,
};
use crate::display::Float;

/// Longest text left on one line, in bytes, indentation not counted.
const LINE_MAX: usize = 100;

/// The query as `format_query` prints it. Parsed again it gives the same tree, but for what rounding loses.
#[must_use]
pub fn pretty(expr: &Expr) -> String {
    let mut printer = Printer { out: String::new() };
    match expr {
        Expr::Log(log) => printer.log(log, 0),
        Expr::Metric(metric) => printer.metric(metric, 0),
        Expr::Variants { metrics, of } => printer.variants(metrics, of),
    }
    printer.out
}

struct Printer {
    out: String,
}

/// Its canonical text, if that fits on a line.
fn short(part: &impl Display) -> Option<String> {
    Some(part.to_string()).filter(|text| text.len() <= LINE_MAX)
}

impl Printer {
    fn indent(&mut self, level: usize) {
        self.out.extend(std::iter::repeat_n("  ", level));
    }

    /// Indentation and text, without the end of the line.
    fn text(&mut self, level: usize, text: impl Display) {
        self.indent(level);
        let _ = write!(self.out, "{text}");
    }

    fn line(&mut self, level: usize, text: impl Display) {
        self.text(level, text);
        self.out.push('\n');
    }

    fn end_line(&mut self) {
        self.out.push('\n');
    }

    fn log(&mut self, log: &LogExpr, level: usize) {
        if let Some(text) = short(log) {
            return self.text(level, text);
        }
        self.text(level, &log.selector);
        for stage in &log.stages {
            self.end_line();
            // Loki forgets the indentation of this one.
            let level = if matches!(stage, Stage::Decolorize) { 0 } else { level + 1 };
            self.text(level, stage);
        }
    }

    fn log_range(&mut self, range: &LogRange, level: usize) {
        self.log(&range.log, level);
        if let Some(unwrap) = &range.unwrap {
            self.end_line();
            self.indent(level + 1);
            match unwrap.conversion {
                Some(conversion) => self.text(0, format_args!("| unwrap {}({})", conversion.name(), unwrap.label)),
                None => self.text(0, format_args!("| unwrap {}", unwrap.label)),
            }
            for filter in &unwrap.post_filters {
                self.end_line();
                self.text(level + 1, format_args!("| {filter}"));
            }
        }
        let _ = write!(self.out, " [{}]", format_prometheus(range.range));
        if range.has_offset {
            // A negative offset in days could not be read back.
            let print = if range.offset < 0 { format_go } else { format_prometheus };
            let _ = write!(self.out, " offset {}", print(range.offset));
        }
    }

    fn metric(&mut self, metric: &MetricExpr, level: usize) {
        if let Some(text) = short(metric) {
            return self.text(level, text);
        }
        match metric {
            MetricExpr::Range(range) => self.range_aggregation(range, level),
            MetricExpr::Vector(vector) => self.vector_aggregation(vector, level),
            MetricExpr::Binary(binary) => self.binary(binary, level),
            MetricExpr::LabelReplace(replace) => self.label_replace(replace, level),
            MetricExpr::VectorLiteral(_) | MetricExpr::Literal(_) => self.text(level, metric),
        }
    }

    fn range_aggregation(&mut self, range: &RangeAggregation, level: usize) {
        self.line(level, format_args!("{}(", range.op.name()));
        if let Some(parameter) = range.parameter {
            self.line(level + 1, format_args!("{},", Float(parameter)));
        }
        self.log_range(&range.range, level + 1);
        self.end_line();
        self.text(level, ")");
        self.grouping(range.grouping.as_ref());
    }

    fn vector_aggregation(&mut self, vector: &VectorAggregation, level: usize) {
        self.text(level, vector.op.name());
        self.grouping(vector.grouping.as_ref());
        self.out.push_str("(\n");
        if let Some(parameter) = vector.parameter {
            self.line(level + 1, format_args!("{parameter},"));
        }
        self.metric(&vector.inner, level + 1);
        self.end_line();
        self.text(level, ")");
    }

    /// ` by (a, b)`
    fn grouping(&mut self, grouping: Option<&Grouping>) {
        if let Some(grouping) = grouping {
            let word = if grouping.without { "without" } else { "by" };
            let _ = write!(self.out, " {word} ({})", grouping.labels.join(", "));
        }
    }

    fn binary(&mut self, binary: &BinaryExpr, level: usize) {
        let precedence = binary.op.precedence();
        let groups_right = binary.op == BinaryOp::Pow;
        self.side(&binary.left, precedence + u8::from(groups_right), level + 1);
        self.end_line();
        self.text(level, binary.op.name());
        self.out.push_str(if binary.return_bool { " bool" } else { "" });
        if let Some(matching) = &binary.matching {
            let word = if matching.on { "on" } else { "ignoring" };
            let _ = write!(self.out, " {word} ({})", matching.labels.join(", "));
            if let Some(group) = matching.group {
                let _ = write!(self.out, " {}", group.name());
            }
            if !matching.include.is_empty() || binary.needs_empty_include() {
                let _ = write!(self.out, " ({})", matching.include.join(", "));
            }
        }
        self.end_line();
        self.side(&binary.right, precedence + u8::from(!groups_right), level + 1);
    }

    /// One side of an operator. A side that is itself split between its operands needs its parentheses to keep its meaning;
    /// Loki prints it without.
    fn side(&mut self, side: &MetricExpr, loosest: u8, level: usize) {
        let needs_parentheses = match side {
            MetricExpr::Binary(binary) => binary.op.precedence() < loosest && short(side).is_none(),
            _ => false,
        };
        if !needs_parentheses {
            return self.metric(side, level);
        }
        self.line(level, "(");
        self.metric(side, level + 1);
        self.end_line();
        self.text(level, ")");
    }

    fn label_replace(&mut self, replace: &LabelReplace, level: usize) {
        self.line(level, "label_replace(");
        self.metric(&replace.inner, level + 1);
        for text in [&replace.destination, &replace.replacement, &replace.source, &replace.regex] {
            self.out.push_str(",\n");
            self.text(level + 1, GoQuoted(text));
        }
        self.end_line();
        self.text(level, ")");
    }

    fn variants(&mut self, metrics: &[MetricExpr], of: &LogRange) {
        self.line(0, "variants(");
        for (at, metric) in metrics.iter().enumerate() {
            if at > 0 {
                self.out.push_str(",\n");
            }
            self.metric(metric, 1);
        }
        self.out.push_str("\n) of (\n");
        self.log_range(of, 1);
        self.out.push_str("\n)");
    }
}

#[cfg(test)]
mod tests {
    use super::pretty;
    use crate::parser::parse;

    #[test]
    fn splits_what_is_long() {
        let long = r#"{app="api", namespace="a-rather-long-name-for-a-namespace"}"#;
        for (query, expected) in [
            (
                format!("quantile_over_time(0.9,{long}|json|unwrap duration(took)|__error__=\"\"[1m]offset 1h)by(a,b)"),
                format!(
                    "quantile_over_time(\n  0.9,\n  {long} | json\n    | unwrap duration(took)\n    \
                     | __error__=\"\" [1m] offset 1h\n) by (a, b)"
                ),
            ),
            (
                format!("topk by(a,b)(3,rate({long}|=\"error\"!=\"timeout\"|decolorize|logfmt|level!=\"debug\"[5m]))"),
                format!(
                    "topk by (a, b)(\n  3,\n  rate(\n    {long}\n      |= \"error\"\n      != \"timeout\"\n| decolorize\n      \
                     | logfmt\n      | level!=\"debug\" [5m]\n  )\n)"
                ),
            ),
            (
                format!("label_replace(rate({long}[5m]),\"to\",\"$1\",\"from\",\"(.*):.*\")"),
                format!("label_replace(\n  rate({long}[5m]),\n  \"to\",\n  \"$1\",\n  \"from\",\n  \"(.*):.*\"\n)"),
            ),
            (
                format!("(rate({long}[5m])-rate({long}[1h]))*on(app)group_left 2"),
                format!("  (\n      rate({long}[5m])\n    -\n      rate({long}[1h])\n  )\n* on (app) group_left\n  2"),
            ),
        ] {
            let expr = parse(&query).expect(&query);
            assert_eq!(pretty(&expr), expected);
            assert_eq!(parse(&expected).as_ref(), Ok(&expr));
        }
    }
}
