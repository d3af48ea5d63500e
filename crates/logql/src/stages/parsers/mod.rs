//! `json`, `logfmt`, `regexp`, `pattern`, `unpack`: labels out of lines.

mod json;
mod logfmt;
mod pattern;
mod regexp;
mod sink;
mod unpack;

use crate::ast::{LabelFilter, Stage};
use crate::batch::{Batch, MetadataNeeds};
use crate::error::Result;
use crate::pipeline::Workspace;
use crate::stages::label_filter::CompiledLabelFilter;
use crate::stages::line_view;

use json::{JsonPaths, JsonScratch};
use logfmt::{LogfmtFields, LogfmtNames, LogfmtScratch};
use pattern::PatternParser;
use regexp::RegexpParser;
use sink::Sink;
use unpack::UnpackScratch;

/// A parser with what the query wants of it.
#[derive(Debug)]
pub(crate) struct Parser {
    kind: Kind,
    hints: Hints,
}

#[derive(Debug)]
enum Kind {
    Json,
    JsonPaths(JsonPaths),
    Logfmt(LogfmtFields),
    LogfmtNames(LogfmtNames),
    Regexp(RegexpParser),
    Pattern(PatternParser),
    Unpack,
}

/// The labels worth extracting, and the values of them that are worth going on for.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    /// None: every label. Otherwise at least one name; those that end in `_extracted` are there without it, too.
    pub(crate) required: Option<Vec<String>>,
    /// Tests of single labels that an entry has to pass at some point.
    pub(crate) tests: Vec<EarlyTest>,
}

#[derive(Debug)]
pub(crate) struct EarlyTest {
    name: String,
    filter: CompiledLabelFilter,
}

impl EarlyTest {
    /// None when the filter is about more than one label. Errors: as [`CompiledLabelFilter::new`].
    pub(crate) fn new(filter: &LabelFilter) -> Result<Option<Self>, String> {
        let filter = CompiledLabelFilter::new(filter)?;
        Ok(match (&filter, filter.names().pop()) {
            (CompiledLabelFilter::Test(_), Some(name)) => Some(Self { name, filter }),
            _ => None,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl Hints {
    fn wants(&self, name: &str) -> bool {
        self.required.as_ref().is_none_or(|required| required.iter().any(|wanted| wanted == name))
    }

    fn wants_below(&self, prefix: &str) -> bool {
        self.required.as_ref().is_none_or(|required| required.iter().any(|wanted| wanted.starts_with(prefix)))
    }

    fn is_required(&self, name: &str) -> bool {
        self.required.as_ref().is_some_and(|required| required.iter().any(|wanted| wanted == name))
    }

    /// Index of the test of a label.
    fn test(&self, name: &str) -> Option<usize> {
        self.tests.iter().position(|test| test.name == name)
    }

    /// Whether a test is sure to drop an entry whose label has this value.
    fn rejects(&self, test: usize, value: &str) -> bool {
        matches!(&self.tests[test].filter, CompiledLabelFilter::Test(test) if test.rejects(value))
    }
}

/// Buffers that parsers keep between lines.
#[derive(Debug, Default)]
pub(crate) struct ParserScratch {
    json: JsonScratch,
    logfmt: LogfmtScratch,
    unpack: UnpackScratch,
}

impl Parser {
    /// Wants every label until told otherwise. Errors: Loki's words about an expression or regex.
    pub(crate) fn new(stage: &Stage) -> Result<Self, String> {
        let kind = match stage {
            Stage::Json(extracts) if !extracts.is_empty() => Kind::JsonPaths(JsonPaths::new(extracts)?),
            Stage::Logfmt { strict, keep_empty, extracts } if extracts.is_empty() => {
                Kind::Logfmt(LogfmtFields { strict: *strict, keep_empty: *keep_empty })
            }
            Stage::Logfmt { strict, extracts, .. } => Kind::LogfmtNames(LogfmtNames::new(extracts, *strict)?),
            Stage::Regexp(regex) => Kind::Regexp(RegexpParser::new(regex)?),
            Stage::Pattern(pattern) => Kind::Pattern(PatternParser::new(pattern)),
            Stage::Unpack => Kind::Unpack,
            _ => Kind::Json,
        };
        Ok(Self { kind, hints: Hints::default() })
    }

    pub(crate) fn give_hints(&mut self, hints: Hints) {
        self.hints = hints;
    }

    /// The labels that are worth extracting, with and without `_extracted`; None for all.
    pub(crate) fn required(&self) -> Option<&[String]> {
        self.hints.required.as_deref()
    }

    /// The metadata that decides what labels are called.
    pub(crate) fn metadata_needs(&self) -> MetadataNeeds {
        self.hints.required.as_ref().map_or(MetadataNeeds::All, |required| MetadataNeeds::Some(required.clone()))
    }

    /// Errors: `Internal` without lines, `Limit` when the labels or rewritten lines need too much memory.
    pub(crate) fn run(&self, batch: &Batch<'_>, workspace: &mut Workspace) -> Result<()> {
        if let Kind::Unpack = self.kind {
            return unpack::run(&self.hints, batch, workspace);
        }
        let Workspace { selection, overlay, rewritten, parsers, .. } = workspace;
        let view = line_view(rewritten.as_ref(), batch)?;
        let mut sink = Sink::new(batch, overlay, &self.hints);
        // Values are worth a look of their own before all the others are taken.
        let probes = matches!(self.kind, Kind::Json | Kind::Logfmt(_));
        let mut too_large = Ok(());
        let mut each = |parse: &mut dyn FnMut(&[u8], &mut Sink<'_, '_>)| {
            selection.retain(|row| {
                if too_large.is_err() {
                    return true;
                }
                if probes && sink.begin_probe(row) {
                    parse(view.line(row), &mut sink);
                    if sink.is_rejected() {
                        return false;
                    }
                }
                if !sink.begin(row) {
                    return true;
                }
                parse(view.line(row), &mut sink);
                too_large = sink.check_size();
                !sink.is_rejected()
            });
        };
        match &self.kind {
            Kind::Json => each(&mut |line, sink| json::fields(line, &mut parsers.json, sink)),
            Kind::JsonPaths(paths) => each(&mut |line, sink| paths.run(line, &mut parsers.json, sink)),
            Kind::Logfmt(fields) => each(&mut |line, sink| fields.run(line, &mut parsers.logfmt, sink)),
            Kind::LogfmtNames(names) => each(&mut |line, sink| names.run(line, &mut parsers.logfmt, sink)),
            Kind::Regexp(regexp) => {
                let mut groups = regexp.locations();
                each(&mut |line, sink| regexp.run(line, &mut groups, sink));
            }
            Kind::Pattern(pattern) => each(&mut |line, sink| pattern.run(line, sink)),
            Kind::Unpack => {}
        }
        too_large
    }
}

#[cfg(test)]
mod tests;
