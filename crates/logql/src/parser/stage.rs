//! Selectors and pipeline stages.

use crate::ast::{Extract, LabelChoice, LabelFormat, LineFilter, LineFilterArg, LineFilterOp};
use crate::ast::{LogExpr, MatchOp, Matcher, Selector, Stage};
use crate::token::{Kind, Symbol, Word};

use super::check;
use super::cursor::{Cursor, Result};

const MATCH_OPS: [Kind; 4] =
    [Kind::Symbol(Symbol::Eq), Kind::Symbol(Symbol::Re), Kind::Symbol(Symbol::NotRe), Kind::Symbol(Symbol::NotEq)];

const FILTER_ARGS: [Kind; 2] = [Kind::Str, Kind::Ip];

impl Cursor<'_> {
    /// `{…} | stage | stage`
    pub(super) fn log(&mut self) -> Result<LogExpr> {
        let selector = self.selector()?;
        let mut stages = Vec::new();
        while self.stage(&mut stages)? {}
        Ok(LogExpr { selector, stages })
    }

    /// `{a="b", c=~"d"}`
    pub(super) fn selector(&mut self) -> Result<Selector> {
        self.expect_symbol(Symbol::OpenBrace)?;
        let mut matchers = Vec::new();
        let close = Kind::Symbol(Symbol::CloseBrace);
        if self.accept(close)? {
            return Ok(Selector { matchers });
        }
        let mut expected = &[Kind::Identifier, close][..];
        loop {
            let name = self.expect_text(Kind::Identifier, expected)?;
            matchers.push(self.matcher(name)?);
            if self.accept(close)? {
                return Ok(Selector { matchers });
            }
            self.expect(Kind::Symbol(Symbol::Comma), &[close, Kind::Symbol(Symbol::Comma)])?;
            expected = &[Kind::Identifier];
        }
    }

    /// What follows the name of a matcher.
    fn matcher(&mut self, name: String) -> Result<Matcher> {
        let op = match self.peek()? {
            Kind::Symbol(Symbol::Eq) => MatchOp::Eq,
            Kind::Symbol(Symbol::NotEq) => MatchOp::NotEq,
            Kind::Symbol(Symbol::Re) => MatchOp::Re,
            Kind::Symbol(Symbol::NotRe) => MatchOp::NotRe,
            _ => return Err(self.unexpected(&MATCH_OPS)),
        };
        self.advance()?;
        let matcher = Matcher { name, op, value: self.string()? };
        check::matcher(&matcher)?;
        Ok(matcher)
    }

    /// Reads one stage if one follows. A negated line filter chain adds a stage per alternative.
    fn stage(&mut self, stages: &mut Vec<Stage>) -> Result<bool> {
        if self.line_filter(stages)? {
            return Ok(true);
        }
        if !self.accept_symbol(Symbol::Pipe)? {
            return Ok(false);
        }
        stages.push(self.piped_stage()?);
        Ok(true)
    }

    /// `|= "a" or "b"`, if one follows.
    pub(super) fn line_filter(&mut self, stages: &mut Vec<Stage>) -> Result<bool> {
        let op = match self.peek()? {
            Kind::Symbol(Symbol::PipeExact) => LineFilterOp::Contains,
            Kind::Symbol(Symbol::NotEq) => LineFilterOp::NotContains,
            Kind::Symbol(Symbol::PipeMatch) => LineFilterOp::Re,
            Kind::Symbol(Symbol::NotRe) => LineFilterOp::NotRe,
            Kind::Symbol(Symbol::PipePattern) => LineFilterOp::Pattern,
            Kind::Symbol(Symbol::NotPattern) => LineFilterOp::NotPattern,
            _ => return Ok(false),
        };
        self.advance()?;
        let mut alternatives = vec![self.line_filter_arg()?];
        while self.accept_word(Word::Or)? {
            let next = self.line_filter_arg()?;
            let is_last = matches!(next, LineFilterArg::Ip(_));
            alternatives.push(next);
            if is_last {
                break;
            }
        }
        if op.is_negated() {
            let each = alternatives.into_iter().map(|one| LineFilter { op, alternatives: vec![one] });
            stages.extend(each.map(Stage::LineFilter));
        } else {
            stages.push(Stage::LineFilter(LineFilter { op, alternatives }));
        }
        Ok(true)
    }

    fn line_filter_arg(&mut self) -> Result<LineFilterArg> {
        if self.accept(Kind::Ip)? {
            return Ok(LineFilterArg::Ip(self.ip_argument()?));
        }
        self.expect_text(Kind::Str, &FILTER_ARGS).map(LineFilterArg::Text)
    }

    /// `("…")` after `ip`.
    pub(super) fn ip_argument(&mut self) -> Result<String> {
        self.expect_symbol(Symbol::Open)?;
        let pattern = self.string()?;
        self.expect_symbol(Symbol::Close)?;
        Ok(pattern)
    }

    /// What follows a `|`.
    pub(super) fn piped_stage(&mut self) -> Result<Stage> {
        let word = match self.peek()? {
            Kind::Identifier | Kind::Symbol(Symbol::Open) => return self.label_filter().map(Stage::LabelFilter),
            Kind::Word(word) if is_stage(word) => word,
            _ => return Err(self.unexpected(&[])),
        };
        self.advance()?;
        Ok(match word {
            Word::Json => Stage::Json(self.extracts()?),
            Word::Logfmt => self.logfmt()?,
            Word::Regexp => {
                let pattern = self.string()?;
                check::regexp_parser(&pattern)?;
                Stage::Regexp(pattern)
            }
            Word::Pattern => {
                let pattern = self.string()?;
                check::pattern_parser(&pattern)?;
                Stage::Pattern(pattern)
            }
            Word::Unpack => Stage::Unpack,
            Word::LineFormat => Stage::LineFormat(self.string()?),
            Word::LabelFormat => Stage::LabelFormat(self.label_formats()?),
            Word::Drop => Stage::Drop(self.label_choices()?),
            Word::Keep => Stage::Keep(self.label_choices()?),
            _ => Stage::Decolorize,
        })
    }

    fn logfmt(&mut self) -> Result<Stage> {
        let (mut strict, mut keep_empty) = (false, false);
        loop {
            if self.accept(Kind::Strict)? {
                strict = true;
            } else if self.accept(Kind::KeepEmpty)? {
                keep_empty = true;
            } else {
                return Ok(Stage::Logfmt { strict, keep_empty, extracts: self.extracts()? });
            }
        }
    }

    /// `x="path", y`, or nothing.
    fn extracts(&mut self) -> Result<Vec<Extract>> {
        if self.peek()? != Kind::Identifier {
            return Ok(Vec::new());
        }
        self.comma_list(|cursor| {
            let label = cursor.identifier()?;
            let expression = if cursor.accept_symbol(Symbol::Eq)? { cursor.string()? } else { label.clone() };
            Ok(Extract { label, expression })
        })
    }

    fn label_formats(&mut self) -> Result<Vec<LabelFormat>> {
        self.comma_list(|cursor| {
            let to = cursor.identifier()?;
            cursor.expect_symbol(Symbol::Eq)?;
            if cursor.peek()? == Kind::Identifier {
                return Ok(LabelFormat::Rename { to, from: cursor.identifier()? });
            }
            let template = cursor.expect_text(Kind::Str, &[Kind::Identifier, Kind::Str])?;
            Ok(LabelFormat::Template { to, template })
        })
    }

    fn label_choices(&mut self) -> Result<Vec<LabelChoice>> {
        self.comma_list(|cursor| {
            let name = cursor.identifier()?;
            if MATCH_OPS.contains(&cursor.peek()?) {
                return cursor.matcher(name).map(LabelChoice::Matcher);
            }
            Ok(LabelChoice::Name(name))
        })
    }

    /// One or more, separated by commas.
    pub(super) fn comma_list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.accept_symbol(Symbol::Comma)? {
            items.push(item(self)?);
        }
        Ok(items)
    }
}

fn is_stage(word: Word) -> bool {
    matches!(
        word,
        Word::Json
            | Word::Logfmt
            | Word::Regexp
            | Word::Pattern
            | Word::Unpack
            | Word::LineFormat
            | Word::LabelFormat
            | Word::Decolorize
            | Word::Drop
            | Word::Keep
    )
}
