//! The answers of Loki's API, as much of them as the commands print.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::rc::Rc;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use sigyn_model::labels::GoQuoted;

/// Label names and values, sorted by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Deserialize, serde::Serialize)]
#[serde(transparent)]
pub(super) struct LabelSet(pub(super) BTreeMap<String, String>);

impl fmt::Display for LabelSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('{')?;
        for (at, (name, value)) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { ", " };
            write!(f, "{separator}{name}={}", GoQuoted(value))?;
        }
        f.write_char('}')
    }
}

/// `{"status":…,"data":…}` around lists; Loki leaves `data` out when it is empty.
#[derive(Debug, Deserialize)]
pub(super) struct Listed<T> {
    #[serde(default = "Vec::new")]
    pub(super) data: Vec<T>,
}

#[derive(Debug, Deserialize)]
pub(super) struct QueryAnswer {
    pub(super) data: QueryData,
    #[serde(default)]
    pub(super) warnings: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct QueryData {
    #[serde(flatten)]
    pub(super) result: QueryResult,
    #[serde(default)]
    pub(super) stats: Value,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
pub(super) enum QueryResult {
    Streams(Vec<StreamEntries>),
    Matrix(Vec<Series>),
    Vector(Vec<Sample>),
    Scalar(Point),
}

#[derive(Debug, Deserialize)]
pub(super) struct StreamEntries {
    pub(super) stream: LabelSet,
    #[serde(default)]
    pub(super) values: Vec<Entry>,
}

/// Time in nanoseconds and the line. What follows in the array, structured metadata, is in the labels as well.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) time: i64,
    pub(super) line: String,
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntryVisitor;
        impl<'de> Visitor<'de> for EntryVisitor {
            type Value = Entry;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of time and line")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Entry, A::Error> {
                use serde::de::Error as _;
                let time: String = values.next_element()?.ok_or_else(|| A::Error::missing_field("time"))?;
                let time = time.parse().map_err(|_| A::Error::custom(format!("'{time}' is not a time")))?;
                let line = values.next_element()?.ok_or_else(|| A::Error::missing_field("line"))?;
                while values.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Entry { time, line })
            }
        }
        deserializer.deserialize_seq(EntryVisitor)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Series {
    pub(super) metric: LabelSet,
    pub(super) values: Vec<Point>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Sample {
    pub(super) metric: LabelSet,
    pub(super) value: Point,
}

/// Seconds since the Unix epoch, and the value as the server wrote it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Point(f64, pub(super) String);

impl Point {
    /// Nanoseconds; the API has milliseconds.
    pub(super) fn time(&self) -> i64 {
        ((self.0 * 1e3).round() as i64).saturating_mul(1_000_000)
    }
}

/// An entry with the labels of its stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) time: i64,
    pub(super) labels: Rc<LabelSet>,
    pub(super) line: String,
}

/// All entries in one order: by time, in the order of the answer where times are equal.
pub(super) fn rows(streams: Vec<StreamEntries>, forward: bool) -> Vec<Row> {
    let mut rows = Vec::with_capacity(streams.iter().map(|stream| stream.values.len()).sum());
    for stream in streams {
        let labels = Rc::new(stream.stream);
        rows.extend(stream.values.into_iter().map(|entry| Row {
            time: entry.time,
            labels: Rc::clone(&labels),
            line: entry.line,
        }));
    }
    if forward {
        rows.sort_by_key(|row| row.time);
    } else {
        rows.sort_by_key(|row| std::cmp::Reverse(row.time));
    }
    rows
}

/// One message of a tail.
#[derive(Debug, Deserialize)]
pub(super) struct TailMessage {
    #[serde(default)]
    pub(super) streams: Vec<StreamEntries>,
    #[serde(default)]
    pub(super) dropped_entries: Option<Vec<IgnoredAny>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_result_is_read() {
        for (json, expected) in [
            (
                r#"{"resultType":"streams","result":[{"stream":{"a":"b"},"values":[["1","x",{"m":{}}],["2","y"]]}],"stats":{}}"#,
                "Streams",
            ),
            (r#"{"stats":{},"result":[{"metric":{},"values":[[1.5,"NaN"]]}],"resultType":"matrix"}"#, "Matrix"),
            (r#"{"resultType":"vector","result":[{"metric":{"a":"b"},"value":[1,"2"]}]}"#, "Vector"),
            (r#"{"resultType":"scalar","result":[1,"2"]}"#, "Scalar"),
        ] {
            let data: QueryData = serde_json::from_str(json).expect(json);
            assert!(format!("{:?}", data.result).starts_with(expected), "{:?}", data.result);
        }
        assert!(
            serde_json::from_str::<QueryData>(
                r#"{"resultType":"streams","result":[{"stream":{},"values":[["x","y"]]}]}"#
            )
            .is_err()
        );
        let empty: Listed<String> = serde_json::from_str(r#"{"status":"success"}"#).expect("data may be absent");
        assert!(empty.data.is_empty());
    }

    #[test]
    fn equal_times_keep_the_order_of_the_answer() {
        let stream = |name: &str, values: &[(i64, &str)]| StreamEntries {
            stream: LabelSet([("s".to_owned(), name.to_owned())].into()),
            values: values.iter().map(|(time, line)| Entry { time: *time, line: (*line).to_owned() }).collect(),
        };
        let lines = |rows: Vec<Row>| rows.into_iter().map(|row| row.line).collect::<String>();
        assert_eq!(
            lines(rows(vec![stream("x", &[(1, "a"), (2, "b")]), stream("y", &[(1, "c"), (2, "d")])], true)),
            "acbd"
        );
        assert_eq!(
            lines(rows(vec![stream("x", &[(2, "b"), (1, "a")]), stream("y", &[(2, "d"), (1, "c")])], false)),
            "bdac"
        );
    }
}
