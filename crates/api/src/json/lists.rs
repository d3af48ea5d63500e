//! Lists of names, values and series, and index statistics.

use sigyn_model::Labels;
use sigyn_read::IndexStats;

use super::labels::labels;
use super::{array, display, key, string};

/// Names or values. Loki leaves `data` out when there are none.
pub(crate) fn strings(out: &mut Vec<u8>, items: &[String]) {
    out.extend_from_slice(br#"{"status":"success""#);
    if !items.is_empty() {
        key(out, "data");
        array(out, items, |out, item| string(out, item.as_bytes()));
    }
    out.extend_from_slice(b"}\n");
}

pub(crate) fn series(out: &mut Vec<u8>, items: &[Labels]) {
    out.extend_from_slice(br#"{"status":"success","data":"#);
    array(out, items, labels);
    out.extend_from_slice(b"}\n");
}

pub(crate) fn index_stats(out: &mut Vec<u8>, stats: &IndexStats) {
    out.push(b'{');
    for (name, value) in
        [("streams", stats.streams), ("chunks", stats.chunks), ("bytes", stats.bytes), ("entries", stats.entries)]
    {
        key(out, name);
        display(out, value);
    }
    out.extend_from_slice(b"}\n");
}
