//! Walks the protobuf of a push without copying: every span points into the decompressed body.
//!
//! Messages (field number, name): PushRequest 1 streams · Stream 1 labels, 2 entries ·
//! Entry 1 timestamp, 2 line, 3 structuredMetadata · LabelPair 1 name, 2 value · Timestamp 1 seconds, 2 nanos.
//! Other fields are skipped; of a field that must come once, the last counts.

use bytes::Bytes;
use sigyn_write::{PushBatch, PushEntry, PushStream, Span32};

use super::labels::StreamLabels;
use super::wire::{Message, invalid};
use super::{NO_TIME, PushError};

/// Years 1 to 9999, as protobuf's own definition of a timestamp has them.
const SECONDS: std::ops::Range<i64> = -62_135_596_800..253_402_300_800;
const NANOS: std::ops::Range<i64> = 0..1_000_000_000;

/// Decodes a `logproto.PushRequest`. `body` is below 2 GiB.
pub(super) fn decode(body: Bytes) -> Result<PushBatch, PushError> {
    let mut batch = PushBatch::default();
    let mut request = Message::new(&body);
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
    let text = message.text(labels);
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

#[cfg(test)]
mod tests;
