//! All entries of a log query, page by page, each once.
//!
//! The API has no cursor, only time. The next page therefore starts at the time of the last entry, which other
//! entries may share: it asks for those again and leaves out what it had, counting, because two entries may be equal.

use std::collections::HashMap;
use std::rc::Rc;

use anyhow::{Result, bail};
use serde_json::Value;

use super::answer::{LabelSet, QueryAnswer, QueryResult, Row, rows};
use super::client::{Client, Parameters, Refused, retrying};
use super::{output, split};

pub(super) const QUERY_RANGE: &str = "/loki/api/v1/query_range";

/// What to ask for, over all pages.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) query: String,
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) forward: bool,
    /// `None`: everything.
    pub(super) limit: Option<u64>,
    /// Entries a page.
    pub(super) batch: u64,
    /// Nanoseconds between entries; 0 returns all.
    pub(super) interval: i64,
    pub(super) step: Option<String>,
    /// How often a page is asked for again after a failure that may pass.
    pub(super) retries: u32,
    /// Whether the first page is, too.
    pub(super) retry_first: bool,
}

#[derive(Debug)]
pub(super) enum Page {
    Entries(Vec<Row>),
    /// The query was not a log query; there are no more pages.
    Metric(QueryResult),
}

/// An entry but for its time.
type Key = (Rc<LabelSet>, String);

#[derive(Debug)]
pub(super) struct Pager<'a> {
    client: &'a Client,
    request: Request,
    /// Entries of the time where the next page starts that are done, with their counts.
    seen: HashMap<Key, u64>,
    seen_total: u64,
    /// Most entries the server gives at once, once it said so.
    server_limit: u64,
    pages: u64,
    finished: bool,
    /// Sums over all pages.
    pub(super) stats: Value,
    pub(super) warnings: Vec<String>,
}

impl<'a> Pager<'a> {
    pub(super) fn new(client: &'a Client, request: Request) -> Self {
        Self {
            client,
            request,
            seen: HashMap::new(),
            seen_total: 0,
            server_limit: u64::MAX,
            pages: 0,
            finished: false,
            stats: Value::Null,
            warnings: Vec::new(),
        }
    }

    /// The time range still to be asked for.
    pub(super) fn rest(&self) -> (i64, i64) {
        (self.request.start, self.request.end)
    }

    pub(super) fn is_forward(&self) -> bool {
        self.request.forward
    }

    /// The next page with something in it, or nothing at the end.
    pub(super) fn next(&mut self) -> Result<Option<Page>> {
        while !self.finished {
            let wanted = self.request.limit.unwrap_or(u64::MAX).min(self.request.batch.max(1));
            if wanted == 0 || self.request.start >= self.request.end {
                break;
            }
            let limit = wanted.saturating_add(self.seen_total).min(self.server_limit);
            if limit <= self.seen_total {
                return self.crowded();
            }
            let answer = match self.ask(limit) {
                Err(problem) => match self.learn_limit(&problem, limit) {
                    Some(()) => continue,
                    None => return Err(problem),
                },
                Ok(answer) => answer,
            };
            self.pages += 1;
            output::merge_stats(&mut self.stats, answer.data.stats);
            for warning in answer.warnings {
                if !self.warnings.contains(&warning) {
                    self.warnings.push(warning);
                }
            }
            let streams = match answer.data.result {
                QueryResult::Streams(streams) => streams,
                metric => {
                    self.finished = true;
                    return Ok(Some(Page::Metric(metric)));
                }
            };
            let fresh = self.accept(rows(streams, self.request.forward), limit);
            if !fresh.is_empty() {
                return Ok(Some(Page::Entries(fresh)));
            }
        }
        Ok(None)
    }

    /// Takes out what earlier pages had and moves the range behind what this one has.
    fn accept(&mut self, rows: Vec<Row>, limit: u64) -> Vec<Row> {
        let full = rows.len() as u64 >= limit;
        let edge = rows.last().map(|row| row.time);
        let mut seen = self.seen.clone();
        let boundary = self.boundary();
        let mut at_edge: Vec<Key> = Vec::new();
        let mut fresh = Vec::new();
        for row in rows {
            let repeated = row.time == boundary && take(&mut seen, &row);
            if repeated {
                continue;
            }
            if Some(row.time) == edge {
                at_edge.push((Rc::clone(&row.labels), row.line.clone()));
            }
            fresh.push(row);
        }
        self.count(&mut fresh);
        match edge {
            Some(edge) if full => self.move_to(edge, boundary, at_edge),
            _ => self.finished = true,
        }
        fresh
    }

    /// Leaves out what is over the limit, and lowers the limit for the pages to come.
    fn count(&mut self, fresh: &mut Vec<Row>) {
        if let Some(limit) = &mut self.request.limit {
            fresh.truncate(usize::try_from(*limit).unwrap_or(usize::MAX));
            *limit -= fresh.len() as u64;
        }
    }

    /// More entries share one time than the server gives at once: asks for them stream by stream.
    fn crowded(&mut self) -> Result<Option<Page>> {
        let (time, limit) = (self.boundary(), self.server_limit);
        let (start, end) = (self.request.start, self.request.end);
        let queries = split::by_stream(self.client, &self.request.query, time)?;
        (self.request.start, self.request.end) = (time, time.saturating_add(1));
        let whole = std::mem::take(&mut self.request.query);
        let mut fresh = Vec::new();
        for query in queries {
            self.request.query = query;
            let QueryResult::Streams(streams) = self.ask(limit)?.data.result else { continue };
            let rows = rows(streams, self.request.forward);
            if rows.len() as u64 >= limit {
                bail!(
                    "{} or more entries of {} share one time and the server gives at most {limit} at once; \
                     raise its max_entries_limit_per_query",
                    rows.len(),
                    self.request.query
                );
            }
            fresh.extend(rows.into_iter().filter(|row| !take(&mut self.seen, row)));
        }
        self.request.query = whole;
        (self.request.start, self.request.end) =
            if self.request.forward { (time.saturating_add(1), end) } else { (start, time) };
        self.seen.clear();
        self.seen_total = 0;
        self.count(&mut fresh);
        if fresh.is_empty() { self.next() } else { Ok(Some(Page::Entries(fresh))) }
    }

    /// The time of the entries in `seen`.
    fn boundary(&self) -> i64 {
        if self.request.forward { self.request.start } else { self.request.end.saturating_sub(1) }
    }

    fn move_to(&mut self, edge: i64, boundary: i64, at_edge: Vec<Key>) {
        let (forward, interval) = (self.request.forward, self.request.interval);
        if interval > 0 {
            // The server left out everything nearer than this, and would have gone on from here.
            if forward {
                self.request.start = edge.saturating_add(interval);
            } else {
                self.request.end = edge.saturating_sub(interval).saturating_add(1);
            }
            return;
        }
        if edge != boundary {
            self.seen.clear();
            self.seen_total = 0;
        }
        self.seen_total += at_edge.len() as u64;
        for key in at_edge {
            *self.seen.entry(key).or_default() += 1;
        }
        if forward {
            self.request.start = edge;
        } else {
            self.request.end = edge.saturating_add(1);
        }
    }

    fn ask(&self, limit: u64) -> Result<QueryAnswer> {
        let request = &self.request;
        let mut parameters: Parameters = vec![
            ("query", request.query.clone()),
            ("start", request.start.to_string()),
            ("end", request.end.to_string()),
            ("limit", limit.to_string()),
            ("direction", if request.forward { "forward" } else { "backward" }.to_owned()),
        ];
        if request.interval > 0 {
            parameters.push(("interval", (request.interval as f64 / 1e9).to_string()));
        }
        parameters.extend(request.step.clone().map(|step| ("step", step)));
        let retries = if self.pages == 0 && !request.retry_first { 0 } else { request.retries };
        retrying(retries, || self.client.get(QUERY_RANGE, &parameters))
    }

    /// The server refused `limit`: remembers the largest that it takes.
    fn learn_limit(&mut self, problem: &anyhow::Error, limit: u64) -> Option<()> {
        let refused = problem.downcast_ref::<Refused>()?;
        let largest = entries_limit(&refused.text)?;
        if largest >= limit || largest == 0 {
            return None;
        }
        self.server_limit = largest;
        Some(())
    }
}

/// Takes one of the entries equal to `row` away.
fn take(seen: &mut HashMap<Key, u64>, row: &Row) -> bool {
    let key = (Rc::clone(&row.labels), row.line.clone());
    match seen.get_mut(&key) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    }
}

/// The most entries that a server gives, out of its refusal: `max entries limit … (5001 > 5000)`.
fn entries_limit(refusal: &str) -> Option<u64> {
    let (_, rest) = refusal.split_once("max entries limit")?;
    let (_, number) = rest.rsplit_once('>')?;
    number.trim().trim_end_matches(')').trim().parse().ok()
}

#[cfg(test)]
mod tests;
