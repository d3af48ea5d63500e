//! `| label_format dst=src, dst="{{.a}}"`: other labels.

use hashbrown::HashSet;
use sigyn_model::Timestamp;

use super::line_view;
use super::templates::{RowLabels, TEMPLATE_ERROR};
use crate::ast::LabelFormat;
use crate::batch::{Batch, MetadataNeeds};
use crate::error::Result;
use crate::fields::{LabelView, Overlay};
use crate::pipeline::Workspace;
use crate::stages::label_filter::{ERROR, ERROR_DETAILS};
use crate::template::{Entry, Template};

#[derive(Debug)]
pub(crate) struct LabelFormats {
    formats: Vec<Format>,
    /// Formats before the first template: templates see what these have done, and nothing later.
    leading: usize,
    /// Whether a template asks for the line.
    reads_lines: bool,
    now: Timestamp,
}

#[derive(Debug)]
enum Format {
    Rename { to: String, from: String },
    Template { to: String, template: Template },
}

impl LabelFormats {
    /// Errors: Loki's words about a bad template or name.
    pub(crate) fn new(formats: &[LabelFormat], now: Timestamp) -> Result<Self, String> {
        let mut names: HashSet<&str> = HashSet::new();
        for LabelFormat::Rename { to, .. } | LabelFormat::Template { to, .. } in formats {
            if to == ERROR {
                return Err(format!("{ERROR} cannot be formatted"));
            }
            if !names.insert(to) {
                return Err(format!("multiple label name '{to}' not allowed in a single format operation"));
            }
        }
        let compile = |format: &LabelFormat| {
            Ok(match format.clone() {
                LabelFormat::Rename { to, from } => Format::Rename { to, from },
                LabelFormat::Template { to, template } => {
                    let template = Template::parse("label", &template)
                        .map_err(|message| format!("invalid template for label '{to}': {message}"))?;
                    Format::Template { to, template }
                }
            })
        };
        let formats = formats.iter().map(compile).collect::<Result<Vec<_>, String>>()?;
        let is_template = |format: &Format| matches!(format, Format::Template { .. });
        let leading = formats.iter().position(is_template).unwrap_or(formats.len());
        let reads_lines = formats.iter().any(|format| match format {
            Format::Template { template, .. } => template.reads_line(),
            Format::Rename { .. } => false,
        });
        Ok(Self { formats, leading, reads_lines, now })
    }

    pub(crate) fn reads_lines(&self) -> bool {
        self.reads_lines
    }

    fn templates(&self) -> impl Iterator<Item = &Template> {
        self.formats.iter().filter_map(|format| match format {
            Format::Template { template, .. } => Some(template),
            Format::Rename { .. } => None,
        })
    }

    /// The labels it looks at.
    pub(crate) fn names(&self) -> Vec<String> {
        let names = self.formats.iter().map(|format| match format {
            Format::Rename { from, .. } => std::slice::from_ref(from),
            Format::Template { template, .. } => template.field_names(),
        });
        names.flatten().cloned().collect()
    }

    pub(crate) fn metadata_needs(&self) -> MetadataNeeds {
        super::templates::metadata_needs(self.templates()).and(MetadataNeeds::Some(self.names()))
    }

    /// Errors: `Internal` without lines that a template needs, `Limit` when the labels need too much memory.
    pub(crate) fn run(&self, batch: &Batch<'_>, workspace: &mut Workspace) -> Result<()> {
        let Workspace { selection, overlay, rewritten, .. } = workspace;
        let lines = if self.reads_lines { Some(line_view(rewritten.as_ref(), batch)?) } else { None };
        let (leading, others) = self.formats.split_at(self.leading);
        // One result for each template, in one buffer.
        let (mut text, mut value) = (String::new(), String::new());
        let mut results: Vec<Result<usize, String>> = Vec::new();
        for row in selection.iter() {
            for format in leading {
                if let Format::Rename { to, from } = format {
                    rename(to, from, batch, overlay, row, &mut value);
                }
            }
            text.clear();
            results.clear();
            let entry = Entry {
                labels: &RowLabels { view: LabelView::new(batch, overlay), row },
                line: &lines.map_or(std::borrow::Cow::Borrowed(""), |lines| String::from_utf8_lossy(lines.line(row))),
                timestamp: batch.timestamps.get(row as usize).copied().unwrap_or_default(),
                now: self.now.nanos(),
            };
            for template in self.templates() {
                let start = text.len();
                let result = template.execute(&entry, &mut text);
                if result.is_err() {
                    text.truncate(start);
                }
                results.push(result.map(|()| text.len()));
            }
            apply(others, &text, &results, batch, overlay, row, &mut value);
            overlay.check_size()?;
        }
        Ok(())
    }
}

/// Applies what is left of the stage to one row: renames, and the templates' results.
fn apply(
    formats: &[Format],
    text: &str,
    results: &[Result<usize, String>],
    batch: &Batch<'_>,
    overlay: &mut Overlay,
    row: u32,
    value: &mut String,
) {
    let (mut start, mut results) = (0, results.iter());
    for format in formats {
        match format {
            Format::Rename { to, from } => rename(to, from, batch, overlay, row, value),
            Format::Template { to, .. } => match results.next() {
                Some(Ok(end)) => {
                    overlay.set(to, row, &text[start..*end]);
                    start = *end;
                }
                Some(Err(details)) => {
                    overlay.set(ERROR, row, TEMPLATE_ERROR);
                    overlay.set(ERROR_DETAILS, row, details);
                }
                None => {}
            },
        }
    }
}

/// The label keeps its category, so it cannot replace one that goes before. `value` is a buffer.
fn rename(to: &str, from: &str, batch: &Batch<'_>, overlay: &mut Overlay, row: u32, value: &mut String) {
    let slot = overlay.slot(to);
    let labels = LabelView::new(batch, overlay);
    let Some((category, found)) = labels.field(from).categorized(row) else {
        return;
    };
    value.clear();
    value.push_str(found);
    let standing = labels.field(to).categorized(row);
    if standing.is_none_or(|(standing, _)| standing <= category) {
        overlay.put_as(category, slot, row, value);
    }
    overlay.hide_at(from, row);
}
