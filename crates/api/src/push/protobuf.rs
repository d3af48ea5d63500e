//! Walks the protobuf of a push without copying: every span points into the decompressed body.
//!
//! Messages (field number, name): PushRequest 1 streams · Stream 1 labels, 2 entries ·
//! Entry 1 timestamp, 2 line, 3 structuredMetadata · LabelPair 1 name, 2 value · Timestamp 1 seconds, 2 nanos.
//! Other fields are skipped; of a field that must come once, the last counts.

use bytes::Bytes;
use sigyn_write::{PushBatch, PushEntry, PushStream, Span32};

use super::labels::StreamLabels;
use super::{NO_TIME, PushError};

const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const LENGTH: u8 = 2;
const FIXED32: u8 = 5;

/// Years 1 to 9999, as protobuf's own definition of a timestamp has them.
const SECONDS: std::ops::Range<i64> = -62_135_596_800..253_402_300_800;
const NANOS: std::ops::Range<i64> = 0..1_000_000_000;

/// Decodes a `logproto.PushRequest`. `body` is below 2 GiB.
pub(super) fn decode(body: Bytes) -> Result<PushBatch, PushError> {
    let mut batch = PushBatch::default();
    let mut request = Message { body: &body, at: 0, end: body.len() };
    while let Some(field) = request.field()? {
        match field.number {
            1 => stream(&mut batch, request.message(field, "streams")?)?,
            _ => request.skip(field)?,
        }
    }
    batch.arena = body;
    Ok(batch)
}

fn stream(batch: &mut PushBatch, mut message: Message<'_>) -> Result<(), PushError> {
    let first = batch.entries.len();
    let mut labels = Span32::default();
    while let Some(field) = message.field()? {
        match field.number {
            1 => labels = message.span(field, "labels")?,
            2 => {
                let inner = message.message(field, "entries")?;
                entry(batch, inner)?;
            }
            _ => message.skip(field)?,
        }
    }
    let text = &message.body[labels.offset as usize..][..labels.len as usize];
    let StreamLabels { labels, repeated_name } =
        super::labels::parse(text).map_err(|error| PushError::invalid(error.to_string()))?;
    batch.streams.push(PushStream { labels, repeated_name, entries: first as u32..batch.entries.len() as u32 });
    Ok(())
}

fn entry(batch: &mut PushBatch, mut message: Message<'_>) -> Result<(), PushError> {
    let first = batch.metadata.len() as u32;
    let mut entry = PushEntry { ts: NO_TIME, line: Span32::default(), metadata: first..first };
    while let Some(field) = message.field()? {
        match field.number {
            1 => entry.ts = timestamp(message.message(field, "timestamp")?)?,
            2 => entry.line = message.span(field, "line")?,
            3 => {
                let pair = label_pair(message.message(field, "structuredMetadata")?)?;
                batch.metadata.push(pair);
            }
            _ => message.skip(field)?,
        }
    }
    entry.metadata.end = batch.metadata.len() as u32;
    batch.entries.push(entry);
    Ok(())
}

fn timestamp(mut message: Message<'_>) -> Result<i64, PushError> {
    let (mut seconds, mut nanos) = (0_i64, 0_i64);
    while let Some(field) = message.field()? {
        match field.number {
            1 => seconds = message.integer(field, "seconds")? as i64,
            2 => nanos = i64::from(message.integer(field, "nanos")? as i32),
            _ => message.skip(field)?,
        }
    }
    if !SECONDS.contains(&seconds) || !NANOS.contains(&nanos) {
        return Err(invalid(format!("timestamp of {seconds} s and {nanos} ns is out of range")));
    }
    Ok(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
}

fn label_pair(mut message: Message<'_>) -> Result<(Span32, Span32), PushError> {
    let (mut name, mut value) = (Span32::default(), Span32::default());
    while let Some(field) = message.field()? {
        match field.number {
            1 => name = message.span(field, "name")?,
            2 => value = message.span(field, "value")?,
            _ => message.skip(field)?,
        }
    }
    Ok((name, value))
}

#[derive(Debug, Clone, Copy)]
struct Field {
    number: u32,
    wire_type: u8,
}

/// The rest of one message of the body.
#[derive(Debug)]
struct Message<'a> {
    body: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Message<'a> {
    /// The next field's key; `None` at the end.
    #[inline]
    fn field(&mut self) -> Result<Option<Field>, PushError> {
        if self.at == self.end {
            return Ok(None);
        }
        let key = self.varint()?;
        match u32::try_from(key >> 3) {
            Ok(number @ 1..=0x1fff_ffff) => Ok(Some(Field { number, wire_type: (key & 7) as u8 })),
            _ => Err(invalid(format!("illegal tag {}", key >> 3))),
        }
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, PushError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            if self.at == self.end {
                return Err(unexpected_end());
            }
            let byte = self.body[self.at];
            self.at += 1;
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(invalid("integer overflow".to_owned()))
    }

    /// The bytes of a length-delimited field.
    #[inline]
    fn span(&mut self, field: Field, name: &str) -> Result<Span32, PushError> {
        if field.wire_type != LENGTH {
            return Err(wrong_type(field, name));
        }
        let length = self.varint()?;
        if length > (self.end - self.at) as u64 {
            return Err(unexpected_end());
        }
        let span = Span32 { offset: self.at as u32, len: length as u32 };
        self.at += length as usize;
        Ok(span)
    }

    #[inline]
    fn message(&mut self, field: Field, name: &str) -> Result<Message<'a>, PushError> {
        let span = self.span(field, name)?;
        Ok(Message { body: self.body, at: span.offset as usize, end: (span.offset + span.len) as usize })
    }

    fn integer(&mut self, field: Field, name: &str) -> Result<u64, PushError> {
        if field.wire_type == VARINT { self.varint() } else { Err(wrong_type(field, name)) }
    }

    fn skip(&mut self, field: Field) -> Result<(), PushError> {
        let length = match field.wire_type {
            VARINT => return self.varint().map(drop),
            LENGTH => return self.span(field, "").map(drop),
            FIXED64 => 8,
            FIXED32 => 4,
            other => return Err(invalid(format!("illegal wireType {other}"))),
        };
        if self.end - self.at < length {
            return Err(unexpected_end());
        }
        self.at += length;
        Ok(())
    }
}

#[cold]
fn invalid(problem: String) -> PushError {
    PushError::invalid(format!("proto: {problem}"))
}

#[cold]
fn unexpected_end() -> PushError {
    PushError::invalid("unexpected EOF")
}

#[cold]
fn wrong_type(field: Field, name: &str) -> PushError {
    invalid(format!("wrong wireType = {} for field {name}", field.wire_type))
}

#[cfg(test)]
mod tests;
