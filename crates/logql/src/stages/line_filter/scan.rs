//! One search over the joined lines of many rows, its hits mapped back to rows.

use std::ops::Range;

use sigyn_model::Lines;

/// Lines of a batch: row `r` of the block is line `r - base`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LineView<'a> {
    lines: &'a Lines,
    base: u32,
}

impl<'a> LineView<'a> {
    pub(crate) fn new(lines: &'a Lines, base: u32) -> Self {
        Self { lines, base }
    }

    pub(crate) fn line(&self, row: u32) -> &'a [u8] {
        self.lines.get((row - self.base) as usize)
    }

    /// The lines of a contiguous range of rows with their separators.
    pub(super) fn joined(&self, rows: Range<u32>) -> &'a [u8] {
        if rows.is_empty() {
            return &[];
        }
        let (from, to) = ((rows.start - self.base) as usize, (rows.end - self.base) as usize);
        &self.lines.bytes[self.lines.offsets[from] as usize..self.lines.offsets[to] as usize]
    }

    /// Sum of the line lengths of a contiguous range of rows.
    pub(crate) fn total_length(&self, rows: Range<u32>) -> u64 {
        if rows.is_empty() {
            return 0;
        }
        let (from, to) = ((rows.start - self.base) as usize, (rows.end - self.base) as usize);
        u64::from(self.lines.offsets[to] - self.lines.offsets[from]) - (to - from) as u64
    }
}

/// Appends to `hits` the rows of `rows` in which a search succeeds, ascending.
///
/// `find(text, from)` gives the leftmost match of the joined text at or after `from`. A match can reach over the end of
/// its row; `decide(line, inside)` settles whether the row is a hit, `inside` saying that the match lies within it.
/// After each candidate the search goes on behind the candidate's row: no row is looked at twice.
pub(super) fn scan(
    view: LineView<'_>,
    rows: Range<u32>,
    hits: &mut Vec<u32>,
    mut find: impl FnMut(&[u8], usize) -> Option<(usize, usize)>,
    mut decide: impl FnMut(&[u8], bool) -> bool,
) {
    if rows.is_empty() {
        return;
    }
    let first = (rows.start - view.base) as usize;
    let last = (rows.end - view.base) as usize;
    let offsets = &view.lines.offsets[first..=last];
    let origin = offsets[0] as usize;
    let text = &view.lines.bytes[origin..offsets[last - first] as usize];
    let (mut row, mut from) = (0, 0);
    while row < last - first
        && let Some((start, end)) = find(text, from)
    {
        row = row_at(offsets, row, start + origin);
        if row >= last - first {
            break;
        }
        let line_end = offsets[row + 1] as usize - origin - 1;
        let line = &text[offsets[row] as usize - origin..line_end];
        if decide(line, end <= line_end) {
            hits.push(rows.start + u32::try_from(row).expect("a row inside a range of u32"));
        }
        row += 1;
        from = offsets[row] as usize - origin;
    }
}

/// The row at or after `row` whose bytes, separator included, hold offset `at`. Gallops.
fn row_at(offsets: &[u32], row: usize, at: usize) -> usize {
    crate::selection::gallop(row + 1, offsets.len(), |next| offsets[next] as usize <= at) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(lines: &[&str], needle: &str, rows: Range<u32>) -> Vec<u32> {
        let mut joined = Lines::default();
        for line in lines {
            joined.push(line.as_bytes());
        }
        let mut hits = Vec::new();
        let finder = memchr::memmem::Finder::new(needle);
        scan(
            LineView::new(&joined, 0),
            rows,
            &mut hits,
            |text, from| finder.find(&text[from..]).map(|at| (from + at, from + at + needle.len())),
            |_, inside| inside,
        );
        hits
    }

    #[test]
    fn hits_map_to_rows() {
        let lines = ["", "ab", "xabxab", "b", "a", "b", "zab"];
        assert_eq!(hits(&lines, "ab", 0..7), [1, 2, 6]);
        assert_eq!(hits(&lines, "ab", 2..6), [2]);
        assert_eq!(hits(&lines, "ab", 3..3), [0_u32; 0]);
        assert_eq!(hits(&lines, "", 0..7), [0, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_match_across_rows_is_none() {
        assert_eq!(hits(&["a", "b", "a\nb"], "a\nb", 0..3), [2]);
        assert_eq!(hits(&["b", "b\n", "b"], "\n", 0..3), [1]);
    }
}
