//! An explanation on a page: the query, the plan as a tree, what is to be read, what a run cost.
//!
//! Every field may be missing: the server may be older or newer than this binary.

use std::io::{self, Write};

use anyhow::Result;
use serde_json::{Map, Value};

use crate::cli::output::{Align, Colour, Console, Table, human_bytes, human_count};

pub(super) fn print(console: &mut Console, data: &Value) -> Result<()> {
    let heading = |console: &Console, text: &str| console.colours.paint(Colour::Bold, text);
    let mut head = Table::new(&[Align::Left, Align::Left]);
    for name in ["query", "type"] {
        if let Some(text) = data[name].as_str() {
            head.push([name, text]);
        }
    }
    head.write(&mut console.out, "")?;
    for selector in list(&data["selectors"]) {
        writeln!(console.out, "\n{}", heading(console, selector["selector"].as_str().unwrap_or("{…}")))?;
        write_stages(&mut console.out, list(&selector["stages"]))?;
        let columns = words(&selector["columns"]);
        if !columns.is_empty() {
            writeln!(console.out, "  columns read: {columns}")?;
        }
        for sentence in list(&selector["pruning"]).iter().filter_map(Value::as_str) {
            writeln!(console.out, "  · {sentence}")?;
        }
    }
    let sizes = sizes(data);
    if !sizes.is_empty() {
        writeln!(console.out, "\n{}", heading(console, "To be read"))?;
        let mut table = Table::new(&[Align::Left, Align::Left]);
        sizes.into_iter().for_each(|row| table.push(row));
        table.write(&mut console.out, "  ")?;
    }
    if let Some(run) = data["run"].as_object() {
        writeln!(console.out, "\n{}", heading(console, "The run"))?;
        write_object(&mut console.out, run, "  ")?;
    }
    Ok(())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// `a, b`, of a list or of one word.
fn words(value: &Value) -> String {
    match value {
        Value::String(word) => word.clone(),
        _ => list(value).iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
    }
}

fn write_stages(out: &mut dyn Write, stages: &[Value]) -> io::Result<()> {
    let mut table = Table::new(&[Align::Left, Align::Left]);
    for (at, stage) in stages.iter().enumerate() {
        let branch = if at + 1 == stages.len() { "└─" } else { "├─" };
        let mut about = Vec::new();
        for (verb, names) in [("reads", words(&stage["reads"])), ("extracts", words(&stage["extracts"]))] {
            if !names.is_empty() {
                about.push(format!("{verb} {names}"));
            }
        }
        about.extend(stage["note"].as_str().filter(|note| !note.is_empty()).map(str::to_owned));
        table.push([format!("{branch} {}", stage["stage"].as_str().unwrap_or("?")), about.join("; ")]);
    }
    table.write(out, "  ")
}

/// What the server will look at, as far as it says.
fn sizes(data: &Value) -> Vec<[String; 2]> {
    let mut rows = Vec::new();
    let counts = |value: &Value, names: &[(&str, &str)], unit: fn(u64) -> String| {
        let known = names.iter().filter_map(|(field, text)| {
            let number = unit(value[field].as_u64()?);
            Some(format!("{number} {text}").trim_end().to_owned())
        });
        known.collect::<Vec<_>>().join(", ")
    };
    let parts = [
        ("matched", "in the catalog"),
        ("pruned_by_time", "pruned by time"),
        ("pruned_by_labels", "pruned by labels"),
        ("to_read", "to read"),
    ];
    rows.push(["parts".to_owned(), counts(&data["parts"], &parts, human_count)]);
    for name in ["streams", "blocks", "rows"] {
        rows.push([name.to_owned(), counts(data, &[(name, "")], human_count)]);
    }
    let bytes = [("stored", "stored"), ("raw", "raw")];
    rows.push(["bytes".to_owned(), counts(&data["bytes"], &bytes, human_bytes)]);
    rows.retain(|[_, text]| !text.is_empty());
    rows
}

/// Whatever the server measured: lists of objects as tables, the rest name by name.
fn write_object(out: &mut dyn Write, object: &Map<String, Value>, indent: &str) -> io::Result<()> {
    let mut plain = Table::new(&[Align::Left, Align::Right]);
    for (name, value) in object {
        if !matches!(value, Value::Object(_) | Value::Array(_) | Value::Null) {
            plain.push([title(name), cell(name, value)]);
        }
    }
    plain.write(out, indent)?;
    for (name, value) in object {
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                writeln!(out, "{indent}{}", title(name))?;
                write_object(out, inner, &format!("{indent}  "))?;
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                writeln!(out, "{indent}{}", title(name))?;
                write_rows(out, items, &format!("{indent}  "))?;
            }
            Value::Array(items) if !items.is_empty() => writeln!(out, "{indent}{}: {}", title(name), words(value))?,
            _ => {}
        }
    }
    Ok(())
}

fn write_rows(out: &mut dyn Write, items: &[Value], indent: &str) -> io::Result<()> {
    let mut names: Vec<&String> = Vec::new();
    for name in items.iter().filter_map(Value::as_object).flat_map(Map::keys) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    // What names a row comes first, whatever order the JSON was read in.
    names.sort_by_key(|name| !matches!(name.as_str(), "stage" | "name" | "selector"));
    let is_text = |name: &str| items.iter().any(|item| item[name].is_string());
    let columns: Vec<_> = names.iter().map(|name| if is_text(name) { Align::Left } else { Align::Right }).collect();
    let mut table = Table::new(&columns);
    table.push(names.iter().map(|name| title(name)));
    for item in items {
        table.push(names.iter().map(|name| cell(name, &item[name.as_str()])));
    }
    table.write(out, indent)
}

/// Units that a name may end in, in nanoseconds.
const TIMES: [(&str, f64); 4] = [("_seconds", 1e9), ("_ms", 1e6), ("_us", 1e3), ("_ns", 1.0)];

/// A name without its unit, which the value has.
fn title(name: &str) -> String {
    let bare = TIMES.iter().find_map(|(unit, _)| name.strip_suffix(unit)).unwrap_or(name);
    bare.replace('_', " ")
}

/// A value with the unit that its name ends in.
fn cell(name: &str, value: &Value) -> String {
    let unit = TIMES.iter().find(|(unit, _)| name.ends_with(unit));
    match (value, unit) {
        (Value::Null, _) => "-".to_owned(),
        (Value::String(text), _) => text.clone(),
        (Value::Number(number), Some((_, nanos))) => duration(number.as_f64().unwrap_or(0.0) * nanos),
        (Value::Number(number), None) => match number.as_u64() {
            Some(bytes) if name.contains("bytes") => human_bytes(bytes),
            Some(count) => human_count(count),
            None => number.to_string(),
        },
        _ => value.to_string(),
    }
}

fn duration(nanos: f64) -> String {
    match nanos {
        _ if nanos < 1e3 => format!("{nanos:.0} ns"),
        _ if nanos < 1e6 => format!("{:.1} µs", nanos / 1e3),
        _ if nanos < 1e9 => format!("{:.1} ms", nanos / 1e6),
        _ => format!("{:.2} s", nanos / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::args::Format;
    use crate::cli::testing::Sheet;

    fn printed(data: &Value) -> String {
        let out = Sheet::default();
        let mut console = Console::for_test(Format::Default, out.clone(), Sheet::default());
        print(&mut console, data).expect("memory takes it");
        out.text()
    }

    #[test]
    fn a_whole_explanation() {
        let data = json!({
            "query": r#"{app="api"} | json | status >= 500"#,
            "type": "log",
            "selectors": [{
                "selector": r#"{app="api"}"#,
                "stages": [
                    { "stage": "| json", "reads": ["lines"], "extracts": ["status"], "note": "stops at status" },
                    { "stage": "| status >= 500", "reads": [], "extracts": [], "note": "" },
                ],
                "columns": ["timestamps", "lines"],
                "pruning": ["parts outside the hour are skipped"],
            }],
            "parts": { "matched": 12, "pruned_by_time": 3, "pruned_by_labels": 4, "to_read": 5 },
            "streams": 2, "blocks": 40, "rows": 123_456,
            "bytes": { "stored": 1_572_864, "raw": 10_485_760 },
            "run": { "exec_ms": 12.5, "bytes_fetched": 2048, "stages": [
                { "rows_in": 123_456, "rows_out": 10, "stage": "| json", "time_ns": 1_500_000 },
                { "rows_in": 10, "rows_out": 1, "stage": "| status >= 500" },
            ] },
        });
        let expected = "\
query  {app=\"api\"} | json | status >= 500
type   log

{app=\"api\"}
  ├─ | json           reads lines; extracts status; stops at status
  └─ | status >= 500
  columns read: timestamps, lines
  · parts outside the hour are skipped

To be read
  parts    12 in the catalog, 3 pruned by time, 4 pruned by labels, 5 to read
  streams  2
  blocks   40
  rows     123,456
  bytes    1.5 MiB stored, 10.0 MiB raw

The run
  bytes fetched  2.0 KiB
  exec           12.5 ms
  stages
    stage            rows in  rows out    time
    | json           123,456        10  1.5 ms
    | status >= 500       10         1       -
";
        assert_eq!(printed(&data), expected);
    }

    #[test]
    fn what_is_missing_is_left_out() {
        assert_eq!(printed(&json!({ "query": "vector(1)", "run": null })), "query  vector(1)\n");
        assert_eq!(printed(&json!({})), "");
        let odd = json!({ "selectors": [{ "stages": [{ "extracts": "all" }], "columns": null }, 7], "parts": [] });
        assert_eq!(printed(&odd), "\n{…}\n  └─ ?  extracts all\n\n{…}\n");
    }
}
