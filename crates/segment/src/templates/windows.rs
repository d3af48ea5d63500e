//! Which pieces of a template a needle may lie in.

use std::ops::RangeInclusive;

use super::sketch::{Automaton, PREFIX_MAX, Sketch};

/// What the pieces say of a needle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is in a static text.
    Every,
    /// Where it occurs in a line, it lies within one of these ranges of pieces; they ascend and do not overlap. None: in no line.
    Within(Vec<RangeInclusive<usize>>),
}

/// `pieces` are those of [`Sketch::pieces`]; `in_text` tells whether a static text holds the needle.
pub(super) fn judge(
    pieces: &[Sketch],
    automaton: &Automaton,
    needle_length: usize,
    in_text: impl Fn(&[u8]) -> bool,
) -> Verdict {
    let mut windows: Vec<RangeInclusive<usize>> = Vec::new();
    for (first, piece) in pieces.iter().enumerate() {
        let alone = automaton.over(piece, 0, true);
        let mut last = None;
        if alone.found {
            match piece {
                Sketch::Text(text) if in_text(text) => return Verdict::Every,
                // The prefix that is followed may be there without the rest.
                Sketch::Text(_) if needle_length <= PREFIX_MAX => {}
                _ => last = Some(first),
            }
        }
        let mut states = alone.states;
        for (next, piece) in pieces.iter().enumerate().skip(first + 1) {
            let reached = automaton.over(piece, states, false);
            if reached.found {
                last = Some(next);
            }
            states = reached.states;
            if states == 0 {
                break;
            }
        }
        let Some(last) = last else { continue };
        if needle_length > PREFIX_MAX {
            return Verdict::Within(vec![0..=pieces.len() - 1]);
        }
        match windows.last_mut() {
            Some(before) if *before.end() >= first => *before = *before.start()..=last.max(*before.end()),
            _ => windows.push(first..=last),
        }
    }
    Verdict::Within(windows)
}
