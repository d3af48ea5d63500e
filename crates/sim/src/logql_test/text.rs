//! The small pieces of text that `.test` files are made of: label sets, lines, values.

use sigyn_model::Labels;
use sigyn_model::labels::GoQuoted;

/// Reads `{name="value", …}` at the start of `text`; returns the labels and the rest. Errors: a sentence.
pub(super) fn labels(text: &str) -> Result<(Labels, &str), String> {
    let bad = || format!("not a label set: {text}");
    let mut rest = text.strip_prefix('{').ok_or_else(bad)?.trim_start();
    let mut pairs: Vec<(String, String)> = Vec::new();
    loop {
        if let Some(rest) = rest.strip_prefix('}') {
            return Ok((Labels::with_empty(pairs), rest));
        }
        let (name, after) = rest.split_once('=').ok_or_else(bad)?;
        let (value, after) = quoted(after)?;
        pairs.push((name.trim().to_owned(), value));
        let after = after.trim_start();
        rest = after.strip_prefix(',').unwrap_or(after).trim_start();
    }
}

/// Reads `"…"` with Go's escapes at the start of `text`; returns the string and the rest. Errors: a sentence.
pub(super) fn quoted(text: &str) -> Result<(String, &str), String> {
    let bad = || format!("not a quoted string: {text}");
    let inner = text.strip_prefix('"').ok_or_else(bad)?;
    let mut out = String::new();
    let mut chars = inner.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((out, &inner[at + 1..])),
            '\\' => {
                let (_, escape) = chars.next().ok_or_else(bad)?;
                let digits = match escape {
                    'a' => '\u{7}'.into(),
                    'b' => '\u{8}'.into(),
                    'f' => '\u{c}'.into(),
                    'n' => '\n'.into(),
                    'r' => '\r'.into(),
                    't' => '\t'.into(),
                    'v' => '\u{b}'.into(),
                    'x' | 'u' => None,
                    other => Some(other),
                };
                let length = if escape == 'x' { 2 } else { 4 };
                let character = match digits {
                    Some(character) => character,
                    None => {
                        let digits: String = chars.by_ref().take(length).map(|(_, digit)| digit).collect();
                        u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32).ok_or_else(bad)?
                    }
                };
                out.push(character);
            }
            c => out.push(c),
        }
    }
    Err(bad())
}

/// A line as it is written down: as it is, or quoted where that would not read back.
pub(super) fn write_line(line: &str) -> String {
    let plain = !line.is_empty()
        && !line.starts_with(['"', '~'])
        && line.trim() == line
        && !line.chars().any(|c| c.is_control() || c == '\u{fffd}');
    if plain { line.to_owned() } else { GoQuoted(line).to_string() }
}

/// The line that [`write_line`] wrote. Errors: a sentence.
pub(super) fn read_line(text: &str) -> Result<String, String> {
    if !text.starts_with('"') {
        return Ok(text.to_owned());
    }
    match quoted(text)? {
        (line, "") => Ok(line),
        (_, rest) => Err(format!("{rest:?} after a quoted line")),
    }
}

/// A sample as Prometheus writes it; `_` for none.
pub(super) fn write_value(value: Option<f64>) -> String {
    match value {
        None => "_".to_owned(),
        Some(value) if value == f64::INFINITY => "+Inf".to_owned(),
        Some(value) if value == f64::NEG_INFINITY => "-Inf".to_owned(),
        Some(value) => value.to_string(),
    }
}

/// The sample that [`write_value`] wrote. Errors: a sentence.
pub(super) fn read_value(text: &str) -> Result<Option<f64>, String> {
    if text == "_" {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| format!("not a value: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_lines_read_back() {
        let text = r#"{a="b", c="x \"y\" \n\x1b[0m é"}"#;
        let (read, rest) = labels(text).expect("a label set");
        assert_eq!((read.to_string().as_str(), rest), (text, ""));
        assert_eq!(labels("{}  1").map(|(labels, rest)| (labels.len(), rest)), Ok((0, "  1")));
        assert!(labels("{a=b}").is_err() && labels("a").is_err() && labels(r#"{a="b""#).is_err());
        for line in ["", " ", "plain", "\"quoted\"", "tab\there", "~x", "new\nline", "trailing "] {
            assert_eq!(read_line(&write_line(line)).as_deref(), Ok(line));
        }
    }

    #[test]
    fn values_read_back() {
        for text in ["_", "1", "0.25", "NaN", "+Inf", "-Inf", "-3"] {
            assert_eq!(read_value(text).map(write_value).as_deref(), Ok(text));
        }
        assert!(read_value("x").is_err());
    }
}
