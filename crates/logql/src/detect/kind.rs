//! What a value looks like.

use sigyn_model::duration::parse_go;

use crate::humanize::parse_bytes;

/// Types of fields, in the order in which they are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    Int,
    Float,
    Boolean,
    Duration,
    Bytes,
    String,
}

impl FieldKind {
    pub(super) fn of(value: &str) -> Self {
        if value.parse::<i64>().is_ok() {
            Self::Int
        } else if is_float(value) {
            Self::Float
        } else if matches!(
            value,
            "1" | "t" | "T" | "TRUE" | "true" | "True" | "0" | "f" | "F" | "FALSE" | "false" | "False"
        ) {
            Self::Boolean
        } else if parse_go(value).is_ok() {
            Self::Duration
        } else if parse_bytes(value).is_ok() {
            Self::Bytes
        } else {
            Self::String
        }
    }

    /// As Loki's API names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Float => "float",
            Self::Boolean => "boolean",
            Self::Duration => "duration",
            Self::Bytes => "bytes",
            Self::String => "string",
        }
    }
}

/// Whether Go reads it as a 64-bit float: what overflows is none, nor is a signed NaN.
#[must_use]
pub fn is_float(value: &str) -> bool {
    match value.parse::<f64>() {
        Ok(number) if number.is_infinite() => value.contains(['i', 'I']),
        Ok(number) if number.is_nan() => !value.starts_with(['+', '-']),
        Ok(_) => true,
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_tried_in_order() {
        for (value, kind) in [
            ("42", "int"),
            ("-7", "int"),
            ("1.5", "float"),
            ("123456789012345678901234567890", "float"),
            ("NaN", "float"),
            ("-Inf", "float"),
            ("-nan", "string"),
            ("1e999", "string"),
            ("true", "boolean"),
            ("F", "boolean"),
            ("1.5s", "duration"),
            ("2m30s", "duration"),
            ("10KB", "bytes"),
            ("1.5MiB", "bytes"),
            ("99.5%", "string"),
            ("192.168.4.20", "string"),
            ("", "string"),
            ("yes", "string"),
        ] {
            assert_eq!(FieldKind::of(value).name(), kind, "{value}");
        }
    }
}
