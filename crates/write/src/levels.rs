//! Finds an entry's level where Loki would: labels, structured metadata, OTLP severity, then the line itself.
//!
//! A JSON line is searched for the level fields in the order written, a logfmt line in the order of the list;
//! when neither gives a known word, the first bounded level word of the line counts. Nothing here allocates.

mod json;
mod logfmt;
mod words;

use sigyn_model::Limits;

/// Structured metadata that holds the level found.
pub(crate) const DETECTED_LEVEL: &str = "detected_level";
/// Structured metadata in which OTLP's severity number arrives.
const SEVERITY_NUMBER: &[u8] = b"severity_number";

/// Every value that detection itself produces.
pub(crate) const LEVELS: [&str; 8] = ["unknown", "trace", "debug", "info", "warn", "error", "critical", "fatal"];

/// A level: one of [`LEVELS`], by index, or the text of a label or field that is not a known word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level<'a> {
    Known(Known),
    Verbatim(&'a [u8]),
}

/// An index of [`LEVELS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known(pub(crate) u8);

impl Known {
    pub(crate) const UNKNOWN: Self = Self(0);
    pub(crate) const TRACE: Self = Self(1);
    pub(crate) const DEBUG: Self = Self(2);
    pub(crate) const INFO: Self = Self(3);
    pub(crate) const WARN: Self = Self(4);
    pub(crate) const ERROR: Self = Self(5);
    pub(crate) const CRITICAL: Self = Self(6);
    pub(crate) const FATAL: Self = Self(7);
}

/// Words that are levels when they are all of a field's value.
const VALUES: [(&[u8], Known); 15] = [
    (b"info", Known::INFO),
    (b"error", Known::ERROR),
    (b"warn", Known::WARN),
    (b"debug", Known::DEBUG),
    (b"warning", Known::WARN),
    (b"err", Known::ERROR),
    (b"trace", Known::TRACE),
    (b"fatal", Known::FATAL),
    (b"critical", Known::CRITICAL),
    (b"inf", Known::INFO),
    (b"information", Known::INFO),
    (b"wrn", Known::WARN),
    (b"dbg", Known::DEBUG),
    (b"trc", Known::TRACE),
    (b"unknown", Known::UNKNOWN),
];

fn known(value: &[u8]) -> Option<Known> {
    // "unknown" is no level word, only worth an index: it stays as it is either way.
    VALUES
        .iter()
        .find(|(word, level)| match *level {
            Known::UNKNOWN => value == *word,
            _ => value.eq_ignore_ascii_case(word),
        })
        .map(|(_, level)| *level)
}

/// A field's value as a level: its normal form, or the value itself.
pub(crate) fn normalize(value: &[u8]) -> Level<'_> {
    known(value).map_or(Level::Verbatim(value), Level::Known)
}

/// What to look for; made once per push.
#[derive(Debug)]
pub(crate) struct Detector<'l> {
    fields: &'l [String],
    json_depth: usize,
}

impl<'l> Detector<'l> {
    pub(crate) fn new(limits: &'l Limits) -> Self {
        let json_depth = match limits.log_level_from_json_max_depth {
            0 => usize::MAX,
            depth => depth,
        };
        Self { fields: &limits.log_level_fields, json_depth }
    }

    /// The level that a stream's labels give all its entries.
    pub(crate) fn in_labels<'a>(&self, labels: &'a sigyn_model::Labels) -> Option<Level<'a>> {
        self.fields.iter().find_map(|field| labels.get(field)).map(|value| normalize(value.as_bytes()))
    }

    /// The level of an entry whose labels give none. `metadata` has normalised names.
    pub(crate) fn in_entry<'a>(
        &self,
        metadata: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
        line: &[u8],
    ) -> Level<'a> {
        let value_of = |wanted: &[u8]| {
            metadata.clone().find(|(name, value)| *name == wanted && !value.is_empty()).map(|(_, value)| value)
        };
        if metadata.clone().next().is_some() {
            if let Some(value) = self.fields.iter().find_map(|field| value_of(field.as_bytes())) {
                return normalize(value);
            }
            if let Some(number) = value_of(SEVERITY_NUMBER) {
                return Level::Known(of_severity(number));
            }
        }
        Level::Known(self.in_line(line))
    }

    fn in_line(&self, line: &[u8]) -> Known {
        let field = if json::looks_like_object(line) {
            json::find_field(line, self.json_depth, |name| self.position(name, false).is_some())
        } else if memchr::memchr(b'=', line).is_some() {
            logfmt::find_field(line, |name| self.position(name, true))
        } else {
            None
        };
        match field.and_then(known) {
            Some(Known::UNKNOWN) | None => words::first_level(line),
            Some(level) => level,
        }
    }

    /// Where a name stands in the list of level fields.
    fn position(&self, name: &[u8], any_case: bool) -> Option<usize> {
        self.fields.iter().position(|field| {
            field.len() == name.len()
                && if any_case { field.as_bytes().eq_ignore_ascii_case(name) } else { field.as_bytes() == name }
        })
    }
}

/// OTLP's bands of four numbers per level.
fn of_severity(number: &[u8]) -> Known {
    let number: Option<i64> = std::str::from_utf8(number).ok().and_then(|text| text.parse().ok());
    match number {
        None => Known::INFO,
        Some(0) => Known::UNKNOWN,
        Some(..=4) => Known::TRACE,
        Some(5..=8) => Known::DEBUG,
        Some(9..=12) => Known::INFO,
        Some(13..=16) => Known::WARN,
        Some(17..=20) => Known::ERROR,
        Some(21..=24) => Known::FATAL,
        Some(_) => Known::UNKNOWN,
    }
}

#[cfg(test)]
mod tests;
