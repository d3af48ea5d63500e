//! Pipeline stages, compiled. Each narrows the selection, or changes labels or lines of the rows in it.

mod decolorize;
mod ip;
mod label_choice;
pub(crate) mod label_filter;
mod label_format;
pub(crate) mod line_filter;
mod line_format;
pub(crate) mod parsers;
mod rewrite;
mod templates;

use crate::ast::{LineFilter, Stage};
use crate::batch::{Batch, EXTRACTED, MetadataNeeds};
use crate::error::{Error, Result};
use crate::pipeline::{Purpose, RewrittenLines, Wanted, Workspace};

use label_choice::LabelChoices;
use label_filter::CompiledLabelFilter;
use label_format::LabelFormats;
use line_filter::{LineFilters, LineView};
use line_format::LineFormat;
use parsers::{EarlyTest, Hints, Parser};

#[derive(Debug)]
pub(crate) enum CompiledStage {
    LineFilters(LineFilters),
    LabelFilter(CompiledLabelFilter),
    Parser(Box<Parser>),
    LineFormat(Box<LineFormat>),
    LabelFormat(LabelFormats),
    Drop(LabelChoices),
    Keep(LabelChoices),
    Decolorize,
}

/// Compiles a pipeline. Line filters move in front of stages that cannot change the line, as in Loki, though the visible
/// effect is odd: `| decolorize |= "x"` looks at the coloured line.
///
/// Each comes with its text. Errors: `Stage` for the first stage that cannot be built.
pub(crate) fn compile(stages: &[Stage], purpose: &Purpose) -> Result<(Vec<CompiledStage>, Vec<String>)> {
    let (mut compiled, mut texts) = (Vec::new(), Vec::new());
    let mut parsers = Vec::new();
    let mut rest = stages;
    while !rest.is_empty() {
        let barrier = rest.iter().position(is_barrier).unwrap_or(rest.len());
        let (group, after) = rest.split_at(barrier);
        let filters: Vec<LineFilter> = group
            .iter()
            .filter_map(|stage| match stage {
                Stage::LineFilter(filter) => Some(filter.clone()),
                _ => None,
            })
            .collect();
        let text: Vec<String> = filters.iter().map(ToString::to_string).collect();
        let filters = LineFilters::new(&filters)?;
        if !filters.is_empty() {
            compiled.push(CompiledStage::LineFilters(filters));
            texts.push(text.join(" "));
        }
        let place = stages.len() - rest.len();
        for (at, written) in group.iter().chain(after.first()).enumerate() {
            if let Some(stage) = CompiledStage::new(written, purpose)? {
                texts.push(written.to_string());
                if let CompiledStage::Parser(_) = stage {
                    parsers.push((compiled.len(), place + at));
                }
                compiled.push(stage);
            }
        }
        rest = after.get(1..).unwrap_or_default();
    }
    give_hints(&mut compiled, &mut texts, &parsers, stages, purpose)?;
    Ok((compiled, texts))
}

/// Tells the parsers, given by their places in `compiled` and `stages`, what is wanted of them; takes out those that have
/// nothing to do.
fn give_hints(
    compiled: &mut Vec<CompiledStage>,
    texts: &mut Vec<String>,
    parsers: &[(usize, usize)],
    stages: &[Stage],
    purpose: &Purpose,
) -> Result<()> {
    let required = required(compiled, &purpose.wanted);
    if required.as_ref().is_some_and(Vec::is_empty) {
        let mut is_kept = compiled.iter().map(|stage| !matches!(stage, CompiledStage::Parser(_)));
        texts.retain(|_| is_kept.next().unwrap_or(true));
        compiled.retain(|stage| !matches!(stage, CompiledStage::Parser(_)));
        return Ok(());
    }
    for &(at, place) in parsers {
        if let CompiledStage::Parser(parser) = &mut compiled[at] {
            let tests = early_tests(stages, place, &purpose.wanted)?;
            parser.give_hints(Hints { required: required.clone(), tests });
        }
    }
    Ok(())
}

/// The labels that stages and the rest of the query name, with and without `_extracted`; None for all.
fn required(compiled: &[CompiledStage], wanted: &Wanted) -> Option<Vec<String>> {
    let (Wanted::Names(names) | Wanted::Ungrouped(names)) = wanted else { return None };
    let mut required: Vec<String> =
        names.iter().cloned().chain(compiled.iter().flat_map(CompiledStage::names)).collect();
    let bare: Vec<String> =
        required.iter().filter_map(|name| name.strip_suffix(EXTRACTED)).map(str::to_owned).collect();
    required.extend(bare);
    required.sort_unstable();
    required.dedup();
    Some(required)
}

/// Tests of single labels that let the parser at `place` give up on a line.
///
/// Loki looks at every such filter of the pipeline, even at those in front of the parser and behind a stage that gives the
/// label another value; only in grouped metric queries it does not, and filters that just follow serve there.
fn early_tests(stages: &[Stage], place: usize, wanted: &Wanted) -> Result<Vec<EarlyTest>> {
    let considered = match wanted {
        Wanted::All | Wanted::Ungrouped(_) => stages,
        Wanted::Names(_) => {
            let behind = &stages[place + 1..];
            let harmless = |stage: &Stage| matches!(stage, Stage::LabelFilter(_) | Stage::LineFilter(_));
            &behind[..behind.iter().position(|stage| !harmless(stage)).unwrap_or(behind.len())]
        }
    };
    // The first of several filters of a label counts.
    let mut tests: Vec<EarlyTest> = Vec::new();
    for stage in considered {
        if let Stage::LabelFilter(filter) = stage {
            let test = EarlyTest::new(filter).map_err(|message| refused(stage, message))?;
            tests.extend(test.filter(|test| tests.iter().all(|known| known.name() != test.name())));
        }
    }
    Ok(tests)
}

fn refused(stage: &Stage, message: String) -> Error {
    Error::Stage { stage: stage.to_string(), message }
}

/// Whether later line filters must stay behind the stage.
fn is_barrier(stage: &Stage) -> bool {
    matches!(stage, Stage::LabelFilter(_) | Stage::LineFormat(_) | Stage::Unpack)
}

impl CompiledStage {
    /// None for line filters, which are gathered from several stages.
    fn new(stage: &Stage, purpose: &Purpose) -> Result<Option<Self>> {
        let refuse = |message: String| refused(stage, message);
        Ok(Some(match stage {
            Stage::LineFilter(_) => return Ok(None),
            Stage::LabelFilter(filter) => Self::LabelFilter(CompiledLabelFilter::new(filter).map_err(refuse)?),
            Stage::LineFormat(template) => {
                Self::LineFormat(Box::new(LineFormat::new(template, purpose.now).map_err(refuse)?))
            }
            Stage::LabelFormat(formats) => Self::LabelFormat(LabelFormats::new(formats, purpose.now).map_err(refuse)?),
            Stage::Drop(choices) => Self::Drop(LabelChoices::new(choices)?),
            Stage::Keep(choices) => Self::Keep(LabelChoices::new(choices)?),
            Stage::Decolorize => Self::Decolorize,
            Stage::Json(_) | Stage::Logfmt { .. } | Stage::Regexp(_) | Stage::Pattern(_) | Stage::Unpack => {
                Self::Parser(Box::new(Parser::new(stage).map_err(refuse)?))
            }
        }))
    }

    /// Whether the stage looks at lines.
    pub(crate) fn reads_lines(&self) -> bool {
        match self {
            Self::LineFilters(_) | Self::Decolorize | Self::Parser(_) | Self::LineFormat(_) => true,
            Self::LabelFormat(formats) => formats.reads_lines(),
            Self::LabelFilter(_) | Self::Drop(_) | Self::Keep(_) => false,
        }
    }

    /// The labels that parsers must find for the stage to do its work.
    fn names(&self) -> Vec<String> {
        match self {
            Self::LabelFilter(filter) => filter.names(),
            Self::LineFormat(format) => format.names().to_vec(),
            Self::LabelFormat(formats) => formats.names(),
            Self::LineFilters(_) | Self::Parser(_) | Self::Drop(_) | Self::Keep(_) | Self::Decolorize => Vec::new(),
        }
    }

    /// The metadata the stage looks at.
    pub(crate) fn metadata_needs(&self) -> MetadataNeeds {
        match self {
            Self::LineFilters(_) | Self::Decolorize => MetadataNeeds::None,
            Self::Parser(parser) => parser.metadata_needs(),
            Self::LineFormat(format) => format.metadata_needs(),
            Self::LabelFormat(formats) => formats.metadata_needs(),
            Self::LabelFilter(filter) => MetadataNeeds::Some(filter.names()),
            Self::Drop(choices) | Self::Keep(choices) => MetadataNeeds::Some(choices.matched_names()),
        }
    }

    /// Errors: `Internal` when a column that the plan asked for is missing, `Limit` past a memory bound.
    pub(crate) fn run(&self, batch: &Batch<'_>, workspace: &mut Workspace) -> Result<()> {
        match self {
            Self::LineFilters(filters) => {
                let Workspace { selection, rewritten, .. } = workspace;
                filters.apply(line_view(rewritten.as_ref(), batch)?, selection);
            }
            Self::LabelFilter(filter) => filter.run(batch, workspace),
            Self::Parser(parser) => parser.run(batch, workspace)?,
            Self::LineFormat(format) => format.run(batch, workspace)?,
            Self::LabelFormat(formats) => formats.run(batch, workspace)?,
            Self::Drop(choices) => choices.drop_from(batch, workspace),
            Self::Keep(choices) => choices.keep_in(batch, workspace),
            Self::Decolorize => {
                let plain = decolorize::run(line_view(workspace.rewritten.as_ref(), batch)?, workspace, &batch.rows);
                workspace.rewritten = plain.or(workspace.rewritten.take());
            }
        }
        Ok(())
    }
}

pub(crate) fn missing(column: &str) -> Error {
    Error::Internal { message: format!("a batch came without its {column}, which the plan needs") }
}

/// The lines as they stand: rewritten, or as stored.
pub(crate) fn line_view<'a>(rewritten: Option<&'a RewrittenLines>, batch: &Batch<'a>) -> Result<LineView<'a>> {
    match (rewritten, batch.lines) {
        (Some(RewrittenLines { lines, base }), _) => Ok(LineView::new(lines, *base)),
        (None, Some(lines)) => Ok(LineView::new(lines, 0)),
        (None, None) => Err(missing("lines")),
    }
}
