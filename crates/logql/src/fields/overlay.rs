//! What stages have done to the labels of a batch: values they gave, and labels they took away.

use std::hash::BuildHasher as _;
use std::ops::Range;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use sigyn_model::columns::ABSENT;

use super::Category;
use crate::error::{Error, Result};

/// Id of a value that a stage gave and a later one took away.
const TAKEN: u32 = ABSENT - 1;
/// Most cells (column × row) that the labels of one batch may take: 128 MiB of ids.
const CELLS_MAX: usize = 32 << 20;
/// Columns kept from batch to batch for their buffers.
const COLUMNS_KEPT: usize = 256;
/// Cells and value bytes a kept column may have grown to.
const COLUMN_KEPT_SIZE: usize = 1 << 20;
/// Values up to this length are stored once however many rows have them.
const SHARED_BYTES_MAX: usize = 40;

/// Columns by name, with a cell for each row of the batch that a stage has touched.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    /// Row of the block that index 0 of every column stands for.
    base: u32,
    rows: usize,
    /// The first `live` are this batch's, in order of appearance; the others lend their buffers.
    columns: Vec<Column>,
    live: usize,
    by_name: HashTable<u32>,
    cells: usize,
}

#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: Arc<str>,
    values: Values,
    pub(super) hidden: Hidden,
    /// Category of each row's value; empty while all are parsed.
    categories: Vec<Category>,
    /// Rows that have a value.
    present: usize,
}

/// For which rows the stream label and the structured metadata of a name are gone.
#[derive(Debug)]
pub(super) enum Hidden {
    Nowhere,
    Everywhere,
    /// One flag per row of the batch.
    At(Vec<bool>),
}

/// A table of values and the id of each row's; rows before `first` and behind the last id have none.
#[derive(Debug, Default)]
struct Values {
    first: usize,
    ids: Vec<u32>,
    bytes: String,
    offsets: Vec<u32>,
    /// Ids of short values by their text.
    shared: HashTable<u32>,
}

/// A column of an [`Overlay`]; stays what it is until the next batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot(u32);

impl Slot {
    fn at(self) -> usize {
        self.0 as usize
    }
}

impl Overlay {
    /// Forgets everything; the next batch covers `rows`.
    pub(crate) fn reset(&mut self, rows: Range<u32>) {
        self.base = rows.start;
        self.rows = rows.len();
        self.columns.truncate(COLUMNS_KEPT);
        self.columns.retain(|column| column.values.size() <= COLUMN_KEPT_SIZE);
        self.live = 0;
        self.by_name.clear();
        self.cells = 0;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.live == 0
    }

    pub(super) fn base(&self) -> u32 {
        self.base
    }

    /// Index of a row of the block.
    fn at(&self, row: u32) -> usize {
        (row - self.base) as usize
    }

    pub(super) fn columns(&self) -> &[Column] {
        &self.columns[..self.live]
    }

    pub(crate) fn find(&self, name: &str) -> Option<Slot> {
        self.by_name.find(hash(name), |&at| *self.columns[at as usize].name == *name).copied().map(Slot)
    }

    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.find(name).map(|slot| &self.columns[slot.at()])
    }

    /// The column of a label, made if need be.
    pub(crate) fn slot(&mut self, name: &str) -> Slot {
        if let Some(slot) = self.find(name) {
            return slot;
        }
        let place = self.live;
        match self.columns[place..].iter().position(|column| *column.name == *name) {
            Some(kept) => self.columns.swap(place, place + kept),
            None if place < self.columns.len() && place < COLUMNS_KEPT => {
                let displaced = std::mem::replace(&mut self.columns[place], Column::new(name));
                self.columns.push(displaced);
            }
            None => {
                self.columns.push(Column::new(name));
                let last = self.columns.len() - 1;
                self.columns.swap(place, last);
            }
        }
        self.columns[place].clear();
        self.live += 1;
        let slot = u32::try_from(place).expect("a block has fewer than 2^32 labels");
        let Self { by_name, columns, .. } = self;
        by_name.insert_unique(hash(name), slot, |&at| hash(&columns[at as usize].name));
        Slot(slot)
    }

    /// Takes label `name`, of whatever category, away from every row.
    pub(crate) fn hide(&mut self, name: &str) {
        let slot = self.slot(name);
        let column = &mut self.columns[slot.at()];
        for id in &mut column.values.ids {
            if *id != ABSENT {
                *id = TAKEN;
            }
        }
        column.present = 0;
        column.hidden = Hidden::Everywhere;
    }

    /// Takes label `name`, of whatever category, away from one row.
    pub(crate) fn hide_at(&mut self, name: &str, row: u32) {
        let (at, rows, slot) = (self.at(row), self.rows, self.slot(name));
        let column = &mut self.columns[slot.at()];
        if let Some(id) = column.values.cell_mut(at)
            && *id != ABSENT
        {
            column.present -= usize::from(*id != TAKEN);
            *id = TAKEN;
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

    /// Whether the stream label and the metadata of the column's name are gone from the row.
    pub(crate) fn is_hidden(&self, slot: Slot, row: u32) -> bool {
        self.columns[slot.at()].hidden.holds(self.at(row))
    }

    /// Whether a stage has ever given the row this label, even if a later one took it away.
    pub(crate) fn was_set(&self, slot: Slot, row: u32) -> bool {
        self.columns[slot.at()].values.id(self.at(row)) != ABSENT
    }

    /// Gives one row a parsed label.
    pub(crate) fn set(&mut self, name: &str, row: u32, value: &str) {
        let slot = self.slot(name);
        self.put(slot, row, value);
    }

    /// Gives one row a parsed label. Rows that come in order cost least.
    pub(crate) fn put(&mut self, slot: Slot, row: u32, value: &str) {
        let at = self.at(row);
        let column = &mut self.columns[slot.at()];
        let before = column.values.ids.len();
        let id = column.values.add(value);
        let cell = column.values.cell_to_fill(at);
        column.present += usize::from(*cell >= TAKEN);
        *cell = id;
        if !column.categories.is_empty() {
            column.categories[at] = Category::Parsed;
        }
        self.cells += column.values.ids.len() - before;
    }

    /// Gives one row a label of some category, unless it has one of a category that goes before.
    pub(crate) fn put_as(&mut self, category: Category, slot: Slot, row: u32, value: &str) {
        let (at, rows) = (self.at(row), self.rows);
        let column = &mut self.columns[slot.at()];
        let standing = column.category(at).filter(|_| column.value(at).is_some());
        if standing.is_some_and(|standing| standing > category) {
            return;
        }
        self.put(slot, row, value);
        if category != Category::Parsed {
            let column = &mut self.columns[slot.at()];
            column.categories.resize(rows, Category::Parsed);
            column.categories[at] = category;
        }
    }

    /// Errors: `Limit` when the labels found need too much memory.
    pub(crate) fn check_size(&self) -> Result<()> {
        if self.cells <= CELLS_MAX {
            return Ok(());
        }
        let labels = self.live;
        let message = format!(
            "parsers found {labels} different labels in one block of lines, more than fit into memory; name those you need, as in | json a, b"
        );
        Err(Error::Limit { message })
    }
}

impl Column {
    fn new(name: &str) -> Self {
        Self {
            name: Arc::from(name),
            values: Values::default(),
            hidden: Hidden::Nowhere,
            categories: Vec::new(),
            present: 0,
        }
    }

    fn clear(&mut self) {
        self.values.clear();
        self.hidden = Hidden::Nowhere;
        self.categories.clear();
        self.present = 0;
    }

    /// Whether any row has a value.
    pub(super) fn has_values(&self) -> bool {
        self.present > 0
    }

    pub(super) fn value(&self, at: usize) -> Option<&str> {
        match self.values.id(at) {
            TAKEN | ABSENT => None,
            id => Some(self.values.value(id)),
        }
    }

    pub(super) fn id(&self, at: usize) -> u32 {
        self.values.id(at)
    }

    /// The category of the row's value, if it has one.
    pub(super) fn category(&self, at: usize) -> Option<Category> {
        match self.values.id(at) {
            TAKEN | ABSENT => None,
            _ => Some(self.categories.get(at).copied().unwrap_or(Category::Parsed)),
        }
    }
}

impl Hidden {
    pub(super) fn holds(&self, at: usize) -> bool {
        match self {
            Self::Nowhere => false,
            Self::Everywhere => true,
            Self::At(flags) => flags[at],
        }
    }
}

impl Values {
    fn clear(&mut self) {
        self.first = 0;
        self.ids.clear();
        self.bytes.clear();
        self.offsets.clear();
        self.shared.clear();
    }

    /// What keeping it costs, in cells and bytes.
    fn size(&self) -> usize {
        self.ids.capacity() + self.bytes.capacity() + self.offsets.capacity()
    }

    fn id(&self, at: usize) -> u32 {
        at.checked_sub(self.first).and_then(|at| self.ids.get(at)).copied().unwrap_or(ABSENT)
    }

    fn cell_mut(&mut self, at: usize) -> Option<&mut u32> {
        at.checked_sub(self.first).and_then(|at| self.ids.get_mut(at))
    }

    fn cell_to_fill(&mut self, at: usize) -> &mut u32 {
        if self.ids.is_empty() {
            self.first = at;
        } else if at < self.first {
            let missing = self.first - at;
            self.ids.splice(0..0, std::iter::repeat_n(ABSENT, missing));
            self.first = at;
        }
        let place = at - self.first;
        if place >= self.ids.len() {
            self.ids.resize(place + 1, ABSENT);
        }
        &mut self.ids[place]
    }

    fn value(&self, id: u32) -> &str {
        let at = id as usize;
        &self.bytes[self.offsets[at] as usize..self.offsets[at + 1] as usize]
    }

    fn push(&mut self, value: &str) -> u32 {
        if self.offsets.is_empty() {
            self.offsets.push(0);
        }
        self.bytes.push_str(value);
        self.offsets.push(u32::try_from(self.bytes.len()).expect("a block is far below 4 GiB"));
        u32::try_from(self.offsets.len() - 2).expect("a block has fewer than 2^32 values")
    }

    /// The id of a value, new or not.
    fn add(&mut self, value: &str) -> u32 {
        if let Some(last) = self.offsets.len().checked_sub(2) {
            let last = u32::try_from(last).expect("a block has fewer than 2^32 values");
            if self.value(last) == value {
                return last;
            }
        }
        if value.len() > SHARED_BYTES_MAX {
            return self.push(value);
        }
        let hashed = hash(value);
        if let Some(&id) = self.shared.find(hashed, |&id| self.value(id) == value) {
            return id;
        }
        let id = self.push(value);
        let Self { shared, bytes, offsets, .. } = self;
        shared.insert_unique(hashed, id, |&id| {
            let at = id as usize;
            hash(&bytes[offsets[at] as usize..offsets[at + 1] as usize])
        });
        id
    }
}

fn hash(text: &str) -> u64 {
    FixedState::default().hash_one(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(overlay: &Overlay, name: &str) -> Vec<Option<String>> {
        let column = overlay.column(name).expect("a column");
        (0..overlay.rows).map(|at| column.value(at).map(str::to_owned)).collect()
    }

    #[test]
    fn cells_are_set_shared_and_taken() {
        let mut overlay = Overlay::default();
        overlay.reset(10..14);
        overlay.set("a", 12, "x");
        overlay.set("a", 13, "y");
        overlay.set("a", 11, "x");
        let text = |values: &[Option<&str>]| values.iter().map(|v| v.map(str::to_owned)).collect::<Vec<_>>();
        assert_eq!(values(&overlay, "a"), text(&[None, Some("x"), Some("x"), Some("y")]));
        let column = overlay.column("a").expect("a column");
        assert_eq!(column.id(1), column.id(2));
        overlay.hide_at("a", 12);
        let slot = overlay.find("a").expect("a column");
        assert_eq!(values(&overlay, "a"), text(&[None, Some("x"), None, Some("y")]));
        assert!(overlay.was_set(slot, 12) && !overlay.was_set(slot, 10) && overlay.is_hidden(slot, 12));
        overlay.hide("a");
        assert!(!overlay.column("a").expect("a column").has_values() && overlay.was_set(slot, 13));
        overlay.reset(0..2);
        assert!(overlay.is_empty() && overlay.find("a").is_none());
        overlay.set("b", 1, "");
        overlay.set("a", 0, "z");
        assert_eq!(values(&overlay, "a"), text(&[Some("z"), None]));
        assert_eq!(values(&overlay, "b"), text(&[None, Some("")]));
    }

    #[test]
    fn lower_categories_give_way() {
        let mut overlay = Overlay::default();
        overlay.reset(0..2);
        let slot = overlay.slot("a");
        overlay.put_as(Category::Stream, slot, 0, "s");
        overlay.put_as(Category::Metadata, slot, 0, "m");
        overlay.put_as(Category::Stream, slot, 0, "t");
        assert_eq!(values(&overlay, "a")[0].as_deref(), Some("m"));
        assert_eq!(overlay.column("a").and_then(|column| column.category(0)), Some(Category::Metadata));
        overlay.put(slot, 0, "p");
        assert_eq!(overlay.column("a").and_then(|column| column.category(0)), Some(Category::Parsed));
    }

    #[test]
    fn columns_are_kept_within_bounds() {
        let mut overlay = Overlay::default();
        for round in 0..3 {
            overlay.reset(0..4);
            for name in 0..1000 {
                overlay.set(&format!("{}", name + round * 500), name % 4, "v");
            }
            assert_eq!(overlay.columns().len(), 1000);
        }
        overlay.reset(0..4);
        assert!(overlay.columns.len() <= COLUMNS_KEPT);
    }

    #[test]
    fn too_many_cells_are_refused() {
        let mut overlay = Overlay::default();
        overlay.reset(0..1 << 20);
        for name in 0..40 {
            let slot = overlay.slot(&name.to_string());
            overlay.put(slot, 0, "");
            overlay.put(slot, (1 << 20) - 1, "");
        }
        assert!(matches!(overlay.check_size(), Err(Error::Limit { .. })));
    }
}
