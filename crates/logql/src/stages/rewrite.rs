//! New lines for the rows of a batch, in one buffer.

use std::ops::Range;

use sigyn_model::Lines;

use crate::error::{Error, Result};

/// Most bytes that the rewritten lines of one batch may take.
const BYTES_MAX: usize = 256 << 20;

/// Collects a line for each selected row, ascending; the other rows get empty ones.
pub(crate) struct Rewriter {
    lines: Lines,
    next: u32,
    end: u32,
}

impl Rewriter {
    /// `spare` lends its buffers.
    pub(crate) fn new(mut spare: Lines, rows: &Range<u32>) -> Self {
        spare.bytes.clear();
        spare.offsets.clear();
        spare.offsets.push(0);
        Self { lines: spare, next: rows.start, end: rows.end }
    }

    /// Errors: `Limit` past the memory bound.
    pub(crate) fn push(&mut self, row: u32, line: &[u8]) -> Result<()> {
        if self.lines.bytes.len() + line.len() > BYTES_MAX {
            let message = format!(
                "the query rewrites the lines of one block to more than {BYTES_MAX} bytes; make its templates shorter"
            );
            return Err(Error::Limit { message });
        }
        self.skip_to(row);
        self.lines.push(line);
        self.next = row + 1;
        Ok(())
    }

    fn skip_to(&mut self, row: u32) {
        for _ in self.next..row {
            self.lines.push(b"");
        }
    }

    pub(crate) fn finish(mut self) -> Lines {
        self.skip_to(self.end);
        self.lines
    }
}
