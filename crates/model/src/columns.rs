//! Decoded columns of a block: what segments decode to and LogQL evaluates on.

/// Sentinel in [`StringColumn::ids`]: the row has no value.
pub const ABSENT: u32 = u32::MAX;

/// The lines of a block in one contiguous buffer, each followed by one separator byte (`\n`).
///
/// Row `i` is `bytes[offsets[i]..offsets[i + 1] - 1]`; `offsets` holds `rows + 1` values.
/// Lines may themselves contain `\n`: only `offsets` separates rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lines {
    pub bytes: Vec<u8>,
    pub offsets: Vec<u32>,
}

impl Lines {
    #[must_use]
    pub fn rows(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    #[must_use]
    pub fn get(&self, row: usize) -> &[u8] {
        &self.bytes[self.offsets[row] as usize..self.offsets[row + 1] as usize - 1]
    }

    /// Appends one line and its separator.
    pub fn push(&mut self, line: &[u8]) {
        if self.offsets.is_empty() {
            self.offsets.push(0);
        }
        self.bytes.extend_from_slice(line);
        self.bytes.push(b'\n');
        self.offsets.push(u32::try_from(self.bytes.len()).expect("a block is far below 4 GiB"));
    }
}

/// One value or none per row, as an id into a table of values.
///
/// Shape: `ids` has one entry per row, [`ABSENT`] or an index of `values`; value `v` is `bytes[offsets[v]..offsets[v + 1]]`.
/// The table of a dictionary column has few distinct values; that of a plain column one per present row.
/// Either way two rows may have equal values under different ids.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StringColumn {
    pub bytes: Vec<u8>,
    pub offsets: Vec<u32>,
    pub ids: Vec<u32>,
}

impl StringColumn {
    #[must_use]
    pub fn values(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    #[must_use]
    pub fn value(&self, id: u32) -> &str {
        let at = id as usize;
        let bytes = &self.bytes[self.offsets[at] as usize..self.offsets[at + 1] as usize];
        std::str::from_utf8(bytes).unwrap_or("")
    }

    #[must_use]
    pub fn get(&self, row: usize) -> Option<&str> {
        match self.ids[row] {
            ABSENT => None,
            id => Some(self.value(id)),
        }
    }

    /// Adds a value to the table and returns its id.
    pub fn push_value(&mut self, value: &str) -> u32 {
        if self.offsets.is_empty() {
            self.offsets.push(0);
        }
        self.bytes.extend_from_slice(value.as_bytes());
        self.offsets.push(u32::try_from(self.bytes.len()).expect("a block is far below 4 GiB"));
        u32::try_from(self.offsets.len() - 2).expect("a block has fewer than 2^32 values")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_whole() {
        let mut lines = Lines::default();
        for line in ["", "a\nb", "c"] {
            lines.push(line.as_bytes());
        }
        assert_eq!((lines.rows(), lines.get(0), lines.get(1), lines.get(2)), (3, &b""[..], &b"a\nb"[..], &b"c"[..]));
    }

    #[test]
    fn string_column_tells_absent_from_empty() {
        let mut column = StringColumn::default();
        let empty = column.push_value("");
        let x = column.push_value("x");
        column.ids = vec![x, ABSENT, empty];
        assert_eq!((column.get(0), column.get(1), column.get(2)), (Some("x"), None, Some("")));
    }
}
