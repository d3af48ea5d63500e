//! Column codecs: each file encodes and decodes one kind.

pub(crate) mod lengths;
pub(crate) mod lines;
pub(crate) mod metadata;
pub(crate) mod timestamps;

use crate::compression::crc32c;
use crate::footer::ColumnMeta;
use crate::varint::Reader;
use crate::{Error, Result, format};

/// Checks a column's bytes against the block index and starts reading them.
pub(crate) fn open<'a>(bytes: &'a [u8], column: &ColumnMeta, rows: u64, region: &'static str) -> Result<Reader<'a>> {
    if bytes.len() as u64 != u64::from(column.length) {
        let problem = format!("{} bytes at offset {} should be {}", bytes.len(), column.offset, column.length);
        return Err(Error::corrupt(region, problem));
    }
    if crc32c(bytes) != column.crc {
        let problem = format!("checksum of {} bytes at offset {} differs", column.length, column.offset);
        return Err(Error::corrupt(region, problem));
    }
    if rows > format::ROWS_MAX {
        return Err(Error::corrupt(region, format!("a block of {rows} rows")));
    }
    Ok(Reader::new(bytes, region))
}
