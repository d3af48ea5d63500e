//! A number of bytes, written as people write it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A number of bytes. Reads `64MiB`, `256KB`, `1.5GB` or plain digits; as in Loki's settings, KB, MB, … are binary here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ByteSize(pub u64);

impl ByteSize {
    #[must_use]
    pub const fn kib(n: u64) -> Self {
        Self(n << 10)
    }

    #[must_use]
    pub const fn mib(n: u64) -> Self {
        Self(n << 20)
    }

    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

const UNITS: [(&str, u32); 5] = [("", 0), ("K", 10), ("M", 20), ("G", 30), ("T", 40)];

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let problem = || format!("'{text}' is not a size; write for example 512KB, 64MiB or 1048576");
        let trimmed = text.trim();
        let digits_end = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
        let number: f64 = trimmed[..digits_end].parse().map_err(|_| problem())?;
        let unit = trimmed[digits_end..].trim().to_ascii_uppercase();
        let prefix = unit.strip_suffix("IB").or_else(|| unit.strip_suffix('B')).unwrap_or(&unit);
        let shift = UNITS.iter().find(|(name, _)| *name == prefix).map(|(_, shift)| *shift).ok_or_else(problem)?;
        let bytes = number * (1_u64 << shift) as f64;
        if bytes < u64::MAX as f64 { Ok(Self(bytes as u64)) } else { Err(problem()) }
    }
}

/// `64MiB`: the largest binary unit that divides the number, or the number of bytes.
impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, shift) in UNITS[1..].iter().rev() {
            if self.0 != 0 && self.0.is_multiple_of(1 << shift) {
                return write!(f, "{}{name}iB", self.0 >> shift);
            }
        }
        write!(f, "{}B", self.0)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = ByteSize;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a size such as 64MiB")
            }
            fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<ByteSize, E> {
                Ok(ByteSize(bytes))
            }
            fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<ByteSize, E> {
                u64::try_from(bytes)
                    .map(ByteSize)
                    .map_err(|_| E::custom(format!("{bytes} is not a size: it is negative")))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<ByteSize, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints_sizes() {
        for (text, bytes) in
            [("0", 0), ("10", 10), ("256KB", 256 << 10), ("64MiB", 64 << 20), ("1.5 GB", 3 << 29), ("5k", 5 << 10)]
        {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
        assert_eq!(ByteSize(3 << 20).to_string(), "3MiB");
        assert_eq!(ByteSize(1025).to_string(), "1025B");
        for bad in ["", "x", "-1", "5XB", "1e9999"] {
            assert!(bad.parse::<ByteSize>().is_err(), "{bad}");
        }
    }
}
