//! Pipeline stages, compiled. Each narrows the selection, or changes labels or lines of the rows in it.

mod ip;
pub(crate) mod line_filter;

use crate::ast::{LineFilter, Stage};
use crate::batch::{Batch, MetadataNeeds};
use crate::error::{Error, Result};
use crate::pipeline::Workspace;

use line_filter::{LineFilters, LineView};

#[derive(Debug)]
pub(crate) enum CompiledStage {
    LineFilters(LineFilters),
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
        Err(Error::NotSupported { what: stage.to_string() })
    }

    /// Whether the stage looks at lines.
    pub(crate) fn reads_lines(&self) -> bool {
        match self {
            Self::LineFilters(_) => true,
        }
    }

    /// The metadata the stage looks at.
    pub(crate) fn metadata_needs(&self) -> MetadataNeeds {
        match self {
            Self::LineFilters(_) => MetadataNeeds::None,
        }
    }

    /// Errors: `Internal` when a column that the plan asked for is missing.
    pub(crate) fn run(&self, batch: &Batch<'_>, workspace: &mut Workspace) -> Result<()> {
        match self {
            Self::LineFilters(filters) => {
                let lines = batch.lines.ok_or_else(|| missing("lines"))?;
                filters.apply(LineView::new(lines, 0), &mut workspace.selection);
            }
        }
        Ok(())
    }
}

pub(crate) fn missing(column: &str) -> Error {
    Error::Internal { message: format!("a batch came without its {column}, which the plan needs") }
}
