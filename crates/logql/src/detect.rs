//! Fields of log entries, found without being asked for: their types, how many values they have, and how to parse them out.
//!
//! An entry's fields are its structured metadata, what the query's own stages parsed, and what `json`, or `logfmt` where
//! the line is no JSON object, finds in the line.

mod kind;
mod line;

use std::collections::{BTreeSet, HashMap, HashSet};

use sigyn_model::Labels;

use crate::collector::{Entry, StreamEntries};
use crate::extract::json::{Members, Raw};
use crate::humanize::{format_bytes, parse_bytes};

pub use kind::{FieldKind, is_float};
pub use line::Parser;

use line::{LineField, LineFields};

/// One field of the entries looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectedField {
    pub label: String,
    /// That of the value seen last.
    pub kind: FieldKind,
    /// Distinct values.
    pub cardinality: u64,
    /// What extracts it; none for structured metadata and for what only the query's own stages make.
    pub parsers: Vec<Parser>,
    /// Keys that lead to it in a JSON line.
    pub json_path: Vec<String>,
}

/// Fields of the entries, sorted by name; at most `limit`, the first ones met.
#[must_use]
pub fn fields(streams: &[StreamEntries], limit: usize) -> Vec<DetectedField> {
    let mut found = Found { limit, fields: HashMap::new() };
    let mut line = LineFields::default();
    for stream in streams {
        for entry in &stream.entries {
            for (name, value) in entry.structured_metadata.iter() {
                found.note(name, &[value], None, Vec::new);
            }
            found.note_parsed(&stream.labels, entry, &mut line);
        }
    }
    let mut fields: Vec<DetectedField> = found.fields.into_iter().map(|(label, field)| field.finish(label)).collect();
    fields.sort_by(|a, b| a.label.cmp(&b.label));
    fields
}

/// Values of one field, sorted. No more entries are looked at once `limit` values are there.
/// A size is written as a query takes it back: `1.5MiB` is `1.6MB`.
#[must_use]
pub fn values(streams: &[StreamEntries], name: &str, limit: usize) -> Vec<String> {
    let mut values: BTreeSet<String> = BTreeSet::new();
    let mut line = LineFields::default();
    for entry in streams.iter().flat_map(|stream| stream.entries.iter().map(move |entry| (stream, entry))) {
        if values.len() >= limit {
            break;
        }
        let (stream, entry) = entry;
        values.extend(entry.structured_metadata.get(name).map(str::to_owned));
        line.read(&stream.labels, &entry.line);
        let parsed = entry.parsed.get(name).filter(|_| is_shown(name));
        let found = line.get(name).map(|field| field.value.as_str());
        values.extend(parsed.into_iter().chain(found).map(rewritten));
    }
    values.into_iter().take(limit).collect()
}

fn rewritten(value: &str) -> String {
    let is_size = value.ends_with(|c: char| c.is_ascii_alphabetic());
    match parse_bytes(value) {
        Ok(bytes) if is_size => format_bytes(bytes),
        _ => value.to_owned(),
    }
}

/// Keys of JSON lines whose text is the message proper.
const MESSAGE_KEYS: [&[u8]; 6] = [b"log", b"message", b"msg", b"msg_", b"_msg", b"content"];

/// The message of a JSON object line, as it stands between its quotes: the first of the keys that usually hold it.
#[must_use]
pub fn message(line: &[u8]) -> Option<&[u8]> {
    let mut members = Members::new(line).ok()?;
    while let Ok(Some((key, value))) = members.next() {
        if let Raw::Str(text) = value
            && MESSAGE_KEYS.contains(&key)
        {
            return Some(text);
        }
    }
    None
}

/// Marks of failed stages are no fields.
fn is_shown(name: &str) -> bool {
    !matches!(name, "__error__" | "__error_details__" | "__preserve_error__")
}

struct Found {
    limit: usize,
    fields: HashMap<String, Field>,
}

#[derive(Debug)]
struct Field {
    kind: FieldKind,
    /// Hashes of the values: enough to count them.
    values: HashSet<u64, foldhash::fast::FixedState>,
    parsers: Vec<Parser>,
    json_path: Vec<String>,
}

impl Field {
    fn finish(self, label: String) -> DetectedField {
        let Self { kind, values, parsers, json_path } = self;
        DetectedField { label, kind, cardinality: values.len() as u64, parsers, json_path }
    }
}

impl Found {
    /// What the query's stages parsed and what the line holds: a name that both have has both values.
    fn note_parsed(&mut self, stream: &Labels, entry: &Entry, line: &mut LineFields) {
        let parser = line.read(stream, &entry.line);
        for LineField { name, value, path } in line.fields() {
            let of_query = entry.parsed.get(name).filter(|of_query| of_query != value);
            let values = [of_query, Some(value.as_str())];
            let values: Vec<&str> = values.into_iter().flatten().collect();
            self.note(name, &values, Some(parser), || path.clone());
        }
        for (name, value) in entry.parsed.iter() {
            if is_shown(name) && line.get(name).is_none() {
                self.note(name, &[value], Some(parser), Vec::new);
            }
        }
    }

    fn note(&mut self, name: &str, values: &[&str], parser: Option<Parser>, path: impl FnOnce() -> Vec<String>) {
        if !self.fields.contains_key(name) {
            if self.fields.len() >= self.limit {
                return;
            }
            let field =
                Field { kind: FieldKind::String, values: HashSet::default(), parsers: Vec::new(), json_path: path() };
            self.fields.insert(name.to_owned(), field);
        }
        let Some(field) = self.fields.get_mut(name) else { return };
        if let Some(parser) = parser.filter(|parser| !field.parsers.contains(parser)) {
            field.parsers.push(parser);
        }
        if let Some(first) = values.first() {
            field.kind = FieldKind::of(first);
        }
        field.values.extend(values.iter().map(|value| xxhash_rust::xxh3::xxh3_64(value.as_bytes())));
    }
}

#[cfg(test)]
mod tests;
