//! Where parsers put the fields of one entry: which label each becomes, and when there are enough.

use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use sigyn_model::StringColumn;
use smallvec::SmallVec;

use super::Hints;
use crate::batch::{Batch, EXTRACTED};
use crate::error::Result;
use crate::extract::Fields;
use crate::fields::{LabelView, Overlay, Slot, metadata_column};
use crate::stages::label_filter::{ERROR, ERROR_DETAILS};

/// Takes the fields of a batch's lines, one line after the other.
///
/// A field whose name a stream label or structured metadata has becomes `…_extracted`. The first field of a name counts.
pub(super) struct Sink<'w, 'b> {
    batch: &'w Batch<'b>,
    overlay: &'w mut Overlay,
    hints: &'w Hints,
    /// What has become of the field names met in this batch.
    routes: Vec<Route<'b>>,
    by_field: HashTable<u32>,
    /// The route that probably comes next, as lines tend to repeat their fields in order.
    likely: usize,
    /// Columns of the required labels.
    required: Vec<Slot>,
    row: u32,
    /// Where the field at hand goes.
    place: Option<Place>,
    /// Required labels that the row lacks.
    missing: usize,
    rejected: bool,
    /// While only tested values are looked at and nothing is taken: the tests not made yet.
    probing: Option<SmallVec<[usize; 4]>>,
}

#[derive(Debug)]
struct Route<'b> {
    field: Box<str>,
    /// None: nobody wants it.
    place: Option<Place>,
    contested: Option<Contested<'b>>,
}

/// Structured metadata of the field's name: rows that have it give the field another name.
#[derive(Debug)]
struct Contested<'b> {
    metadata: &'b StringColumn,
    place: Option<Place>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    slot: Slot,
    /// Index of the test that the value has to pass.
    test: Option<usize>,
    required: bool,
}

impl<'w, 'b> Sink<'w, 'b> {
    pub(super) fn new(batch: &'w Batch<'b>, overlay: &'w mut Overlay, hints: &'w Hints) -> Self {
        let required = hints.required.iter().flatten().map(|name| overlay.slot(name)).collect();
        Self {
            batch,
            overlay,
            hints,
            routes: Vec::new(),
            by_field: HashTable::new(),
            likely: 0,
            required,
            row: 0,
            place: None,
            missing: 0,
            rejected: false,
            probing: None,
        }
    }

    /// Turns to a row to find out whether tests reject it; nothing is taken. False: there is nothing to be won by that.
    pub(super) fn begin_probe(&mut self, row: u32) -> bool {
        if self.hints.tests.is_empty() || self.hints.required.is_some() {
            return false;
        }
        self.begin(row);
        self.probing = Some((0..self.hints.tests.len()).collect());
        true
    }

    /// Turns to a row. False: it has every label that is wanted.
    pub(super) fn begin(&mut self, row: u32) -> bool {
        self.row = row;
        self.rejected = false;
        self.probing = None;
        self.likely = 0;
        let Self { overlay, required, .. } = self;
        self.missing = required.iter().filter(|slot| !overlay.was_set(**slot, row)).count();
        self.missing > 0 || self.hints.required.is_none()
    }

    /// Whether a label of the row is sure to fail a later filter.
    pub(super) fn is_rejected(&self) -> bool {
        self.rejected
    }

    /// Errors: as [`Overlay::check_size`].
    pub(super) fn check_size(&self) -> Result<()> {
        self.overlay.check_size()
    }

    /// Whether the row has a label of any category.
    pub(super) fn has_label(&self, name: &str) -> bool {
        LabelView::new(self.batch, self.overlay).field(name).value(self.row).is_some()
    }

    /// Whether the field would become `…_extracted`.
    pub(super) fn is_taken(&mut self, field: &str) -> bool {
        if self.batch.labels.get(field).is_some() {
            return true;
        }
        let route = self.route(field);
        let route = &self.routes[route];
        route.contested.as_ref().is_some_and(|contested| self.has_metadata(&route.field, contested.metadata))
    }

    /// Marks the row as failed.
    pub(super) fn fail(&mut self, error: &str, details: Option<&str>) {
        if self.probing.is_some() {
            return;
        }
        self.overlay.set(ERROR, self.row, error);
        if let Some(details) = details {
            self.overlay.set(ERROR_DETAILS, self.row, details);
        }
    }

    /// Takes a field even if the row has one of this name already.
    pub(super) fn replace(&mut self, field: &str, value: &str) {
        if let Some(place) = self.place_of(field) {
            self.missing -= usize::from(place.required && !self.overlay.was_set(place.slot, self.row));
            self.overlay.put(place.slot, self.row, value);
        }
    }

    /// Takes the value of the field that [`Fields::wants`] was last asked about. False: the line need not be read on.
    pub(super) fn put(&mut self, value: &str) -> bool {
        let Some(place) = self.place.take() else {
            return true;
        };
        if let Some(left) = &mut self.probing {
            left.retain(|test| Some(*test) != place.test);
            self.rejected = place.test.is_some_and(|test| self.hints.rejects(test, value));
            return !self.rejected && !left.is_empty();
        }
        self.overlay.put(place.slot, self.row, value);
        self.missing -= usize::from(place.required);
        self.rejected = place.test.is_some_and(|test| self.hints.rejects(test, value));
        !self.rejected && !self.is_complete()
    }

    fn is_complete(&self) -> bool {
        self.missing == 0 && self.hints.required.is_some()
    }

    fn place_of(&mut self, field: &str) -> Option<Place> {
        let at = self.route(field);
        let route = &self.routes[at];
        match &route.contested {
            Some(contested) if self.has_metadata(&route.field, contested.metadata) => contested.place,
            _ => route.place,
        }
    }

    /// Whether the row has metadata of this name that no stage has replaced or taken away.
    fn has_metadata(&self, name: &str, column: &StringColumn) -> bool {
        let gone = |slot| self.overlay.is_hidden(slot, self.row) || self.overlay.was_set(slot, self.row);
        column.get(self.row as usize).is_some_and(|value| !value.is_empty())
            && !self.overlay.find(name).is_some_and(gone)
    }

    fn route(&mut self, field: &str) -> usize {
        if self.routes.get(self.likely).is_some_and(|route| *route.field == *field) {
            self.likely += 1;
            return self.likely - 1;
        }
        let hashed = hash(field);
        let routes = &self.routes;
        let known = self.by_field.find(hashed, |&at| *routes[at as usize].field == *field).copied();
        let at = known.map_or_else(|| self.add_route(field, hashed), |at| at as usize);
        self.likely = at + 1;
        at
    }

    fn add_route(&mut self, field: &str, hashed: u64) -> usize {
        let batch = self.batch;
        let route = if batch.labels.get(field).is_some() {
            Route { field: field.into(), place: self.place(&format!("{field}{EXTRACTED}")), contested: None }
        } else {
            let metadata = metadata_column(batch.labels, batch.metadata, field);
            let contested =
                metadata.map(|metadata| Contested { metadata, place: self.place(&format!("{field}{EXTRACTED}")) });
            Route { field: field.into(), place: self.place(field), contested }
        };
        let at = self.routes.len();
        self.routes.push(route);
        let Self { by_field, routes, .. } = self;
        let number = u32::try_from(at).expect("a block has fewer than 2^32 fields");
        by_field.insert_unique(hashed, number, |&at| hash(&routes[at as usize].field));
        at
    }

    fn place(&mut self, name: &str) -> Option<Place> {
        self.hints.wants(name).then(|| Place {
            slot: self.overlay.slot(name),
            test: self.hints.test(name),
            required: self.hints.is_required(name),
        })
    }
}

impl Fields for Sink<'_, '_> {
    fn wants(&mut self, name: &str) -> bool {
        self.place = self.place_of(name).filter(|place| !self.overlay.was_set(place.slot, self.row));
        if let Some(left) = &self.probing {
            self.place = self.place.filter(|place| place.test.is_some_and(|test| left.contains(&test)));
        }
        self.place.is_some()
    }

    fn wants_below(&mut self, prefix: &str) -> bool {
        match &self.probing {
            Some(left) => left.iter().any(|test| self.hints.tests[*test].name.starts_with(prefix)),
            None => self.hints.wants_below(prefix),
        }
    }

    fn set(&mut self, _name: &str, value: &str) -> bool {
        self.put(value)
    }
}

fn hash(text: &str) -> u64 {
    FixedState::default().hash_one(text)
}
