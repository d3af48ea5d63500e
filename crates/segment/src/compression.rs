//! zstd with one context per thread and level, checksums, and sections: bytes stored as they are or as a zstd frame.

use std::borrow::Cow;
use std::cell::RefCell;

use zstd::bulk::{Compressor, Decompressor};

use crate::varint::{self, Reader};
use crate::{Error, Result, format};

/// How hard to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// As flushed: zstd level 1, cheapest to write.
    L0,
    /// As compacted. Also zstd level 1: in blocks of 256 KiB, 13 MB of mixed log lines take 1.29 MB at level 1, 1.32 MB at
    /// level 3 and a third more time; level 4 saves 7 % for three times the time.
    L1,
    /// As compacted for good: lines as templates where that is smaller, zstd level 3 for what is left of them.
    L2,
    /// Like L2, with templates wherever they can describe the lines at all, whatever they cost: for tests.
    Templates,
}

impl Codec {
    #[must_use]
    pub const fn zstd_level(self) -> i32 {
        match self {
            Self::L0 | Self::L1 => 1,
            Self::L2 | Self::Templates => 3,
        }
    }
}

thread_local! {
    static COMPRESSORS: RefCell<[Option<Compressor<'static>>; 4]> = const { RefCell::new([None, None, None, None]) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    /// Frames are made here first, because only their length tells whether they pay.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A scratch buffer larger than this is given back after use.
const SCRATCH_KEPT_MAX: usize = 4 << 20;

pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

/// Calls `use_frame` with `raw` as one zstd frame.
pub(crate) fn with_frame<T>(raw: &[u8], codec: Codec, use_frame: impl FnOnce(&[u8]) -> T) -> Result<T> {
    let failed = |error: std::io::Error| Error::internal(format!("zstd cannot compress {} bytes: {error}", raw.len()));
    SCRATCH.with_borrow_mut(|frame| {
        frame.clear();
        frame.reserve(zstd::zstd_safe::compress_bound(raw.len()));
        COMPRESSORS.with_borrow_mut(|compressors| {
            let slot = &mut compressors[codec as usize];
            let compressor = match slot {
                Some(compressor) => compressor,
                None => slot.insert(Compressor::new(codec.zstd_level()).map_err(failed)?),
            };
            compressor.compress_to_buffer(raw, frame).map_err(failed)
        })?;
        let result = use_frame(frame);
        if frame.capacity() > SCRATCH_KEPT_MAX {
            *frame = Vec::new();
        }
        Ok(result)
    })
}

/// The `raw_length` bytes that `frame` holds; a frame of any other length is `Corrupt`.
pub(crate) fn decompress(frame: &[u8], raw_length: u64, raw_length_max: u64, region: &'static str) -> Result<Vec<u8>> {
    let plausible = (frame.len() as u64).saturating_mul(format::ZSTD_RATIO_MAX).saturating_add(128 << 10);
    if raw_length > raw_length_max.min(plausible) {
        return Err(Error::corrupt(region, format!("{} bytes claim to hold {raw_length}", frame.len())));
    }
    let mut raw = Vec::with_capacity(raw_length as usize);
    let length = DECOMPRESSOR
        .with_borrow_mut(|slot| {
            let decompressor = match slot {
                Some(decompressor) => decompressor,
                None => slot.insert(Decompressor::new()?),
            };
            decompressor.decompress_to_buffer(frame, &mut raw)
        })
        .map_err(|error| Error::corrupt(region, format!("zstd: {error}")))?;
    if length as u64 != raw_length {
        return Err(Error::corrupt(region, format!("a frame holds {length} bytes, not {raw_length}")));
    }
    Ok(raw)
}

/// Appends a section: method, lengths, body; compressed when that is smaller.
pub(crate) fn put_section(out: &mut Vec<u8>, raw: &[u8], codec: Codec) -> Result<()> {
    if raw.len() as u64 > format::COLUMN_RAW_MAX {
        return Err(Error::TooLarge { what: "a column", size: raw.len() as u64, limit: format::COLUMN_RAW_MAX });
    }
    let compressed = raw.len() >= SECTION_COMPRESS_MIN
        && with_frame(raw, codec, |frame| {
            let pays = frame.len() + FRAME_GAIN_MIN <= raw.len();
            if pays {
                out.push(format::SECTION_ZSTD);
                varint::put(out, raw.len() as u64);
                varint::put(out, frame.len() as u64);
                out.extend_from_slice(frame);
            }
            pays
        })?;
    if !compressed {
        out.push(format::SECTION_PLAIN);
        varint::put(out, raw.len() as u64);
        out.extend_from_slice(raw);
    }
    Ok(())
}

/// A zstd frame costs a dozen bytes; nothing shorter than this can win.
const SECTION_COMPRESS_MIN: usize = 16;
/// Bytes a frame must save to be worth decompressing.
const FRAME_GAIN_MIN: usize = 8;

/// Reads what [`put_section`] wrote; `length_max` is the most it can sensibly hold.
pub(crate) fn read_section<'a>(
    reader: &mut Reader<'a>,
    length_max: u64,
    region: &'static str,
) -> Result<Cow<'a, [u8]>> {
    let length_max = length_max.min(format::COLUMN_RAW_MAX);
    match reader.u8()? {
        format::SECTION_PLAIN => {
            let length = reader.varint()?;
            if length > length_max {
                return Err(reader.corrupt(format!("a section of {length} bytes where {length_max} is the most")));
            }
            Ok(Cow::Borrowed(reader.bytes(length)?))
        }
        format::SECTION_ZSTD => {
            let raw_length = reader.varint()?;
            let length = reader.varint()?;
            Ok(Cow::Owned(decompress(reader.bytes(length)?, raw_length, length_max, region)?))
        }
        other => Err(reader.corrupt(format!("section method {other} is unknown"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_is_crc32c() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn sections_come_back_and_lies_about_length_do_not_allocate() {
        for raw in [&b""[..], b"short", &[7; 100_000]] {
            let mut bytes = Vec::new();
            put_section(&mut bytes, raw, Codec::L0).expect("small enough");
            let mut reader = Reader::new(&bytes, "test");
            assert_eq!(read_section(&mut reader, raw.len() as u64, "test").as_deref(), Ok(raw));
            assert_eq!(reader.end(), Ok(()));
        }
        let mut bomb = vec![format::SECTION_ZSTD];
        varint::put(&mut bomb, 200 << 20);
        varint::put(&mut bomb, 4);
        bomb.extend_from_slice(&[0; 4]);
        let error = read_section(&mut Reader::new(&bomb, "test"), u64::MAX, "test").expect_err("a bomb");
        assert!(error.to_string().contains("4 bytes claim to hold 209715200"), "{error}");
    }
}
