//! The statistics of a query, as the server counted them.

use std::io::Write;

use anyhow::Result;
use serde_json::{Number, Value};

use super::table::{Align, Table};

/// Adds the numbers of `more` to those of `total`; an export is many queries.
pub(in crate::cli) fn merge(total: &mut Value, more: Value) {
    match (total, more) {
        (Value::Object(total), Value::Object(more)) => {
            for (name, value) in more {
                match total.get_mut(&name) {
                    Some(sum) => merge(sum, value),
                    None => {
                        total.insert(name, value);
                    }
                }
            }
        }
        (Value::Number(total), Value::Number(more)) => {
            let sum = match (total.as_i64(), more.as_i64()) {
                (Some(a), Some(b)) => Some(Number::from(a.saturating_add(b))),
                _ => Number::from_f64(total.as_f64().unwrap_or(0.0) + more.as_f64().unwrap_or(0.0)),
            };
            if let Some(sum) = sum {
                *total = sum;
            }
        }
        (Value::Bool(total), Value::Bool(more)) => *total |= more,
        (total @ Value::Null, more) => *total = more,
        _ => {}
    }
}

/// Writes what is not zero, one number a line.
pub(in crate::cli) fn print(out: &mut dyn Write, stats: &Value) -> Result<()> {
    let mut table = Table::new(&[Align::Left, Align::Right]);
    let seconds = stats["summary"]["execTime"].as_f64().unwrap_or(0.0);
    collect(&mut table, "", stats, seconds);
    table.write(out, "")?;
    Ok(())
}

fn collect(table: &mut Table, path: &str, value: &Value, seconds: f64) {
    let Value::Object(fields) = value else { return };
    for (name, value) in fields {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match value {
            Value::Object(_) => collect(table, &path, value, seconds),
            // Sums of rates mean nothing; the rate of the sums does.
            Value::Number(_) if name.ends_with("PerSecond") => {
                let total = match name.strip_suffix("ProcessedPerSecond") {
                    Some("bytes") => &fields["totalBytesProcessed"],
                    Some("lines") => &fields["totalLinesProcessed"],
                    _ => continue,
                };
                let rate = total.as_f64().unwrap_or(0.0) / seconds;
                if rate.is_finite() && rate > 0.0 {
                    let rate = Number::from(rate as u64);
                    table.push([path, human(name, &rate)]);
                }
            }
            Value::Number(number) if number.as_f64() != Some(0.0) => table.push([path, human(name, number)]),
            Value::Bool(true) => table.push([path, "yes".to_owned()]),
            _ => {}
        }
    }
}

/// A number with the unit that its name tells.
fn human(name: &str, number: &Number) -> String {
    let name = name.to_ascii_lowercase();
    let value = number.as_f64().unwrap_or(0.0);
    let is_time = ["time", "duration", "lengthserved", "latency"].iter().any(|end| name.ends_with(end));
    if is_time {
        // Loki's rule: whole numbers are nanoseconds, others seconds.
        let seconds = if number.is_f64() { value } else { value / 1e9 };
        return human_seconds(seconds);
    }
    match number.as_u64() {
        Some(bytes) if name.contains("bytes") => human_bytes(bytes),
        Some(count) => human_count(count),
        None => number.to_string(),
    }
}

fn human_seconds(seconds: f64) -> String {
    match seconds {
        _ if seconds < 1e-3 => format!("{:.1} µs", seconds * 1e6),
        _ if seconds < 1.0 => format!("{:.1} ms", seconds * 1e3),
        _ => format!("{seconds:.2} s"),
    }
}

/// `1.5 MiB`.
pub(in crate::cli) fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut value = bytes as f64;
    let mut unit = "B";
    for next in UNITS {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") }
}

/// `12,345,678`.
pub(in crate::cli) fn human_count(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_added_and_named() {
        let page = json!({ "summary": { "execTime": 0.25, "totalBytesProcessed": 1_048_576, "bytesProcessedPerSecond": 99,
            "totalLinesProcessed": 0, "linesProcessedPerSecond": 0, "totalEntriesReturned": 1000 },
            "ingester": { "store": { "chunksDownloadTime": 1500, "queryUsedV2Engine": true } } });
        let mut total = Value::Null;
        merge(&mut total, page.clone());
        merge(&mut total, page);
        let mut out = Vec::new();
        print(&mut out, &total).expect("memory takes it");
        let lines: Vec<String> = String::from_utf8_lossy(&out)
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        for line in [
            "summary.execTime 500.0 ms",
            "summary.totalBytesProcessed 2.0 MiB",
            "summary.bytesProcessedPerSecond 4.0 MiB",
            "summary.totalEntriesReturned 2,000",
            "ingester.store.chunksDownloadTime 3.0 µs",
            "ingester.store.queryUsedV2Engine yes",
        ] {
            assert!(lines.iter().any(|found| found == line), "{line} is not in {lines:#?}");
        }
        assert_eq!(lines.len(), 6, "{lines:#?}");
    }

    #[test]
    fn human_numbers() {
        assert_eq!([0, 999, 1000, 1_234_567].map(human_count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0, 1023, 1024, 1_572_864].map(human_bytes), ["0 B", "1023 B", "1.0 KiB", "1.5 MiB"]);
    }
}
