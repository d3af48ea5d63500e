//! Answers of the paths below `/api/prom`: labels as text, times as RFC 3339.

use sigyn_logql::{Entry, StreamEntries};
use sigyn_model::Labels;
use sigyn_read::{QueryStats, TailFrame};

use super::stats::stats;
use super::{array, display, key, string};

pub(crate) fn legacy_streams(out: &mut Vec<u8>, streams: &[StreamEntries], cost: &QueryStats) {
    out.extend_from_slice(br#"{"streams":"#);
    array(out, streams, |out, found| stream(out, &found.labels, &found.entries));
    key(out, "stats");
    stats(out, cost);
    out.extend_from_slice(b"}\n");
}

pub(crate) fn legacy_strings(out: &mut Vec<u8>, items: &[String]) {
    out.extend_from_slice(br#"{"values":"#);
    array(out, items, |out, item| string(out, item.as_bytes()));
    out.extend_from_slice(b"}\n");
}

pub(crate) fn legacy_tail_frame(out: &mut Vec<u8>, frame: &TailFrame) {
    out.extend_from_slice(br#"{"streams":"#);
    array(out, &frame.entries, |out, tailed| stream(out, &tailed.labels, std::slice::from_ref(&tailed.entry)));
    key(out, "dropped_entries");
    if frame.dropped.is_empty() {
        out.extend_from_slice(b"null");
    } else {
        array(out, &frame.dropped, |out, dropped| {
            out.push(b'{');
            key(out, "Timestamp");
            time(out, dropped.timestamp.nanos());
            key(out, "Labels");
            string(out, dropped.labels.to_string().as_bytes());
            out.push(b'}');
        });
    }
    out.push(b'}');
}

fn stream(out: &mut Vec<u8>, labels: &Labels, entries: &[Entry]) {
    out.push(b'{');
    key(out, "labels");
    string(out, labels.to_string().as_bytes());
    key(out, "entries");
    array(out, entries, |out, entry| {
        out.push(b'{');
        key(out, "ts");
        time(out, entry.timestamp);
        key(out, "line");
        string(out, &entry.line);
        out.push(b'}');
    });
    out.push(b'}');
}

fn time(out: &mut Vec<u8>, nanos: i64) {
    out.push(b'"');
    // Every 64-bit number of nanoseconds is a time jiff knows.
    display(out, jiff::Timestamp::from_nanosecond(i128::from(nanos)).unwrap_or(jiff::Timestamp::UNIX_EPOCH));
    out.push(b'"');
}
