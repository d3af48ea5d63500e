//! Frames of a tail.

use sigyn_model::Labels;
use sigyn_read::{TailEntry, TailFrame};

use super::labels::labels;
use super::{EncodingFlags, array, display, key, streams};

/// Appends one frame: a stream element per entry.
///
/// Without `categorize-labels`, entries of the past show all their labels and live ones only those of their stream, as in Loki.
pub(crate) fn tail_frame(out: &mut Vec<u8>, frame: &TailFrame, flags: &EncodingFlags) {
    let categorize = flags.categorize();
    out.extend_from_slice(br#"{"streams":"#);
    array(out, &frame.entries, |out, TailEntry { labels: stream, entry }| {
        out.extend_from_slice(br#"{"stream":"#);
        if frame.history && !categorize {
            labels(out, &merged([stream, &entry.structured_metadata, &entry.parsed]));
        } else {
            labels(out, stream);
        }
        out.extend_from_slice(br#","values":["#);
        streams::value(out, entry, categorize);
        out.extend_from_slice(b"]}");
    });
    if !frame.dropped.is_empty() {
        key(out, "dropped_entries");
        array(out, &frame.dropped, |out, dropped| {
            out.extend_from_slice(br#"{"timestamp":""#);
            display(out, dropped.timestamp);
            out.extend_from_slice(br#"","labels":"#);
            labels(out, &dropped.labels);
            out.push(b'}');
        });
    }
    flags.write(out);
    out.push(b'}');
}

/// All pairs in one set; where two name one label, the later wins.
fn merged(sets: [&Labels; 3]) -> Labels {
    Labels::with_empty(sets.into_iter().flat_map(Labels::iter))
}
