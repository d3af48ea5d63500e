//! Pipeline stages, compiled. Each narrows the selection, or changes labels or lines of the rows in it.

mod decolorize;
mod ip;
mod label_choice;
pub(crate) mod label_filter;
pub(crate) mod line_filter;

use crate::ast::{LineFilter, Stage};
use crate::batch::{Batch, MetadataNeeds};
use crate::error::{Error, Result};
use crate::pipeline::{RewrittenLines, Workspace};

use label_choice::LabelChoices;
use label_filter::CompiledLabelFilter;
use line_filter::{LineFilters, LineView};

#[derive(Debug)]
pub(crate) enum CompiledStage {
    LineFilters(LineFilters),
    LabelFilter(CompiledLabelFilter),
    Drop(LabelChoices),
    Keep(LabelChoices),
    Decolorize,
}

/// Compiles a pipeline. Line filters move in front of stages that cannot change the line, as in Loki, though the visible
/// effect is odd: `| decolorize |= "x"` looks at the coloured line.
///
/// Errors: `Stage` for the first stage that cannot be built, else `NotSupported` for the first that is not known.
pub(crate) fn compile(stages: &[Stage]) -> Result<Vec<CompiledStage>> {
    let mut compiled = Vec::new();
    let mut unsupported = None;
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
        let filters = LineFilters::new(&filters)?;
        if !filters.is_empty() {
            compiled.push(CompiledStage::LineFilters(filters));
        }
        for stage in group.iter().chain(after.first()).filter(|stage| !matches!(stage, Stage::LineFilter(_))) {
            match CompiledStage::new(stage) {
                Ok(stage) => compiled.push(stage),
                Err(error @ Error::NotSupported { .. }) => unsupported = unsupported.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        rest = after.get(1..).unwrap_or_default();
    }
    unsupported.map_or(Ok(compiled), Err)
}

/// Whether later line filters must stay behind the stage.
fn is_barrier(stage: &Stage) -> bool {
    matches!(stage, Stage::LabelFilter(_) | Stage::LineFormat(_) | Stage::Unpack)
}

impl CompiledStage {
    fn new(stage: &Stage) -> Result<Self> {
        Ok(match stage {
            Stage::LabelFilter(filter) => Self::LabelFilter(
                CompiledLabelFilter::new(filter)
                    .map_err(|message| Error::Stage { stage: stage.to_string(), message })?,
            ),
            Stage::Drop(choices) => Self::Drop(LabelChoices::new(choices)?),
            Stage::Keep(choices) => Self::Keep(LabelChoices::new(choices)?),
            Stage::Decolorize => Self::Decolorize,
            _ => return Err(Error::NotSupported { what: stage.to_string() }),
        })
    }

    /// Whether the stage looks at lines.
    pub(crate) fn reads_lines(&self) -> bool {
        match self {
            Self::LineFilters(_) | Self::Decolorize => true,
            Self::LabelFilter(_) | Self::Drop(_) | Self::Keep(_) => false,
        }
    }

    /// The metadata the stage looks at.
    pub(crate) fn metadata_needs(&self) -> MetadataNeeds {
        match self {
            Self::LineFilters(_) | Self::Decolorize => MetadataNeeds::None,
            Self::LabelFilter(filter) => MetadataNeeds::Some(filter.names()),
            Self::Drop(choices) | Self::Keep(choices) => MetadataNeeds::Some(choices.matched_names()),
        }
    }

    /// Errors: `Internal` when a column that the plan asked for is missing.
    pub(crate) fn run(&self, batch: &Batch<'_>, workspace: &mut Workspace) -> Result<()> {
        match self {
            Self::LineFilters(filters) => {
                let Workspace { selection, rewritten, .. } = workspace;
                filters.apply(line_view(rewritten.as_ref(), batch)?, selection);
            }
            Self::LabelFilter(filter) => filter.run(batch, workspace),
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
