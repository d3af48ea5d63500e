//! Bytes of the catalog's objects: keys, frame, checksum. The page is docs/formats/catalog.md.

use object_store::path::Path;

use crate::{Error, Result};

pub(super) const LOG_PREFIX: &str = "catalog/log";
pub(super) const CHECKPOINT_PREFIX: &str = "catalog/checkpoint";

/// The only version so far, in the byte after the magic.
pub(super) const VERSION: u8 = 0;

const MAGIC_LENGTH: usize = 4;
const VERSION_OFFSET: usize = MAGIC_LENGTH;
const RESERVED_OFFSET: usize = VERSION_OFFSET + 1;
const BODY_OFFSET: usize = RESERVED_OFFSET + 3;
const CHECKSUM_LENGTH: usize = 4;

/// What an object is, by its first four bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    LogEntry,
    Checkpoint,
}

impl Kind {
    const fn magic(self) -> [u8; MAGIC_LENGTH] {
        match self {
            Self::LogEntry => *b"SgnL",
            Self::Checkpoint => *b"SgnC",
        }
    }
}

pub(super) fn log_key(sequence: u64) -> String {
    format!("{LOG_PREFIX}/{sequence:020}")
}

pub(super) fn checkpoint_key(sequence: u64) -> String {
    format!("{CHECKPOINT_PREFIX}/{sequence:020}")
}

/// The number at the end of a key; `None` for objects that are not ours.
pub(super) fn sequence_of(path: &Path) -> Option<u64> {
    let name = path.filename()?;
    if name.len() == 20 && name.bytes().all(|byte| byte.is_ascii_digit()) { name.parse().ok() } else { None }
}

/// Starts an object; the body is appended to it.
pub(super) fn begin(kind: Kind) -> Vec<u8> {
    let mut object = Vec::with_capacity(4096);
    object.extend_from_slice(&kind.magic());
    object.extend_from_slice(&[VERSION, 0, 0, 0]);
    object
}

/// Ends an object with the CRC-32C of everything before it.
pub(super) fn seal(mut object: Vec<u8>) -> Vec<u8> {
    let checksum = crc_fast::crc32_iscsi(&object);
    object.extend_from_slice(&checksum.to_le_bytes());
    object
}

/// Checks the frame of the object at `key` and returns its body.
pub(super) fn open<'a>(key: &str, kind: Kind, object: &'a [u8]) -> Result<&'a [u8]> {
    let corrupt = |reason: &str| Error::Corrupt { key: key.to_owned(), reason: reason.to_owned() };
    let Some((framed, checksum)) = object.split_last_chunk::<CHECKSUM_LENGTH>() else {
        return Err(corrupt("it is shorter than its frame"));
    };
    if framed.len() < BODY_OFFSET {
        return Err(corrupt("it is shorter than its frame"));
    }
    if framed[..MAGIC_LENGTH] != kind.magic() {
        return Err(corrupt("its first bytes are not those of such an object"));
    }
    if crc_fast::crc32_iscsi(framed) != u32::from_le_bytes(*checksum) {
        return Err(corrupt("its checksum does not match"));
    }
    if framed[VERSION_OFFSET] > VERSION {
        return Err(Error::Newer { key: key.to_owned(), reason: format!("version {}", framed[VERSION_OFFSET]) });
    }
    Ok(&framed[BODY_OFFSET..])
}

#[cfg(test)]
mod tests {
    use sigyn_model::ErrorKind;

    use super::*;

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let mut object = begin(Kind::LogEntry);
        object.extend_from_slice(b"body");
        let object = seal(object);
        assert_eq!(open("k", Kind::LogEntry, &object).ok(), Some(&b"body"[..]));
        assert!(open("k", Kind::Checkpoint, &object).is_err());
        for length in 0..object.len() {
            assert!(open("k", Kind::LogEntry, &object[..length]).is_err(), "cut at {length}");
        }
        for bit in 0..object.len() * 8 {
            let mut damaged = object.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let error = open("k", Kind::LogEntry, &damaged).expect_err("damaged");
            assert_eq!(error.kind(), ErrorKind::Corrupt, "bit {bit}");
        }
    }

    #[test]
    fn a_newer_version_asks_for_an_upgrade() {
        let mut object = begin(Kind::LogEntry);
        object[VERSION_OFFSET] = VERSION + 1;
        let error = open("catalog/log/1", Kind::LogEntry, &seal(object)).expect_err("newer");
        assert!(matches!(error, Error::Newer { .. }), "{error}");
    }

    #[test]
    fn keys_sort_by_number_and_read_back() {
        assert_eq!(log_key(7), "catalog/log/00000000000000000007");
        assert!(checkpoint_key(9) < checkpoint_key(10));
        assert_eq!(sequence_of(&Path::from(log_key(u64::MAX))), Some(u64::MAX));
        for foreign in ["catalog/log/7", "catalog/log/0000000000000000000x", "catalog/log/00000000000000000007#1"] {
            assert_eq!(sequence_of(&Path::from(foreign)), None, "{foreign}");
        }
    }
}
