//! Lines of one block.

use sigyn_model::Lines;

use crate::{ColumnMeta, Error, Result};

/// The block's lines; `lengths` are those of the same block.
pub fn decode_lines(bytes: &[u8], column: &ColumnMeta, lengths: &[u32]) -> Result<Lines> {
    let _ = (bytes, column, lengths);
    Err(Error::internal("not written yet"))
}
