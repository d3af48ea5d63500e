//! The parser's view of the tokens: one ahead, read only when needed, with limits on nesting.

use std::fmt::Write as _;

use crate::error::ParseError;
use crate::lexer::Lexer;
use crate::token::{Kind, Symbol, Token, Value, Word};

use super::{DEPTH_MAX, OPERATORS_MAX};

pub(super) type Result<T> = std::result::Result<T, ParseError>;

pub(super) struct Cursor<'q> {
    lexer: Lexer<'q>,
    /// Read lazily: what is wrong with the parts already read is reported before what is wrong with the next token.
    next: Option<Token<'q>>,
    depth: usize,
    operators: usize,
}

impl<'q> Cursor<'q> {
    pub(super) fn new(query: &'q str) -> Result<Self> {
        Ok(Self { lexer: Lexer::new(query)?, next: None, depth: 0, operators: 0 })
    }

    fn token(&mut self) -> Result<&Token<'q>> {
        if self.next.is_none() {
            self.next = Some(self.lexer.next_token()?);
        }
        Ok(self.next.as_ref().expect("filled above"))
    }

    /// The kind of the next token.
    pub(super) fn peek(&mut self) -> Result<Kind> {
        Ok(self.token()?.kind)
    }

    /// Consumes the next token.
    pub(super) fn advance(&mut self) -> Result<Token<'q>> {
        self.token()?;
        Ok(self.next.take().expect("filled above"))
    }

    /// Consumes the next token if it is of this kind.
    pub(super) fn accept(&mut self, kind: Kind) -> Result<bool> {
        let found = self.peek()? == kind;
        if found {
            self.next = None;
        }
        Ok(found)
    }

    pub(super) fn accept_symbol(&mut self, symbol: Symbol) -> Result<bool> {
        self.accept(Kind::Symbol(symbol))
    }

    pub(super) fn accept_word(&mut self, word: Word) -> Result<bool> {
        self.accept(Kind::Word(word))
    }

    /// Consumes a token of this kind. `expected` is what the error lists: the kinds that could stand here, if they are few.
    pub(super) fn expect(&mut self, kind: Kind, expected: &[Kind]) -> Result<Token<'q>> {
        if self.peek()? != kind {
            return Err(self.unexpected(expected));
        }
        self.advance()
    }

    pub(super) fn expect_symbol(&mut self, symbol: Symbol) -> Result<()> {
        self.expect(Kind::Symbol(symbol), &[Kind::Symbol(symbol)]).map(drop)
    }

    /// Consumes an identifier, string or number and returns its text.
    pub(super) fn expect_text(&mut self, kind: Kind, expected: &[Kind]) -> Result<String> {
        match self.expect(kind, expected)?.value {
            Value::Text(text) => Ok(text.into_owned()),
            _ => Ok(String::new()),
        }
    }

    pub(super) fn identifier(&mut self) -> Result<String> {
        self.expect_text(Kind::Identifier, &[Kind::Identifier])
    }

    pub(super) fn string(&mut self) -> Result<String> {
        self.expect_text(Kind::Str, &[Kind::Str])
    }

    /// Consumes a duration or range and returns its nanoseconds.
    pub(super) fn nanos(&mut self, kind: Kind, expected: &[Kind]) -> Result<i64> {
        match self.expect(kind, expected)?.value {
            Value::Nanos(nanos) => Ok(nanos),
            _ => Ok(0),
        }
    }

    /// The grammar error at the next token; up to four alternatives are named.
    pub(super) fn unexpected(&mut self, expected: &[Kind]) -> ParseError {
        let token = match self.token() {
            Ok(token) => token,
            Err(error) => return error,
        };
        let mut message = format!("syntax error: unexpected {}", token.kind);
        if expected.len() <= 4 {
            for (at, kind) in expected.iter().enumerate() {
                let separator = if at == 0 { ", expecting" } else { " or" };
                let _ = write!(message, "{separator} {kind}");
            }
        }
        ParseError::at(message, token.line, token.col)
    }

    /// Runs `parse` one level deeper. Errors: the text is nested beyond [`DEPTH_MAX`].
    pub(super) fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth == DEPTH_MAX {
            return Err(self.limit(format!("query is nested too deeply: at most {DEPTH_MAX} levels are allowed")));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    /// Counts one operator: the height of the tree is bounded by their number.
    pub(super) fn count_operator(&mut self) -> Result<()> {
        self.operators += 1;
        if self.operators > OPERATORS_MAX {
            return Err(self.limit(format!("query has too many operators: at most {OPERATORS_MAX} are allowed")));
        }
        Ok(())
    }

    fn limit(&mut self, message: String) -> ParseError {
        match self.token() {
            Ok(token) => ParseError::at(message, token.line, token.col),
            Err(error) => error,
        }
    }
}
