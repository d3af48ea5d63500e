//! An object of several parts, with a directory at its end for recovery without the catalog.

use sigyn_model::{Level, PartId, PartMeta, TenantId, Window};

use crate::compression::crc32c;
use crate::varint::Reader;
use crate::{EncodedPart, Error, Result, format};

const HEADER: &str = "object header";
const DIRECTORY: &str = "object directory";
const TRAILER: &str = "object trailer";

/// Gathers parts into one object.
#[derive(Debug)]
pub struct ObjectWriter {
    bytes: Vec<u8>,
    entries: Vec<DirectoryEntry>,
}

/// Where a part went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    pub offset: u64,
    pub length: u64,
    /// Position among the object's parts.
    pub index: u32,
}

/// What an object says it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    pub entries: Vec<DirectoryEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryEntry {
    pub tenant: TenantId,
    pub window: Window,
    pub offset: u64,
    pub length: u64,
    /// As in `PartMeta`: bytes of footer and trailer.
    pub footer_length: u32,
}

impl Default for ObjectWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl ObjectWriter {
    #[must_use]
    pub fn new() -> Self {
        let mut bytes = format::OBJECT_MAGIC.to_vec();
        bytes.extend_from_slice(&format::VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 2]);
        Self { bytes, entries: Vec::new() }
    }

    /// Appends a part of the object that is stored as `object`, and returns its catalog row.
    pub fn push_named(
        &mut self,
        object: &str,
        tenant: &TenantId,
        window: Window,
        level: Level,
        sequence: u64,
        mut part: EncodedPart,
    ) -> PartMeta {
        let label_filter = std::mem::take(&mut part.label_filter);
        let (footer_length, streams) = (part.footer_length, part.streams);
        let (min_time, max_time, rows, raw_bytes) = (part.min_time, part.max_time, part.rows, part.raw_bytes);
        let Placement { offset, length, index } = self.push(tenant, window, part);
        PartMeta {
            id: PartId { object: object.to_owned(), index },
            tenant: tenant.clone(),
            window,
            level,
            offset,
            length,
            footer_length,
            min_time,
            max_time,
            rows,
            streams,
            raw_bytes,
            sequence,
            label_filter,
        }
    }

    pub fn push(&mut self, tenant: &TenantId, window: Window, part: EncodedPart) -> Placement {
        let EncodedPart { mut bytes, footer_length, .. } = part;
        let (offset, length) = (self.bytes.len() as u64, bytes.len() as u64);
        if self.entries.is_empty() {
            // The first part, often the only one and large, makes room for the header instead of being copied.
            bytes.splice(..0, self.bytes.iter().copied());
            self.bytes = bytes;
        } else {
            self.bytes.extend_from_slice(&bytes);
        }
        self.entries.push(DirectoryEntry { tenant: tenant.clone(), window, offset, length, footer_length });
        Placement { offset, length, index: self.entries.len() as u32 - 1 }
    }

    /// Bytes so far, without directory and trailer.
    #[must_use]
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        let Self { mut bytes, entries } = self;
        let start = bytes.len();
        for entry in &entries {
            // A tenant id has at most 150 bytes.
            bytes.push(entry.tenant.as_str().len() as u8);
            bytes.extend_from_slice(entry.tenant.as_str().as_bytes());
            bytes.extend_from_slice(&entry.window.0.to_le_bytes());
            bytes.extend_from_slice(&entry.offset.to_le_bytes());
            bytes.extend_from_slice(&entry.length.to_le_bytes());
            bytes.extend_from_slice(&entry.footer_length.to_le_bytes());
        }
        let directory_length = (bytes.len() - start) as u32;
        let length = (bytes.len() + format::OBJECT_TRAILER_LENGTH) as u64;
        bytes.extend_from_slice(&directory_length.to_le_bytes());
        bytes.extend_from_slice(&(entries.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&format::VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 2]);
        let crc = crc32c(&bytes[start..]);
        bytes.extend_from_slice(&crc.to_le_bytes());
        bytes.extend_from_slice(&format::OBJECT_END_MAGIC);
        bytes
    }
}

impl Directory {
    /// Reads and checks a whole object's header, directory and trailer; not its parts.
    pub fn parse(object: &[u8]) -> Result<Self> {
        let too_short = || Error::corrupt(TRAILER, format!("{} bytes are too few for an object", object.len()));
        let trailer_start = object.len().checked_sub(format::OBJECT_TRAILER_LENGTH).ok_or_else(too_short)?;
        let mut trailer = Reader::new(&object[trailer_start..], TRAILER);
        let (directory_length, parts) = (trailer.u32()? as usize, trailer.u32()?);
        let (length, version_and_reserved, crc) = (trailer.u64()?, trailer.u32()?, trailer.u32()?);
        if trailer.bytes(format::OBJECT_END_MAGIC.len() as u64)? != format::OBJECT_END_MAGIC {
            return Err(trailer.corrupt("its magic is missing: the object is cut off, or something follows it"));
        }
        if length != object.len() as u64 {
            return Err(trailer.corrupt(format!("it ends an object of {length} bytes, not of {}", object.len())));
        }
        let start = trailer_start.checked_sub(directory_length).filter(|start| *start >= format::HEADER_LENGTH);
        let start = start.ok_or_else(|| trailer.corrupt(format!("a directory of {directory_length} bytes")))?;
        if crc32c(&object[start..trailer_start + format::OBJECT_CRC_AT]) != crc {
            return Err(Error::corrupt(DIRECTORY, format!("checksum of {directory_length} bytes differs")));
        }
        let version = version_and_reserved as u16;
        if version > format::VERSION {
            return Err(Error::Version { found: version, newest: format::VERSION });
        }
        check_header(object, version)?;
        Self::read(&object[start..trailer_start], parts, start as u64)
    }

    fn read(bytes: &[u8], parts: u32, parts_end: u64) -> Result<Self> {
        let mut reader = Reader::new(bytes, DIRECTORY);
        let mut entries = Vec::new();
        let mut end = format::HEADER_LENGTH as u64;
        for _ in 0..parts {
            let name_length = u64::from(reader.u8()?);
            let name = std::str::from_utf8(reader.bytes(name_length)?).ok();
            let tenant = name.and_then(|name| TenantId::new(name).ok());
            let tenant = tenant.ok_or_else(|| reader.corrupt("an entry has no valid tenant"))?;
            let window = Window(reader.u64()? as i64);
            let (offset, length, footer_length) = (reader.u64()?, reader.u64()?, reader.u32()?);
            if offset != end || length > parts_end - offset || u64::from(footer_length) > length {
                return Err(reader.corrupt(format!("a part of {length} bytes at {offset} of {parts_end}")));
            }
            end = offset + length;
            entries.push(DirectoryEntry { tenant, window, offset, length, footer_length });
        }
        if end != parts_end {
            return Err(reader.corrupt(format!("its parts end at {end}, the directory starts at {parts_end}")));
        }
        reader.end()?;
        Ok(Self { entries })
    }
}

fn check_header(object: &[u8], version: u16) -> Result<()> {
    let mut expected = format::OBJECT_MAGIC.to_vec();
    expected.extend_from_slice(&version.to_le_bytes());
    expected.extend_from_slice(&[0; 2]);
    if object[..format::HEADER_LENGTH] != expected[..] {
        return Err(Error::corrupt(HEADER, "its magic or version is wrong"));
    }
    Ok(())
}
