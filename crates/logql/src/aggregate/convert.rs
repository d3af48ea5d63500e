//! Label values to numbers: `unwrap x`, `unwrap bytes(x)`, `unwrap duration(x)`. Nothing is allocated unless it fails.

use sigyn_model::duration::parse_go;
use sigyn_model::labels::GoQuoted;

use crate::ast::Conversion;
use crate::humanize::parse_bytes;

/// Errors: the details that clients of Loki see.
pub(crate) fn convert(conversion: Option<Conversion>, text: &str) -> Result<f64, String> {
    match conversion {
        None => parse_float(text),
        Some(Conversion::Bytes) => plain_bytes(text).map_or_else(|| parse_bytes(text).map(|bytes| bytes as f64), Ok),
        Some(Conversion::Duration | Conversion::DurationSeconds) => parse_go(text).map(seconds),
    }
}

/// Whole seconds and the rest are divided apart, so that whole seconds stay exact.
fn seconds(nanos: i64) -> f64 {
    const SECOND: i64 = 1_000_000_000;
    (nanos / SECOND) as f64 + (nanos % SECOND) as f64 / 1e9
}

/// A number as Go's `strconv.ParseFloat` reads it.
pub(crate) fn parse_float(text: &str) -> Result<f64, String> {
    if let Some(value) = short_decimal(text.as_bytes()) {
        return Ok(value);
    }
    let syntax = || format!("strconv.ParseFloat: parsing {}: invalid syntax", GoQuoted(text));
    let value = match text.parse::<f64>() {
        // Go has no signed NaN.
        Ok(value) if value.is_nan() && text.len() != 3 => return Err(syntax()),
        Ok(value) => value,
        Err(_) => go_literal(text).ok_or_else(syntax)?,
    };
    let names_infinity = text.bytes().any(|byte| matches!(byte, b'n' | b'N'));
    if value.is_infinite() && !names_infinity {
        return Err(format!("strconv.ParseFloat: parsing {}: value out of range", GoQuoted(text)));
    }
    Ok(value)
}

/// Powers of ten that a double holds exactly.
const POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// `-123.45` of at most 15 digits: digits and the power of ten are exact, so one division rounds correctly.
fn short_decimal(text: &[u8]) -> Option<f64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    let (mut mantissa, mut count, mut point) = (0_u64, 0_usize, None);
    for &byte in digits {
        match byte {
            b'0'..=b'9' => {
                mantissa = mantissa * 10 + u64::from(byte - b'0');
                count += 1;
            }
            b'.' if point.is_none() => point = Some(count),
            _ => return None,
        }
    }
    if count == 0 || count > 15 {
        return None;
    }
    let magnitude = mantissa as f64 / POWERS[point.map_or(0, |at| count - at)];
    Some(if negative { -magnitude } else { magnitude })
}

/// What Go reads and Rust does not: hexadecimal, and `_` between digits.
fn go_literal(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    let unsigned = match bytes {
        [b'-' | b'+', rest @ ..] => rest,
        rest => rest,
    };
    let hex = matches!(unsigned, [b'0', b'x' | b'X', ..]);
    let is_digit = |at: usize| match unsigned.get(at) {
        Some(byte) if hex => byte.is_ascii_hexdigit() || (at == 1 && matches!(byte, b'x' | b'X')),
        Some(byte) => byte.is_ascii_digit(),
        None => false,
    };
    let mut plain = String::with_capacity(text.len());
    for (at, &byte) in unsigned.iter().enumerate() {
        match byte {
            b'_' if at > 0 && is_digit(at - 1) && is_digit(at + 1) => {}
            b'_' => return None,
            _ => plain.push(char::from(byte)),
        }
    }
    let magnitude = if hex { hex_float(&plain.as_bytes()[2..])? } else { plain.parse().ok()? };
    Some(if bytes.first() == Some(&b'-') { -magnitude } else { magnitude })
}

/// `1f.8p-3` without the `0x`; the exponent must be there.
fn hex_float(text: &[u8]) -> Option<f64> {
    let split = text.iter().position(|byte| matches!(byte, b'p' | b'P'))?;
    let mut exponent: i32 = std::str::from_utf8(&text[split + 1..]).ok()?.parse().ok()?;
    let (mut mantissa, mut digits, mut after_point, mut kept) = (0_u64, 0_usize, false, 0_u32);
    for &byte in &text[..split] {
        match char::from(byte).to_digit(16) {
            None if byte == b'.' && !after_point => {
                after_point = true;
                continue;
            }
            None => return None,
            // A double has 53 bits; what lies past 60 bits only matters as "more than nothing".
            Some(digit) if kept < 15 => {
                mantissa = mantissa << 4 | u64::from(digit);
                kept += u32::from(mantissa != 0);
                exponent = exponent.saturating_sub(if after_point { 4 } else { 0 });
            }
            Some(digit) => {
                mantissa |= u64::from(digit != 0);
                exponent = exponent.saturating_add(if after_point { 0 } else { 4 });
            }
        }
        digits += 1;
    }
    // Two steps, since one power of two may overflow or vanish where the product does not.
    let half = exponent / 2;
    (digits > 0).then(|| mantissa as f64 * f64::powi(2.0, half) * f64::powi(2.0, exponent - half))
}

/// A size of plain digits and a known unit; anything odd is left to the reader that explains it.
fn plain_bytes(text: &str) -> Option<f64> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let number = short_decimal(&text.as_bytes()[..end])?;
    let scale = match &text.as_bytes()[end..] {
        [] | [b'B' | b'b'] => 1.0,
        [prefix] | [prefix, b'B' | b'b'] => decimal_scale(*prefix)?,
        [prefix, b'i' | b'I'] | [prefix, b'i' | b'I', b'B' | b'b'] => binary_scale(*prefix)?,
        _ => return None,
    };
    let bytes = number * scale;
    (bytes < 9e18).then(|| bytes.trunc())
}

fn decimal_scale(prefix: u8) -> Option<f64> {
    power(prefix).map(|power| POWERS[3 * power])
}

fn binary_scale(prefix: u8) -> Option<f64> {
    power(prefix).map(|power| (1_u64 << (10 * power)) as f64)
}

fn power(prefix: u8) -> Option<usize> {
    b"kmgtp".iter().position(|known| *known == prefix.to_ascii_lowercase()).map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(conversion: Option<Conversion>, text: &str, expected: Result<f64, &str>) {
        let found = convert(conversion, text);
        match (&found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found.to_bits(), expected.to_bits(), "{text}: {found}"),
            _ => assert_eq!(found, expected.map_err(str::to_owned), "{text}"),
        }
    }

    #[test]
    fn floats_as_go_reads_them() {
        for (text, expected) in [
            ("0", 0.0),
            ("-0", -0.0),
            ("12.383", 12.383),
            ("-3.2", -3.2),
            ("+7", 7.0),
            ("1.", 1.0),
            (".5", 0.5),
            ("007.50", 7.5),
            ("999999999999999", 999_999_999_999_999.0),
            ("9007199254740993", 9_007_199_254_740_993_f64),
            ("0.1234567890123456789", 0.123_456_789_012_345_68),
            ("1e3", 1000.0),
            ("1E-2", 0.01),
            ("1e-999", 0.0),
            ("NaN", f64::NAN),
            ("nan", f64::NAN),
            ("Inf", f64::INFINITY),
            ("-infinity", f64::NEG_INFINITY),
            ("+INF", f64::INFINITY),
            ("1_000.5", 1000.5),
            ("0x1p4", 16.0),
            ("-0X1.8p1", -3.0),
            ("0x_1_f.8p-1", 15.75),
            ("0x1p-1074", 5e-324),
        ] {
            check(None, text, Ok(expected));
        }
        for text in ["abc", " 1", "1 ", "1,5", ".", "-", "1e", "e5", "+nan", "-NaN", "_1", "1__0", "1_", "0x10", "0xp1"]
        {
            let message = format!("strconv.ParseFloat: parsing \"{text}\": invalid syntax");
            check(None, text, Err(&message));
        }
        check(None, "1e999", Err("strconv.ParseFloat: parsing \"1e999\": value out of range"));
        check(None, "-0x1p5000", Err("strconv.ParseFloat: parsing \"-0x1p5000\": value out of range"));
    }

    #[test]
    fn bytes_and_durations() {
        for (text, bytes) in [
            ("2196B", 2196.0),
            ("42", 42.0),
            ("1.5MiB", 1_572_864.0),
            ("3GB", 3e9),
            ("1.5kb", 1500.0),
            ("2k", 2000.0),
            ("2Ki", 2048.0),
            ("1,000 B", 1000.0),
            ("0.0015KB", 1.0),
            ("1EB", 1e18),
            ("7PiB", 7_881_299_347_898_368.0),
        ] {
            check(Some(Conversion::Bytes), text, Ok(bytes));
            check(Some(Conversion::Bytes), text, parse_bytes(text).map(|bytes| bytes as f64).map_err(|_| "agrees"));
        }
        check(Some(Conversion::Bytes), "9xb", Err("unhandled size name: xb"));
        check(Some(Conversion::Bytes), "B", Err("strconv.ParseFloat: parsing \"\": invalid syntax"));
        for (text, seconds) in [("292ms", 0.292), ("1h5m", 3900.0), ("-1.5s", -1.5), ("0", 0.0), ("2m30s", 150.0)] {
            check(Some(Conversion::Duration), text, Ok(seconds));
            check(Some(Conversion::DurationSeconds), text, Ok(seconds));
        }
        check(Some(Conversion::Duration), "bad", Err("time: invalid duration \"bad\""));
    }

    proptest::proptest! {
        #[test]
        fn short_decimals_round_as_the_standard_library_does(text in "-?[0-9]{0,9}[.]?[0-9]{0,9}") {
            let fast = short_decimal(text.as_bytes()).map(f64::to_bits);
            proptest::prop_assert!(fast.is_none() || fast == text.parse().ok().map(f64::to_bits), "{}", text);
        }
    }
}
