//! What the texts of a column have in common.

use super::digits::Case;
use super::tokens::Span;

/// Properties of all texts of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kinds {
    /// All are equal.
    pub(super) same: bool,
    /// Shortest and longest.
    pub(super) min: usize,
    pub(super) max: usize,
    /// Decimal digits only, at least one.
    pub(super) digits: bool,
    /// Some start with a zero that says nothing.
    pub(super) padded: bool,
    lower: bool,
    upper: bool,
}

impl Kinds {
    /// The letters of hexadecimal numbers of one length.
    pub(super) fn hex(&self) -> Option<Case> {
        match self {
            _ if self.min != self.max || self.min < 2 => None,
            Self { lower: true, .. } => Some(Case::Lower),
            Self { upper: true, .. } => Some(Case::Upper),
            _ => None,
        }
    }
}

const DIGIT: u8 = 1;
const LOWER: u8 = 2;
const UPPER: u8 = 4;

/// Which kinds of numbers a byte may be part of.
const USES: [u8; 256] = {
    let mut uses = [0; 256];
    let mut at = 0;
    while at < 256 {
        uses[at] = match at as u8 {
            b'0'..=b'9' => DIGIT | LOWER | UPPER,
            b'a'..=b'f' => LOWER,
            b'A'..=b'F' => UPPER,
            _ => 0,
        };
        at += 1;
    }
    uses
};

pub(super) fn look(bytes: &[u8], spans: &[Span]) -> Kinds {
    let first = spans.first().map_or(&[][..], |span| span.of(bytes));
    let (mut same, mut min, mut max, mut padded) = (true, usize::MAX, 0, false);
    let mut uses = DIGIT | LOWER | UPPER;
    for span in spans {
        let text = span.of(bytes);
        same = same && text == first;
        min = min.min(text.len());
        max = max.max(text.len());
        padded |= text.len() > 1 && text[0] == b'0';
        if uses != 0 {
            uses = text.iter().fold(uses, |uses, byte| uses & USES[usize::from(*byte)]);
        }
    }
    let some = min > 0;
    Kinds {
        same,
        min,
        max,
        digits: some && uses & DIGIT != 0,
        padded,
        lower: some && uses & LOWER != 0,
        upper: some && uses & UPPER != 0,
    }
}
