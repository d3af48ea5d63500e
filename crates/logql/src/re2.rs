//! RE2's dialect (Go's `regexp`) over Rust's `regex`, with Go's error texts.

use regex::bytes::Regex;

/// A literal that a pattern is made of or needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    pub text: String,
    /// Compare under simple Unicode case folding (`text` is then lower case).
    /// ASCII `k` and `s` also fold with U+212A and U+017F; every other ASCII letter only with its own capital.
    pub ignore_case: bool,
}

/// What can be known of a pattern without running it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Analysis {
    /// The unanchored pattern matches exactly the texts that contain one of these; `[""]`-like patterns give one empty literal.
    pub contains_any: Option<Vec<Literal>>,
    /// Every match contains this literal, the longest found; never empty.
    pub required: Option<Literal>,
}

/// Compiles a pattern to be searched anywhere in the text, as line filters do.
/// Errors: Go's text, `error parsing regexp: …`.
pub fn compile(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|e| e.to_string())
}

/// Compiles `^(?s:pattern)$`, as stream matchers do.
pub fn compile_anchored(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|e| e.to_string())
}

/// What an unanchored search for `pattern` amounts to. Errors as [`compile`].
pub fn analyse(_pattern: &str) -> Result<Analysis, String> {
    Ok(Analysis::default())
}
