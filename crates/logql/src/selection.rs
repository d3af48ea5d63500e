//! The rows of a batch that are still in play: a whole range, or an ascending list.

use std::ops::Range;

/// Ascending row numbers of a block. The buffers are kept between batches.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    /// Every row of this range while `listed` is off; otherwise the range that `rows` lies in.
    range: Range<u32>,
    listed: bool,
    rows: Vec<u32>,
    spare: Vec<u32>,
}

impl Selection {
    /// Selects `range` without the ascending rows `skip`.
    pub(crate) fn reset(&mut self, range: Range<u32>, skip: &[u32]) {
        self.range = range;
        self.listed = false;
        if !skip.is_empty() {
            self.remove_sorted(skip);
        }
    }

    pub(crate) fn len(&self) -> usize {
        if self.listed { self.rows.len() } else { self.range.len() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The range when every row of it is selected.
    pub(crate) fn whole(&self) -> Option<Range<u32>> {
        (!self.listed).then(|| self.range.clone())
    }

    /// The `at`-th selected row.
    pub(crate) fn row(&self, at: usize) -> u32 {
        if self.listed {
            self.rows[at]
        } else {
            self.range.start + u32::try_from(at).expect("a position inside a range of u32")
        }
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = u32> + '_ {
        (0..self.len()).map(|at| self.row(at))
    }

    /// The smallest range that holds the selected rows.
    pub(crate) fn span(&self) -> Range<u32> {
        match (self.listed, self.rows.first(), self.rows.last()) {
            (false, ..) => self.range.clone(),
            (true, Some(&first), Some(&last)) => first..last + 1,
            (true, ..) => self.range.start..self.range.start,
        }
    }

    /// Keeps the rows for which `keep` holds.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(u32) -> bool) {
        if self.listed {
            self.rows.retain(|&row| keep(row));
        } else {
            self.rows.clear();
            self.rows.extend(self.range.clone().filter(|&row| keep(row)));
            self.listed = true;
        }
    }

    /// Keeps what is also in the ascending list `hits`; takes the list's buffer when nothing was filtered before.
    pub(crate) fn intersect_sorted(&mut self, hits: &mut Vec<u32>) {
        if self.listed {
            let mut at = 0;
            self.rows.retain(|&row| {
                at += hits[at..].iter().take_while(|&&hit| hit < row).count();
                hits.get(at) == Some(&row)
            });
        } else {
            std::mem::swap(&mut self.rows, hits);
            self.listed = true;
        }
    }

    /// Drops what is in the ascending list `hits`.
    pub(crate) fn remove_sorted(&mut self, hits: &[u32]) {
        if self.listed {
            let mut at = 0;
            self.rows.retain(|&row| {
                at += hits[at..].iter().take_while(|&&hit| hit < row).count();
                hits.get(at) != Some(&row)
            });
            return;
        }
        self.rows.clear();
        let mut next = self.range.start;
        for &hit in hits {
            if self.range.contains(&hit) {
                self.rows.extend(next..hit);
                next = hit + 1;
            }
        }
        self.rows.extend(next..self.range.end);
        self.listed = true;
    }

    pub(crate) fn clear(&mut self) {
        self.listed = true;
        self.rows.clear();
    }

    /// Lends an empty buffer; give it back with [`Self::return_buffer`].
    pub(crate) fn lend_buffer(&mut self) -> Vec<u32> {
        let mut buffer = std::mem::take(&mut self.spare);
        buffer.clear();
        buffer
    }

    pub(crate) fn return_buffer(&mut self, buffer: Vec<u32>) {
        self.spare = buffer;
    }
}

/// First position in `from..to` for which `holds` is false, given that it holds for a prefix.
///
/// Gallops, so it costs the logarithm of the distance, not of the length.
pub(crate) fn gallop(from: usize, to: usize, mut holds: impl FnMut(usize) -> bool) -> usize {
    let (mut low, mut step) = (from, 1);
    while low + step <= to && holds(low + step - 1) {
        low += step;
        step *= 2;
    }
    let mut high = (low + step).min(to);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(selection: &Selection) -> Vec<u32> {
        selection.iter().collect()
    }

    #[test]
    fn narrows_ranges_and_lists() {
        let mut selection = Selection::default();
        selection.reset(3..8, &[]);
        assert_eq!((selection.len(), selection.whole(), selection.span()), (5, Some(3..8), 3..8));
        selection.remove_sorted(&[1, 4, 9]);
        assert_eq!((rows(&selection), selection.whole()), (vec![3, 5, 6, 7], None));
        selection.intersect_sorted(&mut vec![0, 5, 7, 8]);
        assert_eq!((rows(&selection), selection.span()), (vec![5, 7], 5..8));
        selection.retain(|row| row > 5);
        assert_eq!(rows(&selection), [7]);
        selection.clear();
        assert!(selection.is_empty() && selection.span().is_empty());
        selection.reset(3..8, &[3, 7]);
        assert_eq!(rows(&selection), [4, 5, 6]);
    }

    #[test]
    fn gallop_finds_every_border() {
        for length in 0..40_usize {
            for border in 0..=length {
                assert_eq!(gallop(0, length, |at| at < border), border);
            }
        }
    }
}
