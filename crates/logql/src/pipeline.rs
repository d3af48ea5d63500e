//! A compiled pipeline: turns the rows of a batch into the rows that survive it.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use sigyn_model::{Lines, Timestamp};

use crate::ast::Stage;
use crate::batch::{Batch, MetadataNeeds, RowSet};
use crate::error::Result;
use crate::fields::{LabelView, Overlay};
use crate::selection::Selection;
use crate::stages::{self, CompiledStage, line_filter::LineView, parsers::ParserScratch};

/// The stages of a query, compiled once and shared by all threads.
#[derive(Debug)]
pub struct Pipeline {
    stages: Vec<CompiledStage>,
    counts: Vec<StageCount>,
}

/// What has gone through a stage so far, over all threads.
#[derive(Debug)]
struct StageCount {
    text: String,
    rows_in: AtomicU64,
    rows_out: AtomicU64,
}

/// A stage as it is run, and the rows it saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageRows {
    /// Canonical text; line filters that are run together are one stage.
    pub stage: String,
    pub rows_in: u64,
    pub rows_out: u64,
}

/// What a pipeline is compiled for, apart from its stages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purpose {
    pub wanted: Wanted,
    /// The query's notion of now, for templates; nanoseconds.
    pub now: Timestamp,
}

/// The labels of an entry that the query looks at once the pipeline is through: grouping, `unwrap` and its filters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    All,
    Names(Vec<String>),
    /// As `Names`, in a query that puts all entries into one series.
    Ungrouped(Vec<String>),
}

/// What a thread needs to run a pipeline, reused from batch to batch.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub(crate) selection: Selection,
    pub(crate) overlay: Overlay,
    /// Lines that a stage has rewritten, one a row of the batch.
    pub(crate) rewritten: Option<RewrittenLines>,
    /// Buffers of lines that are no longer needed.
    pub(crate) spare_lines: Lines,
    pub(crate) parsers: ParserScratch,
}

/// Line `i` stands for row `base + i` of the block.
#[derive(Debug)]
pub(crate) struct RewrittenLines {
    pub(crate) lines: Lines,
    pub(crate) base: u32,
}

impl Workspace {
    /// Labels of the batch's rows after the pipeline ran.
    pub(crate) fn labels<'a>(&'a self, batch: &Batch<'a>) -> LabelView<'a> {
        LabelView::new(batch, &self.overlay)
    }

    /// Lines of the batch's rows after the pipeline ran, if it reads any.
    pub(crate) fn lines<'a>(&'a self, batch: &Batch<'a>) -> Option<LineView<'a>> {
        stages::line_view(self.rewritten.as_ref(), batch).ok()
    }
}

impl Pipeline {
    /// Errors: `Stage` when a stage cannot be built, `NotSupported` when this version does not evaluate it.
    pub fn new(stages: &[Stage], purpose: &Purpose) -> Result<Self> {
        let (stages, texts) = stages::compile(stages, purpose)?;
        let count = |text| StageCount { text, rows_in: AtomicU64::new(0), rows_out: AtomicU64::new(0) };
        Ok(Self { stages, counts: texts.into_iter().map(count).collect() })
    }

    /// The rows that every stage has seen, in the order in which stages run.
    #[must_use]
    pub fn stage_rows(&self) -> Vec<StageRows> {
        let rows = |count: &StageCount| StageRows {
            stage: count.text.clone(),
            rows_in: count.rows_in.load(Ordering::Relaxed),
            rows_out: count.rows_out.load(Ordering::Relaxed),
        };
        self.counts.iter().map(rows).collect()
    }

    /// The labels that parsers look for: none at all when no parser is run, because nothing that it finds is looked at.
    pub(crate) fn parsed(&self) -> Wanted {
        let parsers = self.stages.iter().filter_map(|stage| match stage {
            CompiledStage::Parser(parser) => Some(parser),
            _ => None,
        });
        match parsers.map(|parser| parser.required()).next() {
            None => Wanted::Names(Vec::new()),
            Some(None) => Wanted::All,
            Some(Some(names)) => Wanted::Names(names.to_vec()),
        }
    }

    /// Whether every row passes unchanged.
    #[must_use]
    pub fn is_trivial(&self) -> bool {
        self.stages.is_empty()
    }

    /// Whether a stage looks at lines.
    #[must_use]
    pub fn reads_lines(&self) -> bool {
        self.stages.iter().any(CompiledStage::reads_lines)
    }

    /// The metadata that stages look at.
    #[must_use]
    pub fn metadata_needs(&self) -> MetadataNeeds {
        self.stages.iter().fold(MetadataNeeds::None, |needs, stage| needs.and(stage.metadata_needs()))
    }

    /// Runs over `rows` of the batch without `skip`; the result is in the workspace.
    pub(crate) fn run(
        &self,
        batch: &Batch<'_>,
        rows: Range<u32>,
        skip: Option<&RowSet>,
        workspace: &mut Workspace,
    ) -> Result<()> {
        let skip = skip.map_or(&[][..], |set| set.within(&rows));
        workspace.overlay.reset(rows.clone());
        if let Some(RewrittenLines { lines, .. }) = workspace.rewritten.take() {
            workspace.spare_lines = lines;
        }
        workspace.selection.reset(rows, skip);
        for (stage, count) in self.stages.iter().zip(&self.counts) {
            if workspace.selection.is_empty() {
                break;
            }
            count.rows_in.fetch_add(workspace.selection.len() as u64, Ordering::Relaxed);
            stage.run(batch, workspace)?;
            count.rows_out.fetch_add(workspace.selection.len() as u64, Ordering::Relaxed);
        }
        Ok(())
    }
}
