//! `| drop a, b="x"` and `| keep a, b=~"y"`.

use crate::ast::LabelChoice;
use crate::batch::Batch;
use crate::error::Result;
use crate::fields::LabelView;
use crate::matcher::CompiledMatcher;
use crate::pipeline::Workspace;

/// Labels that `keep` never takes away.
const ERROR_LABELS: [&str; 2] = ["__error__", "__error_details__"];

#[derive(Debug)]
pub(crate) struct LabelChoices(Vec<Choice>);

#[derive(Debug)]
struct Choice {
    name: String,
    /// Only values that match are meant; none means any value.
    matcher: Option<CompiledMatcher>,
}

impl LabelChoices {
    /// Errors: a regex that is not RE2.
    pub(crate) fn new(choices: &[LabelChoice]) -> Result<Self> {
        let compile = |choice: &LabelChoice| {
            Ok(match choice {
                LabelChoice::Name(name) => Choice { name: name.clone(), matcher: None },
                LabelChoice::Matcher(matcher) => {
                    Choice { name: matcher.name.clone(), matcher: Some(CompiledMatcher::new(matcher)?) }
                }
            })
        };
        choices.iter().map(compile).collect::<Result<_>>().map(Self)
    }

    /// The labels whose values are looked at.
    pub(crate) fn matched_names(&self) -> Vec<String> {
        self.0.iter().filter(|choice| choice.matcher.is_some()).map(|choice| choice.name.clone()).collect()
    }

    pub(crate) fn drop_from(&self, batch: &Batch<'_>, workspace: &mut Workspace) {
        for choice in &self.0 {
            choice.hide_where(batch, workspace, |choice, value| choice.matches(value));
        }
    }

    pub(crate) fn keep_in(&self, batch: &Batch<'_>, workspace: &mut Workspace) {
        let names = LabelView::new(batch, &workspace.overlay).names();
        for name in names.iter().filter(|name| !ERROR_LABELS.contains(&&***name)) {
            let meant: Vec<&Choice> = self.0.iter().filter(|choice| *choice.name == **name).collect();
            if meant.is_empty() {
                workspace.overlay.hide(name);
            } else if let Some(first) = meant.first() {
                first.hide_where(batch, workspace, |_, value| !meant.iter().any(|choice| choice.matches(value)));
            }
        }
    }
}

impl Choice {
    fn matches(&self, value: &str) -> bool {
        self.matcher.as_ref().is_none_or(|matcher| matcher.matches(value))
    }

    /// Takes the label away from the selected rows whose value is `unwanted`.
    fn hide_where(&self, batch: &Batch<'_>, workspace: &mut Workspace, unwanted: impl Fn(&Self, &str) -> bool) {
        let field = LabelView::new(batch, &workspace.overlay).field(&self.name);
        if self.matcher.is_none() && unwanted(self, "") {
            return workspace.overlay.hide(&self.name);
        }
        match field.constant() {
            Some(Some(value)) if unwanted(self, value) => return workspace.overlay.hide(&self.name),
            Some(_) => return,
            None => {}
        }
        let rows: Vec<u32> = workspace
            .selection
            .iter()
            .filter(|&row| field.value(row).is_some_and(|value| unwanted(self, value)))
            .collect();
        for row in rows {
            workspace.overlay.hide_at(&self.name, row);
        }
    }
}
