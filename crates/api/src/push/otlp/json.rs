//! OTLP's JSON, rewritten as the protobuf it stands for.
//!
//! Names are lowerCamelCase or as in the `.proto` files, 64-bit integers are numbers or text, trace and span ids are
//! hexadecimal, other bytes base64, unknown names are passed over.
//! The lengths of messages inside messages are written in five bytes each, so that they can be filled in afterwards.

mod fields;
mod scalar;

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::PushError;
use fields::{Field, Kind, REQUEST, Shape};

/// Bytes of a length that is filled in later.
const LENGTH_BYTES: usize = 5;

/// Rewrites a body; the result is at most `max` bytes.
pub(super) fn to_protobuf(body: &[u8], max: usize) -> Result<Vec<u8>, PushError> {
    let mut out = Out { bytes: Vec::with_capacity(body.len()), max, full: false };
    let mut reader = serde_json::Deserializer::from_slice(body);
    let read = Object { shape: &REQUEST, out: &mut out }.deserialize(&mut reader).and_then(|()| reader.end());
    match read {
        Ok(()) => Ok(out.bytes),
        Err(_) if out.full => Err(super::super::body::too_large(out.bytes.len(), "max_decompressed_size", max)),
        Err(error) => Err(PushError::invalid(format!("json: {error}"))),
    }
}

/// The protobuf written so far.
#[derive(Debug)]
struct Out {
    bytes: Vec<u8>,
    max: usize,
    full: bool,
}

impl Out {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    fn key(&mut self, number: u32, wire_type: u8) {
        self.varint(u64::from(number << 3) | u64::from(wire_type));
    }

    fn text(&mut self, number: u32, bytes: &[u8]) {
        self.key(number, 2);
        self.varint(bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    /// Starts a message; [`Self::close`] fills its length in.
    fn open(&mut self, number: u32) -> usize {
        self.key(number, 2);
        self.bytes.extend_from_slice(&[0; LENGTH_BYTES]);
        self.bytes.len()
    }

    fn close(&mut self, start: usize) {
        let length = self.bytes.len() - start;
        for at in 0..LENGTH_BYTES {
            let more = if at + 1 < LENGTH_BYTES { 0x80 } else { 0 };
            self.bytes[start - LENGTH_BYTES + at] = (length >> (7 * at)) as u8 & 0x7f | more;
        }
    }

    fn check<E: serde::de::Error>(&mut self) -> Result<(), E> {
        self.full = self.bytes.len() > self.max;
        if self.full { Err(E::custom("too large")) } else { Ok(()) }
    }
}

/// Reads an object, or `null` for an empty one, as the fields of a message.
struct Object<'o> {
    shape: &'static Shape,
    out: &'o mut Out,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object for {}", self.shape.name)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(field) = map.next_key_seed(Name(self.shape))? {
            match field {
                Some(field) => map.next_value_seed(Value { field, out: self.out })?,
                None => map.next_value::<IgnoredAny>().map(drop)?,
            }
            self.out.check()?;
        }
        Ok(())
    }
}

/// Reads a key: the field it names, if any.
struct Name(&'static Shape);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<&'static Field>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Option<&'static Field>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.fields.iter().find(|field| field.name == name || field.proto_name == name))
    }
}

/// Reads the value of a field.
struct Value<'o> {
    field: &'static Field,
    out: &'o mut Out,
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        let number = self.field.number;
        match &self.field.kind {
            Kind::Message(shape) => {
                let start = self.out.open(number);
                Object { shape, out: self.out }.deserialize(reader)?;
                self.out.close(start);
                Ok(())
            }
            Kind::Messages(shape) => reader.deserialize_any(Array { field: self.field, shape, out: self.out }),
            _ => reader.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {}", self.field.kind.expected(), self.field.name)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        scalar::truth(self.out, self.field, value).map_err(E::custom)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        scalar::integer(self.out, self.field, i128::from(value)).map_err(E::custom)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        scalar::integer(self.out, self.field, i128::from(value)).map_err(E::custom)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        scalar::float(self.out, self.field, value).map_err(E::custom)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        scalar::text(self.out, self.field, value).map_err(E::custom)
    }
}

/// Reads the array of a field that comes more than once.
struct Array<'o> {
    field: &'static Field,
    shape: &'static Shape,
    out: &'o mut Out,
}

impl<'de> Visitor<'de> for Array<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array for {}", self.field.name)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        loop {
            let start = self.out.open(self.field.number);
            if elements.next_element_seed(Object { shape: self.shape, out: self.out })?.is_none() {
                self.out.bytes.truncate(start - LENGTH_BYTES - 1);
                return Ok(());
            }
            self.out.close(start);
            self.out.check()?;
        }
    }
}
