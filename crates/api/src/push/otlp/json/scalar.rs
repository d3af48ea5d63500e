//! Scalars of OTLP's JSON, written as protobuf. Errors say what the field takes.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::Out;
use super::fields::{Field, Kind};

/// Base64 with or without its padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(super) fn truth(out: &mut Out, field: &Field, value: bool) -> Result<(), String> {
    match field.kind {
        Kind::Bool => {
            out.key(field.number, 0);
            out.varint(u64::from(value));
            Ok(())
        }
        _ => Err(wrong(field, &value.to_string())),
    }
}

pub(super) fn integer(out: &mut Out, field: &Field, value: i128) -> Result<(), String> {
    let out_of_range = || wrong(field, &value.to_string());
    match field.kind {
        Kind::Int64 => {
            let value = i64::try_from(value).map_err(|_| out_of_range())?;
            out.key(field.number, 0);
            out.varint(value as u64);
        }
        Kind::Uint32 => {
            let value = u32::try_from(value).map_err(|_| out_of_range())?;
            out.key(field.number, 0);
            out.varint(u64::from(value));
        }
        Kind::Severity => {
            let value = i32::try_from(value).map_err(|_| out_of_range())?;
            out.key(field.number, 0);
            out.varint(i64::from(value) as u64);
        }
        Kind::Fixed32 => {
            let value = u32::try_from(value).map_err(|_| out_of_range())?;
            out.key(field.number, 5);
            out.bytes.extend_from_slice(&value.to_le_bytes());
        }
        Kind::Fixed64 => {
            let value = u64::try_from(value).map_err(|_| out_of_range())?;
            out.key(field.number, 1);
            out.bytes.extend_from_slice(&value.to_le_bytes());
        }
        Kind::Double => return float(out, field, value as f64),
        _ => return Err(out_of_range()),
    }
    Ok(())
}

pub(super) fn float(out: &mut Out, field: &Field, value: f64) -> Result<(), String> {
    match field.kind {
        Kind::Double => {
            out.key(field.number, 1);
            out.bytes.extend_from_slice(&value.to_bits().to_le_bytes());
            Ok(())
        }
        _ => Err(wrong(field, &value.to_string())),
    }
}

pub(super) fn text(out: &mut Out, field: &Field, value: &str) -> Result<(), String> {
    let refused = || wrong(field, &format!("\"{}\"", value.chars().take(100).collect::<String>()));
    match field.kind {
        Kind::Text => out.text(field.number, value.as_bytes()),
        Kind::Int64 | Kind::Uint32 | Kind::Fixed32 | Kind::Fixed64 => {
            return integer(out, field, value.parse().map_err(|_| refused())?);
        }
        Kind::Severity => return integer(out, field, severity(value).ok_or_else(refused)?),
        Kind::Double => return float(out, field, value.parse().map_err(|_| refused())?),
        Kind::Hex => out.text(field.number, &unhex(value).ok_or_else(refused)?),
        Kind::Base64 => out.text(field.number, &BASE64.decode(value).map_err(|_| refused())?),
        Kind::Bool | Kind::Message(_) | Kind::Messages(_) => return Err(refused()),
    }
    Ok(())
}

fn wrong(field: &Field, value: &str) -> String {
    format!("{} is {value}, expected {}", field.name, field.kind.expected().trim_end_matches(','))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

/// `SEVERITY_NUMBER_WARN2` is 14, and so is its number as text.
fn severity(text: &str) -> Option<i128> {
    let Some(name) = text.strip_prefix("SEVERITY_NUMBER_") else { return text.parse().ok() };
    let word = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let nth: i128 = if word == name { 1 } else { name[word.len()..].parse().ok()? };
    let band = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"].iter().position(|band| *band == word);
    match (word, band) {
        ("UNSPECIFIED", _) if word == name => Some(0),
        (_, Some(band)) if (1..=4).contains(&nth) => Some(band as i128 * 4 + nth),
        _ => None,
    }
}
