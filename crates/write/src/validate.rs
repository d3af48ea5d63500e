//! Checks a push against the tenant's limits in Loki's order, and brings what is valid into the form that is stored.

mod entry;
mod stream;

use sigyn_model::{Limits, TenantId, Timestamp, Window};

use crate::accepted::{Accepted, AcceptedRow, AcceptedStream, Text, Texts};
use crate::failures::{Failure, Failures};
use crate::levels::{Detector, LEVELS, Level};
use crate::{Error, PushBatch, PushEntry, Result, metadata};

/// Hours one push may spread over. Each becomes a part with a catalog row of its own; a week has 168.
const WINDOWS_MAX: u64 = 10_000;

/// The slot of `Checker::level_pairs` for the level that the current stream's labels give.
const STREAM_SLOT: usize = LEVELS.len();

/// A push after validation: what to store, and what was refused.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) accepted: Accepted,
    pub(crate) failures: Failures,
}

/// Checks and normalises a push.
///
/// Errors: refusals of the push as a whole, of which nothing is stored.
pub(crate) fn check(tenant: &TenantId, batch: PushBatch, limits: &Limits, now: Timestamp) -> Result<Checked> {
    check_shape(&batch)?;
    if batch.streams.iter().all(|stream| stream.entries.is_empty()) {
        let message = "error at least one valid stream is required for ingestion".to_owned();
        return Err(Error::Rejected { status: 422, message });
    }
    let mut checker = Checker::new(tenant, &batch, limits, now);
    for stream in batch.streams.iter().filter(|stream| !stream.entries.is_empty()) {
        checker.stream(stream)?;
    }
    let checked = checker.finish();
    check_windows(&checked.accepted.rows)?;
    Ok(checked)
}

/// Spans and ranges of a batch must lie inside it: `api` makes them so, and nothing after this checks again.
fn check_shape(batch: &PushBatch) -> Result<()> {
    let arena = batch.arena.len() as u64;
    let inside = |span: &crate::Span32| u64::from(span.offset) + u64::from(span.len) <= arena;
    let within = |range: &std::ops::Range<u32>, len: usize| range.start <= range.end && range.end as usize <= len;
    let sound = arena < 1 << 31
        && batch.streams.iter().all(|stream| within(&stream.entries, batch.entries.len()))
        && batch.entries.iter().all(|entry| inside(&entry.line) && within(&entry.metadata, batch.metadata.len()))
        && batch.metadata.iter().all(|(name, value)| inside(name) && inside(value));
    if sound { Ok(()) } else { Err(Error::Internal { message: "a decoded push points outside itself".to_owned() }) }
}

fn check_windows(rows: &[AcceptedRow]) -> Result<()> {
    let window = |row: &AcceptedRow| Window::of(Timestamp(row.ts)).0;
    let (Some(first), Some(last)) = (rows.iter().map(window).min(), rows.iter().map(window).max()) else {
        return Ok(());
    };
    if last.abs_diff(first) < WINDOWS_MAX {
        return Ok(());
    }
    let hours = rows.iter().map(window).collect::<hashbrown::HashSet<_, foldhash::fast::RandomState>>().len();
    if hours as u64 <= WINDOWS_MAX {
        return Ok(());
    }
    let message = format!("push has entries of {hours} different hours; at most {WINDOWS_MAX} are taken, split it");
    Err(Error::Rejected { status: 400, message })
}

/// One push on its way from sent to accepted.
struct Checker<'a> {
    tenant: &'a TenantId,
    batch: &'a PushBatch,
    limits: &'a Limits,
    bounds: entry::Bounds,
    detector: Detector<'a>,
    texts: Texts,
    streams: Vec<AcceptedStream>,
    rows: Vec<AcceptedRow>,
    metadata: Vec<(Text, Text)>,
    /// Where the lone pair `detected_level=…` of each level, and of the stream's own, stands in `metadata`,
    /// so that entries without metadata of their own share it.
    level_pairs: [Option<u32>; LEVELS.len() + 1],
    raw_bytes: u64,
    failures: Failures,
}

impl<'a> Checker<'a> {
    fn new(tenant: &'a TenantId, batch: &'a PushBatch, limits: &'a Limits, now: Timestamp) -> Self {
        Self {
            tenant,
            batch,
            limits,
            bounds: entry::Bounds::new(limits, now),
            detector: Detector::new(limits),
            texts: Texts::new(batch.arena.clone()),
            streams: Vec::with_capacity(batch.streams.len()),
            rows: Vec::with_capacity(batch.entries.len()),
            metadata: Vec::with_capacity(batch.metadata.len() + LEVELS.len()),
            level_pairs: [None; LEVELS.len() + 1],
            raw_bytes: 0,
            failures: Failures::default(),
        }
    }

    fn finish(self) -> Checked {
        let accepted = Accepted {
            texts: self.texts,
            streams: self.streams,
            rows: self.rows,
            metadata: self.metadata,
            raw_bytes: self.raw_bytes,
        };
        Checked { accepted, failures: self.failures }
    }

    fn stream(&mut self, sent: &crate::PushStream) -> Result<()> {
        let batch = self.batch;
        let entries = &batch.entries[sent.entries.start as usize..sent.entries.end as usize];
        let labels = stream::with_service_name(&sent.labels, self.limits);
        if let Err(failure) = stream::check(self.tenant, &labels, sent.repeated_name.as_deref(), self.limits) {
            let bytes = entries.iter().map(|entry| self.sent_bytes(entry)).sum();
            self.failures.add(failure, entries.len() as u64, bytes);
            return Ok(());
        }
        let level = match self.detector.in_labels(&labels) {
            Some(Level::Known(known)) => Some(Texts::level(known)),
            Some(Level::Verbatim(text)) => Some(self.texts.add(text)?),
            None => None,
        };
        self.level_pairs[STREAM_SLOT] = None;
        let first_row = self.rows.len();
        let mut stamps = entry::Stamps::default();
        for entry in entries {
            let line = self.line(entry)?;
            if let Err(failure) = self.bounds.check(&labels, entry.ts, line.len(), self.metadata_sizes(entry)) {
                self.failures.add(failure, 1, self.sent_bytes(entry));
                continue;
            }
            let metadata = self.entry_metadata(entry, line, level)?;
            let ts = if self.limits.increment_duplicate_timestamp {
                let same_line = self.rows[first_row..]
                    .last()
                    .is_some_and(|previous| self.texts.get(previous.line) == self.texts.get(line));
                stamps.next(entry.ts, same_line)
            } else {
                entry.ts
            };
            self.raw_bytes += self.sent_bytes(entry);
            self.rows.push(AcceptedRow { ts, line, metadata });
        }
        if self.rows.len() > first_row {
            self.streams.push(AcceptedStream { labels, rows: first_row as u32..self.rows.len() as u32 });
        }
        Ok(())
    }

    /// Line and structured metadata bytes of an entry.
    fn sent_bytes(&self, entry: &PushEntry) -> u64 {
        u64::from(entry.line.len) + self.metadata_sizes(entry).bytes
    }

    fn metadata_sizes(&self, entry: &PushEntry) -> entry::MetadataSizes {
        let pairs = &self.batch.metadata[entry.metadata.start as usize..entry.metadata.end as usize];
        let bytes = pairs.iter().map(|(name, value)| u64::from(name.len) + u64::from(value.len)).sum();
        entry::MetadataSizes { pairs: pairs.len(), bytes }
    }

    /// The line as it is stored: cut when the tenant wants long lines cut.
    fn line(&mut self, entry: &PushEntry) -> Result<Text> {
        let max = usize::try_from(self.limits.max_line_size.bytes()).unwrap_or(usize::MAX);
        if !self.limits.max_line_size_truncate || max == 0 || entry.line.len as usize <= max {
            return Ok(Text::sent(entry.line));
        }
        let suffix = self.limits.max_line_size_truncate_identifier.as_bytes();
        if suffix.is_empty() {
            return Ok(Text::sent(crate::Span32 { offset: entry.line.offset, len: max as u32 }));
        }
        let suffix = &suffix[..suffix.len().min(max)];
        let mut line = Vec::with_capacity(max);
        line.extend_from_slice(&self.batch.slice(entry.line)[..max - suffix.len()]);
        line.extend_from_slice(suffix);
        self.texts.add(&line)
    }

    /// The entry's pairs with its level among them, as a range of `metadata`. `level`: what the labels say.
    fn entry_metadata(&mut self, entry: &PushEntry, line: Text, level: Option<Text>) -> Result<std::ops::Range<u32>> {
        let start = self.metadata.len();
        let sent = &self.batch.metadata[entry.metadata.start as usize..entry.metadata.end as usize];
        metadata::normalize(&mut self.texts, &self.batch.arena, sent, &mut self.metadata)?;
        if self.limits.discover_log_levels {
            let name = Texts::level_name();
            let place =
                self.metadata[start..].binary_search_by(|(other, _)| self.texts.get(*other).cmp(self.texts.get(name)));
            match place {
                Ok(at) => {
                    if let Level::Known(known) = crate::levels::normalize(self.texts.get(self.metadata[start + at].1)) {
                        self.metadata[start + at].1 = Texts::level(known);
                    }
                }
                Err(at) => {
                    let (level, slot) = self.level(start, line, level)?;
                    match slot {
                        Some(slot) if self.metadata.len() == start => return Ok(self.shared_level(slot, level)),
                        _ => self.metadata.insert(start + at, (name, level)),
                    }
                }
            }
        }
        Ok(start as u32..self.metadata.len() as u32)
    }

    /// The entry's level, and its slot in `level_pairs` when other entries may have the same.
    fn level(&mut self, start: usize, line: Text, in_labels: Option<Text>) -> Result<(Text, Option<usize>)> {
        if let Some(level) = in_labels {
            return Ok((level, Some(STREAM_SLOT)));
        }
        let pairs = self.metadata[start..].iter().map(|(name, value)| (self.texts.get(*name), self.texts.get(*value)));
        match self.detector.in_entry(pairs, self.texts.get(line)) {
            Level::Known(known) => Ok((Texts::level(known), Some(known.0 as usize))),
            Level::Verbatim(text) => {
                let text = text.to_vec();
                Ok((self.texts.add(&text)?, None))
            }
        }
    }

    fn shared_level(&mut self, slot: usize, level: Text) -> std::ops::Range<u32> {
        let at = *self.level_pairs[slot].get_or_insert_with(|| {
            self.metadata.push((Texts::level_name(), level));
            self.metadata.len() as u32 - 1
        });
        at..at + 1
    }
}

/// A refusal's stream in its text, cut so that an answer stays readable whatever was sent.
fn shown(labels: &sigyn_model::Labels) -> String {
    let mut text = labels.to_string();
    cut(&mut text, SHOWN_BYTES_MAX);
    text
}

/// Longest stream or name shown in an answer.
const SHOWN_BYTES_MAX: usize = 8 << 10;

fn cut(text: &mut String, bytes_max: usize) {
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max));
        text.push('…');
    }
}

fn refuse(reason: crate::failures::Reason, message: String) -> Result<(), Failure> {
    Err(Failure { reason, message })
}

#[cfg(test)]
mod tests;
