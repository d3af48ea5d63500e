//! Timestamps of one block.

use crate::{ColumnMeta, Error, Result};

/// Appends the block's `rows` timestamps, nanoseconds, ascending within each run, to `out`.
pub fn decode_timestamps(bytes: &[u8], column: &ColumnMeta, rows: u32, out: &mut Vec<i64>) -> Result<()> {
    let _ = (bytes, column, rows, out);
    Err(Error::internal("not written yet"))
}
