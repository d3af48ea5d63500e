//! Prints settings as YAML.

use serde_json::Value;

/// Nested keys indented by two spaces, lists in brackets.
pub(super) fn print(value: &Value) -> String {
    let mut out = String::new();
    section(&mut out, value, 0);
    out
}

fn section(out: &mut String, value: &Value, depth: usize) {
    let Value::Object(members) = value else { return };
    for (key, value) in members {
        out.push_str(&"  ".repeat(depth));
        out.push_str(key);
        out.push(':');
        if value.is_object() {
            out.push('\n');
            section(out, value, depth + 1);
        } else {
            out.push(' ');
            scalar(out, value);
            out.push('\n');
        }
    }
}

/// JSON's scalars and lists are YAML; plain words lose their quotes.
fn scalar(out: &mut String, value: &Value) {
    match value {
        Value::String(text) if is_plain(text) => out.push_str(text),
        other => out.push_str(&other.to_string()),
    }
}

/// Text that YAML reads as a string without quotes.
fn is_plain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '.')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_./-:,".contains(c))
        && !text.ends_with(':')
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "y" | "n" | ".inf" | ".nan"
        )
}
