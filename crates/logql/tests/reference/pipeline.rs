//! Entries and what stages make of them, one entry at a time over plain maps.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use regex::bytes::Regex;
use sigyn_logql::ast::{
    CompareOp, Conversion, LabelChoice, LabelFilter, LabelFormat, LineFilter, LineFilterArg, LineFilterOp, LogExpr,
    MatchOp, Matcher, Stage, Unwrap,
};
use sigyn_logql::re2;
use sigyn_logql::testing::Row;
use sigyn_model::Labels;

use super::parsers::{self, Found};
use super::template;

pub(crate) const ERROR: &str = "__error__";
const DETAILS: &str = "__error_details__";

type Map = BTreeMap<String, String>;

/// An entry on its way through the pipeline.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Labels of the stream as pushed.
    pushed: Labels,
    /// The labels it has now: stream, structured metadata, parsed. A later map goes before an earlier one.
    maps: [Map; 3],
    /// Every label that a stage has ever given it.
    given: BTreeSet<String>,
    pub(crate) line: String,
    pub(crate) timestamp: i64,
    /// Place in order of stream, time and arrival.
    pub(crate) place: usize,
    pub(crate) value: f64,
}

const METADATA: usize = 1;
const PARSED: usize = 2;

/// What parsers are told of the rest of the query.
#[derive(Debug, Default, Clone)]
pub(crate) struct Hints {
    /// The labels that are looked at; None for all.
    pub(crate) required: Option<BTreeSet<String>>,
    /// The first filter of each label; a parser that finds a value it rejects gives up on the entry.
    tests: Vec<LabelFilter>,
}

impl Hints {
    /// `wanted`: what is looked at behind the stages; None for all labels. A `grouped` query only gives up on what its
    /// filters drop anyway.
    pub(crate) fn new(stages: &[Stage], wanted: Option<&[String]>, grouped: bool) -> Self {
        let mut hints = Self::default();
        for stage in stages.iter().filter(|_| !grouped) {
            if let Stage::LabelFilter(filter) = stage
                && let [name] = &names(filter)[..]
                && !matches!(filter, LabelFilter::And(..) | LabelFilter::Or(..))
                && hints.tests.iter().all(|test| names(test) != [*name])
            {
                hints.tests.push(filter.clone());
            }
        }
        hints.required = wanted.map(|wanted| {
            let mut all: BTreeSet<String> = wanted.iter().cloned().collect();
            for stage in stages {
                match stage {
                    Stage::LabelFilter(filter) => all.extend(names(filter).into_iter().map(str::to_owned)),
                    Stage::LineFormat(template) => all.extend(fields(template)),
                    Stage::LabelFormat(formats) => all.extend(formats.iter().flat_map(|format| match format {
                        LabelFormat::Rename { from, .. } => vec![from.clone()],
                        LabelFormat::Template { template, .. } => fields(template),
                    })),
                    _ => {}
                }
            }
            let bare: Vec<String> =
                all.iter().filter_map(|name| Some(name.strip_suffix("_extracted")?.to_owned())).collect();
            all.extend(bare);
            all
        });
        hints
    }

    fn satisfied(&self, entry: &Entry) -> bool {
        self.required.as_ref().is_some_and(|names| names.iter().all(|name| entry.given.contains(name)))
    }
}

pub(crate) fn names(filter: &LabelFilter) -> Vec<&str> {
    match filter {
        LabelFilter::Match(matcher) => vec![&matcher.name],
        LabelFilter::Number { name, .. }
        | LabelFilter::Duration { name, .. }
        | LabelFilter::Bytes { name, .. }
        | LabelFilter::Ip { name, .. } => vec![name],
        LabelFilter::And(left, right) | LabelFilter::Or(left, right) => [names(left), names(right)].concat(),
    }
}

/// The fields a template looks at.
fn fields(template: &str) -> Vec<String> {
    let field = parsers::regex(r"\.(\w+)");
    let actions = parsers::regex(r"\{\{.*?\}\}");
    let text: String = actions.find_iter(template).map(|action| action.as_str()).collect();
    field.captures_iter(&text).map(|found| found[1].to_owned()).collect()
}

impl Entry {
    fn new(row: &Row, place: usize) -> Self {
        let own = |labels: &Labels| -> Vec<(String, String)> {
            labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        let shown = |(name, value): (String, String)| match row.labels.get(&name) {
            Some(_) => (name + "_extracted", value),
            None => (name, value),
        };
        Self {
            pushed: row.labels.clone(),
            maps: [
                own(&row.labels).into_iter().collect(),
                own(&row.metadata).into_iter().map(shown).collect(),
                Map::new(),
            ],
            given: BTreeSet::new(),
            line: String::from_utf8(row.line.clone()).expect("random lines are text"),
            timestamp: row.timestamp,
            place,
            value: 0.0,
        }
    }

    /// All labels; those that a stage has set to nothing have empty values.
    pub(crate) fn labels(&self) -> Labels {
        Labels::with_empty(self.maps.iter().flatten().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.maps.iter().rev().find_map(|map| map.get(name)).map(String::as_str)
    }

    fn category(&self, name: &str) -> Option<usize> {
        (0..3).rev().find(|&at| self.maps[at].contains_key(name))
    }

    fn set(&mut self, category: usize, name: &str, value: &str) {
        self.given.insert(name.to_owned());
        self.maps[category].insert(name.to_owned(), value.to_owned());
        if category == PARSED {
            self.maps[METADATA].remove(name);
        }
    }

    fn remove(&mut self, name: &str) {
        self.maps.iter_mut().for_each(|map| drop(map.remove(name)));
    }

    fn fail(&mut self, error: &str) {
        self.set(PARSED, ERROR, error);
        self.set(PARSED, DETAILS, "details");
    }

    /// The label that a parsed field becomes.
    fn shown(&self, field: &str) -> String {
        let taken = self.pushed.get(field).is_some() || self.maps[METADATA].contains_key(field);
        if taken { format!("{field}_extracted") } else { field.to_owned() }
    }

    /// False when a later filter is sure to reject the entry.
    fn take(&mut self, found: Found, error: &str, hints: &Hints) -> bool {
        for (field, value) in found.fields {
            let name = self.shown(&field);
            let wanted = hints.required.as_ref().is_none_or(|required| required.contains(&name));
            if !wanted || self.given.contains(&name) {
                continue;
            }
            self.set(PARSED, &name, &value);
            let mut failed = false;
            let rejects = |test: &&LabelFilter| names(test) == [name.as_str()];
            if hints.tests.iter().find(rejects).is_some_and(|test| !passes_value(test, Some(&value), &mut failed)) {
                return false;
            }
            if hints.satisfied(self) {
                return true;
            }
        }
        if found.failed {
            self.fail(error);
        }
        true
    }

    /// Gives a label under a name that may have one already.
    fn replace(&mut self, label: &str, value: &str, hints: &Hints) {
        let name = self.shown(label);
        if hints.required.as_ref().is_none_or(|required| required.contains(&name)) {
            self.set(PARSED, &name, value);
        }
    }
}

/// The entries that pass, in the order of `rows`.
pub(crate) fn passing(log: &LogExpr, rows: &[Row], hints: &Hints) -> Vec<Entry> {
    let mut stages = in_order(&log.stages);
    if hints.required.as_ref().is_some_and(BTreeSet::is_empty) {
        stages.retain(|stage| !is_parser(stage));
    }
    let selected =
        |row: &Row| log.selector.matchers.iter().all(|matcher| matches(matcher, row.labels.get(&matcher.name)));
    let entries = rows.iter().enumerate().filter(|(_, row)| selected(row));
    let entries = entries.map(|(place, row)| Entry::new(row, place));
    entries.filter_map(|mut entry| stages.iter().all(|stage| pass(stage, &mut entry, hints)).then_some(entry)).collect()
}

fn is_parser(stage: &Stage) -> bool {
    matches!(stage, Stage::Json(_) | Stage::Logfmt { .. } | Stage::Regexp(_) | Stage::Pattern(_))
}

/// Line filters move in front of what cannot change the line.
fn in_order(stages: &[Stage]) -> Vec<Stage> {
    let mut ordered: Vec<Stage> = Vec::new();
    let mut floor = 0;
    for stage in stages {
        match stage {
            Stage::LineFilter(_) => {
                ordered.insert(floor, stage.clone());
                floor += 1;
            }
            Stage::LabelFilter(_) | Stage::LineFormat(_) => {
                ordered.push(stage.clone());
                floor = ordered.len();
            }
            other => ordered.push(other.clone()),
        }
    }
    ordered
}

fn matches(matcher: &Matcher, value: Option<&str>) -> bool {
    let value = value.unwrap_or("");
    let regex = || regex_matches(&matcher.value, true, value.as_bytes());
    match matcher.op {
        MatchOp::Eq => value == matcher.value,
        MatchOp::NotEq => value != matcher.value,
        MatchOp::Re => regex(),
        MatchOp::NotRe => !regex(),
    }
}

thread_local! {
    static REGEXES: RefCell<HashMap<(String, bool), Regex>> = RefCell::default();
}

/// Compiling is what would take the time.
fn regex_matches(pattern: &str, anchored: bool, text: &[u8]) -> bool {
    REGEXES.with_borrow_mut(|regexes| {
        let regex = regexes.entry((pattern.to_owned(), anchored)).or_insert_with(|| {
            let compiled = if anchored { re2::compile_anchored(pattern) } else { re2::compile(pattern) };
            compiled.expect("a good regex")
        });
        regex.is_match(text)
    })
}

/// Whether the entry stays.
fn pass(stage: &Stage, entry: &mut Entry, hints: &Hints) -> bool {
    if is_parser(stage) && hints.satisfied(entry) {
        return true;
    }
    match stage {
        Stage::LineFilter(filter) => line_passes(filter, &entry.line),
        Stage::LabelFilter(filter) => label_passes(filter, entry),
        Stage::Drop(_) | Stage::Keep(_) => choose(stage, entry),
        Stage::Json(extracts) if extracts.is_empty() => entry.take(parsers::json(&entry.line), "JSONParserErr", hints),
        Stage::Json(extracts) => {
            if !entry.line.is_empty() && !entry.line.starts_with(['{', '[', '"']) {
                entry.set(PARSED, ERROR, "JSONParserErr");
                return true;
            }
            for extract in extracts.iter().filter(|_| !entry.line.is_empty()).collect::<Vec<_>>() {
                match parsers::json_path(&entry.line, &extract.expression) {
                    Some(value) => entry.replace(&extract.label, &value, hints),
                    None if entry.get(&extract.label).is_some() => {}
                    None => entry.replace(&extract.label, "", hints),
                }
            }
            true
        }
        Stage::Logfmt { strict, keep_empty, extracts } if extracts.is_empty() => {
            let mut found = parsers::logfmt(&entry.line, *strict);
            found.fields.retain(|(_, value)| *keep_empty || !value.is_empty());
            entry.take(found, "LogfmtParserErr", hints)
        }
        Stage::Logfmt { strict, extracts, .. } => {
            for extract in extracts {
                if entry.shown(&extract.label) == extract.label {
                    entry.replace(&extract.label, "", hints);
                }
            }
            let found = parsers::logfmt(&entry.line, *strict);
            for (key, value) in &found.fields {
                for extract in extracts.iter().filter(|extract| extract.expression == *key) {
                    entry.replace(&extract.label, value, hints);
                }
            }
            if found.failed {
                entry.fail("LogfmtParserErr");
            }
            true
        }
        Stage::Regexp(regex) => entry.take(parsers::regexp(&entry.line, regex), "", hints),
        Stage::Pattern(pattern) => entry.take(parsers::pattern(&entry.line, pattern), "", hints),
        Stage::LineFormat(text) => {
            match expand(text, entry) {
                Ok(line) => entry.line = line,
                Err(_) => entry.fail("TemplateFormatErr"),
            }
            true
        }
        Stage::LabelFormat(formats) => {
            format_labels(formats, entry);
            true
        }
        Stage::Decolorize => {
            let colours = parsers::regex("\x1b\\[[0-9;]*m");
            entry.line = colours.replace_all(&entry.line, "").into_owned();
            true
        }
        Stage::Unpack => panic!("no reference for unpack"),
    }
}

fn expand(text: &str, entry: &Entry) -> Result<String, String> {
    template::expand(text, &entry.line, &|name| entry.get(name).unwrap_or("").to_owned())
}

/// Templates see what the renames before the first of them have done, and nothing later.
fn format_labels(formats: &[LabelFormat], entry: &mut Entry) {
    let mut seen: Option<Entry> = None;
    for format in formats {
        match format {
            LabelFormat::Rename { to, from } => {
                let (Some(category), Some(value)) = (entry.category(from), entry.get(from).map(str::to_owned)) else {
                    continue;
                };
                if entry.category(to).is_none_or(|standing| standing <= category) {
                    entry.set(category, to, &value);
                }
                entry.remove(from);
            }
            LabelFormat::Template { to, template } => {
                match expand(template, seen.get_or_insert_with(|| entry.clone())) {
                    Ok(value) => entry.set(PARSED, to, &value),
                    Err(_) => entry.fail("TemplateFormatErr"),
                }
            }
        }
    }
}

fn choose(stage: &Stage, entry: &mut Entry) -> bool {
    let (choices, keep) = match stage {
        Stage::Keep(choices) => (choices, true),
        Stage::Drop(choices) => (choices, false),
        _ => return true,
    };
    let chosen = |name: &str, value: &str| {
        choices.iter().any(|choice| match choice {
            LabelChoice::Name(chosen) => chosen == name,
            LabelChoice::Matcher(matcher) => matcher.name == name && matches(matcher, Some(value)),
        })
    };
    for (name, value) in entry.labels().iter() {
        let safe = keep && (name == ERROR || name == DETAILS);
        if chosen(name, value) != keep && !safe {
            entry.remove(name);
        }
    }
    true
}

fn label_passes(filter: &LabelFilter, entry: &mut Entry) -> bool {
    let mut failed = false;
    let passes = filter_passes(filter, entry, &mut failed);
    if passes && failed && entry.get(ERROR).is_none() {
        entry.fail("LabelFilterErr");
    }
    passes
}

fn filter_passes(filter: &LabelFilter, entry: &Entry, failed: &mut bool) -> bool {
    match filter {
        LabelFilter::And(left, right) => {
            let left = filter_passes(left, entry, failed);
            filter_passes(right, entry, failed) && left
        }
        LabelFilter::Or(left, right) => filter_passes(left, entry, failed) || filter_passes(right, entry, failed),
        one => {
            let value = entry.get(names(one)[0]).filter(|value| !value.is_empty());
            passes_value(one, value, failed)
        }
    }
}

/// A filter of one label. A value that is no number passes, and fails.
fn passes_value(filter: &LabelFilter, value: Option<&str>, failed: &mut bool) -> bool {
    let compared = match (filter, value) {
        (LabelFilter::Match(matcher), value) => return matches(matcher, value),
        (_, None) => return false,
        (LabelFilter::Number { op, value: limit, .. }, Some(value)) => {
            value.parse::<f64>().ok().map(|value| compare(*op, value, *limit))
        }
        (LabelFilter::Duration { op, value: limit, .. }, Some(value)) => {
            seconds(value).map(|value| compare(*op, value, *limit as f64 / 1e9))
        }
        (LabelFilter::Bytes { op, value: limit, .. }, Some(value)) => {
            bytes(value).map(|value| compare(*op, value, *limit as f64))
        }
        (other, _) => panic!("no reference for {other:?}"),
    };
    *failed |= compared.is_none();
    compared.unwrap_or(true)
}

fn compare(op: CompareOp, value: f64, limit: f64) -> bool {
    match op {
        CompareOp::Eq => value == limit,
        CompareOp::NotEq => value != limit,
        CompareOp::Gt => value > limit,
        CompareOp::Gte => value >= limit,
        CompareOp::Lt => value < limit,
        CompareOp::Lte => value <= limit,
    }
}

/// `1m2.5s` in seconds.
fn seconds(text: &str) -> Option<f64> {
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let unit = rest.find(|c: char| c.is_ascii_alphabetic())?;
        let end = rest[unit..].find(|c: char| !c.is_ascii_alphabetic()).map_or(rest.len(), |end| unit + end);
        let scale = match &rest[unit..end] {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            _ => return None,
        };
        total += rest[..unit].parse::<f64>().ok()? * scale;
        rest = &rest[end..];
    }
    (!text.is_empty()).then_some(total)
}

/// `2KB`, `1MiB` or `7` in bytes.
fn bytes(text: &str) -> Option<f64> {
    let unit = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let scale = match &text[unit..] {
        "" | "B" => 1.0,
        "KB" => 1e3,
        "KiB" => 1024.0,
        "MB" => 1e6,
        "MiB" => 1_048_576.0,
        _ => return None,
    };
    Some((text[..unit].trim().parse::<f64>().ok()? * scale).trunc())
}

/// The entry with its value, if it has one and passes the filters behind.
pub(crate) fn unwrap(unwrap: &Unwrap, mut entry: Entry) -> Option<Entry> {
    let text = entry.get(&unwrap.label).filter(|text| !text.is_empty())?;
    let value = match unwrap.conversion {
        None => text.parse().ok(),
        Some(Conversion::Bytes) => bytes(text),
        Some(Conversion::Duration | Conversion::DurationSeconds) => seconds(text),
    };
    match value {
        Some(value) => entry.value = value,
        None => entry.fail("SampleExtractionErr"),
    }
    unwrap.post_filters.iter().all(|filter| label_passes(filter, &mut entry)).then_some(entry)
}

fn line_passes(filter: &LineFilter, line: &str) -> bool {
    let hit = |argument: &LineFilterArg| {
        let LineFilterArg::Text(text) = argument else { panic!("no reference for {argument:?}") };
        match filter.op {
            LineFilterOp::Contains | LineFilterOp::NotContains => line.contains(text.as_str()),
            LineFilterOp::Re | LineFilterOp::NotRe => regex_matches(text, false, line.as_bytes()),
            LineFilterOp::Pattern | LineFilterOp::NotPattern => pattern_matches(text, line),
        }
    };
    let any = filter.alternatives.iter().any(hit);
    match filter.op {
        LineFilterOp::Contains | LineFilterOp::Re | LineFilterOp::Pattern => any,
        LineFilterOp::NotContains | LineFilterOp::NotRe | LineFilterOp::NotPattern => !any,
    }
}

/// Each `<_>` takes at least one byte, up to the first occurrence of what follows it.
fn pattern_matches(pattern: &str, line: &str) -> bool {
    let mut literals = pattern.split("<_>");
    let Some(mut rest) = literals.next().and_then(|first| line.strip_prefix(first)) else { return false };
    let mut literals = literals.peekable();
    while let Some(literal) = literals.next() {
        if literal.is_empty() && literals.peek().is_none() {
            return !rest.is_empty();
        }
        match rest.find(literal) {
            Some(gap) if gap > 0 => rest = &rest[gap + literal.len()..],
            _ => return false,
        }
    }
    rest.is_empty()
}
