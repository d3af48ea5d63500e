//! A stream selector, compiled.

use sigyn_model::Labels;

use crate::ast::{Matcher, Selector};
use crate::error::Result;

/// One compiled matcher; a missing label is the empty string.
#[derive(Debug, Clone)]
pub struct CompiledMatcher;

impl CompiledMatcher {
    /// Errors: the matcher's regex is not RE2.
    pub fn new(_matcher: &Matcher) -> Result<Self> {
        Ok(Self)
    }

    #[must_use]
    pub fn name(&self) -> &str {
        ""
    }

    #[must_use]
    pub fn matches(&self, _value: &str) -> bool {
        true
    }
}

/// All matchers of a selector.
#[derive(Debug, Clone)]
pub struct CompiledSelector;

impl CompiledSelector {
    /// Errors: a regex of the selector is not RE2.
    pub fn new(_selector: &Selector) -> Result<Self> {
        Ok(Self)
    }

    #[must_use]
    pub fn matches(&self, _labels: &Labels) -> bool {
        true
    }

    /// `(name, value)` of each `name="value"` with a value: what a label filter can prune by.
    pub fn equalities(&self) -> impl Iterator<Item = (&str, &str)> {
        std::iter::empty()
    }
}
