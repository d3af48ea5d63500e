//! `|= != |~ !~ |> !>`: which lines stay.

mod folded;
mod matcher;
mod pattern;
mod regex;
mod scan;

use crate::ast::{LineFilter, LineFilterOp, Stage};
use crate::error::{Error, Result};
use crate::selection::Selection;

use matcher::LineMatcher;
pub(crate) use scan::LineView;

/// Neighbouring line filters, all of which a line must pass; the cheapest and most telling first.
#[derive(Debug)]
pub(crate) struct LineFilters(Vec<CompiledFilter>);

#[derive(Debug)]
struct CompiledFilter {
    matcher: LineMatcher,
    negated: bool,
}

/// A list of rows denser than one in this many is filtered by scanning its whole span.
const SPARSE: usize = 8;

impl LineFilters {
    /// Errors: `Stage` for a bad regex, pattern or address.
    pub(crate) fn new(filters: &[LineFilter]) -> Result<Self> {
        let mut compiled = Vec::new();
        for filter in filters {
            compiled.push(CompiledFilter::new(filter)?);
        }
        compiled.retain(|filter| filter.negated || !matches!(filter.matcher, LineMatcher::Always));
        compiled.sort_by_key(|filter| (filter.matcher.cost(), filter.negated));
        Ok(Self(compiled))
    }

    /// Whether every line passes.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn apply(&self, view: LineView<'_>, selection: &mut Selection) {
        for filter in &self.0 {
            if selection.is_empty() {
                return;
            }
            filter.apply(view, selection);
        }
    }
}

impl CompiledFilter {
    fn new(filter: &LineFilter) -> Result<Self> {
        let negated = matches!(filter.op, LineFilterOp::NotContains | LineFilterOp::NotRe | LineFilterOp::NotPattern);
        let matcher = LineMatcher::new(filter.op, &filter.alternatives)
            .map_err(|message| Error::Stage { stage: Stage::LineFilter(filter.clone()).to_string(), message })?;
        Ok(Self { matcher, negated })
    }

    fn apply(&self, view: LineView<'_>, selection: &mut Selection) {
        if matches!(self.matcher, LineMatcher::Always) {
            if self.negated {
                selection.clear();
            }
            return;
        }
        let span = selection.span();
        if selection.len() * SPARSE < span.len() {
            selection.retain(|row| self.matcher.matches(view.line(row)) != self.negated);
            return;
        }
        let mut hits = selection.lend_buffer();
        self.matcher.scan(view, span, &mut hits);
        if self.negated {
            selection.remove_sorted(&hits);
        } else {
            selection.intersect_sorted(&mut hits);
        }
        selection.return_buffer(hits);
    }
}

#[cfg(test)]
mod tests;
