//! One structured metadata name's values in one block.

use sigyn_model::StringColumn;

use crate::{ColumnMeta, Error, Result};

/// The values of one structured metadata name over the block's `rows` rows.
pub fn decode_metadata(bytes: &[u8], column: &ColumnMeta, rows: u32) -> Result<StringColumn> {
    let _ = (bytes, column, rows);
    Err(Error::internal("not written yet"))
}
