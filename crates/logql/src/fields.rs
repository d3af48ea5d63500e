//! Labels of a row, column by column: stream labels, structured metadata, and what stages have changed.
//!
//! A name is looked up as parsed, then structured metadata, then stream label.

use std::sync::Arc;

use sigyn_model::columns::ABSENT;
use sigyn_model::{Labels, StringColumn};

use crate::batch::{Batch, EXTRACTED};

/// What stages have done to the labels of one batch: parsed values, and labels taken away.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    /// Row of the block that index 0 of every column stands for.
    base: u32,
    rows: usize,
    columns: Vec<OverlayColumn>,
}

#[derive(Debug)]
struct OverlayColumn {
    name: Arc<str>,
    /// Parsed values, one id per row of the batch.
    parsed: Option<StringColumn>,
    hidden: Hidden,
}

/// For which rows the stream label and the structured metadata of a name are gone.
#[derive(Debug)]
enum Hidden {
    Nowhere,
    Everywhere,
    /// One flag per row of the batch.
    At(Vec<bool>),
}

impl Overlay {
    /// Forgets everything; the next batch covers `rows`.
    pub(crate) fn reset(&mut self, rows: std::ops::Range<u32>) {
        self.base = rows.start;
        self.rows = rows.len();
        self.columns.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    fn column(&self, name: &str) -> Option<&OverlayColumn> {
        self.columns.iter().find(|column| *column.name == *name)
    }

    fn column_mut(&mut self, name: &str) -> &mut OverlayColumn {
        if let Some(at) = self.columns.iter().position(|column| *column.name == *name) {
            return &mut self.columns[at];
        }
        self.columns.push(OverlayColumn { name: Arc::from(name), parsed: None, hidden: Hidden::Nowhere });
        let last = self.columns.len() - 1;
        &mut self.columns[last]
    }

    /// Takes label `name`, of whatever category, away from every row.
    pub(crate) fn hide(&mut self, name: &str) {
        let column = self.column_mut(name);
        column.parsed = None;
        column.hidden = Hidden::Everywhere;
    }

    /// Takes label `name`, of whatever category, away from one row.
    pub(crate) fn hide_at(&mut self, name: &str, row: u32) {
        let (at, rows) = ((row - self.base) as usize, self.rows);
        let column = self.column_mut(name);
        if let Some(parsed) = &mut column.parsed {
            parsed.ids[at] = ABSENT;
        }
        match &mut column.hidden {
            Hidden::Everywhere => {}
            Hidden::At(flags) => flags[at] = true,
            Hidden::Nowhere => {
                let mut flags = vec![false; rows];
                flags[at] = true;
                column.hidden = Hidden::At(flags);
            }
        }
    }

    /// Gives one row a parsed label.
    pub(crate) fn set(&mut self, name: &str, row: u32, value: &str) {
        let (at, rows) = ((row - self.base) as usize, self.rows);
        let parsed = self
            .column_mut(name)
            .parsed
            .get_or_insert_with(|| StringColumn { ids: vec![ABSENT; rows], ..StringColumn::default() });
        let last = parsed.values().checked_sub(1).and_then(|id| u32::try_from(id).ok());
        let id = match last {
            Some(id) if parsed.value(id) == value => id,
            _ => parsed.push_value(value),
        };
        parsed.ids[at] = id;
    }
}

/// One label over the rows of a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field<'a> {
    base: u32,
    parsed: Option<&'a StringColumn>,
    hidden: &'a Hidden,
    metadata: Option<&'a StringColumn>,
    stream: Option<&'a str>,
}

impl<'a> Field<'a> {
    /// The row's value; an empty value counts as none.
    pub(crate) fn get(&self, row: u32) -> Option<&'a str> {
        if let Some(value) = self.parsed.and_then(|column| column.get((row - self.base) as usize)) {
            return Some(value).filter(|value| !value.is_empty());
        }
        if self.is_hidden(row) {
            return None;
        }
        self.metadata_value(row).or(self.stream)
    }

    fn metadata_value(&self, row: u32) -> Option<&'a str> {
        self.metadata.and_then(|column| column.get(row as usize)).filter(|value| !value.is_empty())
    }

    fn is_hidden(&self, row: u32) -> bool {
        match self.hidden {
            Hidden::Nowhere => false,
            Hidden::Everywhere => true,
            Hidden::At(flags) => flags[(row - self.base) as usize],
        }
    }

    /// The value of every row, when no column takes part: `Some(None)` is "no row has it".
    pub(crate) fn constant(&self) -> Option<Option<&'a str>> {
        match (self.parsed, self.hidden, self.metadata) {
            (Some(_), ..) => None,
            (None, Hidden::Everywhere, _) => Some(None),
            (None, Hidden::Nowhere, None) => Some(self.stream),
            (None, Hidden::At(_), None) if self.stream.is_none() => Some(None),
            _ => None,
        }
    }

    /// Ids that together decide the row's value: rows with equal ids have equal values. Absent parts give [`ABSENT`].
    pub(crate) fn ids(&self, row: u32) -> [u32; 2] {
        let parsed = self.parsed.map_or(ABSENT, |column| column.ids[(row - self.base) as usize]);
        let hidden = self.is_hidden(row);
        let metadata = match self.metadata {
            Some(column) if !hidden => column.ids[row as usize],
            _ if hidden => ABSENT - 1,
            _ => ABSENT,
        };
        [parsed, metadata]
    }

    /// The metadata column, when it alone decides the value.
    pub(crate) fn only_metadata(&self) -> Option<&'a StringColumn> {
        match (self.parsed, self.hidden) {
            (None, Hidden::Nowhere) => self.metadata,
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

/// Where a label of a row comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Category {
    Stream,
    Metadata,
    Parsed,
}

const NOT_HIDDEN: Hidden = Hidden::Nowhere;

impl<'a> LabelView<'a> {
    pub(crate) fn new(batch: &Batch<'a>, overlay: &'a Overlay) -> Self {
        Self { stream: batch.labels, metadata: batch.metadata, overlay }
    }

    pub(crate) fn field(&self, name: &str) -> Field<'a> {
        let changed = self.overlay.column(name);
        Field {
            base: self.overlay.base,
            parsed: changed.and_then(|column| column.parsed.as_ref()),
            hidden: changed.map_or(&NOT_HIDDEN, |column| &column.hidden),
            metadata: self.metadata_column(name),
            stream: self.stream.get(name),
        }
    }

    /// Whether rows may differ in any label.
    pub(crate) fn has_columns(&self) -> bool {
        !self.metadata.is_empty() || !self.overlay.is_empty()
    }

    /// The metadata column shown as `name`: its own name, or `…_extracted` when a stream label has taken that.
    fn metadata_column(&self, name: &str) -> Option<&'a StringColumn> {
        let find = |wanted: &str| self.metadata.iter().find(|(name, _)| **name == *wanted).map(|(_, column)| *column);
        if self.stream.get(name).is_none()
            && let Some(column) = find(name)
        {
            return Some(column);
        }
        name.strip_suffix(EXTRACTED).filter(|base| self.stream.get(base).is_some()).and_then(find)
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
        names.extend(self.overlay.columns.iter().map(|column| Arc::clone(&column.name)));
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The row's labels of one category that no other category hides.
    pub(crate) fn category(&self, category: Category, names: &[Arc<str>], row: u32) -> Labels {
        if category == Category::Stream && self.overlay.is_empty() {
            return self.stream.clone();
        }
        Labels::from_pairs(names.iter().filter_map(|name| {
            let field = self.field(name);
            let parsed = field.parsed.and_then(|column| column.get((row - field.base) as usize));
            let hidden = parsed.is_some() || field.is_hidden(row);
            let value = match category {
                Category::Parsed => parsed,
                _ if hidden => None,
                Category::Metadata => field.metadata_value(row),
                Category::Stream => field.stream,
            };
            value.map(|value| (&**name, value))
        }))
    }

    /// All labels of the row.
    pub(crate) fn labels(&self, names: &[Arc<str>], row: u32) -> Labels {
        Labels::from_pairs(names.iter().filter_map(|name| self.field(name).get(row).map(|value| (&**name, value))))
    }
}
