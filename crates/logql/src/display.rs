//! Loki's canonical text of every part of the tree.

use std::fmt;

use crate::ast::{Expr, LabelFilter, LogExpr, LogRange, MetricExpr, Selector, Stage};

macro_rules! soon {
    ($($t:ty),*) => {$(impl fmt::Display for $t {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "{self:?}") }
    })*};
}
soon!(Expr, LogExpr, LogRange, MetricExpr, Selector, Stage, LabelFilter);
