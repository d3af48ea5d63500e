//! What a query will do, in words: its selectors and, stage by stage, what is read and what is made.
//!
//! Told from the syntax tree alone; how much there is to read is `read`'s to say.

use crate::ast::{
    Expr, Extract, Grouping, LabelChoice, LabelFilter, LabelFormat, LineFilter, LineFilterArg, LineFilterOp, LogExpr,
    LogRange, MatchOp, MetricExpr, Selector, Stage, VectorOp,
};
use crate::re2;

/// One part of a query that reads entries: the log query, or the innards of one range aggregation.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf<'q> {
    pub log: &'q LogExpr,
    /// `None` for a log query.
    pub range: Option<&'q LogRange>,
    pub stages: Vec<StageNote>,
}

/// One stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageNote {
    /// Canonical text.
    pub stage: String,
    /// `lines`, `metadata:<name>`, `metadata:*`.
    pub reads: Vec<String>,
    pub extracts: Extracts,
    /// How it is done; may be empty.
    pub note: String,
}

/// Labels that a stage gives to entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extracts {
    /// Whatever is there.
    All,
    Names(Vec<String>),
}

/// The labels that something later looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    All,
    Names(Vec<String>),
}

impl Wanted {
    fn none() -> Self {
        Self::Names(Vec::new())
    }

    fn add(&mut self, names: impl IntoIterator<Item = String>) {
        let Self::Names(known) = self else { return };
        known.extend(names);
        known.sort_unstable();
        known.dedup();
    }
}

/// The parts that read entries, in the order in which plans number them.
#[must_use]
pub fn leaves(expr: &Expr) -> Vec<Leaf<'_>> {
    let mut found = Vec::new();
    match expr {
        Expr::Log(log) => found.push(Leaf { log, range: None, stages: notes(&log.stages, Wanted::All) }),
        Expr::Metric(metric) => metric_leaves(metric, None, &mut found),
        Expr::Variants { .. } => {}
    }
    found
}

/// `above`: labels that a `sum` right above looks at.
fn metric_leaves<'q>(expr: &'q MetricExpr, above: Option<&Wanted>, found: &mut Vec<Leaf<'q>>) {
    match expr {
        MetricExpr::Range(range) => {
            let mut wanted = match (&range.grouping, above) {
                (Some(grouping), _) => wanted_by(grouping),
                (None, Some(above)) => above.clone(),
                (None, None) => Wanted::All,
            };
            if let Some(unwrap) = &range.range.unwrap {
                wanted.add([unwrap.label.clone()]);
                wanted.add(unwrap.post_filters.iter().flat_map(filter_names));
            }
            let log = &range.range.log;
            found.push(Leaf { log, range: Some(&range.range), stages: notes(&log.stages, wanted) });
        }
        MetricExpr::Vector(vector) => {
            let wanted = vector.grouping.as_ref().map_or_else(Wanted::none, wanted_by);
            metric_leaves(&vector.inner, (vector.op == VectorOp::Sum).then_some(&wanted), found);
        }
        MetricExpr::Binary(binary) => {
            metric_leaves(&binary.left, None, found);
            metric_leaves(&binary.right, None, found);
        }
        MetricExpr::LabelReplace(replace) => metric_leaves(&replace.inner, None, found),
        MetricExpr::VectorLiteral(_) | MetricExpr::Literal(_) => {}
    }
}

fn wanted_by(grouping: &Grouping) -> Wanted {
    if grouping.without { Wanted::All } else { Wanted::Names(grouping.labels.clone()) }
}

/// `wanted`: labels that are looked at behind the last stage.
fn notes(stages: &[Stage], mut wanted: Wanted) -> Vec<StageNote> {
    let mut notes = Vec::with_capacity(stages.len());
    for stage in stages.iter().rev() {
        notes.push(note(stage, &wanted));
        wanted_before(stage, &mut wanted);
    }
    notes.reverse();
    notes
}

/// Adds what the stage itself looks at.
fn wanted_before(stage: &Stage, wanted: &mut Wanted) {
    match stage {
        Stage::LabelFilter(filter) => wanted.add(filter_names(filter)),
        // A template may name any label, or all of them.
        Stage::LineFormat(_) => *wanted = Wanted::All,
        Stage::LabelFormat(formats) => {
            if formats.iter().any(|format| matches!(format, LabelFormat::Template { .. })) {
                *wanted = Wanted::All;
            }
            wanted.add(formats.iter().filter_map(|format| match format {
                LabelFormat::Rename { from, .. } => Some(from.clone()),
                LabelFormat::Template { .. } => None,
            }));
        }
        Stage::Drop(choices) | Stage::Keep(choices) => wanted.add(choices.iter().map(choice_name)),
        _ => {}
    }
}

fn note(stage: &Stage, wanted: &Wanted) -> StageNote {
    let lines = || vec!["lines".to_owned()];
    let none = Extracts::Names(Vec::new());
    let (reads, extracts, note) = match stage {
        Stage::LineFilter(filter) => (lines(), none, line_filter_note(filter)),
        Stage::Json(extracts) => parser(extracts, wanted),
        Stage::Logfmt { extracts, .. } => parser(extracts, wanted),
        Stage::Unpack => parser(&[], wanted),
        Stage::Regexp(pattern) => {
            let groups = re2::check(pattern).unwrap_or_default();
            (lines(), Extracts::Names(groups.into_iter().flatten().collect()), "one search a line".to_owned())
        }
        Stage::Pattern(pattern) => (lines(), Extracts::Names(captures(pattern)), "one pass over the line".to_owned()),
        Stage::LabelFilter(filter) => (metadata(filter_names(filter)), none, String::new()),
        Stage::LineFormat(_) => {
            (vec!["lines".to_owned(), "metadata:*".to_owned()], none, "the template is read once".to_owned())
        }
        Stage::LabelFormat(formats) => {
            let made = formats.iter().map(|format| match format {
                LabelFormat::Rename { to, .. } | LabelFormat::Template { to, .. } => to.clone(),
            });
            (label_format_reads(formats), Extracts::Names(made.collect()), String::new())
        }
        Stage::Decolorize => (lines(), none, String::new()),
        Stage::Drop(choices) => (metadata(choices.iter().map(choice_name)), none, String::new()),
        Stage::Keep(_) => (vec!["metadata:*".to_owned()], none, String::new()),
    };
    StageNote { stage: stage.to_string(), reads, extracts, note }
}

/// A parser that finds names by itself takes out only those that are wanted later.
fn parser(extracts: &[Extract], wanted: &Wanted) -> (Vec<String>, Extracts, String) {
    let lines = vec!["lines".to_owned()];
    if !extracts.is_empty() {
        let names = extracts.iter().map(|extract| extract.label.clone()).collect();
        return (lines, Extracts::Names(names), "only the named fields".to_owned());
    }
    match wanted {
        Wanted::All => (lines, Extracts::All, "every field: the query shows or groups by all labels".to_owned()),
        Wanted::Names(names) => {
            (lines, Extracts::Names(names.clone()), "only fields that the rest of the query looks at".to_owned())
        }
    }
}

fn line_filter_note(filter: &LineFilter) -> String {
    let is_regex = matches!(filter.op, LineFilterOp::Re | LineFilterOp::NotRe);
    let mut notes: Vec<String> = filter.alternatives.iter().map(|arg| arg_note(arg, filter.op, is_regex)).collect();
    notes.dedup();
    notes.join("; ")
}

fn arg_note(arg: &LineFilterArg, op: LineFilterOp, is_regex: bool) -> String {
    let text = match arg {
        LineFilterArg::Ip(_) => return "addresses found in the line".to_owned(),
        LineFilterArg::Text(text) => text,
    };
    if matches!(op, LineFilterOp::Pattern | LineFilterOp::NotPattern) {
        return "literals of the pattern in order".to_owned();
    }
    if !is_regex {
        return "literal search over whole blocks".to_owned();
    }
    let Ok(analysis) = re2::analyse(text) else { return "regular expression".to_owned() };
    match (analysis.contains_any, analysis.required) {
        (Some(literals), _) if literals.iter().any(|literal| literal.ignore_case) => {
            "literal search over whole blocks, any case: no regular expression is run".to_owned()
        }
        (Some(_), _) => "literal search over whole blocks: no regular expression is run".to_owned(),
        (None, Some(literal)) => format!("regular expression, where {:?} is found first", literal.text),
        (None, None) => "regular expression over every line".to_owned(),
    }
}

fn filter_names(filter: &LabelFilter) -> Vec<String> {
    match filter {
        LabelFilter::Match(matcher) => vec![matcher.name.clone()],
        LabelFilter::Number { name, .. }
        | LabelFilter::Duration { name, .. }
        | LabelFilter::Bytes { name, .. }
        | LabelFilter::Ip { name, .. } => vec![name.clone()],
        LabelFilter::And(left, right) | LabelFilter::Or(left, right) => {
            let mut names = filter_names(left);
            names.extend(filter_names(right));
            names
        }
    }
}

fn choice_name(choice: &LabelChoice) -> String {
    match choice {
        LabelChoice::Name(name) => name.clone(),
        LabelChoice::Matcher(matcher) => matcher.name.clone(),
    }
}

fn label_format_reads(formats: &[LabelFormat]) -> Vec<String> {
    if formats.iter().any(|format| matches!(format, LabelFormat::Template { .. })) {
        return vec!["metadata:*".to_owned()];
    }
    metadata(formats.iter().filter_map(|format| match format {
        LabelFormat::Rename { from, .. } => Some(from.clone()),
        LabelFormat::Template { .. } => None,
    }))
}

fn metadata(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut reads: Vec<String> = names.into_iter().map(|name| format!("metadata:{name}")).collect();
    reads.sort_unstable();
    reads.dedup();
    reads
}

/// Names between `<` and `>`, unnamed gaps left out.
fn captures(pattern: &str) -> Vec<String> {
    let names = pattern.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(name, _)| name);
    let is_name = |name: &&str| {
        *name != "_" && !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    names.filter(is_name).map(str::to_owned).collect()
}

/// What the selector's matchers allow to skip, as sentences.
#[must_use]
pub fn selector_notes(selector: &Selector) -> Vec<String> {
    let equal: Vec<String> = selector
        .matchers
        .iter()
        .filter(|matcher| matcher.op == MatchOp::Eq && !matcher.value.is_empty())
        .map(|matcher| format!("{}={:?}", matcher.name, matcher.value))
        .collect();
    let by_filter = if equal.is_empty() {
        "no matcher asks for one value, so no part is skipped by its label filter".to_owned()
    } else {
        format!("parts whose label filter rules out {} are not opened", equal.join(", "))
    };
    let regexes = selector.matchers.iter().filter(|m| matches!(m.op, MatchOp::Re | MatchOp::NotRe)).count();
    let by_stream = match regexes {
        0 => "each stream of an opened part is compared once".to_owned(),
        1 => "each stream of an opened part is compared once, with one regular expression".to_owned(),
        many => format!("each stream of an opened part is compared once, with {many} regular expressions"),
    };
    vec![by_filter, by_stream]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(query: &str) -> Vec<String> {
        let expr = crate::parse(query).expect(query);
        let show = |note: &StageNote| {
            let extracts = match &note.extracts {
                Extracts::All => "all".to_owned(),
                Extracts::Names(names) => names.join(","),
            };
            format!("{} reads {} makes {extracts}", note.stage, note.reads.join(","))
        };
        leaves(&expr).iter().flat_map(|leaf| leaf.stages.iter().map(show).collect::<Vec<_>>()).collect()
    }

    #[test]
    fn stages_say_what_they_need() {
        assert_eq!(
            shown(r#"{a="b"} |= "x" | json | level="error" | line_format "{{.msg}}""#),
            [
                r#"|= "x" reads lines makes "#,
                "| json reads lines makes all",
                r#"| level="error" reads metadata:level makes "#,
                r#"| line_format "{{.msg}}" reads lines,metadata:* makes "#,
            ]
        );
        assert_eq!(
            shown(r#"sum by (status) (count_over_time({a="b"} | json | method="GET" | drop x [5m]))"#),
            [
                "| json reads lines makes method,status,x",
                r#"| method="GET" reads metadata:method makes "#,
                "| drop x reads metadata:x makes ",
            ]
        );
        assert_eq!(
            shown(r#"quantile_over_time(0.9, {a="b"} | logfmt | unwrap duration(took) [5m]) by (host)"#),
            ["| logfmt reads lines makes host,took"]
        );
        assert_eq!(
            shown(r#"rate({a="b"} | regexp "(?P<x>.)" [1m]) / rate({a="b"} | pattern "<_> <y>" [1m])"#),
            [r#"| regexp "(?P<x>.)" reads lines makes x"#, r#"| pattern "<_> <y>" reads lines makes y"#]
        );
    }

    #[test]
    fn filters_say_how_they_search() {
        for (filter, note) in [
            (r#"|= "x""#, "literal search over whole blocks"),
            (r#"|~ "(?i)error|warn""#, "literal search over whole blocks, any case: no regular expression is run"),
            (r#"|~ "GET .*x""#, "regular expression, where \"GET \" is found first"),
            (r#"|~ "[0-9]+""#, "regular expression over every line"),
            (r#"|> "<_> x <_>""#, "literals of the pattern in order"),
        ] {
            let query = format!(r#"{{a="b"}} {filter}"#);
            let expr = crate::parse(&query).expect(filter);
            assert_eq!(leaves(&expr)[0].stages[0].note, note, "{filter}");
        }
    }

    #[test]
    fn selectors_say_what_they_skip() {
        let Ok(Expr::Log(log)) = crate::parse(r#"{a="b", c=~"d.*"}"#) else { return };
        assert_eq!(
            selector_notes(&log.selector),
            [
                r#"parts whose label filter rules out a="b" are not opened"#,
                "each stream of an opened part is compared once, with one regular expression",
            ]
        );
    }
}
