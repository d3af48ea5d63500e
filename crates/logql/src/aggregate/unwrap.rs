//! `| unwrap x | post filter`: which rows have a value, and what it is.

use crate::ast::{Conversion, LabelFilter, Stage, Unwrap};
use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::fields::LabelView;
use crate::pipeline::Workspace;
use crate::stages::label_filter::{CompiledLabelFilter, ERROR, ERROR_DETAILS};

use super::convert::convert;

/// Value of `__error__` where a label's value is no number.
pub(crate) const SAMPLE_EXTRACTION_ERROR: &str = "SampleExtractionErr";

#[derive(Debug)]
pub(crate) struct CompiledUnwrap {
    pub(crate) label: String,
    conversion: Option<Conversion>,
    post_filters: Vec<CompiledLabelFilter>,
}

/// The values of a batch's rows; only selected rows have one.
#[derive(Debug, Default)]
pub(crate) struct Values {
    base: u32,
    values: Vec<f64>,
}

impl Values {
    pub(crate) fn row(&self, row: u32) -> f64 {
        self.values[(row - self.base) as usize]
    }

    pub(crate) fn memory(&self) -> usize {
        self.values.capacity() * std::mem::size_of::<f64>()
    }
}

impl CompiledUnwrap {
    /// Errors: `Stage` for a post filter that cannot be built.
    pub(crate) fn new(unwrap: &Unwrap) -> Result<Self> {
        let compile = |filter: &LabelFilter| {
            CompiledLabelFilter::new(filter).map_err(|message| {
                let stage = Stage::LabelFilter(filter.clone()).to_string();
                Error::Stage { stage, message }
            })
        };
        Ok(Self {
            label: unwrap.label.clone(),
            conversion: unwrap.conversion,
            post_filters: unwrap.post_filters.iter().map(compile).collect::<Result<_>>()?,
        })
    }

    /// The labels it looks at, apart from errors.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names = vec![self.label.clone()];
        names.extend(self.post_filters.iter().flat_map(CompiledLabelFilter::names));
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Drops rows without the label, converts the others, then filters. A value that cannot be converted counts as 0
    /// and marks its row as failed.
    pub(crate) fn run(&self, batch: &Batch<'_>, workspace: &mut Workspace, values: &mut Values) {
        let Workspace { selection, overlay, .. } = workspace;
        let span = selection.span();
        values.base = span.start;
        values.values.clear();
        values.values.resize(span.len(), 0.0);
        let mut failures: Vec<(u32, String)> = Vec::new();
        let field = LabelView::new(batch, overlay).field(&self.label);
        selection.retain(|row| {
            let Some(text) = field.get(row) else {
                return false;
            };
            match convert(self.conversion, text) {
                Ok(value) => values.values[(row - span.start) as usize] = value,
                Err(details) => failures.push((row, details)),
            }
            true
        });
        for (row, details) in failures {
            overlay.set(ERROR, row, SAMPLE_EXTRACTION_ERROR);
            overlay.set(ERROR_DETAILS, row, &details);
        }
        for filter in &self.post_filters {
            filter.run(batch, workspace);
        }
    }
}
