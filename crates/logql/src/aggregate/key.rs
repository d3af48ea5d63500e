//! Which series a row belongs to.

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashTable};
use sigyn_model::Labels;
use sigyn_model::columns::ABSENT;

use crate::ast::Grouping;
use crate::batch::MetadataNeeds;
use crate::fields::{Field, LabelView};
use crate::selection::Selection;

/// The labels that tell series apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SeriesKey {
    By(Vec<String>),
    /// Every label but these.
    Without(Vec<String>),
}

impl SeriesKey {
    pub(crate) fn new(grouping: Option<&Grouping>) -> Self {
        match grouping {
            None => Self::Without(Vec::new()),
            Some(grouping) if grouping.without => Self::Without(grouping.labels.clone()),
            Some(grouping) => Self::By(grouping.labels.clone()),
        }
    }

    pub(crate) fn metadata_needs(&self) -> MetadataNeeds {
        match self {
            Self::By(names) if names.is_empty() => MetadataNeeds::None,
            Self::By(names) => MetadataNeeds::Some(names.clone()),
            Self::Without(_) => MetadataNeeds::All,
        }
    }

    /// The series' labels of a stream whose rows differ in no label.
    pub(crate) fn of_stream(&self, labels: &Labels) -> Labels {
        Labels::from_pairs(labels.iter().filter(|(name, _)| match self {
            Self::By(names) => names.iter().any(|by| by == name),
            Self::Without(names) => !names.iter().any(|without| without == name),
        }))
    }

    /// The key's labels that a row of the batch may have.
    fn fields<'a>(&self, view: LabelView<'a>) -> Vec<(Arc<str>, Field<'a>)> {
        let names: Vec<Arc<str>> = match self {
            Self::By(names) => names.iter().map(|name| Arc::from(name.as_str())).collect(),
            Self::Without(without) => {
                let mut names = view.names();
                names.retain(|name| !without.iter().any(|without| **without == **name));
                names
            }
        };
        names.into_iter().map(|name| (Arc::clone(&name), view.field(&name))).collect()
    }

    /// Whether every row of the batch has the same key.
    fn is_constant(&self, view: LabelView<'_>) -> bool {
        match self {
            Self::By(names) => names.iter().all(|name| view.field(name).constant().is_some()),
            Self::Without(_) => !view.has_columns(),
        }
    }
}

/// The series seen so far, numbered, and how to find a row's number fast.
#[derive(Debug)]
pub(crate) struct SeriesTable {
    key: SeriesKey,
    labels: Vec<Labels>,
    by_labels: HashTable<u32>,
    /// Series of the streams whose rows differ in no label of the key.
    by_stream: HashMap<u32, u32, FixedState>,
    groups: Groups,
    label_bytes: usize,
}

/// The series of a batch's rows.
pub(crate) enum Assigned {
    /// All rows are of one series.
    One(u32),
    /// One series per selected row, in the buffer given.
    PerRow,
}

impl SeriesTable {
    pub(crate) fn new(key: SeriesKey) -> Self {
        Self {
            key,
            labels: Vec::new(),
            by_labels: HashTable::new(),
            by_stream: HashMap::default(),
            groups: Groups::default(),
            label_bytes: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.labels.len()
    }

    /// By series number.
    pub(crate) fn labels(&self) -> &[Labels] {
        &self.labels
    }

    pub(crate) fn into_labels(self) -> Vec<Labels> {
        self.labels
    }

    /// Bytes held, roughly.
    pub(crate) fn memory(&self) -> usize {
        const PER_SERIES: usize = std::mem::size_of::<Labels>() + 16;
        self.label_bytes + self.labels.len() * PER_SERIES + self.by_stream.len() * 16
    }

    /// The number of the series with these labels, new or not.
    pub(crate) fn number(&mut self, labels: Labels) -> u32 {
        let Self { labels: known, by_labels, label_bytes, .. } = self;
        let entry = by_labels.entry(hash(&labels), |&at| known[at as usize] == labels, |&at| hash(&known[at as usize]));
        match entry {
            hashbrown::hash_table::Entry::Occupied(found) => *found.get(),
            hashbrown::hash_table::Entry::Vacant(free) => {
                let number = u32::try_from(known.len()).expect("memory bounds the series far below 2^32");
                free.insert(number);
                *label_bytes += labels.iter().map(|(name, value)| name.len() + value.len() + 64).sum::<usize>();
                known.push(labels);
                number
            }
        }
    }

    /// The series of a stream whose rows differ in no label of the key.
    pub(crate) fn stream_number(&mut self, labels: &Labels, stream_id: u32) -> u32 {
        if let Some(&number) = self.by_stream.get(&stream_id) {
            return number;
        }
        let number = self.number(self.key.of_stream(labels));
        self.by_stream.insert(stream_id, number);
        number
    }

    /// Finds the series of the selected rows, at least one. `stream_id` is None when stages changed labels, so that what
    /// is true of this batch need not be of the stream.
    pub(crate) fn assign(
        &mut self,
        view: LabelView<'_>,
        stream_id: Option<u32>,
        selection: &Selection,
        numbers: &mut Vec<u32>,
    ) -> Assigned {
        let constant = self.key.is_constant(view);
        if constant && let Some(&number) = stream_id.and_then(|id| self.by_stream.get(&id)) {
            return Assigned::One(number);
        }
        let fields = self.key.fields(view);
        let labels_of = |row: u32| {
            Labels::from_pairs(fields.iter().filter_map(|(name, field)| field.get(row).map(|value| (&**name, value))))
        };
        if constant {
            let number = self.number(labels_of(selection.row(0)));
            if let Some(id) = stream_id {
                self.by_stream.insert(id, number);
            }
            return Assigned::One(number);
        }
        let varying: Vec<Field<'_>> =
            fields.iter().map(|(_, field)| *field).filter(|field| field.constant().is_none()).collect();
        let mut groups = std::mem::take(&mut self.groups);
        groups.number_rows(&varying, selection, numbers, |row| self.number(labels_of(row)));
        self.groups = groups;
        Assigned::PerRow
    }
}

fn hash(labels: &Labels) -> u64 {
    use std::hash::BuildHasher as _;
    FixedState::default().hash_one(labels)
}

/// Finds rows with equal dictionary ids, so that labels are built once per combination, not once per row.
#[derive(Debug, Default)]
struct Groups {
    /// Series by dictionary id, `UNKNOWN` where not met yet; for one small dictionary.
    table: Vec<u32>,
    /// Number of a combination so far and the next id, to the number of the longer combination.
    steps: HashMap<(u32, u32), u32, FixedState>,
    /// Series by the number of a whole combination.
    series: Vec<u32>,
}

const UNKNOWN: u32 = u32::MAX;

impl Groups {
    fn number_rows(
        &mut self,
        varying: &[Field<'_>],
        selection: &Selection,
        numbers: &mut Vec<u32>,
        mut series_of: impl FnMut(u32) -> u32,
    ) {
        numbers.clear();
        if let [field] = varying
            && let Some(column) = field.only_metadata()
            && column.values() <= 4 * selection.len() + 64
        {
            let absent = column.values();
            self.table.clear();
            self.table.resize(absent + 1, UNKNOWN);
            numbers.extend(selection.iter().map(|row| {
                let id = column.ids[row as usize];
                let slot = &mut self.table[if id == ABSENT { absent } else { id as usize }];
                if *slot == UNKNOWN {
                    *slot = series_of(row);
                }
                *slot
            }));
            return;
        }
        self.steps.clear();
        self.series.clear();
        self.series.push(UNKNOWN);
        numbers.extend(selection.iter().map(|row| {
            let mut combination = 0;
            for id in varying.iter().flat_map(|field| field.ids(row)) {
                let next = u32::try_from(self.series.len()).expect("a batch has fewer than 2^32 combinations");
                combination = *self.steps.entry((combination, id)).or_insert(next);
                if combination == next {
                    self.series.push(UNKNOWN);
                }
            }
            let slot = &mut self.series[combination as usize];
            if *slot == UNKNOWN {
                *slot = series_of(row);
            }
            *slot
        }));
    }
}
