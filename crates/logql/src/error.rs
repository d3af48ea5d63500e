//! What can be wrong with a query: its text, what it asks for, or how much it asks for.

use std::fmt;

use sigyn_model::ErrorKind;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything the crate refuses, with the texts clients of Loki know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// A query where only a selector will do.
    #[error("only label matchers are supported")]
    NotASelector,
    /// A stage that parses but cannot be built: a bad template, IP pattern or line filter regex.
    #[error("parse error : stage '{stage}' : {message}")]
    Stage { stage: String, message: String },
    /// Valid LogQL that this version does not evaluate; `what` is the canonical text of the part.
    #[error("not supported yet: {what}")]
    NotSupported { what: String },
    /// A stage of a metric query failed on an entry, and the query neither filters nor groups by `__error__`.
    #[error("{message}")]
    Pipeline { message: String },
    /// The query is larger than a limit allows; the text names the limit.
    #[error("{message}")]
    Limit { message: String },
    /// Valid text whose evaluation is impossible for this data or request, such as many-to-many matching.
    #[error("{message}")]
    Evaluation { message: String },
    /// A bug of this crate.
    #[error("{message}")]
    Internal { message: String },
}

impl Error {
    /// What the caller should do: fix the query, narrow it, or report a bug.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Parse(_)
            | Self::NotASelector
            | Self::Stage { .. }
            | Self::NotSupported { .. }
            | Self::Pipeline { .. }
            | Self::Limit { .. } => ErrorKind::Invalid,
            Self::Evaluation { .. } | Self::Internal { .. } => ErrorKind::Internal,
        }
    }
}

/// A query text that is not LogQL.
///
/// `line` and `col` are 1-based and count characters; both are 0 when the complaint is about the meaning of the whole.
/// `line` alone is 0 when the offending token was longer than its first character, as Loki reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    pub message: String,
    pub line: usize,
    pub col: usize,
}

impl ParseError {
    /// A complaint without a place in the text.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), line: 0, col: 0 }
    }

    pub fn at(message: impl Into<String>, line: usize, col: usize) -> Self {
        Self { message: message.into(), line, col }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 && self.col == 0 {
            write!(f, "parse error : {}", self.message)
        } else {
            write!(f, "parse error at line {}, col {}: {}", self.line, self.col, self.message)
        }
    }
}

impl std::error::Error for ParseError {}
