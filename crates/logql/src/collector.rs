//! Log queries: the newest or oldest entries of what the pipeline lets through.

mod partial;

use std::collections::BinaryHeap;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use sigyn_model::{ByteSize, Labels, TimeRange};

use crate::batch::{Batch, RowSet, RunOrder};
use crate::error::{Error, Result};
use crate::fields::Category;
use crate::pipeline::Workspace;
use crate::plan::LogPlan;
use crate::selection::gallop;
use crate::stages::missing;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Oldest first.
    Forward,
    /// Newest first.
    Backward,
}

#[derive(Debug, Clone)]
pub struct LogOptions {
    /// Entries to return at most.
    pub limit: usize,
    pub direction: Direction,
    pub range: TimeRange,
    /// After an entry the next returned one is at least this many nanoseconds further, over all streams; 0 is off.
    pub interval_ns: i64,
    /// Bytes the collected entries may take, after which the query is refused.
    pub memory_max: usize,
}

/// One stream's entries, in query direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamEntries {
    /// Stream labels, without those the pipeline took away; or every label, after [`merge_categories`].
    pub labels: Labels,
    pub entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Nanoseconds.
    pub timestamp: i64,
    pub line: Vec<u8>,
    pub structured_metadata: Labels,
    pub parsed: Labels,
}

/// Collects the first `limit` entries in query direction out of batches in any order.
#[derive(Debug)]
pub struct LogCollector {
    plan: Arc<LogPlan>,
    options: LogOptions,
    /// The best so far, the worst of them on top.
    heap: BinaryHeap<Candidate>,
    bytes: usize,
    passed_rows: u64,
    workspace: Workspace,
}

/// Place in the answer: smaller comes first. Backward, every part is complemented, so the order is exactly reversed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    timestamp: i64,
    sequence: u64,
    row: u64,
    stream_id: u32,
}

#[derive(Debug)]
struct Candidate {
    rank: Rank,
    labels: Labels,
    entry: Entry,
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank.cmp(&other.rank)
    }
}

impl LogCollector {
    #[must_use]
    pub fn new(plan: Arc<LogPlan>, options: LogOptions) -> Self {
        Self { plan, options, heap: BinaryHeap::new(), bytes: 0, passed_rows: 0, workspace: Workspace::default() }
    }

    /// Adds the rows of a batch except `skip`. Errors: `Limit` past the memory bound.
    pub fn add(&mut self, batch: &Batch<'_>, skip: Option<&RowSet>, order: RunOrder) -> Result<()> {
        if batch.timestamps.len() < batch.rows.end as usize {
            return Err(missing("timestamps"));
        }
        let rows = self.rows_that_count(batch);
        if rows.is_empty() {
            return Ok(());
        }
        let mut workspace = std::mem::take(&mut self.workspace);
        let plan = Arc::clone(&self.plan);
        let added =
            plan.pipeline.run(batch, rows, skip, &mut workspace).and_then(|()| self.collect(batch, order, &workspace));
        self.workspace = workspace;
        added
    }

    /// The batch's rows inside the time range and not beyond the threshold.
    fn rows_that_count(&self, batch: &Batch<'_>) -> Range<u32> {
        let range = self.options.range;
        if range.is_empty() || self.options.limit == 0 {
            return 0..0;
        }
        let (mut min, mut end) = (range.start.nanos(), range.end.nanos());
        match (self.threshold(), self.options.direction) {
            (Some(threshold), Direction::Backward) => min = min.max(threshold),
            (Some(threshold), Direction::Forward) => end = end.min(threshold.saturating_add(1)),
            (None, _) => {}
        }
        let at = |row: usize| batch.timestamps[row];
        let (from, to) = (batch.rows.start as usize, batch.rows.end as usize);
        let first = gallop(from, to, |row| at(row) < min);
        let last = gallop(first, to, |row| at(row) < end);
        let row = |at: usize| u32::try_from(at).expect("a row inside a range of u32");
        row(first)..row(last)
    }

    fn collect(&mut self, batch: &Batch<'_>, order: RunOrder, workspace: &Workspace) -> Result<()> {
        let selection = &workspace.selection;
        if selection.is_empty() {
            return Ok(());
        }
        self.passed_rows += selection.len() as u64;
        let lines = workspace.lines(batch).ok_or_else(|| missing("lines"))?;
        let view = workspace.labels(batch);
        let names = view.names();
        let direction = self.options.direction;
        let rank = |row: u32| {
            let place = order.first_row + u64::from(row - batch.rows.start);
            Rank::new(direction, batch.timestamps[row as usize], order.sequence, place, batch.stream_id)
        };
        let forward = direction == Direction::Forward;
        for at in 0..selection.len() {
            let row = selection.row(if forward { at } else { selection.len() - 1 - at });
            let rank = rank(row);
            if self.is_full() && self.heap.peek().is_some_and(|worst| worst.rank <= rank) {
                // Rows come best first, so the rest of the run is worse still.
                break;
            }
            let candidate = Candidate {
                rank,
                labels: view.category(Category::Stream, &names, row),
                entry: Entry {
                    timestamp: batch.timestamps[row as usize],
                    line: lines.line(row).to_vec(),
                    structured_metadata: view.category(Category::Metadata, &names, row),
                    parsed: view.category(Category::Parsed, &names, row),
                },
            };
            self.push(candidate)?;
        }
        Ok(())
    }

    /// With an interval every entry may turn out to be wanted, so none is ever dropped early.
    fn is_full(&self) -> bool {
        self.options.interval_ns <= 0 && self.heap.len() >= self.options.limit
    }

    fn push(&mut self, candidate: Candidate) -> Result<()> {
        if self.is_full() {
            match self.heap.peek_mut() {
                Some(worst) if candidate.rank < worst.rank => {
                    self.bytes -= std::collections::binary_heap::PeekMut::pop(worst).memory();
                }
                _ => return Ok(()),
            }
        }
        self.bytes += candidate.memory();
        self.heap.push(candidate);
        if self.bytes > self.options.memory_max {
            let limit = ByteSize(self.options.memory_max as u64);
            let message = format!(
                "the entries found need more than max_query_memory ({limit}); lower the limit or shorten the time range"
            );
            return Err(Error::Limit { message });
        }
        Ok(())
    }

    /// The timestamp of the last entry that still counts, once `limit` entries are there:
    /// a run that lies entirely beyond it (strictly older going backward, strictly newer going forward) cannot contribute.
    #[must_use]
    pub fn threshold(&self) -> Option<i64> {
        if self.is_full() { self.heap.peek().map(|worst| worst.entry.timestamp) } else { None }
    }

    /// Adds what another collector of the same query has gathered. Errors: as [`Self::add`].
    pub fn merge(&mut self, other: Self) -> Result<()> {
        self.passed_rows += other.passed_rows;
        other.heap.into_iter().try_for_each(|candidate| self.push(candidate))
    }

    /// Bytes held, roughly.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.bytes
    }

    /// Rows that passed the pipeline, of those looked at.
    #[must_use]
    pub fn passed_rows(&self) -> u64 {
        self.passed_rows
    }

    /// Streams sorted by label text, entries in query direction.
    #[must_use]
    pub fn finish(self) -> Vec<StreamEntries> {
        let Self { heap, options, .. } = self;
        let mut candidates = heap.into_sorted_vec();
        thin(&mut candidates, options.interval_ns);
        candidates.truncate(options.limit);
        let mut streams: Vec<StreamEntries> = Vec::new();
        let mut places: HashMap<Labels, usize> = HashMap::new();
        for Candidate { labels, entry, .. } in candidates {
            let place = *places.entry(labels).or_insert_with_key(|labels| {
                streams.push(StreamEntries { labels: labels.clone(), entries: Vec::new() });
                streams.len() - 1
            });
            streams[place].entries.push(entry);
        }
        streams.sort_by_cached_key(|stream| stream.labels.to_string());
        streams
    }
}

/// Keeps the first entry and then each that is at least `interval` further than the one kept before it.
fn thin(candidates: &mut Vec<Candidate>, interval: i64) {
    if interval <= 0 {
        return;
    }
    let mut last: Option<i64> = None;
    candidates.retain(|candidate| {
        let timestamp = candidate.entry.timestamp;
        let keep = last.is_none_or(|last| last.abs_diff(timestamp) >= interval.unsigned_abs());
        if keep {
            last = Some(timestamp);
        }
        keep
    });
}

impl Rank {
    fn new(direction: Direction, timestamp: i64, sequence: u64, row: u64, stream_id: u32) -> Self {
        match direction {
            Direction::Forward => Self { timestamp, sequence, row, stream_id },
            Direction::Backward => {
                Self { timestamp: !timestamp, sequence: !sequence, row: !row, stream_id: !stream_id }
            }
        }
    }
}

impl Candidate {
    fn memory(&self) -> usize {
        let labels = |labels: &Labels| labels.iter().map(|(name, value)| name.len() + value.len() + 64).sum::<usize>();
        std::mem::size_of::<Self>()
            + self.entry.line.capacity()
            + labels(&self.entry.structured_metadata)
            + labels(&self.entry.parsed)
    }
}

/// Folds structured metadata and parsed labels into the stream's labels, so that entries which differ in them become
/// different streams: the shape of an answer without `categorize-labels`. Sorted by label text.
#[must_use]
pub fn merge_categories(streams: Vec<StreamEntries>, direction: Direction) -> Vec<StreamEntries> {
    let mut merged: Vec<StreamEntries> = Vec::new();
    let mut places: HashMap<Labels, usize> = HashMap::new();
    for StreamEntries { labels: stream, entries } in streams {
        for mut entry in entries {
            let metadata = std::mem::take(&mut entry.structured_metadata);
            let parsed = std::mem::take(&mut entry.parsed);
            let labels = if metadata.is_empty() && parsed.is_empty() {
                stream.clone()
            } else {
                Labels::with_empty(stream.iter().chain(metadata.iter()).chain(parsed.iter()))
            };
            let place = *places.entry(labels).or_insert_with_key(|labels| {
                merged.push(StreamEntries { labels: labels.clone(), entries: Vec::new() });
                merged.len() - 1
            });
            merged[place].entries.push(entry);
        }
    }
    // Two streams may end up with the same labels; otherwise the entries are in order already.
    for stream in &mut merged {
        match direction {
            Direction::Forward => stream.entries.sort_by_key(|entry| entry.timestamp),
            Direction::Backward => stream.entries.sort_by_key(|entry| std::cmp::Reverse(entry.timestamp)),
        }
    }
    merged.sort_by_cached_key(|stream| stream.labels.to_string());
    merged
}

#[cfg(test)]
mod tests;
