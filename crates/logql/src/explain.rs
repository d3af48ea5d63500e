//! What a query will do, in words: its selectors and, stage by stage, what is read and what is made.
//!
//! How much there is to read is `read`'s to say.

use std::sync::Arc;

use crate::ast::{
    Extract, LabelChoice, LabelFilter, LabelFormat, LineFilter, LineFilterArg, LineFilterOp, LogExpr, LogRange,
    MatchOp, MetricExpr, Selector, Stage,
};
use crate::pipeline::{Pipeline, Wanted};
use crate::plan::{LogPlan, MetricPlan, RangePlan};
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

/// The one part of a log query that reads entries.
#[must_use]
pub fn log_leaf<'q>(log: &'q LogExpr, plan: &LogPlan) -> Leaf<'q> {
    Leaf { log, range: None, stages: notes(&log.stages, &plan.pipeline) }
}

/// The parts of a metric query that read entries, in the order in which `plan` numbers them.
#[must_use]
pub fn metric_leaves<'q>(expr: &'q MetricExpr, plan: &MetricPlan) -> Vec<Leaf<'q>> {
    let mut ranges = Vec::new();
    collect(expr, &mut ranges);
    let leaf = |(range, plan): (&'q LogRange, &Arc<RangePlan>)| Leaf {
        log: &range.log,
        range: Some(range),
        stages: notes(&range.log.stages, &plan.pipeline),
    };
    ranges.into_iter().zip(&plan.leaves).map(leaf).collect()
}

fn collect<'q>(expr: &'q MetricExpr, ranges: &mut Vec<&'q LogRange>) {
    match expr {
        MetricExpr::Range(range) => ranges.push(&range.range),
        MetricExpr::Vector(vector) => collect(&vector.inner, ranges),
        MetricExpr::Binary(binary) => {
            collect(&binary.left, ranges);
            collect(&binary.right, ranges);
        }
        MetricExpr::LabelReplace(replace) => collect(&replace.inner, ranges),
        MetricExpr::VectorLiteral(_) | MetricExpr::Literal(_) => {}
    }
}

fn notes(stages: &[Stage], pipeline: &Pipeline) -> Vec<StageNote> {
    let wanted = pipeline.parsed();
    stages.iter().map(|stage| note(stage, &wanted)).collect()
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
            let groups = re2::check(pattern).unwrap_or_default().into_iter().flatten();
            of_these(groups.collect(), wanted)
        }
        Stage::Pattern(pattern) => of_these(captures(pattern), wanted),
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

/// `json`, `logfmt` and `unpack` find names by themselves, unless they are told which.
fn parser(extracts: &[Extract], wanted: &Wanted) -> (Vec<String>, Extracts, String) {
    if !extracts.is_empty() {
        return of_these(extracts.iter().map(|extract| extract.label.clone()).collect(), wanted);
    }
    let lines = vec!["lines".to_owned()];
    match wanted {
        Wanted::All => (lines, Extracts::All, "every field: the query shows or groups by all labels".to_owned()),
        Wanted::Names(names) | Wanted::Ungrouped(names) if names.is_empty() => not_run(),
        Wanted::Names(names) | Wanted::Ungrouped(names) => {
            (lines, Extracts::Names(names.clone()), "only fields that the query looks at".to_owned())
        }
    }
}

/// A parser with a list of names.
fn of_these(names: Vec<String>, wanted: &Wanted) -> (Vec<String>, Extracts, String) {
    let lines = vec!["lines".to_owned()];
    match wanted {
        Wanted::All => (lines, Extracts::Names(names), String::new()),
        Wanted::Names(wanted) | Wanted::Ungrouped(wanted) if wanted.is_empty() => not_run(),
        Wanted::Names(wanted) | Wanted::Ungrouped(wanted) => {
            let kept = names.into_iter().filter(|name| wanted.contains(name)).collect();
            (lines, Extracts::Names(kept), "only what the query looks at".to_owned())
        }
    }
}

fn not_run() -> (Vec<String>, Extracts, String) {
    (Vec::new(), Extracts::Names(Vec::new()), "not run: the query looks at nothing that it finds".to_owned())
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
    use sigyn_model::Timestamp;

    use super::*;
    use crate::ast::Expr;
    use crate::plan::{plan_log, plan_metric};

    fn stages(query: &str) -> Vec<StageNote> {
        match crate::parse(query).expect(query) {
            Expr::Log(log) => log_leaf(&log, &plan_log(&log, Timestamp(0)).expect(query)).stages,
            Expr::Metric(metric) => {
                let plan = plan_metric(&metric, Timestamp(0)).expect(query);
                metric_leaves(&metric, &plan).into_iter().flat_map(|leaf| leaf.stages).collect()
            }
            Expr::Variants { .. } => Vec::new(),
        }
    }

    fn check(query: &str, expected: &[&str]) {
        let show = |note: StageNote| {
            let extracts = match note.extracts {
                Extracts::All => "all".to_owned(),
                Extracts::Names(names) => names.join(","),
            };
            format!("{} reads {} makes {extracts}", note.stage, note.reads.join(","))
        };
        assert_eq!(stages(query).into_iter().map(show).collect::<Vec<_>>(), expected, "{query}");
    }

    #[test]
    fn stages_say_what_they_need() {
        check(
            r#"{a="b"} |= "x" | json | level="error" | line_format "{{.msg}}""#,
            &[
                r#"|= "x" reads lines makes "#,
                "| json reads lines makes all",
                r#"| level="error" reads metadata:level makes "#,
                r#"| line_format "{{.msg}}" reads lines,metadata:* makes "#,
            ],
        );
        check(
            r#"sum by (status) (count_over_time({a="b"} | json | method="GET" [5m]))"#,
            &["| json reads lines makes method,status", r#"| method="GET" reads metadata:method makes "#],
        );
        check(
            r#"rate({a="b"} | regexp "(?P<x>.)" [1m]) / rate({a="b"} | pattern "<_> <y>" [1m])"#,
            &[r#"| regexp "(?P<x>.)" reads lines makes x"#, r#"| pattern "<_> <y>" reads lines makes y"#],
        );
    }

    #[test]
    fn parsers_that_nobody_needs_are_not_run() {
        let query = r#"sum(count_over_time({a="b"} | logfmt [5m]))"#;
        check(query, &["| logfmt reads  makes "]);
        assert!(stages(query)[0].note.starts_with("not run"));
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
            assert_eq!(stages(&query)[0].note, note, "{filter}");
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
