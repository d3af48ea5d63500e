//! Values a template computes with, and how Go prints and compares them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::rc::Rc;

use jiff::Zoned;

/// A value of a template: what a field, literal or function yields.
#[derive(Debug, Clone)]
pub(super) enum Value<'a> {
    /// Go's untyped nil, printed `<no value>`.
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Cow<'a, str>),
    Time(Rc<Zoned>),
    List(Rc<Vec<Value<'a>>>),
    Map(Rc<BTreeMap<String, Value<'a>>>),
    /// The root: all labels of the entry, a map from string to string.
    Labels,
}

impl<'a> Value<'a> {
    /// A string that borrows from the entry.
    pub(super) fn borrowed(text: &'a str) -> Self {
        Self::Str(Cow::Borrowed(text))
    }

    /// A string of its own.
    pub(super) fn owned(text: String) -> Self {
        Self::Str(Cow::Owned(text))
    }

    /// Go's name of the type, for error texts.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::Str(_) => "string",
            Self::Time(_) => "time.Time",
            Self::List(_) => "[]interface {}",
            Self::Map(_) => "map[string]interface {}",
            Self::Labels => "map[string]string",
        }
    }

    /// Go's truth: not the zero value, not empty. A struct such as a time is always true.
    pub(super) fn is_true(&self, no_labels: bool) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(b) => *b,
            Self::Int(n) => *n != 0,
            Self::Float(x) => *x != 0.0,
            Self::Str(s) => !s.is_empty(),
            Self::Time(_) => true,
            Self::List(items) => !items.is_empty(),
            Self::Map(entries) => !entries.is_empty(),
            Self::Labels => !no_labels,
        }
    }

    /// Appends the value as Go's `fmt.Print` writes it; `Labels` is written by the caller, which has them.
    pub(super) fn print(&self, out: &mut String) {
        match self {
            Self::Nil => out.push_str("<no value>"),
            Self::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
            Self::Int(n) => {
                let _ = write!(out, "{n}");
            }
            Self::Float(x) => print_float(*x, out),
            Self::Str(s) => out.push_str(s),
            Self::Time(t) => out.push_str(&super::go_time::format(DEFAULT_TIME_LAYOUT, t)),
            Self::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(' ');
                    }
                    item.print_nested(out);
                }
                out.push(']');
            }
            Self::Map(entries) => {
                out.push_str("map[");
                for (at, (name, value)) in entries.iter().enumerate() {
                    if at > 0 {
                        out.push(' ');
                    }
                    out.push_str(name);
                    out.push(':');
                    value.print_nested(out);
                }
                out.push(']');
            }
            Self::Labels => out.push_str("map[]"),
        }
    }

    /// Inside a list or map nil prints as `<nil>`.
    fn print_nested(&self, out: &mut String) {
        match self {
            Self::Nil => out.push_str("<nil>"),
            other => other.print(out),
        }
    }
}

const DEFAULT_TIME_LAYOUT: &str = "2006-01-02 15:04:05.999999999 -0700 MST";

/// Go's `%v` of a float64: shortest digits, exponent form below 1e-4 and from 1e21.
pub(super) fn print_float(x: f64, out: &mut String) {
    if x.is_nan() {
        out.push_str("NaN");
    } else if x.is_infinite() {
        out.push_str(if x > 0.0 { "+Inf" } else { "-Inf" });
    } else if x != 0.0 && !(1e-4..1e21).contains(&x.abs()) {
        let scientific = format!("{x:e}");
        let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
        let _ = write!(out, "{mantissa}e{sign}{digits:0>2}");
    } else {
        let _ = write!(out, "{x}");
    }
}

/// Reads an integer as the numeric template functions do: numbers truncate, text parses or is 0.
pub(super) fn to_int(value: &Value<'_>) -> i64 {
    match value {
        Value::Bool(b) => i64::from(*b),
        Value::Int(n) => *n,
        Value::Float(x) => *x as i64,
        Value::Str(s) => parse_int(s),
        _ => 0,
    }
}

/// Decimal, `0x`, `0b` and `0o` forms; decimals are cut off; anything else is 0.
fn parse_int(text: &str) -> i64 {
    let trimmed = match text.split_once('.') {
        Some((whole, decimals)) if decimals.bytes().all(|b| b.is_ascii_digit()) => whole,
        _ => text,
    };
    let (negative, digits) = match trimmed.as_bytes().first() {
        Some(b'-') => (true, &trimmed[1..]),
        Some(b'+') => (false, &trimmed[1..]),
        _ => (false, trimmed),
    };
    let lower = digits.to_ascii_lowercase();
    let magnitude = if let Some(hex) = lower.strip_prefix("0x") {
        i64::from_str_radix(hex, 16)
    } else if let Some(binary) = lower.strip_prefix("0b") {
        i64::from_str_radix(binary, 2)
    } else if let Some(octal) = lower.strip_prefix("0o") {
        i64::from_str_radix(octal, 8)
    } else {
        lower.parse()
    };
    match magnitude {
        Ok(n) if !lower.starts_with(['-', '+']) => {
            if negative {
                -n
            } else {
                n
            }
        }
        _ => 0,
    }
}

/// Reads a float as the numeric template functions do; text that is no number is 0.
pub(super) fn to_float(value: &Value<'_>) -> f64 {
    match value {
        Value::Bool(b) => f64::from(u8::from(*b)),
        Value::Int(n) => *n as f64,
        Value::Float(x) => *x,
        Value::Str(s) => s.parse().unwrap_or(0.0),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(value: &Value<'_>) -> String {
        let mut out = String::new();
        value.print(&mut out);
        out
    }

    #[test]
    fn prints_as_go_does() {
        for (x, text) in
            [(1.0, "1"), (1.5, "1.5"), (1e21, "1e+21"), (1e20, "100000000000000000000"), (1e-5, "1e-05"), (0.0, "0")]
        {
            assert_eq!(printed(&Value::Float(x)), text);
        }
        let list = Value::List(Rc::new(vec![Value::Int(1), Value::Nil, Value::borrowed("a")]));
        assert_eq!(printed(&list), "[1 <nil> a]");
        assert_eq!(printed(&Value::Nil), "<no value>");
    }

    #[test]
    fn reads_numbers_leniently() {
        for (text, n) in [
            ("42", 42),
            ("-7", -7),
            ("0x1f", 31),
            ("12.00", 12),
            ("12.5", 12),
            ("0.120", 0),
            ("1.2.3", 0),
            ("abc", 0),
            ("", 0),
            ("--1", 0),
        ] {
            assert_eq!(to_int(&Value::borrowed(text)), n, "{text}");
        }
        assert!((to_float(&Value::borrowed("1.5")) - 1.5).abs() < 1e-12);
    }
}
