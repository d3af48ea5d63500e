//! Log entries by stream.

use sigyn_logql::{Entry, StreamEntries};

use super::labels::labels;
use super::{array, display, key, string};

/// Appends the streams. `categorize`: each value says which of its labels are metadata and which were parsed.
pub(super) fn streams(out: &mut Vec<u8>, streams: &[StreamEntries], categorize: bool) {
    array(out, streams, |out, stream| {
        out.extend_from_slice(br#"{"stream":"#);
        labels(out, &stream.labels);
        out.extend_from_slice(br#","values":"#);
        array(out, &stream.entries, |out, entry| value(out, entry, categorize));
        out.push(b'}');
    });
}

/// Appends `["<ns>","line"]`, or with `categorize` a third element.
pub(super) fn value(out: &mut Vec<u8>, entry: &Entry, categorize: bool) {
    out.extend_from_slice(b"[\"");
    display(out, entry.timestamp);
    out.extend_from_slice(b"\",");
    string(out, &entry.line);
    if categorize {
        out.extend_from_slice(b",{");
        for (name, set) in [("structuredMetadata", &entry.structured_metadata), ("parsed", &entry.parsed)] {
            if !set.is_empty() {
                key(out, name);
                labels(out, set);
            }
        }
        out.push(b'}');
    }
    out.push(b']');
}
