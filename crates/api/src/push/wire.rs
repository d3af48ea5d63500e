//! The wire form of protobuf, walked in place: keys, varints, and spans of one body.

use sigyn_write::Span32;

use super::PushError;

const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const LENGTH: u8 = 2;
const FIXED32: u8 = 5;

#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) number: u32,
    wire_type: u8,
}

/// The rest of one message of the body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a> {
    body: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Message<'a> {
    /// A whole body, below 2 GiB.
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self { body, at: 0, end: body.len() }
    }

    /// The bytes of a span of the same body.
    pub(super) fn text(&self, span: Span32) -> &'a [u8] {
        &self.body[span.offset as usize..][..span.len as usize]
    }

    /// The next field's key; `None` at the end.
    #[inline]
    pub(super) fn field(&mut self) -> Result<Option<Field>, PushError> {
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
    pub(super) fn varint(&mut self) -> Result<u64, PushError> {
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
    pub(super) fn span(&mut self, field: Field, name: &str) -> Result<Span32, PushError> {
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
    pub(super) fn message(&mut self, field: Field, name: &str) -> Result<Message<'a>, PushError> {
        let span = self.span(field, name)?;
        Ok(Message { body: self.body, at: span.offset as usize, end: (span.offset + span.len) as usize })
    }

    pub(super) fn integer(&mut self, field: Field, name: &str) -> Result<u64, PushError> {
        if field.wire_type == VARINT { self.varint() } else { Err(wrong_type(field, name)) }
    }

    pub(super) fn fixed64(&mut self, field: Field, name: &str) -> Result<u64, PushError> {
        if field.wire_type == FIXED64 { self.fixed().map(u64::from_le_bytes) } else { Err(wrong_type(field, name)) }
    }

    pub(super) fn fixed32(&mut self, field: Field, name: &str) -> Result<u32, PushError> {
        if field.wire_type == FIXED32 { self.fixed().map(u32::from_le_bytes) } else { Err(wrong_type(field, name)) }
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], PushError> {
        let bytes = self.body[self.at..self.end].first_chunk().ok_or_else(unexpected_end)?;
        self.at += N;
        Ok(*bytes)
    }

    pub(super) fn skip(&mut self, field: Field) -> Result<(), PushError> {
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
pub(super) fn invalid(problem: String) -> PushError {
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
