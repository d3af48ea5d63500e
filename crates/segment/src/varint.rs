//! Variable-length integers (LEB128), zigzag, and a reader that never runs past its bytes.

use crate::{Error, Result};

/// Bytes of the longest varint.
const VARINT_BYTES_MAX: usize = 10;

pub(crate) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Maps small magnitudes of either sign to small numbers: 0, -1, 1, -2 … become 0, 1, 2, 3 ….
pub(crate) const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

pub(crate) const fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Walks over bytes of one named region; running out is `Corrupt`.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    region: &'static str,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8], region: &'static str) -> Self {
        Self { bytes, region }
    }

    pub(crate) fn corrupt(&self, problem: impl Into<String>) -> Error {
        Error::corrupt(self.region, problem)
    }

    /// Bytes not read yet.
    pub(crate) const fn left(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn u8(&mut self) -> Result<u8> {
        let (&first, rest) = self.bytes.split_first().ok_or_else(|| self.corrupt("it ends too early"))?;
        self.bytes = rest;
        Ok(first)
    }

    pub(crate) fn u32(&mut self) -> Result<u32> {
        let (&head, rest) = self.bytes.split_first_chunk().ok_or_else(|| self.corrupt("it ends too early"))?;
        self.bytes = rest;
        Ok(u32::from_le_bytes(head))
    }

    pub(crate) fn u64(&mut self) -> Result<u64> {
        let (&head, rest) = self.bytes.split_first_chunk().ok_or_else(|| self.corrupt("it ends too early"))?;
        self.bytes = rest;
        Ok(u64::from_le_bytes(head))
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64> {
        if let [first, rest @ ..] = self.bytes
            && *first < 0x80
        {
            self.bytes = rest;
            return Ok(u64::from(*first));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64> {
        let mut value = 0;
        for (at, &byte) in self.bytes.iter().take(VARINT_BYTES_MAX).enumerate() {
            if at == VARINT_BYTES_MAX - 1 && byte > 1 {
                return Err(self.corrupt("an integer is longer than 64 bits"));
            }
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte < 0x80 {
                self.bytes = &self.bytes[at + 1..];
                return Ok(value);
            }
        }
        Err(self.corrupt("it ends too early"))
    }

    pub(crate) fn varint_u32(&mut self) -> Result<u32> {
        let value = self.varint()?;
        u32::try_from(value).map_err(|_| self.corrupt(format!("{value} does not fit 32 bits")))
    }

    /// A number of items that each take at least one of the remaining bytes, so that it is safe to reserve for.
    pub(crate) fn count(&mut self, what: &str) -> Result<usize> {
        let value = self.varint()?;
        if value > self.bytes.len() as u64 {
            return Err(self.corrupt(format!("it claims {value} {what} in {} bytes", self.bytes.len())));
        }
        Ok(value as usize)
    }

    pub(crate) fn bytes(&mut self, length: u64) -> Result<&'a [u8]> {
        if length > self.bytes.len() as u64 {
            return Err(self.corrupt(format!("it claims {length} bytes where {} are left", self.bytes.len())));
        }
        let (head, rest) = self.bytes.split_at(length as usize);
        self.bytes = rest;
        Ok(head)
    }

    /// Everything must have been read.
    pub(crate) fn end(self) -> Result<()> {
        match self.bytes.len() {
            0 => Ok(()),
            left => Err(self.corrupt(format!("{left} bytes are left over"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_come_back() {
        let values = [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), 1 << 63, u64::MAX];
        let mut bytes = Vec::new();
        values.iter().for_each(|value| put(&mut bytes, *value));
        let mut reader = Reader::new(&bytes, "test");
        for value in values {
            assert_eq!(reader.varint(), Ok(value));
        }
        assert_eq!(reader.end(), Ok(()));
        for value in [0, 1, -1, i64::MAX, i64::MIN] {
            assert_eq!(unzigzag(zigzag(value)), value);
        }
    }

    #[test]
    fn malformed_integers_are_corrupt() {
        for bytes in [&[][..], &[0x80], &[0xff; 9], &[0xff; 10], &[0xff; 11]] {
            assert!(Reader::new(bytes, "test").varint().is_err(), "{bytes:?}");
        }
        assert!(Reader::new(&[5, 0, 0], "test").count("items").is_err());
        assert!(Reader::new(&[2, 0, 0], "test").count("items").is_ok());
    }
}
