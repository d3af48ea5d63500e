//! Loki's canonical text of every part of the tree: one line, parsed again it gives the same tree.
//!
//! Byte sizes and `vector(…)` are printed rounded, as Loki prints them.

use std::fmt::{self, Display, Formatter, Write as _};

use sigyn_model::duration::{format_go, format_prometheus};
use sigyn_model::labels::GoQuoted;

use crate::ast::{
    BinaryExpr, CompareOp, Expr, Extract, Grouping, LabelChoice, LabelFilter, LabelFormat, LabelReplace, LineFilter,
    LineFilterArg, LogExpr, LogRange, Matcher, MetricExpr, RangeAggregation, Selector, Stage, Unwrap,
    VectorAggregation, VectorMatching,
};

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(log) => Display::fmt(log, f),
            Self::Metric(metric) => Display::fmt(metric, f),
            Self::Variants { metrics, of } => {
                f.write_str("variants(")?;
                joined(f, metrics, ", ")?;
                write!(f, ") of ({of})")
            }
        }
    }
}

impl Display for LogExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.selector, f)?;
        self.stages.iter().try_for_each(|stage| write!(f, " {stage}"))
    }
}

impl Display for Selector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('{')?;
        joined(f, &self.matchers, ", ")?;
        f.write_char('}')
    }
}

impl Display for Matcher {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.name, self.op.name(), GoQuoted(&self.value))
    }
}

impl Display for Stage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineFilter(filter) => Display::fmt(filter, f),
            Self::Json(extracts) => {
                f.write_str("| json")?;
                spaced(f, extracts)
            }
            Self::Logfmt { strict, keep_empty, extracts } => {
                f.write_str("| logfmt")?;
                f.write_str(if *strict { " --strict" } else { "" })?;
                f.write_str(if *keep_empty { " --keep-empty" } else { "" })?;
                spaced(f, extracts)
            }
            Self::Regexp(pattern) => write!(f, "| regexp {}", GoQuoted(pattern)),
            Self::Pattern(pattern) => write!(f, "| pattern {}", GoQuoted(pattern)),
            Self::Unpack => f.write_str("| unpack"),
            Self::LabelFilter(filter) => write!(f, "| {filter}"),
            Self::LineFormat(template) => write!(f, "| line_format {}", GoQuoted(template)),
            Self::LabelFormat(formats) => {
                f.write_str("| label_format")?;
                spaced(f, formats)
            }
            Self::Decolorize => f.write_str("| decolorize"),
            Self::Drop(choices) => {
                f.write_str("| drop")?;
                spaced(f, choices)
            }
            Self::Keep(choices) => {
                f.write_str("| keep")?;
                spaced(f, choices)
            }
        }
    }
}

impl Display for LineFilter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.op.name())?;
        joined(f, &self.alternatives, " or ")
    }
}

impl Display for LineFilterArg {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => Display::fmt(&GoQuoted(text), f),
            Self::Ip(pattern) => write!(f, "ip({})", GoQuoted(pattern)),
        }
    }
}

impl Display for Extract {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.label, GoQuoted(&self.expression))
    }
}

impl Display for LabelFormat {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rename { to, from } => write!(f, "{to}={from}"),
            Self::Template { to, template } => write!(f, "{to}={}", GoQuoted(template)),
        }
    }
}

impl Display for LabelChoice {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Matcher(matcher) => Display::fmt(matcher, f),
        }
    }
}

impl Display for LabelFilter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let compare = |f: &mut Formatter<'_>, name: &str, op: &CompareOp, value: &dyn Display| {
            write!(f, "{name}{}{value}", op.name())
        };
        match self {
            Self::Match(matcher) => Display::fmt(matcher, f),
            Self::Number { name, op, value } => compare(f, name, op, &Float(*value)),
            Self::Duration { name, op, value } => compare(f, name, op, &format_go(*value)),
            Self::Bytes { name, op, value } => compare(f, name, op, &HumanBytes(*value)),
            Self::Ip { name, negated, pattern } => {
                write!(f, "{name}{}ip({})", if *negated { "!=" } else { "=" }, GoQuoted(pattern))
            }
            Self::And(left, right) => write!(f, "( {left} , {right} )"),
            Self::Or(left, right) => write!(f, "( {left} or {right} )"),
        }
    }
}

impl Display for MetricExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(range) => Display::fmt(range, f),
            Self::Vector(vector) => Display::fmt(vector, f),
            Self::Binary(binary) => Display::fmt(binary, f),
            Self::LabelReplace(replace) => Display::fmt(replace, f),
            Self::VectorLiteral(value) => write!(f, "vector({value:.6})"),
            Self::Literal(value) => Display::fmt(&Float(*value), f),
        }
    }
}

impl Display for RangeAggregation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.op.name())?;
        if let Some(parameter) = self.parameter {
            write!(f, "{},", Float(parameter))?;
        }
        write!(f, "{})", self.range)?;
        match &self.grouping {
            Some(grouping) => write!(f, " {grouping}"),
            None => Ok(()),
        }
    }
}

impl Display for LogRange {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.log, f)?;
        if let Some(unwrap) = &self.unwrap {
            write!(f, " {unwrap}")?;
        }
        write!(f, "[{}]", format_prometheus(self.range))?;
        if self.has_offset {
            write!(f, " offset {}", format_go(self.offset))?;
        }
        Ok(())
    }
}

impl Display for Unwrap {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.conversion {
            Some(conversion) => write!(f, "| unwrap {}({})", conversion.name(), self.label)?,
            None => write!(f, "| unwrap {}", self.label)?,
        }
        self.post_filters.iter().try_for_each(|filter| write!(f, " | {filter}"))
    }
}

impl Display for VectorAggregation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.op.name())?;
        if let Some(grouping) = &self.grouping {
            write!(f, " {grouping}")?;
        }
        f.write_char('(')?;
        if let Some(parameter) = self.parameter {
            write!(f, "{parameter},")?;
        }
        write!(f, "{})", self.inner)
    }
}

impl Display for Grouping {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.without { "without (" } else { "by (" })?;
        joined(f, &self.labels, ",")?;
        f.write_char(')')
    }
}

impl Display for BinaryExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "({} {}", self.left, self.op.name())?;
        f.write_str(if self.return_bool { " bool" } else { "" })?;
        if let Some(matching) = &self.matching {
            write!(f, " {matching}")?;
            f.write_str(if self.needs_empty_include() { " ()" } else { "" })?;
        }
        write!(f, " {})", self.right)
    }
}

impl BinaryExpr {
    /// Whether the parenthesis that opens the right side would be read as the labels of `group_left`.
    pub(crate) fn needs_empty_include(&self) -> bool {
        let is_bare = |matching: &VectorMatching| matching.group.is_some() && matching.include.is_empty();
        self.matching.as_ref().is_some_and(is_bare) && matches!(self.right, MetricExpr::Binary(_))
    }
}

/// Ends in a space when there is no group clause, as in Loki's text.
impl Display for VectorMatching {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.on { "on (" } else { "ignoring (" })?;
        joined(f, &self.labels, ",")?;
        f.write_str(") ")?;
        let Some(group) = self.group else {
            return Ok(());
        };
        f.write_str(group.name())?;
        if self.include.is_empty() {
            return Ok(());
        }
        f.write_str(" (")?;
        joined(f, &self.include, ",")?;
        f.write_char(')')
    }
}

impl Display for LabelReplace {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "label_replace({}", self.inner)?;
        for text in [&self.destination, &self.replacement, &self.source, &self.regex] {
            write!(f, ",{}", GoQuoted(text))?;
        }
        f.write_char(')')
    }
}

fn joined<T: Display>(f: &mut Formatter<'_>, items: &[T], separator: &str) -> fmt::Result {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            f.write_str(separator)?;
        }
        Display::fmt(item, f)?;
    }
    Ok(())
}

/// ` a,b`, or nothing.
fn spaced<T: Display>(f: &mut Formatter<'_>, items: &[T]) -> fmt::Result {
    if items.is_empty() {
        return Ok(());
    }
    f.write_char(' ')?;
    joined(f, items, ",")
}

/// A number without exponent in as few digits as identify it, with Go's words for what is no number.
pub(crate) struct Float(pub(crate) f64);

impl Display for Float {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.is_infinite() {
            return f.write_str(if self.0 > 0.0 { "+Inf" } else { "-Inf" });
        }
        write!(f, "{}", self.0)
    }
}

/// `1.0kB`, `25MB`: powers of 1000, one decimal below ten.
struct HumanBytes(u64);

impl Display for HumanBytes {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0 < 10 {
            return write!(f, "{}B", self.0);
        }
        let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
        let power = self.0.ilog10() / 3;
        let value = self.0 as f64 / 1000_f64.powi(power.cast_signed());
        let rounded = (value * 10.0 + 0.5).floor() / 10.0;
        let decimals = usize::from(rounded < 10.0);
        write!(f, "{rounded:.decimals$}{}", units[power as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::{Float, HumanBytes};

    #[test]
    fn numbers_print_like_go() {
        for (value, text) in [(1000.0, "1000"), (0.1, "0.1"), (-2.5, "-2.5"), (1e21, "1000000000000000000000")] {
            assert_eq!(Float(value).to_string(), text);
        }
        assert_eq!((Float(f64::NAN).to_string(), Float(f64::INFINITY).to_string()), ("NaN".into(), "+Inf".into()));
    }

    #[test]
    fn sizes_print_humanised() {
        for (bytes, text) in [
            (0, "0B"),
            (1, "1B"),
            (999, "999B"),
            (1000, "1.0kB"),
            (1024, "1.0kB"),
            (2_500_000, "2.5MB"),
            (12_345, "12kB"),
            (u64::MAX, "18EB"),
        ] {
            assert_eq!(HumanBytes(bytes).to_string(), text);
        }
    }
}
