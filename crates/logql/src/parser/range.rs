//! Log ranges: `{…} | stages | unwrap x [5m] offset 1h`, in all the orders the grammar takes.

use crate::ast::{LogExpr, LogRange, Selector, Stage, Unwrap};
use crate::token::{Kind, Symbol, Word};

use super::cursor::{Cursor, Result};
use super::label_filter::LABEL_FILTER_START;

const OPEN: Kind = Kind::Symbol(Symbol::Open);
const CLOSE: Kind = Kind::Symbol(Symbol::Close);
const PIPE: Kind = Kind::Symbol(Symbol::Pipe);

/// What can start a log range.
pub(super) const RANGE_START: [Kind; 2] = [Kind::Symbol(Symbol::OpenBrace), OPEN];

const UNWRAP_ARGS: [Kind; 4] = {
    use crate::ast::Conversion as C;
    [Kind::Identifier, Kind::Conversion(C::Bytes), Kind::Conversion(C::Duration), Kind::Conversion(C::DurationSeconds)]
};

/// Stages and `unwrap`, on either side of the range.
#[derive(Default)]
struct Steps {
    stages: Vec<Stage>,
    unwrap: Option<Unwrap>,
}

impl Steps {
    fn is_empty(&self) -> bool {
        self.stages.is_empty() && self.unwrap.is_none()
    }
}

/// `[5m] offset 1h`
struct Window {
    range: i64,
    offset: Option<i64>,
}

impl Cursor<'_> {
    /// A log range. The list of what was expected at its start is the caller's: `start`.
    pub(super) fn log_range(&mut self, start: &[Kind]) -> Result<LogRange> {
        if self.accept(OPEN)? {
            return self.nested(Self::parenthesised_range);
        }
        if self.peek()? != RANGE_START[0] {
            return Err(self.unexpected(start));
        }
        let selector = self.selector()?;
        let steps = self.steps()?;
        self.range_after(selector, steps, false)
    }

    /// After `(`: a whole range and `)`, or what comes before `[5m]` and `) [5m]`.
    fn parenthesised_range(&mut self) -> Result<LogRange> {
        if self.peek()? == OPEN {
            let inner = self.log_range(&RANGE_START)?;
            self.expect_symbol(Symbol::Close)?;
            return Ok(inner);
        }
        if self.peek()? != RANGE_START[0] {
            return Err(self.unexpected(&RANGE_START));
        }
        let selector = self.selector()?;
        let steps = self.steps()?;
        if !self.accept(CLOSE)? {
            let inner = self.range_after(selector, steps, true)?;
            self.expect_symbol(Symbol::Close)?;
            return Ok(inner);
        }
        let window = self.window(&[Kind::Range])?;
        Ok(join(selector, steps, window))
    }

    /// `[5m] offset 1h`, and the stages that may follow if none came before.
    fn range_after(&mut self, selector: Selector, before: Steps, in_parentheses: bool) -> Result<LogRange> {
        let window = match (&before.unwrap, in_parentheses) {
            (None, _) => self.window(&[])?,
            (Some(_), false) => self.window(&[Kind::Range, PIPE])?,
            (Some(_), true) => self.window(&[Kind::Range, CLOSE, PIPE])?,
        };
        let steps = if before.is_empty() { self.steps()? } else { before };
        Ok(join(selector, steps, window))
    }

    fn window(&mut self, expected: &[Kind]) -> Result<Window> {
        let range = self.nanos(Kind::Range, expected)?;
        let offset =
            if self.accept_word(Word::Offset)? { Some(self.nanos(Kind::Duration, &[Kind::Duration])?) } else { None };
        Ok(Window { range, offset })
    }

    /// Stages up to and including `unwrap`; possibly none.
    fn steps(&mut self) -> Result<Steps> {
        let mut steps = Steps::default();
        loop {
            if self.line_filter(&mut steps.stages)? {
                continue;
            }
            if !self.accept(PIPE)? {
                return Ok(steps);
            }
            if self.accept_word(Word::Unwrap)? {
                steps.unwrap = Some(self.unwrap()?);
                return Ok(steps);
            }
            steps.stages.push(self.piped_stage()?);
        }
    }

    /// What follows `| unwrap`.
    fn unwrap(&mut self) -> Result<Unwrap> {
        let (label, conversion) = match self.peek()? {
            Kind::Conversion(conversion) => {
                self.advance()?;
                self.expect_symbol(Symbol::Open)?;
                let label = self.identifier()?;
                self.expect_symbol(Symbol::Close)?;
                (label, Some(conversion))
            }
            _ => (self.expect_text(Kind::Identifier, &UNWRAP_ARGS)?, None),
        };
        let mut post_filters = Vec::new();
        while self.accept(PIPE)? {
            if !LABEL_FILTER_START.contains(&self.peek()?) {
                return Err(self.unexpected(&LABEL_FILTER_START));
            }
            post_filters.push(self.label_filter()?);
        }
        Ok(Unwrap { label, conversion, post_filters })
    }
}

fn join(selector: Selector, steps: Steps, window: Window) -> LogRange {
    LogRange {
        log: LogExpr { selector, stages: steps.stages },
        unwrap: steps.unwrap,
        range: window.range,
        offset: window.offset.unwrap_or(0),
        has_offset: window.offset.is_some(),
    }
}
