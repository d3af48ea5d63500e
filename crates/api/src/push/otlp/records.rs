//! From resources, scopes and log records to streams and entries.
//!
//! Messages (field number, name): ExportLogsServiceRequest 1 resourceLogs · ResourceLogs 1 resource, 2 scopeLogs ·
//! Resource 1 attributes · ScopeLogs 1 scope, 2 logRecords · InstrumentationScope 1 name, 2 version, 3 attributes,
//! 4 droppedAttributesCount · LogRecord: see [`Record`]. Other fields are skipped.

use bytes::Bytes;
use sigyn_model::Labels;
use sigyn_write::{PushBatch, PushEntry, PushStream, Span32};

use super::super::wire::{Field, Message, invalid};
use super::PushError;
use super::arena::{self, Arena};
use super::attributes::{self, Pairs};
use super::rules::{Action, Rules};
use super::value::{self, Any};

/// Decodes a plain `ExportLogsServiceRequest`.
pub(super) fn decode(body: Bytes, rules: &Rules, now: i64, max: usize) -> Result<PushBatch, PushError> {
    let mut builder =
        Builder { arena: Arena::new(&body, max), names: Names::default(), batch: PushBatch::default(), rules, now };
    builder.request(Message::new(&body))?;
    let Builder { arena, mut batch, .. } = builder;
    let extra = arena.into_extra();
    batch.arena = arena::join(body, &extra);
    Ok(batch)
}

struct Builder<'a> {
    arena: Arena<'a>,
    names: Names,
    batch: PushBatch,
    rules: &'a Rules,
    now: i64,
}

/// Spans of names that records share, written when they are first needed.
#[derive(Debug, Default)]
struct Names(Vec<(&'static str, Span32)>);

impl Names {
    fn span(&mut self, arena: &mut Arena<'_>, name: &'static str) -> Result<Span32, PushError> {
        if let Some((_, span)) = self.0.iter().find(|(known, _)| *known == name) {
            return Ok(*span);
        }
        let span = arena.keep(name.as_bytes())?;
        self.0.push((name, span));
        Ok(span)
    }
}

/// What a resource says about all its records.
#[derive(Debug, Default)]
struct Resource {
    labels: Vec<(String, String)>,
    metadata: Pairs,
}

/// A `LogRecord` as it stands in the body.
#[derive(Debug)]
struct Record<'a> {
    time: u64,
    observed: u64,
    severity: i64,
    severity_text: Span32,
    body: Any<'a>,
    dropped_attributes: u64,
    flags: u32,
    trace_id: Span32,
    span_id: Span32,
    event_name: Span32,
}

impl<'a> Builder<'a> {
    fn request(&mut self, mut message: Message<'a>) -> Result<(), PushError> {
        while let Some(field) = message.field()? {
            match field.number {
                1 => self.resource_logs(message.message(field, "resourceLogs")?)?,
                _ => message.skip(field)?,
            }
        }
        Ok(())
    }

    /// The resource counts for all records, wherever it stands among them.
    fn resource_logs(&mut self, message: Message<'a>) -> Result<(), PushError> {
        let mut resource = Resource::default();
        let mut first = message;
        while let Some(field) = first.field()? {
            match field.number {
                1 => self.resource(first.message(field, "resource")?, &mut resource)?,
                _ => first.skip(field)?,
            }
        }
        let labels = Labels::from_pairs(resource.labels);
        let mut second = message;
        let start = self.batch.entries.len() as u32;
        while let Some(field) = second.field()? {
            match field.number {
                2 => self.scope_logs(second.message(field, "scopeLogs")?, &resource.metadata)?,
                _ => second.skip(field)?,
            }
        }
        let entries = start..self.batch.entries.len() as u32;
        if !entries.is_empty() {
            self.arena.spend(size_of::<PushStream>())?;
            self.batch.streams.push(PushStream { labels, repeated_name: None, entries });
        }
        Ok(())
    }

    fn resource(&mut self, mut message: Message<'a>, out: &mut Resource) -> Result<(), PushError> {
        while let Some(field) = message.field()? {
            if field.number != 1 {
                message.skip(field)?;
                continue;
            }
            let pair = value::key_value(message.message(field, "attributes")?)?;
            match self.rules.resource(message.text(pair.key)) {
                Action::IndexLabel => attributes::to_labels(&mut self.arena, &pair, &mut out.labels)?,
                Action::StructuredMetadata => attributes::to_metadata(&mut self.arena, &pair, &mut out.metadata)?,
            }
        }
        Ok(())
    }

    fn scope_logs(&mut self, message: Message<'a>, resource: &Pairs) -> Result<(), PushError> {
        self.arena.spend(size_of_val(resource.as_slice()))?;
        let mut shared = resource.clone();
        let mut first = message;
        while let Some(field) = first.field()? {
            match field.number {
                1 => self.scope(first.message(field, "scope")?, &mut shared)?,
                _ => first.skip(field)?,
            }
        }
        let mut second = message;
        while let Some(field) = second.field()? {
            match field.number {
                2 => self.log_record(second.message(field, "logRecords")?, &shared)?,
                _ => second.skip(field)?,
            }
        }
        Ok(())
    }

    fn scope(&mut self, mut message: Message<'a>, out: &mut Pairs) -> Result<(), PushError> {
        while let Some(field) = message.field()? {
            match field.number {
                1 => {
                    let name = message.span(field, "name")?;
                    self.add(out, "scope_name", name)?;
                }
                2 => {
                    let version = message.span(field, "version")?;
                    self.add(out, "scope_version", version)?;
                }
                3 => {
                    let pair = value::key_value(message.message(field, "attributes")?)?;
                    attributes::to_metadata(&mut self.arena, &pair, out)?;
                }
                4 => {
                    let dropped = message.integer(field, "droppedAttributesCount")?;
                    self.add_number(out, "scope_dropped_attributes_count", dropped)?;
                }
                _ => message.skip(field)?,
            }
        }
        Ok(())
    }

    fn log_record(&mut self, message: Message<'a>, shared: &Pairs) -> Result<(), PushError> {
        self.arena.spend(size_of::<PushEntry>() + size_of_val(shared.as_slice()))?;
        let first = self.batch.metadata.len();
        let mut pairs = std::mem::take(&mut self.batch.metadata);
        pairs.extend_from_slice(shared);
        let record = self.record(message, &mut pairs)?;
        self.describe(&record, &mut pairs)?;
        self.arena.spend(size_of::<(Span32, Span32)>() * (pairs.len() - first - shared.len()))?;
        let line = value::text(&mut self.arena, record.body)?;
        let metadata = first as u32..pairs.len() as u32;
        self.batch.metadata = pairs;
        self.batch.entries.push(PushEntry { ts: self.timestamp(&record), line, metadata });
        Ok(())
    }

    fn record(&mut self, mut message: Message<'a>, pairs: &mut Pairs) -> Result<Record<'a>, PushError> {
        let mut record = Record::empty();
        while let Some(field) = message.field()? {
            match field.number {
                1 => record.time = message.fixed64(field, "timeUnixNano")?,
                2 => record.severity = message.integer(field, "severityNumber")? as i64,
                3 => record.severity_text = message.span(field, "severityText")?,
                5 => record.body = value::any(message.message(field, "body")?)?,
                6 => {
                    let pair = value::key_value(message.message(field, "attributes")?)?;
                    attributes::to_metadata(&mut self.arena, &pair, pairs)?;
                }
                7 => record.dropped_attributes = message.integer(field, "droppedAttributesCount")?,
                8 => record.flags = message.fixed32(field, "flags")?,
                9 => record.trace_id = id(&mut message, field, "traceId", 16)?,
                10 => record.span_id = id(&mut message, field, "spanId", 8)?,
                11 => record.observed = message.fixed64(field, "observedTimeUnixNano")?,
                12 => record.event_name = message.span(field, "eventName")?,
                _ => message.skip(field)?,
            }
        }
        Ok(record)
    }

    /// The record's own fields as structured metadata, under Loki's names.
    fn describe(&mut self, record: &Record<'a>, out: &mut Pairs) -> Result<(), PushError> {
        if record.time != 0 {
            self.add_number(out, "observed_timestamp", record.observed)?;
        }
        if record.severity != 0 {
            let number = self.arena.keep(record.severity.to_string().as_bytes())?;
            self.add(out, "severity_number", number)?;
        }
        self.add(out, "severity_text", record.severity_text)?;
        self.add(out, "event_name", record.event_name)?;
        self.add_number(out, "dropped_attributes_count", record.dropped_attributes)?;
        self.add_number(out, "flags", u64::from(record.flags))?;
        self.add_hex(out, "trace_id", record.trace_id)?;
        self.add_hex(out, "span_id", record.span_id)
    }

    fn timestamp(&self, record: &Record<'a>) -> i64 {
        match (record.time, record.observed) {
            (0, 0) => self.now,
            (0, time) | (time, _) => i64::try_from(time).unwrap_or(i64::MAX),
        }
    }

    fn add(&mut self, out: &mut Pairs, name: &'static str, value: Span32) -> Result<(), PushError> {
        if value.len > 0 {
            out.push((self.names.span(&mut self.arena, name)?, value));
        }
        Ok(())
    }

    fn add_number(&mut self, out: &mut Pairs, name: &'static str, number: u64) -> Result<(), PushError> {
        if number == 0 {
            return Ok(());
        }
        let text = self.arena.keep(number.to_string().as_bytes())?;
        self.add(out, name, text)
    }

    /// An id in hexadecimal; one of zeros is none.
    fn add_hex(&mut self, out: &mut Pairs, name: &'static str, id: Span32) -> Result<(), PushError> {
        let bytes = self.arena.text(id);
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let text = self.arena.keep(hex.as_bytes())?;
        self.add(out, name, text)
    }
}

impl Record<'_> {
    fn empty() -> Self {
        Self {
            time: 0,
            observed: 0,
            severity: 0,
            severity_text: Span32::default(),
            body: Any::Empty,
            dropped_attributes: 0,
            flags: 0,
            trace_id: Span32::default(),
            span_id: Span32::default(),
            event_name: Span32::default(),
        }
    }
}

/// A trace's or span's id: empty, or of its one length.
fn id(message: &mut Message<'_>, field: Field, name: &str, length: u32) -> Result<Span32, PushError> {
    let span = message.span(field, name)?;
    if span.len == 0 || span.len == length {
        Ok(span)
    } else {
        Err(invalid(format!("field {name} has {} bytes, not {length}", span.len)))
    }
}
