//! What the engine evaluates: the rows of one stream run, as columns of its block.

use std::ops::Range;
use std::sync::Arc;

use sigyn_model::{Labels, Lines, StringColumn};

/// One stream's contiguous rows inside the decoded columns of a block.
///
/// Every slice and column covers the whole block; `rows` says which of its rows are this run's.
/// Timestamps ascend inside `rows`. Columns that the plan's [`ColumnNeeds`] does not name may be left out.
#[derive(Debug, Clone)]
pub struct Batch<'a> {
    pub labels: &'a Labels,
    /// The stream's number in this query: small and dense, the same for all runs of the stream, in one process.
    pub stream_id: u32,
    /// Nanoseconds. May be empty when the plan does not need them.
    pub timestamps: &'a [i64],
    pub lines: Option<&'a Lines>,
    pub line_lengths: Option<&'a [u32]>,
    /// Structured metadata by its name as pushed.
    pub metadata: &'a [(Arc<str>, &'a StringColumn)],
    pub rows: Range<u32>,
}

/// Rows of a block, ascending; used for rows to leave out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RowSet(Vec<u32>);

impl RowSet {
    /// Takes row numbers in any order; repeats are harmless.
    #[must_use]
    pub fn new(mut rows: Vec<u32>) -> Self {
        rows.sort_unstable();
        rows.dedup();
        Self(rows)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[must_use]
    pub fn rows(&self) -> &[u32] {
        &self.0
    }

    /// The members inside `range`.
    #[must_use]
    pub fn within(&self, range: &Range<u32>) -> &[u32] {
        let from = self.0.partition_point(|&row| row < range.start);
        let to = from + self.0[from..].partition_point(|&row| row < range.end);
        &self.0[from..to]
    }
}

/// Arrival order of a run: equal timestamps of one stream read in ascending `(sequence, row of the part)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunOrder {
    /// `PartMeta::sequence`.
    pub sequence: u64,
    /// Position in the part of the run's first row.
    pub first_row: u64,
}

/// The columns a plan reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnNeeds {
    pub timestamps: bool,
    pub lines: bool,
    /// Never set together with `lines`, which brings its own lengths.
    pub line_lengths: bool,
    pub metadata: MetadataNeeds,
}

/// The structured metadata columns a plan reads, by their names as pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetadataNeeds {
    None,
    Some(Vec<String>),
    All,
}

impl MetadataNeeds {
    /// What both need together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::None, needs) | (needs, Self::None) => needs,
            (Self::Some(mut names), Self::Some(more)) => {
                names.extend(more);
                names.sort_unstable();
                names.dedup();
                Self::Some(names)
            }
        }
    }
}

impl ColumnNeeds {
    /// Whether the plan's result for a stream with these labels can depend on the metadata column `name`.
    ///
    /// A column that a stream label hides under `…_extracted` only counts when that name is asked for.
    #[must_use]
    pub fn wants_metadata(&self, labels: &Labels, name: &str) -> bool {
        match &self.metadata {
            MetadataNeeds::None => false,
            MetadataNeeds::All => true,
            MetadataNeeds::Some(names) if labels.get(name).is_some() => {
                names.iter().any(|asked| asked.strip_suffix(EXTRACTED) == Some(name))
            }
            MetadataNeeds::Some(names) => names.iter().any(|asked| asked == name),
        }
    }

    /// Whether any stream may need the metadata column `name`: what to decode before looking at streams.
    #[must_use]
    pub fn may_want_metadata(&self, name: &str) -> bool {
        match &self.metadata {
            MetadataNeeds::None => false,
            MetadataNeeds::All => true,
            MetadataNeeds::Some(names) => {
                names.iter().any(|asked| asked == name || asked.strip_suffix(EXTRACTED) == Some(name))
            }
        }
    }
}

/// Suffix of a metadata or parsed label whose own name a stream label has taken.
pub(crate) const EXTRACTED: &str = "_extracted";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_sets_are_cut_by_range() {
        let set = RowSet::new(vec![9, 3, 5, 3]);
        assert_eq!(set.within(&(3..9)), [3, 5]);
        assert_eq!(set.within(&(6..7)), [0_u32; 0]);
    }

    #[test]
    fn metadata_needs_follow_stream_labels() {
        let labels = Labels::from_pairs([("app", "a")]);
        let needs = |names: &[&str]| ColumnNeeds {
            timestamps: true,
            lines: false,
            line_lengths: false,
            metadata: MetadataNeeds::Some(names.iter().map(|&name| name.to_owned()).collect()),
        };
        assert!(!needs(&["app"]).wants_metadata(&labels, "app"));
        assert!(needs(&["app"]).may_want_metadata("app"));
        assert!(needs(&["app_extracted"]).wants_metadata(&labels, "app"));
        assert!(needs(&["pod"]).wants_metadata(&labels, "pod"));
        assert!(!needs(&["pod"]).wants_metadata(&labels, "zone"));
    }
}
