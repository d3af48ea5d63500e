//! RE2's dialect (Go's `regexp`) over Rust's `regex`, with Go's error texts.
//!
//! [`translate`] reads Go's syntax and writes Rust's; [`literals`] finds what can be answered without a regex.
//! Matching takes linear time; a pattern whose program would pass [`PROGRAM_BYTES_MAX`] is refused.
//! On text that is not UTF-8 `.` and negated classes do not match the stray bytes, where Go's would.

mod class;
pub mod literals;
mod translate;

#[cfg(test)]
mod tests;

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::hir::{Hir, HirKind, Look};

pub use literals::{Analysis, Literal};

/// Largest compiled program of one pattern.
pub const PROGRAM_BYTES_MAX: usize = 10 << 20;

/// Nesting of the translated pattern: several levels for each group of the original.
const RUST_NEST_MAX: u32 = 4 * translate::NEST_MAX as u32;

/// Compiles a pattern to be searched anywhere in the text, as line filters do.
/// Errors: Go's text, `error parsing regexp: …`.
pub fn compile(pattern: &str) -> Result<Regex, String> {
    build(pattern, &translate::translate(pattern)?.pattern)
}

/// Compiles `^(?s:pattern)$`, as stream matchers and label filters do. Errors as [`compile`], about the pattern as written.
pub fn compile_anchored(pattern: &str) -> Result<Regex, String> {
    build(pattern, &format!("^(?s:{})$", translate::translate(pattern)?.pattern))
}

fn build(pattern: &str, translated: &str) -> Result<Regex, String> {
    RegexBuilder::new(translated)
        .size_limit(PROGRAM_BYTES_MAX)
        .nest_limit(RUST_NEST_MAX)
        .build()
        .map_err(|_| translate::error("expression too large", pattern))
}

/// Checks a pattern without compiling it and returns the names of its groups, the whole match not counted.
/// Errors as [`compile`], but for programs that are too large.
pub fn check(pattern: &str) -> Result<Vec<Option<String>>, String> {
    let translated = translate::translate(pattern)?;
    hir(pattern, &translated.pattern)?;
    Ok(translated.groups)
}

/// What an unanchored search for `pattern` amounts to. Errors as [`check`].
pub fn analyse(pattern: &str) -> Result<Analysis, String> {
    Ok(literals::analyse(&hir(pattern, &translate::translate(pattern)?.pattern)?))
}

/// The texts that `^(?s:pattern)$` matches, if they are few. Errors as [`check`].
pub fn equals_any(pattern: &str) -> Result<Option<Vec<Literal>>, String> {
    Ok(literals::equals_any(&hir(pattern, &translate::translate(pattern)?.pattern)?))
}

/// Whether `^(?s:pattern)$` matches the empty text. Errors as [`check`].
pub fn matches_empty(pattern: &str) -> Result<bool, String> {
    Ok(is_empty_match(&hir(pattern, &translate::translate(pattern)?.pattern)?))
}

fn hir(pattern: &str, translated: &str) -> Result<Hir, String> {
    regex_syntax::ParserBuilder::new()
        .utf8(false)
        .nest_limit(RUST_NEST_MAX)
        .build()
        .parse(translated)
        .map_err(|_| translate::error("expression too large", pattern))
}

fn is_empty_match(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Empty => true,
        HirKind::Literal(_) | HirKind::Class(_) => false,
        HirKind::Look(look) => matches!(
            look,
            Look::Start | Look::End | Look::StartLF | Look::EndLF | Look::WordAsciiNegate | Look::WordUnicodeNegate
        ),
        HirKind::Repetition(repetition) => repetition.min == 0 || is_empty_match(&repetition.sub),
        HirKind::Capture(capture) => is_empty_match(&capture.sub),
        HirKind::Concat(parts) => parts.iter().all(is_empty_match),
        HirKind::Alternation(branches) => branches.iter().any(is_empty_match),
    }
}
