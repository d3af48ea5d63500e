//! What `line_format` and `label_format` share: templates over the labels of a row.

use crate::batch::MetadataNeeds;
use crate::fields::LabelView;
use crate::template::{LabelSource, Template};

pub(super) const TEMPLATE_ERROR: &str = "TemplateFormatErr";

/// The labels of one row.
pub(super) struct RowLabels<'a> {
    pub(super) view: LabelView<'a>,
    pub(super) row: u32,
}

impl LabelSource for RowLabels<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.view.field(name).value(self.row)
    }

    fn each(&self, visit: &mut dyn FnMut(&str, &str)) {
        for name in self.view.names() {
            if let Some(value) = self.view.field(&name).value(self.row) {
                visit(&name, value);
            }
        }
    }
}

/// The metadata that templates look at.
pub(super) fn metadata_needs<'t>(templates: impl IntoIterator<Item = &'t Template>) -> MetadataNeeds {
    templates.into_iter().fold(MetadataNeeds::None, |needs, template| {
        needs.and(match template.uses_all_labels() {
            true => MetadataNeeds::All,
            false => MetadataNeeds::Some(template.field_names().to_vec()),
        })
    })
}
