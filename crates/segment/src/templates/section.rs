//! Stored bytes of an encoded block: where they are, what they may hold at most, and how to get at them.

use std::borrow::Cow;
use std::ops::Range;

use crate::compression::decompress;
use crate::varint::Reader;
use crate::{Error, Result, format};

/// A section that was found but not yet read.
#[derive(Debug, Clone)]
pub(super) struct Section {
    /// In the column.
    range: Range<usize>,
    /// Decoded bytes when the section is a zstd frame.
    raw_length: Option<u64>,
}

impl Section {
    /// `length` is the whole column's, of which `reader` has read some.
    pub(super) fn read(reader: &mut Reader, length: usize) -> Result<Self> {
        let raw_length = match reader.u8()? {
            format::SECTION_PLAIN => None,
            format::SECTION_ZSTD => Some(reader.varint()?),
            other => return Err(reader.corrupt(format!("section method {other} is unknown"))),
        };
        let bytes = reader.varint()?;
        let start = length - reader.left();
        reader.bytes(bytes)?;
        Ok(Self { range: start..start + bytes as usize, raw_length })
    }
}

/// The column's bytes, the times of the block's rows if they are known, and the most bytes that any part of it can decode to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored<'a> {
    bytes: &'a [u8],
    times: Option<&'a [i64]>,
    text_max: u64,
}

impl<'a> Stored<'a> {
    pub(super) const fn new(bytes: &'a [u8], times: Option<&'a [i64]>, text_max: u64) -> Self {
        Self { bytes, times, text_max }
    }

    /// Every value and every static text is a piece of a line: this many bytes are the most that any of them sum up to.
    pub(super) const fn text_max(&self) -> u64 {
        self.text_max
    }

    pub(super) const fn times(&self) -> Option<&'a [i64]> {
        self.times
    }

    pub(super) fn corrupt(&self, problem: impl Into<String>) -> Error {
        Error::corrupt(super::REGION, problem)
    }

    /// The bytes of a section, of which there may be `max`.
    pub(super) fn section(&self, section: &Section, max: u64) -> Result<Cow<'a, [u8]>> {
        let bytes = self.bytes.get(section.range.clone()).ok_or_else(|| self.corrupt("a section lies outside"))?;
        let max = max.min(format::COLUMN_RAW_MAX);
        match section.raw_length {
            Some(raw_length) => Ok(Cow::Owned(decompress(bytes, raw_length, max, super::REGION)?)),
            None if bytes.len() as u64 > max => {
                Err(self.corrupt(format!("a section of {} bytes where {max} is the most", bytes.len())))
            }
            None => Ok(Cow::Borrowed(bytes)),
        }
    }

    pub(super) fn range(&self, range: Range<usize>) -> Result<&'a [u8]> {
        self.bytes.get(range).ok_or_else(|| self.corrupt("bytes lie outside"))
    }

    /// The bytes of a section that must have `length`.
    pub(super) fn exactly(&self, section: &Section, length: usize) -> Result<Cow<'a, [u8]>> {
        let bytes = self.section(section, length as u64)?;
        if bytes.len() != length {
            return Err(self.corrupt(format!("a section of {} bytes where {length} are needed", bytes.len())));
        }
        Ok(bytes)
    }
}
