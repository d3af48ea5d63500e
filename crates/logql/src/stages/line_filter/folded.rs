//! Search for an ASCII literal in any mix of case, without a regex engine.

/// A literal and the two of its bytes that are rarest in logs: a chunk of text in which these two never stand at their
/// distance holds no match, which the compiler turns into a few vector instructions per chunk.
#[derive(Debug, Clone)]
pub(crate) struct FoldedFinder {
    /// Lower case, ASCII, not empty.
    needle: Box<[u8]>,
    first: Probe,
    second: Probe,
}

#[derive(Debug, Clone, Copy)]
struct Probe {
    at: usize,
    /// `byte | mask == value` holds for the byte in either case.
    mask: u8,
    value: u8,
}

const CHUNK: usize = 32;

/// Letters from common to rare in log text; what is not a letter counts as rarer than `m` and commoner than `f`.
const COMMON: &[u8] = b"etaoinsrdlcpum";
const RARE: &[u8] = b"fghbvwykxjzq";

impl FoldedFinder {
    /// None unless `literal` is ASCII and not empty.
    pub(crate) fn new(literal: &str) -> Option<Self> {
        if literal.is_empty() || !literal.is_ascii() {
            return None;
        }
        let needle: Box<[u8]> = literal.bytes().map(|byte| byte.to_ascii_lowercase()).collect();
        let mut positions: Vec<usize> = (0..needle.len()).collect();
        positions.sort_by_key(|&at| std::cmp::Reverse(rarity(needle[at])));
        let probe = |at: usize| {
            let mask = if needle[at].is_ascii_lowercase() { 0x20 } else { 0 };
            Probe { at, mask, value: needle[at] }
        };
        let first = probe(positions[0]);
        let second = probe(*positions.get(1).unwrap_or(&positions[0]));
        Some(Self { needle, first, second })
    }

    pub(crate) fn len(&self) -> usize {
        self.needle.len()
    }

    /// Whether U+212A or U+017F could stand for one of the letters.
    pub(crate) fn has_unicode_twins(&self) -> bool {
        self.needle.iter().any(|byte| matches!(byte, b'k' | b's'))
    }

    /// Start of the leftmost match at or after `from`.
    pub(crate) fn find(&self, text: &[u8], from: usize) -> Option<usize> {
        let last = text.len().checked_sub(self.needle.len())?;
        let reach = self.first.at.max(self.second.at) + CHUNK;
        let mut at = from;
        while at + reach <= text.len() {
            let first = &text[at + self.first.at..at + self.first.at + CHUNK];
            let second = &text[at + self.second.at..at + self.second.at + CHUNK];
            if self.may_start(first, second)
                && let Some(found) = (at..(at + CHUNK).min(last + 1)).find(|&start| self.is_at(text, start))
            {
                return Some(found);
            }
            at += CHUNK;
        }
        (at..=last).find(|&start| self.is_at(text, start))
    }

    fn may_start(&self, first: &[u8], second: &[u8]) -> bool {
        let hits = first.iter().zip(second).fold(0_u8, |hits, (&a, &b)| {
            hits | (u8::from(a | self.first.mask == self.first.value)
                & u8::from(b | self.second.mask == self.second.value))
        });
        hits != 0
    }

    fn is_at(&self, text: &[u8], start: usize) -> bool {
        text[start + self.first.at] | self.first.mask == self.first.value
            && text[start..start + self.needle.len()].eq_ignore_ascii_case(&self.needle)
    }
}

fn rarity(byte: u8) -> usize {
    if let Some(at) = COMMON.iter().position(|&common| common == byte) {
        return at;
    }
    match RARE.iter().position(|&rare| rare == byte) {
        Some(at) => COMMON.len() + 1 + at,
        None if byte == b' ' => 0,
        None => COMMON.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naive(text: &[u8], needle: &str, from: usize) -> Option<usize> {
        (from..text.len()).find(|&at| {
            text.get(at..at + needle.len()).is_some_and(|window| window.eq_ignore_ascii_case(needle.as_bytes()))
        })
    }

    #[test]
    fn finds_what_a_naive_search_finds() {
        let mut text = b"x".repeat(150);
        for (at, piece) in [(0, "ErRor"), (29, "error"), (61, "ERROR"), (97, "e@ror"), (145, "erroR")] {
            text[at..at + 5].copy_from_slice(piece.as_bytes());
        }
        for needle in ["error", "R", "rO", "x", "@r", "[r", "xerrorx", "nope", "rror"] {
            let finder = FoldedFinder::new(needle).expect("ASCII");
            for from in 0..=text.len() {
                assert_eq!(finder.find(&text, from), naive(&text, needle, from), "{needle} from {from}");
            }
        }
        assert_eq!(FoldedFinder::new("longer than the text").expect("ASCII").find(b"short", 0), None);
    }

    #[test]
    fn takes_only_ascii() {
        assert!(FoldedFinder::new("").is_none() && FoldedFinder::new("café").is_none());
        assert!(FoldedFinder::new("disk").is_some_and(|finder| finder.has_unicode_twins()));
    }
}
