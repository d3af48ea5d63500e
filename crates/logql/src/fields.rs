//! Labels of a row, column by column: stream labels, structured metadata, and what stages have changed.
//!
//! A name is looked up as parsed, then structured metadata, then stream label.

mod overlay;

use std::sync::Arc;

use sigyn_model::columns::ABSENT;
use sigyn_model::{Labels, StringColumn};

use crate::batch::{Batch, EXTRACTED};
use overlay::{Column, Hidden};

pub(crate) use overlay::{Overlay, Slot};

/// Where a label of a row comes from. A later category goes before an earlier one of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Category {
    Stream,
    Metadata,
    Parsed,
}

/// One label over the rows of a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field<'a> {
    base: u32,
    changed: Option<&'a Column>,
    metadata: Option<&'a StringColumn>,
    stream: Option<&'a str>,
}

impl<'a> Field<'a> {
    fn at(&self, row: u32) -> usize {
        (row - self.base) as usize
    }

    /// The row's value; an empty value counts as none.
    pub(crate) fn get(&self, row: u32) -> Option<&'a str> {
        self.value(row).filter(|value| !value.is_empty())
    }

    /// The row's value, which a stage may have set to nothing.
    pub(crate) fn value(&self, row: u32) -> Option<&'a str> {
        if let Some(column) = self.changed {
            let value = column.value(self.at(row));
            if value.is_some() || column.hidden.holds(self.at(row)) {
                return value;
            }
        }
        self.metadata_value(row).or(self.stream)
    }

    /// The row's value with its category.
    pub(crate) fn categorized(&self, row: u32) -> Option<(Category, &'a str)> {
        if let Some(column) = self.changed {
            let at = self.at(row);
            let given = column.category(at).and_then(|category| Some((category, column.value(at)?)));
            if given.is_some() || column.hidden.holds(at) {
                return given;
            }
        }
        let metadata = self.metadata_value(row).map(|value| (Category::Metadata, value));
        metadata.or(self.stream.map(|value| (Category::Stream, value)))
    }

    fn metadata_value(&self, row: u32) -> Option<&'a str> {
        self.metadata.and_then(|column| column.get(row as usize)).filter(|value| !value.is_empty())
    }

    /// The value of every row, when no column takes part: `Some(None)` is "no row has it".
    pub(crate) fn constant(&self) -> Option<Option<&'a str>> {
        match (self.changed.filter(|column| column.has_values()), self.hidden(), self.metadata) {
            (Some(_), ..) => None,
            (None, Hidden::Everywhere, _) => Some(None),
            (None, Hidden::Nowhere, None) => Some(self.stream),
            (None, Hidden::At(_), None) if self.stream.is_none() => Some(None),
            _ => None,
        }
    }

    fn hidden(&self) -> &'a Hidden {
        self.changed.map_or(&Hidden::Nowhere, |column| &column.hidden)
    }

    /// Ids that together decide the row's value: rows with equal ids have equal values. Absent parts give [`ABSENT`].
    pub(crate) fn ids(&self, row: u32) -> [u32; 2] {
        let at = self.at(row);
        let given = self.changed.map_or(ABSENT, |column| column.id(at));
        let metadata = match self.metadata {
            _ if self.hidden().holds(at) => ABSENT - 1,
            Some(column) => column.ids[row as usize],
            None => ABSENT,
        };
        [given, metadata]
    }

    /// The metadata column, when it alone decides the value.
    pub(crate) fn only_metadata(&self) -> Option<&'a StringColumn> {
        match (self.changed.is_some_and(Column::has_values), self.hidden()) {
            (false, Hidden::Nowhere) => self.metadata,
            _ => None,
        }
    }
}

/// The labels of a batch's rows under an overlay.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LabelView<'a> {
    stream: &'a Labels,
    metadata: &'a [(Arc<str>, &'a StringColumn)],
    overlay: &'a Overlay,
}

impl<'a> LabelView<'a> {
    pub(crate) fn new(batch: &Batch<'a>, overlay: &'a Overlay) -> Self {
        Self { stream: batch.labels, metadata: batch.metadata, overlay }
    }

    pub(crate) fn field(&self, name: &str) -> Field<'a> {
        Field {
            base: self.overlay.base(),
            changed: self.overlay.column(name),
            metadata: metadata_column(self.stream, self.metadata, name),
            stream: self.stream.get(name),
        }
    }

    /// Whether rows may differ in any label.
    pub(crate) fn has_columns(&self) -> bool {
        !self.metadata.is_empty() || !self.overlay.is_empty()
    }

    /// Every label name that a row may have, each once, in no particular order.
    pub(crate) fn names(&self) -> Vec<Arc<str>> {
        let mut names: Vec<Arc<str>> = self.stream.iter().map(|(name, _)| Arc::from(name)).collect();
        for (name, _) in self.metadata {
            names.push(match self.stream.get(name) {
                Some(_) => Arc::from(format!("{name}{EXTRACTED}")),
                None => Arc::clone(name),
            });
        }
        names.extend(self.overlay.columns().iter().map(|column| Arc::clone(&column.name)));
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The row's labels of one category that no other category hides. Only parsed labels may have empty values.
    pub(crate) fn category(&self, category: Category, names: &[Arc<str>], row: u32) -> Labels {
        if category == Category::Stream && self.overlay.is_empty() {
            return self.stream.clone();
        }
        let pairs = names.iter().filter_map(|name| {
            let (found, value) = self.field(name).categorized(row)?;
            (found == category).then_some((&**name, value))
        });
        if category == Category::Parsed { Labels::with_empty(pairs) } else { Labels::from_pairs(pairs) }
    }

    /// All labels of the row.
    pub(crate) fn labels(&self, names: &[Arc<str>], row: u32) -> Labels {
        Labels::from_pairs(names.iter().filter_map(|name| self.field(name).get(row).map(|value| (&**name, value))))
    }
}

/// The metadata column shown as `name`: its own name, or `…_extracted` when a stream label has taken that.
pub(crate) fn metadata_column<'a>(
    stream: &Labels,
    metadata: &[(Arc<str>, &'a StringColumn)],
    name: &str,
) -> Option<&'a StringColumn> {
    let find = |wanted: &str| metadata.iter().find(|(name, _)| **name == *wanted).map(|(_, column)| *column);
    if stream.get(name).is_none()
        && let Some(column) = find(name)
    {
        return Some(column);
    }
    name.strip_suffix(EXTRACTED).filter(|base| stream.get(base).is_some()).and_then(find)
}
