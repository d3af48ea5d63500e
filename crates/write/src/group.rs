//! Groups the rows of many pushes into parts: one tenant, one hour, sorted by labels, time and arrival.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hash, Hasher};

use hashbrown::{HashMap, HashTable};
use sigyn_model::{Labels, TenantId, Timestamp, Window};

use crate::accepted::{Accepted, AcceptedRow};

/// A validated push of a tenant.
#[derive(Debug)]
pub(crate) struct TenantPush {
    pub(crate) tenant: TenantId,
    pub(crate) accepted: Accepted,
}

/// A row by its place, with the timestamp it is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowRef {
    pub(crate) ts: i64,
    push: u32,
    row: u32,
}

impl RowRef {
    /// The push the row came in.
    pub(crate) fn push(self) -> u32 {
        self.push
    }
}

/// The rows of one tenant and hour: each stream's are contiguous, sorted by time, then arrival, without duplicates.
#[derive(Debug)]
pub(crate) struct Group<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) window: Window,
    pub(crate) streams: Vec<Labels>,
    /// Where each stream's rows end in `rows`.
    pub(crate) ends: Vec<usize>,
    pub(crate) rows: Vec<RowRef>,
}

impl Group<'_> {
    /// Each stream's ordinal and rows.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (u32, &[RowRef])> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).zip(0..).map(|((start, end), ordinal)| (ordinal, &self.rows[start..*end]))
    }
}

/// The row behind a reference, and the push it lies in.
pub(crate) fn row(pushes: &[TenantPush], at: RowRef) -> (&Accepted, &AcceptedRow) {
    let accepted = &pushes[at.push as usize].accepted;
    (accepted, &accepted.rows[at.row as usize])
}

/// A stream's rows in one push.
#[derive(Debug, Clone, Copy)]
struct Piece {
    push: u32,
    stream: u32,
}

/// A tenant's streams in order of labels, each with its pieces in order of arrival.
type Streams<'a> = Vec<(&'a Labels, Vec<Piece>)>;

/// Groups pushes, which come in order of arrival. Groups come by tenant, then window.
pub(crate) fn group(pushes: &[TenantPush]) -> Vec<Group<'_>> {
    let mut groups = Vec::new();
    for (tenant, streams) in pieces_by_stream(pushes) {
        let mut windows: BTreeMap<Window, Group<'_>> = BTreeMap::new();
        for (labels, pieces) in streams {
            add_stream(&mut windows, tenant, labels, &pieces, pushes);
        }
        groups.extend(windows.into_values());
    }
    groups
}

/// Tenants in order, with their streams.
fn pieces_by_stream(pushes: &[TenantPush]) -> Vec<(&TenantId, Streams<'_>)> {
    let mut tenants: HashMap<&TenantId, HashMap<&Labels, Vec<Piece>, foldhash::fast::RandomState>> = HashMap::new();
    for (push, TenantPush { tenant, accepted }) in (0..).zip(pushes) {
        let streams = tenants.entry(tenant).or_default();
        for (stream, found) in (0..).zip(&accepted.streams) {
            streams.entry(&found.labels).or_default().push(Piece { push, stream });
        }
    }
    let mut tenants: Vec<_> = tenants
        .into_iter()
        .map(|(tenant, streams)| {
            let mut streams: Vec<_> = streams.into_iter().collect();
            streams.sort_unstable_by(|a, b| a.0.cmp(b.0));
            (tenant, streams)
        })
        .collect();
    tenants.sort_unstable_by(|a, b| a.0.cmp(b.0));
    tenants
}

fn add_stream<'a>(
    windows: &mut BTreeMap<Window, Group<'a>>,
    tenant: &'a TenantId,
    labels: &Labels,
    pieces: &[Piece],
    pushes: &[TenantPush],
) {
    let mut touched: Vec<Window> = Vec::new();
    for piece in pieces {
        let accepted = &pushes[piece.push as usize].accepted;
        let mut range = accepted.streams[piece.stream as usize].rows.clone();
        // Neighbours are mostly of one hour, so the map is asked once per run of rows and not once per row.
        while !range.is_empty() {
            let window = Window::of(Timestamp(accepted.rows[range.start as usize].ts));
            let same = |row: &AcceptedRow| Window::of(Timestamp(row.ts)) == window;
            let rows = &accepted.rows[range.start as usize..range.end as usize];
            let count = rows.iter().position(|row| !same(row)).unwrap_or(rows.len());
            let group = windows.entry(window).or_insert_with(|| Group {
                tenant,
                window,
                streams: Vec::new(),
                ends: Vec::new(),
                rows: Vec::new(),
            });
            if group.streams.last() != Some(labels) {
                group.streams.push(labels.clone());
                group.ends.push(group.rows.len());
                touched.push(window);
            }
            let refs = (range.start..).zip(&rows[..count]);
            group.rows.extend(refs.map(|(row, found)| RowRef { ts: found.ts, push: piece.push, row }));
            range.start += count as u32;
        }
    }
    for window in touched {
        if let Some(group) = windows.get_mut(&window) {
            close_stream(group, pushes);
        }
    }
}

/// Sorts the rows of the group's last stream and drops its exact duplicates.
fn close_stream(group: &mut Group<'_>, pushes: &[TenantPush]) {
    let Some(end) = group.ends.last_mut() else { return };
    let start = *end;
    let rows = &mut group.rows[start..];
    if !rows.is_sorted_by_key(|row| row.ts) {
        // Stable, so rows of equal time stay in order of arrival.
        rows.sort_by_key(|row| row.ts);
    }
    let kept = drop_duplicates(rows, pushes);
    group.rows.truncate(start + kept);
    *end = group.rows.len();
}

/// Rows of one timestamp above which duplicates are found by hash.
const COMPARE_ALL_MAX: usize = 8;

/// Moves the first of each set of equal rows to the front, in order, and returns how many there are.
fn drop_duplicates(rows: &mut [RowRef], pushes: &[TenantPush]) -> usize {
    // Seeded at random, so that nobody can send rows that all collide.
    let state = foldhash::fast::RandomState::default();
    let mut kept = 0;
    let mut at = 0;
    while at < rows.len() {
        let ts = rows[at].ts;
        let end = at + rows[at..].iter().position(|row| row.ts != ts).unwrap_or(rows.len() - at);
        let first = kept;
        let mut seen = HashTable::new();
        for next in at..end {
            let candidate = rows[next];
            let duplicate = if end - at == 1 {
                false
            } else if end - at <= COMPARE_ALL_MAX {
                rows[first..kept].iter().any(|earlier| equal(pushes, *earlier, candidate))
            } else {
                let hash = hash_of(&state, pushes, candidate);
                let found = seen.find(hash, |earlier| equal(pushes, *earlier, candidate)).is_some();
                if !found {
                    seen.insert_unique(hash, candidate, |row| hash_of(&state, pushes, *row));
                }
                found
            };
            if !duplicate {
                rows[kept] = candidate;
                kept += 1;
            }
        }
        at = end;
    }
    kept
}

fn equal(pushes: &[TenantPush], a: RowRef, b: RowRef) -> bool {
    let ((a_push, a), (b_push, b)) = (row(pushes, a), row(pushes, b));
    a_push.line(a) == b_push.line(b) && a_push.metadata(a).eq(b_push.metadata(b))
}

fn hash_of(state: &impl BuildHasher, pushes: &[TenantPush], at: RowRef) -> u64 {
    let (accepted, row) = row(pushes, at);
    let mut hasher = state.build_hasher();
    accepted.line(row).hash(&mut hasher);
    for pair in accepted.metadata(row) {
        pair.hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests;
