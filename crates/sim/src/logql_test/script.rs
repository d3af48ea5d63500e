//! One `.test` file, read.

use std::ops::Range;
use std::path::Path;

use sigyn_model::Labels;
use sigyn_model::duration::{MINUTE, SECOND, format_go, parse_go};
use sigyn_read::Direction;

use super::outcome::{Outcome, Series, Stream};
use super::text;

/// A file: what to load, what to ask and what to expect.
#[derive(Debug)]
pub struct Script {
    /// As messages name it.
    pub name: String,
    pub(super) lines: Vec<String>,
    pub(super) loads: Vec<Load>,
    pub(super) evals: Vec<Eval>,
    /// Labels that servers add and answers are compared without.
    pub(super) hidden: Vec<String>,
}

/// A `load`: entries of one stream.
#[derive(Debug, Clone)]
pub struct Load {
    pub labels: Labels,
    pub entries: Vec<Entry>,
}

/// An entry to store, or one that a query found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Nanoseconds from the test's start.
    pub offset: i64,
    pub line: String,
    /// Structured metadata; empty in answers, where it is among the stream's labels.
    pub metadata: Labels,
}

/// An `eval`, with the lines (from 0) of its expectation.
#[derive(Debug)]
pub(super) struct Eval {
    pub(super) line: usize,
    pub(super) question: Question,
    pub(super) expected: Expected,
    pub(super) expected_lines: Range<usize>,
}

/// What to ask. Times are offsets from the test's start, in nanoseconds.
#[derive(Debug, Clone)]
pub struct Question {
    pub kind: Kind,
    pub query: String,
    /// First instant looked at, or the instant.
    pub from: i64,
    /// End of a log query (excluded), last evaluation time of a range query.
    pub to: i64,
    pub step: i64,
    pub limit: usize,
    pub direction: Direction,
    /// Least distance of returned entries; 0 is off.
    pub interval: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Logs,
    Range,
    Instant,
    /// Asked as a log query or as a range query, whatever the text is.
    Fail,
}

/// What must be answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    Answer(Outcome),
    /// The error's text; one that ends with `...` is only the beginning.
    Refusal(String),
}

/// What an `eval` looks at when it does not say.
const TO: i64 = 10 * MINUTE;
const LIMIT: usize = 1000;

/// Labels that a server with default settings adds to what is pushed.
const IMPLICIT: [&str; 2] = ["service_name", "detected_level"];

impl Script {
    /// Reads a file. Errors: `file:line: what is wrong`.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::parse(&path.display().to_string(), &text)
    }

    /// Parses a file's text. Errors: as [`Self::read`].
    pub fn parse(name: &str, text: &str) -> Result<Self, String> {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let hidden = IMPLICIT.map(str::to_owned).to_vec();
        let mut script = Self { name: name.to_owned(), lines, loads: Vec::new(), evals: Vec::new(), hidden };
        let mut at = 0;
        while at < script.lines.len() {
            let end = block_end(&script.lines, at);
            script.block(at, end).map_err(|(line, error)| format!("{name}:{}: {error}", line + 1))?;
            at = end;
        }
        Ok(script)
    }

    /// Queries in the file.
    #[must_use]
    pub fn evaluations(&self) -> usize {
        self.evals.len()
    }

    /// Adds the block of lines `at..end`: a head and what is indented below it.
    fn block(&mut self, at: usize, end: usize) -> Result<(), (usize, String)> {
        let head = self.lines[at].trim_end();
        let body = &self.lines[at + 1..end];
        let on_line = |(line, error): (usize, String)| (at + 1 + line, error);
        if head.is_empty() || head.starts_with('#') {
            return if body.is_empty() { Ok(()) } else { Err((at + 1, "belongs to nothing".to_owned())) };
        }
        if let Some(rest) = head.strip_prefix("load ") {
            let (labels, rest) = text::labels(rest).map_err(|error| (at, error))?;
            if !rest.trim().is_empty() && !rest.trim().starts_with('#') {
                return Err((at, format!("{rest:?} after the labels")));
            }
            let entries = read_entries(body).map_err(on_line)?;
            self.loads.push(Load { labels, entries });
        } else if let Some(rest) = head.strip_prefix("show ") {
            let shown: Vec<&str> = rest.split(',').map(str::trim).collect();
            self.hidden.retain(|name| !shown.contains(&name.as_str()));
        } else if let Some(rest) = head.strip_prefix("eval ") {
            let question = Question::parse(rest).map_err(|error| (at, error))?;
            let expected = question.read_expected(body).map_err(on_line)?;
            self.evals.push(Eval { line: at, question, expected, expected_lines: at + 1..end });
        } else {
            return Err((at, format!("expected load, show or eval: {head}")));
        }
        Ok(())
    }
}

/// The end of the block that begins at `at`: the next line that is not indented.
fn block_end(lines: &[String], at: usize) -> usize {
    let more = lines[at + 1..].iter().take_while(|line| line.starts_with(' ') && !line.trim().is_empty());
    at + 1 + more.count()
}

fn read_entries(lines: &[String]) -> Result<Vec<Entry>, (usize, String)> {
    lines.iter().enumerate().map(|(at, line)| read_entry(line).map_err(|error| (at, error))).collect()
}

/// `1s line`, `1s "quoted"`, `1s ~{name="value"} line`
fn read_entry(text: &str) -> Result<Entry, String> {
    let text = text.trim();
    let (time, rest) = text.split_once(' ').ok_or_else(|| format!("expected a time and a line: {text}"))?;
    let rest = rest.trim_start();
    let (metadata, rest) = match rest.strip_prefix('~') {
        Some(rest) => text::labels(rest)?,
        None => (Labels::default(), rest),
    };
    Ok(Entry { offset: parse_go(time)?, line: text::read_line(rest.trim_start())?, metadata })
}

impl Question {
    /// Reads what follows `eval`: the kind, the query, and from the end backwards the options.
    fn parse(text: &str) -> Result<Self, String> {
        let (kind, mut rest) = text.split_once(' ').ok_or("expected a kind and a query")?;
        let kind = match kind {
            "logs" => Kind::Logs,
            "range" => Kind::Range,
            "instant" => Kind::Instant,
            "fail" => Kind::Fail,
            other => return Err(format!("expected logs, range, instant or fail: {other}")),
        };
        let mut question = Self {
            kind,
            query: String::new(),
            from: if kind == Kind::Instant { TO } else { 0 },
            to: TO,
            step: MINUTE,
            limit: LIMIT,
            direction: Direction::Forward,
            interval: 0,
        };
        rest = rest.trim();
        while let Some(before) = question.take_option(rest)? {
            rest = before;
        }
        rest.clone_into(&mut question.query);
        Ok(question)
    }

    /// Takes the last option off the text; what is before it, or `None` when the text ends with no option.
    fn take_option<'a>(&mut self, text: &'a str) -> Result<Option<&'a str>, String> {
        let Some((before, last)) = text.rsplit_once(' ') else { return Ok(None) };
        match last {
            "forward" => self.direction = Direction::Forward,
            "backward" => self.direction = Direction::Backward,
            _ => {
                let Some((before, name)) = before.trim_end().rsplit_once(' ') else { return Ok(None) };
                match name {
                    "from" => self.from = parse_go(last)?,
                    "to" => self.to = parse_go(last)?,
                    "at" => (self.from, self.to) = (parse_go(last)?, parse_go(last)?),
                    "step" => self.step = parse_go(last)?,
                    "interval" => self.interval = parse_go(last)?,
                    "limit" => self.limit = last.parse().map_err(|_| format!("not a limit: {last}"))?,
                    _ => return Ok(None),
                }
                return Ok(Some(before.trim_end()));
            }
        }
        Ok(Some(before.trim_end()))
    }

    /// Evaluation times of a range query.
    #[must_use]
    pub fn steps(&self) -> usize {
        match self.kind {
            Kind::Instant => 1,
            _ if self.step <= 0 || self.to < self.from => 0,
            _ => usize::try_from((self.to - self.from) / self.step).unwrap_or(0) + 1,
        }
    }

    fn read_expected(&self, lines: &[String]) -> Result<Expected, (usize, String)> {
        match self.kind {
            Kind::Fail => {
                let text: Vec<&str> = lines.iter().map(|line| line.strip_prefix("  ").unwrap_or(line)).collect();
                Ok(Expected::Refusal(text.join("\n").trim_end().to_owned()))
            }
            Kind::Logs => Ok(Expected::Answer(Outcome::Streams(read_streams(lines)?))),
            Kind::Range | Kind::Instant => self.read_series(lines).map(Expected::Answer),
        }
    }

    fn read_series(&self, lines: &[String]) -> Result<Outcome, (usize, String)> {
        if let [only] = lines
            && self.kind == Kind::Instant
            && let Ok(Some(scalar)) = text::read_value(only.trim())
        {
            return Ok(Outcome::Scalar(scalar));
        }
        let mut all = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            let here = |error| (at, error);
            let (labels, rest) = text::labels(line.trim()).map_err(here)?;
            let points: Result<Vec<_>, _> = rest.split_whitespace().map(text::read_value).collect();
            let points = points.map_err(here)?;
            if points.len() != self.steps() {
                return Err((at, format!("{} values for {} steps", points.len(), self.steps())));
            }
            all.push(Series { labels, points });
        }
        Ok(Outcome::Series(all))
    }
}

fn read_streams(lines: &[String]) -> Result<Vec<Stream>, (usize, String)> {
    let mut streams: Vec<Stream> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let here = |error| (at, error);
        if line.starts_with("    ") {
            let stream = streams.last_mut().ok_or_else(|| (at, "an entry before its stream".to_owned()))?;
            stream.entries.push(read_entry(line).map_err(here)?);
        } else {
            let (labels, rest) = text::labels(line.trim()).map_err(here)?;
            if !rest.is_empty() {
                return Err((at, format!("{rest:?} after the labels")));
            }
            streams.push(Stream { labels, entries: Vec::new() });
        }
    }
    Ok(streams)
}

/// A time as files write it: `0s`, `1m30s`, `1.5s`, `2h`.
pub(super) fn write_offset(nanos: i64) -> String {
    if nanos % SECOND != 0 || nanos % MINUTE != 0 || nanos == 0 {
        return format_go(nanos);
    }
    let text = format_go(nanos);
    let text = text.strip_suffix("0s").unwrap_or(&text);
    text.strip_suffix("h0m").map_or_else(|| text.to_owned(), |hours| format!("{hours}h"))
}
