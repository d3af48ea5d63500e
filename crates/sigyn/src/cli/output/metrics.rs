//! Metrics as tables: steps down, series across, while they fit; otherwise series by series.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use anyhow::Result;
use serde::Serialize;

use super::table::{Align, Table};
use super::{Colour, Console, Format};
use crate::cli::answer::{LabelSet, Point, QueryResult, Sample, Series};

#[derive(Serialize)]
struct JsonSample<'a> {
    metric: &'a LabelSet,
    timestamp: String,
    value: &'a str,
}

/// Prints a metric; log entries are not for here and print nothing.
pub(in crate::cli) fn print(console: &mut Console, result: &QueryResult) -> Result<()> {
    let nobody = LabelSet::default();
    let samples: Vec<(&LabelSet, &Point)> = match result {
        QueryResult::Streams(_) => Vec::new(),
        QueryResult::Matrix(series) => {
            series.iter().flat_map(|series| series.values.iter().map(|point| (&series.metric, point))).collect()
        }
        QueryResult::Vector(samples) => samples.iter().map(|sample| (&sample.metric, &sample.value)).collect(),
        QueryResult::Scalar(point) => vec![(&nobody, point)],
    };
    match console.format {
        Format::Jsonl => {
            for (metric, point) in samples {
                let timestamp = console.zone.format_exactly(point.time());
                serde_json::to_writer(&mut console.out, &JsonSample { metric, timestamp, value: &point.1 })
                    .map_err(std::io::Error::from)?;
                console.out.write_all(b"\n")?;
            }
            Ok(())
        }
        Format::Raw => {
            for (metric, point) in samples {
                writeln!(console.out, "{}\t{}\t{metric}", console.zone.format_step(point.time()), point.1)?;
            }
            Ok(())
        }
        Format::Default => match result {
            QueryResult::Matrix(series) => matrix(console, series),
            QueryResult::Vector(samples) => vector(console, samples),
            QueryResult::Scalar(point) => Ok(writeln!(console.out, "{}", point.1)?),
            QueryResult::Streams(_) => Ok(()),
        },
    }
}

fn vector(console: &mut Console, samples: &[Sample]) -> Result<()> {
    if let Some(sample) = samples.first() {
        console.note(format_args!("At {}", console.zone.format(sample.value.time())));
    }
    let mut table = Table::new(&[Align::Right, Align::Left]);
    for sample in samples {
        table.push([sample.value.1.clone(), sample.metric.to_string()]);
    }
    Ok(table.write(&mut console.out, "")?)
}

fn matrix(console: &mut Console, series: &[Series]) -> Result<()> {
    if let [_, _, ..] = series {
        let table = across(console, series);
        if table.width() <= console.width {
            return Ok(table.write(&mut console.out, "")?);
        }
    }
    for (at, series) in series.iter().enumerate() {
        if at > 0 {
            writeln!(console.out)?;
        }
        writeln!(console.out, "{}", console.colours.paint(Colour::Bold, &series.metric))?;
        let mut table = Table::new(&[Align::Left, Align::Right]);
        for point in &series.values {
            table.push([console.zone.format_step(point.time()), point.1.clone()]);
        }
        table.write(&mut console.out, "  ")?;
    }
    Ok(())
}

/// One row a step, one column a series, a dash where a series has no sample.
fn across(console: &Console, series: &[Series]) -> Table {
    let mut columns = vec![Align::Right; series.len() + 1];
    columns[0] = Align::Left;
    let mut table = Table::new(&columns);
    table.push(std::iter::once(String::new()).chain(series.iter().map(|series| series.metric.to_string())));
    let steps: BTreeSet<i64> = series.iter().flat_map(|series| series.values.iter().map(Point::time)).collect();
    let by_step: Vec<BTreeMap<i64, &str>> = series
        .iter()
        .map(|series| series.values.iter().map(|point| (point.time(), point.1.as_str())).collect())
        .collect();
    for step in steps {
        let values = by_step.iter().map(|values| (*values.get(&step).unwrap_or(&"-")).to_owned());
        table.push(std::iter::once(console.zone.format_step(step)).chain(values));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::answer::QueryData;
    use crate::cli::testing::Sheet;

    fn printed(format: Format, width: usize, json: &str) -> String {
        let out = Sheet::default();
        let mut console = Console::for_test(format, out.clone(), Sheet::default());
        console.width = width;
        let data: QueryData = serde_json::from_str(json).expect(json);
        print(&mut console, &data.result).expect("memory takes it");
        out.text()
    }

    const MATRIX: &str = r#"{"resultType":"matrix","result":[
        {"metric":{"app":"api"},"values":[[1795428000,"1"],[1795428060,"20"]]},
        {"metric":{"app":"db"},"values":[[1795428060,"+Inf"]]}]}"#;

    #[test]
    fn steps_down_and_series_across() {
        let expected = "                      {app=\"api\"}  {app=\"db\"}\n\
                        2026-11-23T10:00:00Z            1           -\n\
                        2026-11-23T10:01:00Z           20        +Inf\n";
        assert_eq!(printed(Format::Default, 80, MATRIX), expected);
    }

    #[test]
    fn what_is_too_wide_goes_series_by_series() {
        let expected = "{app=\"api\"}\n  2026-11-23T10:00:00Z   1\n  2026-11-23T10:01:00Z  20\n\n\
                        {app=\"db\"}\n  2026-11-23T10:01:00Z  +Inf\n";
        assert_eq!(printed(Format::Default, 40, MATRIX), expected);
    }

    #[test]
    fn for_programs() {
        let jsonl = printed(Format::Jsonl, 80, MATRIX);
        let first = r#"{"metric":{"app":"api"},"timestamp":"2026-11-23T10:00:00Z","value":"1"}"#;
        assert_eq!((jsonl.lines().next(), jsonl.lines().count()), (Some(first), 3));
        let raw = printed(Format::Raw, 80, MATRIX);
        assert_eq!(raw.lines().last(), Some("2026-11-23T10:01:00Z\t+Inf\t{app=\"db\"}"));
    }

    #[test]
    fn vectors_and_scalars() {
        let vector = r#"{"resultType":"vector","result":[{"metric":{"app":"api"},"value":[1795428000,"7"]},{"metric":{},"value":[1795428000,"12.5"]}]}"#;
        assert_eq!(printed(Format::Default, 80, vector), "   7  {app=\"api\"}\n12.5  {}\n");
        let scalar = r#"{"resultType":"scalar","result":[1795428000.5,"3"]}"#;
        assert_eq!(printed(Format::Default, 80, scalar), "3\n");
        assert_eq!(
            printed(Format::Jsonl, 80, scalar),
            "{\"metric\":{},\"timestamp\":\"2026-11-23T10:00:00.5Z\",\"value\":\"3\"}\n"
        );
    }
}
