//! `| line_format "{{.method}} {{.path}}"`: another line.

use sigyn_model::Timestamp;

use super::line_view;
use super::rewrite::Rewriter;
use super::templates::{RowLabels, TEMPLATE_ERROR};
use crate::batch::{Batch, MetadataNeeds};
use crate::error::Result;
use crate::fields::LabelView;
use crate::pipeline::{RewrittenLines, Workspace};
use crate::stages::label_filter::{ERROR, ERROR_DETAILS};
use crate::template::{Entry, Template};

#[derive(Debug)]
pub(crate) struct LineFormat {
    template: Template,
    now: Timestamp,
}

impl LineFormat {
    /// Errors: Loki's words about a bad template.
    pub(crate) fn new(template: &str, now: Timestamp) -> Result<Self, String> {
        let template =
            Template::parse("line", template).map_err(|message| format!("invalid line template: {message}"))?;
        Ok(Self { template, now })
    }

    pub(crate) fn names(&self) -> &[String] {
        self.template.field_names()
    }

    pub(crate) fn metadata_needs(&self) -> MetadataNeeds {
        super::templates::metadata_needs([&self.template])
    }

    /// Errors: `Internal` without lines, `Limit` when the new lines need too much memory.
    pub(crate) fn run(&self, batch: &Batch<'_>, workspace: &mut Workspace) -> Result<()> {
        let Workspace { selection, overlay, rewritten, spare_lines, .. } = workspace;
        let view = line_view(rewritten.as_ref(), batch)?;
        let labels = LabelView::new(batch, overlay);
        let mut lines = Rewriter::new(std::mem::take(spare_lines), &batch.rows);
        let mut failures: Vec<(u32, String)> = Vec::new();
        if let Some(name) = self.template.as_single_field() {
            let field = labels.field(name);
            for row in selection.iter() {
                lines.push(row, field.get(row).unwrap_or("").as_bytes())?;
            }
        } else {
            let mut text = String::new();
            for row in selection.iter() {
                let line = view.line(row);
                let entry = Entry {
                    labels: &RowLabels { view: labels, row },
                    line: &String::from_utf8_lossy(line),
                    timestamp: batch.timestamps.get(row as usize).copied().unwrap_or_default(),
                    now: self.now.nanos(),
                };
                text.clear();
                match self.template.execute(&entry, &mut text) {
                    Ok(()) => lines.push(row, text.as_bytes())?,
                    Err(details) => {
                        lines.push(row, line)?;
                        failures.push((row, details));
                    }
                }
            }
        }
        for (row, details) in failures {
            overlay.set(ERROR, row, TEMPLATE_ERROR);
            overlay.set(ERROR_DETAILS, row, &details);
        }
        let new = RewrittenLines { lines: lines.finish(), base: batch.rows.start };
        *spare_lines = rewritten.replace(new).map(|old| old.lines).unwrap_or_default();
        Ok(())
    }
}
