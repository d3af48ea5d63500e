//! A line as chunks between spaces, and what two chunks have in common.

use std::borrow::Cow;

/// Chunks of a line that are told apart; what follows is one.
pub(super) const CHUNKS_MAX: usize = 128;

/// A text with at most one gap: `status=<_>`, `<_>`, `"GET`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunk<'l> {
    pub(super) before: Cow<'l, str>,
    pub(super) after: Cow<'l, str>,
    /// Whether there is a gap between the two; without one `after` is empty.
    pub(super) gap: bool,
}

/// Where a text may be cut: `key=value`, `(a,b)`, paths, quotes.
fn is_boundary(c: char) -> bool {
    matches!(
        c,
        '=' | ':'
            | ','
            | ';'
            | '"'
            | '\''
            | '('
            | ')'
            | '['
            | ']'
            | '{'
            | '}'
            | '<'
            | '>'
            | '|'
            | '/'
            | '&'
            | '?'
            | '@'
            | '#'
            | '\t'
    )
}

/// Cuts a line at every space, so that joining the chunks with spaces gives the line back.
pub(super) fn chunks<'l>(line: &'l str, out: &mut Vec<Chunk<'l>>) {
    out.clear();
    let mut rest = Some(line);
    while let Some(text) = rest {
        if out.len() == CHUNKS_MAX - 1 {
            out.push(Chunk { before: Cow::Borrowed(""), after: Cow::Borrowed(""), gap: true });
            return;
        }
        let (chunk, later) = match text.split_once(' ') {
            Some((chunk, later)) => (chunk, Some(later)),
            None => (text, None),
        };
        out.push(Chunk::new(chunk));
        rest = later;
    }
}

impl<'l> Chunk<'l> {
    /// Words with digits, and all between the first and the last of them, become the gap: numbers, times, addresses, ids.
    fn new(text: &'l str) -> Self {
        let words = words(text);
        let mut with_digits = words.filter(|(from, to)| text[*from..*to].bytes().any(|b| b.is_ascii_digit()));
        let Some((first, mut last)) = with_digits.next() else {
            return Self { before: Cow::Borrowed(text), after: Cow::Borrowed(""), gap: false };
        };
        if let Some((_, to)) = with_digits.last() {
            last = to;
        }
        Self { before: Cow::Borrowed(&text[..first]), after: Cow::Borrowed(&text[last..]), gap: true }
    }

    /// The constant text that it begins with: a word, or a key and its `=`.
    pub(super) fn first_word(&self) -> &str {
        match self.before.find(is_boundary) {
            // Every boundary is one byte.
            Some(at) => &self.before[..=at],
            None => &self.before,
        }
    }

    pub(super) fn into_owned(self) -> Chunk<'static> {
        Chunk {
            before: Cow::Owned(self.before.into_owned()),
            after: Cow::Owned(self.after.into_owned()),
            gap: self.gap,
        }
    }

    /// 2 for equal chunks, 1 for the same key or gaps in the same place, else 0.
    pub(super) fn likeness(&self, other: &Chunk<'_>) -> usize {
        if self == other {
            return 2;
        }
        if self.gap && other.gap {
            return 1;
        }
        let common = common_before(&self.before, &other.before);
        usize::from(self.before[..common].ends_with(['=', ':']))
    }

    /// Widens the gap so that it covers both.
    pub(super) fn widen(&mut self, other: &Chunk<'_>) {
        if *self == *other {
            return;
        }
        let before = common_before(&self.before, &other.before);
        // Without a gap all of the text is in `before`; what it shares with the other must not count twice.
        let own_end = if self.gap { &self.after[..] } else { &self.before[before..] };
        let other_end = if other.gap { &other.after[..] } else { &other.before[before..] };
        let after = own_end[own_end.len() - common_after(own_end, other_end)..].to_owned();
        let before = self.before[..before].to_owned();
        *self = Chunk { before: Cow::Owned(before), after: Cow::Owned(after), gap: true };
    }

    pub(super) fn write(&self, out: &mut String) {
        out.push_str(&self.before);
        if self.gap {
            out.push_str("<_>");
        }
        out.push_str(&self.after);
    }
}

/// Spans between boundaries, empty ones left out.
fn words(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text[at..].find(|c| !is_boundary(c))?;
        at = text[start..].find(is_boundary).map_or(text.len(), |length| start + length);
        Some((start, at))
    })
}

/// Length of the common start that ends after a boundary.
fn common_before(a: &str, b: &str) -> usize {
    let mut end = 0;
    for ((at, left), right) in a.char_indices().zip(b.chars()) {
        if left != right {
            return end;
        }
        if is_boundary(left) {
            end = at + left.len_utf8();
        }
    }
    // One text is the start of the other: the whole of it counts only where both end.
    if a == b { a.len() } else { end }
}

/// Length of the common end that begins with a boundary.
fn common_after(a: &str, b: &str) -> usize {
    let (mut length, mut end) = (0, 0);
    for (left, right) in a.chars().rev().zip(b.chars().rev()) {
        if left != right {
            break;
        }
        length += left.len_utf8();
        if is_boundary(left) {
            end = length;
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(chunk: &Chunk<'_>) -> String {
        let mut out = String::new();
        chunk.write(&mut out);
        out
    }

    #[test]
    fn numbers_are_gaps_from_the_start() {
        for (text, expected) in [
            ("word", "word"),
            ("status=200", "status=<_>"),
            ("[17/May/2015:10:05:03", "[<_>"),
            ("/api/v1/items", "/api/<_>/items"),
            ("10.1.2.3:80,", "<_>,"),
            ("caller=main.go:42", "caller=main.go:<_>"),
            ("", ""),
            ("42", "<_>"),
            ("é1", "<_>"),
        ] {
            let mut out = Vec::new();
            chunks(text, &mut out);
            assert_eq!(out.iter().map(shown).collect::<Vec<_>>(), [expected]);
        }
    }

    #[test]
    fn gaps_widen_to_boundaries() {
        for (a, b, expected) in [
            ("user=alice", "user=bob", "user=<_>"),
            ("user=alice,", "user=bob,", "user=<_>,"),
            ("\"GET", "\"POST", "\"<_>"),
            ("/a/x/b", "/a/y/b", "/a/<_>/b"),
            ("one", "two", "<_>"),
            ("a=", "a=x", "a=<_>"),
            ("((", "(", "(<_>"),
            ("status=200", "status=none", "status=<_>"),
        ] {
            let (mut left, mut right) = (Vec::new(), Vec::new());
            chunks(a, &mut left);
            chunks(b, &mut right);
            let mut wide = left[0].clone();
            wide.widen(&right[0]);
            assert_eq!(shown(&wide), expected, "{a} {b}");
        }
    }
}
