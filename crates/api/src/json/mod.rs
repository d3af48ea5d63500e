//! JSON written straight to bytes, as Loki writes it.

mod detected;
mod explain;
mod labels;
mod legacy;
mod lists;
mod query;
mod samples;
mod stats;
mod streams;
mod tail;

pub(crate) use detected::{detected_fields, detected_labels, detected_values, patterns};
pub(crate) use explain::{ExplainAnswer, explanation};
pub(crate) use legacy::{legacy_streams, legacy_strings, legacy_tail_frame};
pub(crate) use lists::{index_stats, series, strings};
pub(crate) use query::{EncodingFlags, QueryAnswer, Result as QueryResult, query_answer, size_hint};
pub(crate) use tail::tail_frame;

use memchr::memchr;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Bytes that cannot stand in a string as they are. `0xe2` may begin U+2028 or U+2029.
const SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = true;
        byte += 1;
    }
    table[b'"' as usize] = true;
    table[b'\\' as usize] = true;
    table[b'<' as usize] = true;
    table[b'>' as usize] = true;
    table[b'&' as usize] = true;
    table[0xe2] = true;
    table
};

/// Appends a string. `<`, `>`, `&`, U+2028 and U+2029 are escaped as Go does; each broken UTF-8 sequence becomes `\ufffd`.
pub(crate) fn string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        valid(out, chunk.valid().as_bytes());
        for _ in chunk.invalid() {
            out.extend_from_slice(br"\ufffd");
        }
    }
    out.push(b'"');
}

/// The inside of a string that is valid UTF-8: runs of plain bytes are copied whole.
fn valid(out: &mut Vec<u8>, text: &[u8]) {
    let mut start = 0;
    let mut at = 0;
    while let Some(offset) = text[at..].iter().position(|&byte| SPECIAL[byte as usize]) {
        at += offset;
        let byte = text[at];
        if byte == 0xe2 && !(text[at + 1] == 0x80 && matches!(text[at + 2], 0xa8 | 0xa9)) {
            at += 3;
            continue;
        }
        out.extend_from_slice(&text[start..at]);
        match byte {
            b'"' => out.extend_from_slice(br#"\""#),
            b'\\' => out.extend_from_slice(br"\\"),
            b'\n' => out.extend_from_slice(br"\n"),
            b'\r' => out.extend_from_slice(br"\r"),
            b'\t' => out.extend_from_slice(br"\t"),
            0xe2 => {
                out.extend_from_slice(br"\u202");
                out.push(HEX[(text[at + 2] & 0xf) as usize]);
                at += 2;
            }
            _ => {
                out.extend_from_slice(br"\u00");
                out.extend_from_slice(&[HEX[(byte >> 4) as usize], HEX[(byte & 0xf) as usize]]);
            }
        }
        at += 1;
        start = at;
    }
    out.extend_from_slice(&text[start..]);
}

/// Appends anything that displays as plain digits or the like: no quotes, no escapes.
pub(crate) fn display(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    use std::io::Write as _;
    // Writing to a vector cannot fail.
    let _ = write!(out, "{value}");
}

/// Appends a sample's value: a string of the shortest digits that read back equal, without exponent.
pub(crate) fn sample_value(out: &mut Vec<u8>, value: f64) {
    out.push(b'"');
    if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    } else {
        display(out, value);
    }
    out.push(b'"');
}

/// Appends nanoseconds as seconds with at most three decimals.
pub(crate) fn seconds(out: &mut Vec<u8>, nanos: i64) {
    let millis = nanos.div_euclid(1_000_000);
    if millis < 0 {
        out.push(b'-');
    }
    let (whole, fraction) = (millis.unsigned_abs() / 1000, millis.unsigned_abs() % 1000);
    display(out, whole);
    if fraction != 0 {
        let digits = format!(".{fraction:03}");
        out.extend_from_slice(digits.trim_end_matches('0').as_bytes());
    }
}

/// Appends `items` between brackets, separated by commas.
pub(crate) fn array<T>(out: &mut Vec<u8>, items: impl IntoIterator<Item = T>, mut write: impl FnMut(&mut Vec<u8>, T)) {
    out.push(b'[');
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

/// Appends a float of a statistic: a JSON number.
pub(crate) fn number(out: &mut Vec<u8>, value: f64) {
    display(out, if value.is_finite() { value } else { 0.0 });
}

/// Whether a text would be escaped; tests of other writers use it to know what they rely on.
#[cfg(test)]
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| !SPECIAL[byte as usize])
}

/// Whether the last element of an object under construction needs a comma before the next.
pub(crate) fn comma(out: &mut Vec<u8>) {
    if !matches!(out.last(), Some(b'{' | b'[')) {
        out.push(b',');
    }
}

/// Appends a key (plain text) and its colon, after a comma where one is due.
pub(crate) fn key(out: &mut Vec<u8>, name: &str) {
    debug_assert!(memchr(b'"', name.as_bytes()).is_none(), "keys are literals of this crate");
    comma(out);
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

#[cfg(test)]
mod tests;
