//! A stream selector, compiled.

use regex::bytes::Regex;
use sigyn_model::Labels;

use crate::ast::{MatchOp, Matcher, Selector};
use crate::error::{ParseError, Result};
use crate::re2;

/// One compiled matcher; a missing label is the empty string.
#[derive(Debug, Clone)]
pub struct CompiledMatcher {
    name: String,
    test: Test,
    negated: bool,
}

#[derive(Debug, Clone)]
enum Test {
    Equal(String),
    /// A regex that is an alternation of few literals.
    OneOf(Vec<String>),
    Regex(Regex),
}

impl CompiledMatcher {
    /// Errors: the matcher's regex is not RE2, or its program is too large.
    pub fn new(matcher: &Matcher) -> Result<Self> {
        let value = &matcher.value;
        let (test, negated) = match matcher.op {
            MatchOp::Eq => (Test::Equal(value.clone()), false),
            MatchOp::NotEq => (Test::Equal(value.clone()), true),
            MatchOp::Re => (Test::of_regex(value).map_err(ParseError::new)?, false),
            MatchOp::NotRe => (Test::of_regex(value).map_err(ParseError::new)?, true),
        };
        Ok(Self { name: matcher.name.clone(), test, negated })
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        let holds = match &self.test {
            Test::Equal(text) => text == value,
            Test::OneOf(texts) => texts.iter().any(|text| text == value),
            Test::Regex(regex) => regex.is_match(value.as_bytes()),
        };
        holds != self.negated
    }

    /// The only value that passes, if there is just one and it is not empty.
    fn equality(&self) -> Option<&str> {
        let value = match &self.test {
            Test::Equal(text) => text,
            Test::OneOf(texts) => match texts.as_slice() {
                [text] => text,
                _ => return None,
            },
            Test::Regex(_) => return None,
        };
        (!self.negated && !value.is_empty()).then_some(value)
    }
}

impl Test {
    fn of_regex(pattern: &str) -> Result<Self, String> {
        let literals = re2::equals_any(pattern)?;
        if let Some(literals) = literals.filter(|literals| literals.iter().all(|literal| !literal.ignore_case)) {
            return Ok(Self::OneOf(literals.into_iter().map(|literal| literal.text).collect()));
        }
        re2::compile_anchored(pattern).map(Self::Regex)
    }
}

/// All matchers of a selector.
#[derive(Debug, Clone)]
pub struct CompiledSelector {
    matchers: Vec<CompiledMatcher>,
}

impl CompiledSelector {
    /// Errors: a regex of the selector is not RE2, or its program is too large.
    pub fn new(selector: &Selector) -> Result<Self> {
        let matchers = selector.matchers.iter().map(CompiledMatcher::new).collect::<Result<_>>()?;
        Ok(Self { matchers })
    }

    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|matcher| matcher.matches(labels.get(&matcher.name).unwrap_or("")))
    }

    #[must_use]
    pub fn matchers(&self) -> &[CompiledMatcher] {
        &self.matchers
    }

    /// `(name, value)` of each label that must have one certain, non-empty value: what a label filter can prune by.
    pub fn equalities(&self) -> impl Iterator<Item = (&str, &str)> {
        self.matchers.iter().filter_map(|matcher| Some((matcher.name(), matcher.equality()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parser::{EmptyCompatible, parse_selector};

    fn compile(query: &str) -> CompiledSelector {
        let selector = parse_selector(query, EmptyCompatible::Allowed).expect(query);
        CompiledSelector::new(&selector).expect(query)
    }

    #[test]
    fn matches_as_loki_does() {
        let labels = Labels::from_pairs([("app", "api"), ("text", "a\nb")]);
        for (query, expected) in [
            (r#"{app="api"}"#, true),
            (r#"{app!="api"}"#, false),
            (r#"{app=~"ap"}"#, false),
            (r#"{app=~"ap.*"}"#, true),
            (r#"{app=~"web|api"}"#, true),
            (r#"{app!~"web|api"}"#, false),
            (r#"{app=~"(?i)API"}"#, true),
            (r#"{app=~"API"}"#, false),
            (r#"{text=~"a.b"}"#, true),
            (r#"{nope=""}"#, true),
            (r#"{nope=~".*"}"#, true),
            (r#"{nope=~".+"}"#, false),
            (r#"{nope!="x", app="api"}"#, true),
            ("{}", true),
        ] {
            assert_eq!(compile(query).matches(&labels), expected, "{query}");
        }
    }

    #[test]
    fn equalities_are_what_must_be() {
        let selector = compile(r#"{a="1", b!="2", c=~"3", d=~"4|5", e="", f=~"6.*"}"#);
        assert_eq!(selector.equalities().collect::<Vec<_>>(), [("a", "1"), ("c", "3")]);
    }
}
