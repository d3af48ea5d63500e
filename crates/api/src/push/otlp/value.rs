//! `AnyValue`, and its form as text: strings as they are, maps and arrays as JSON.
//!
//! JSON is as Go's encoder writes it, which is what Loki stores: keys sorted, `<`, `>` and `&` escaped, bytes in base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sigyn_write::Span32;

use super::super::wire::Message;
use super::PushError;
use super::arena::Arena;

/// Levels of values inside values.
pub(super) const DEPTH_MAX: usize = 64;

/// One value; the last of several counts, as of any `oneof`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Any<'a> {
    Empty,
    String(Span32),
    Bool(bool),
    Int(i64),
    Double(f64),
    Array(Message<'a>),
    Map(Message<'a>),
    Bytes(Span32),
}

/// A name and its value.
pub(super) struct KeyValue<'a> {
    pub(super) key: Span32,
    pub(super) value: Any<'a>,
}

pub(super) fn any<'a>(mut message: Message<'a>) -> Result<Any<'a>, PushError> {
    let mut value = Any::Empty;
    while let Some(field) = message.field()? {
        value = match field.number {
            1 => Any::String(message.span(field, "stringValue")?),
            2 => Any::Bool(message.integer(field, "boolValue")? != 0),
            3 => Any::Int(message.integer(field, "intValue")? as i64),
            4 => Any::Double(f64::from_bits(message.fixed64(field, "doubleValue")?)),
            5 => Any::Array(message.message(field, "arrayValue")?),
            6 => Any::Map(message.message(field, "kvlistValue")?),
            7 => Any::Bytes(message.span(field, "bytesValue")?),
            _ => {
                message.skip(field)?;
                continue;
            }
        };
    }
    Ok(value)
}

pub(super) fn key_value<'a>(mut message: Message<'a>) -> Result<KeyValue<'a>, PushError> {
    let mut pair = KeyValue { key: Span32::default(), value: Any::Empty };
    while let Some(field) = message.field()? {
        match field.number {
            1 => pair.key = message.span(field, "key")?,
            2 => pair.value = any(message.message(field, "value")?)?,
            _ => message.skip(field)?,
        }
    }
    Ok(pair)
}

/// The pairs of a `KeyValueList`.
pub(super) fn pairs<'a>(arena: &mut Arena<'_>, mut list: Message<'a>) -> Result<Vec<KeyValue<'a>>, PushError> {
    let mut pairs = Vec::new();
    while let Some(field) = list.field()? {
        match field.number {
            1 => {
                arena.spend(size_of::<KeyValue<'_>>())?;
                pairs.push(key_value(list.message(field, "values")?)?);
            }
            _ => list.skip(field)?,
        }
    }
    Ok(pairs)
}

/// A value as text: a span of the body where it is one, else written beside it.
pub(super) fn text(arena: &mut Arena<'_>, value: Any<'_>) -> Result<Span32, PushError> {
    match value {
        Any::Empty => Ok(Span32::default()),
        Any::String(span) => Ok(span),
        Any::Bool(_) | Any::Int(_) | Any::Array(_) | Any::Map(_) => {
            let mark = arena.mark();
            json(arena, value, 0)?;
            Ok(arena.since(mark))
        }
        Any::Double(number) => arena.keep(double(number).as_bytes()),
        Any::Bytes(span) => {
            let encoded = STANDARD.encode(arena.text(span));
            arena.keep(encoded.as_bytes())
        }
    }
}

fn json(arena: &mut Arena<'_>, value: Any<'_>, depth: usize) -> Result<(), PushError> {
    if depth > DEPTH_MAX {
        return Err(too_deep());
    }
    match value {
        Any::Empty => arena.write(b"null"),
        Any::String(span) => json_string(arena, span),
        Any::Bool(truth) => arena.write(if truth { b"true" } else { b"false" }),
        Any::Int(number) => arena.write(number.to_string().as_bytes()),
        Any::Double(number) if number.is_finite() => arena.write(double(number).as_bytes()),
        // JSON has no such number.
        Any::Double(number) => arena.write(format!("\"{}\"", double(number)).as_bytes()),
        Any::Bytes(span) => {
            let encoded = format!("\"{}\"", STANDARD.encode(arena.text(span)));
            arena.write(encoded.as_bytes())
        }
        Any::Array(list) => json_array(arena, list, depth),
        Any::Map(list) => json_map(arena, list, depth),
    }
}

fn json_array(arena: &mut Arena<'_>, mut list: Message<'_>, depth: usize) -> Result<(), PushError> {
    arena.write(b"[")?;
    let mut first = true;
    while let Some(field) = list.field()? {
        if field.number != 1 {
            list.skip(field)?;
            continue;
        }
        if !first {
            arena.write(b",")?;
        }
        first = false;
        let element = any(list.message(field, "values")?)?;
        json(arena, element, depth + 1)?;
    }
    arena.write(b"]")
}

fn json_map(arena: &mut Arena<'_>, list: Message<'_>, depth: usize) -> Result<(), PushError> {
    let mut pairs = pairs(arena, list)?;
    pairs.sort_by(|a, b| list.text(a.key).cmp(list.text(b.key)));
    arena.write(b"{")?;
    let mut first = true;
    for (at, pair) in pairs.iter().enumerate() {
        // Of several values for a key the last counts.
        if pairs.get(at + 1).is_some_and(|next| list.text(next.key) == list.text(pair.key)) {
            continue;
        }
        if !first {
            arena.write(b",")?;
        }
        first = false;
        json_string(arena, pair.key)?;
        arena.write(b":")?;
        json(arena, pair.value, depth + 1)?;
    }
    arena.write(b"}")
}

fn json_string(arena: &mut Arena<'_>, span: Span32) -> Result<(), PushError> {
    let text = String::from_utf8_lossy(arena.text(span)).into_owned();
    arena.write(b"\"")?;
    let mut plain = 0;
    for (at, c) in text.char_indices() {
        let escape = match c {
            '"' => "\\\"".to_owned(),
            '\\' => "\\\\".to_owned(),
            '\n' => "\\n".to_owned(),
            '\r' => "\\r".to_owned(),
            '\t' => "\\t".to_owned(),
            '\u{8}' => "\\b".to_owned(),
            '\u{c}' => "\\f".to_owned(),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..'\u{20}' => format!("\\u{:04x}", u32::from(c)),
            _ => continue,
        };
        arena.write(&text.as_bytes()[plain..at])?;
        arena.write(escape.as_bytes())?;
        plain = at + c.len_utf8();
    }
    arena.write(&text.as_bytes()[plain..])?;
    arena.write(b"\"")
}

/// The shortest form that reads back as the same number; with an exponent where it is very large or small.
fn double(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let size = number.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return number.to_string();
    }
    let text = format!("{number:e}");
    // Go writes the sign of an exponent.
    if text.contains("e-") { text } else { text.replace('e', "e+") }
}

#[cold]
pub(super) fn too_deep() -> PushError {
    PushError::invalid(format!("attribute or body has more than {DEPTH_MAX} values inside each other"))
}
