//! What a slot may hold, without decoding it: enough to rule out most needles.
//!
//! A set of states says which prefixes of the needle may end at a place in a line. Going over static text is exact; going over a slot
//! gives every state that any of its values could lead to, and perhaps more. What cannot be reached so is in no line.

use sigyn_model::StringColumn;

use super::digits;
use super::node::{Node, Templates};
use super::section::Stored;
use super::weave::Outlines;
use crate::Result;

/// Longest prefix of a needle that is followed: one bit each, and one to spare at either end.
pub(super) const PREFIX_MAX: usize = 62;

/// States: bit n is set when the first n bytes of the needle may end here. Bit 0 is left out.
#[derive(Debug)]
pub(super) struct Automaton {
    /// Bit n + 1 of a byte's mask is set when byte n of the needle is that byte.
    masks: [u64; 256],
    length: usize,
}

/// Where a piece leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Reached {
    pub(super) states: u64,
    /// The whole needle may end within the piece.
    pub(super) found: bool,
}

/// The values of a slot, roughly.
#[derive(Debug)]
pub(super) enum Sketch {
    /// Static text, or the one value.
    Text(Vec<u8>),
    /// So many bytes of a class.
    Class { class: Class, min: usize, max: usize },
    /// Anything.
    Any,
    /// One of these; all their bytes are of the class.
    Words { words: StringColumn, class: Class, max: usize },
    /// One of several sequences.
    Templates(Vec<Vec<Self>>),
}

/// A set of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Class([u64; 4]);

impl Class {
    fn of(bytes: &[u8]) -> Self {
        let mut class = Self::default();
        bytes.iter().for_each(|byte| class.0[usize::from(byte >> 6)] |= 1 << (byte & 63));
        class
    }

    const fn has(&self, byte: u8) -> bool {
        self.0[(byte >> 6) as usize] >> (byte & 63) & 1 != 0
    }
}

impl Automaton {
    /// Of a needle's first [`PREFIX_MAX`] bytes; when `folded`, they are lower case and match either case.
    pub(super) fn new(needle: &[u8], folded: bool) -> Self {
        let needle = &needle[..needle.len().min(PREFIX_MAX)];
        let mut masks = [0; 256];
        for (at, byte) in needle.iter().enumerate() {
            masks[usize::from(*byte)] |= 2 << at;
            if folded {
                masks[usize::from(byte.to_ascii_uppercase())] |= 2 << at;
            }
        }
        Self { masks, length: needle.len() }
    }

    const fn accepting(&self) -> u64 {
        1 << self.length
    }

    /// Goes over a piece from `states`. With `fresh`, a match may begin anywhere in it.
    pub(super) fn over(&self, sketch: &Sketch, states: u64, fresh: bool) -> Reached {
        let states = states & !self.accepting();
        if states == 0 && !fresh {
            return Reached::default();
        }
        match sketch {
            Sketch::Text(text) => self.over_text(text, states, fresh),
            Sketch::Class { class, min, max } => self.over_class(class, *min, *max, states, fresh),
            Sketch::Any => self.over_any(states, fresh),
            Sketch::Words { words, class, max } => {
                let rough = self.over_class(class, 0, *max, states, fresh);
                if rough == Reached::default() { rough } else { self.over_words(words, states, fresh) }
            }
            Sketch::Templates(templates) => {
                let mut all = Reached::default();
                for pieces in templates {
                    let (mut states, mut found) = (states, false);
                    for piece in pieces {
                        let reached = self.over(piece, states, fresh);
                        states = reached.states;
                        found |= reached.found;
                    }
                    all = Reached { states: all.states | states, found: all.found | found };
                }
                all
            }
        }
    }

    fn over_text(&self, text: &[u8], mut states: u64, fresh: bool) -> Reached {
        let begin = u64::from(fresh);
        let mut found = 0;
        for byte in text {
            states = ((states | begin) << 1) & self.masks[usize::from(*byte)];
            if states == 0 && !fresh {
                break;
            }
            found |= states;
        }
        Reached { states, found: found & self.accepting() != 0 }
    }

    fn over_class(&self, class: &Class, min: usize, max: usize, states: u64, fresh: bool) -> Reached {
        let mask =
            (0..=255_u8).filter(|byte| class.has(*byte)).fold(0, |mask, byte| mask | self.masks[usize::from(byte)]);
        let begin = u64::from(fresh);
        let (mut now, mut found) = (states, 0);
        let mut out = if min == 0 { states } else { 0 };
        // After as many steps as the needle is long, nothing new comes.
        for step in 1..=max.min(self.length + 1) {
            now = ((now | begin) << 1) & mask;
            found |= now;
            if step >= min {
                out |= now;
            }
        }
        if min > self.length + 1 {
            out = now;
        }
        Reached { states: out, found: found & self.accepting() != 0 }
    }

    /// Every state from the lowest on, and all that may begin.
    const fn over_any(&self, states: u64, fresh: bool) -> Reached {
        let all = (self.accepting() << 1) - 1;
        let low = if fresh { 1 } else { states.trailing_zeros() };
        Reached { states: states | (all & !((1 << low) - 1)), found: true }
    }

    fn over_words(&self, words: &StringColumn, states: u64, fresh: bool) -> Reached {
        let mut all = Reached::default();
        for pair in words.offsets.windows(2) {
            let reached = self.over_text(&words.bytes[pair[0] as usize..pair[1] as usize], states, fresh);
            all = Reached { states: all.states | reached.states, found: all.found | reached.found };
        }
        all
    }
}

impl Sketch {
    /// Of a slot's column.
    pub(super) fn of(node: &Node, stored: &Stored) -> Result<Self> {
        Ok(match node {
            Node::Same(range) => Self::Text(stored.range(range.clone())?.to_vec()),
            Node::Text { .. } => Self::Any,
            Node::Words { count, words, .. } => {
                let words = words.decode(stored, *count, None)?;
                let max = words.offsets.windows(2).map(|pair| (pair[1] - pair[0]) as usize).max().unwrap_or(0);
                Self::Words { class: Class::of(&words.bytes), words, max }
            }
            Node::Decimal(_) => Self::Class { class: Class::of(b"0123456789"), min: 1, max: digits::LENGTH_MAX },
            Node::Padded { width, .. } => {
                let width = usize::from(*width);
                Self::Class { class: Class::of(b"0123456789"), min: width, max: width }
            }
            Node::Hex { width, case, .. } => {
                Self::Class { class: Class::of(case.table().as_flattened()), min: *width, max: *width }
            }
            Node::Clock { format, .. } => {
                let class = Class::of(&[b"0123456789:", &[format.separator][..]].concat());
                Self::Class { class, min: format.length(), max: format.length() }
            }
            Node::Templates(templates) => {
                let outlines = Outlines::read(templates, stored)?;
                let pieces = (0..templates.count).map(|at| Self::pieces(templates, &outlines, at, stored));
                Self::Templates(pieces.collect::<Result<_>>()?)
            }
        })
    }

    /// Of a template: its texts and slots in turn, beginning and ending with a text, which may be empty.
    pub(super) fn pieces(
        templates: &Templates,
        outlines: &Outlines,
        template: usize,
        stored: &Stored,
    ) -> Result<Vec<Self>> {
        let mut slots = outlines.slots(template);
        let mut pieces = Vec::new();
        for text in outlines.texts(template) {
            pieces.push(Self::Text(text.to_vec()));
            if let Some(slot) = slots.next() {
                pieces.push(Self::of(&templates.slots[slot], stored)?);
            }
        }
        Ok(pieces)
    }
}
