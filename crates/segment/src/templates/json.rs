//! The values of a JSON object on one line. Its names and punctuation are the template.

use super::tokens::{Span, Token};

const DEPTH_MAX: usize = 6;

/// Pushes one token per value: texts without their quotes, numbers and literals as they stand, arrays whole, objects by their values.
/// `false`, with some tokens pushed, when `text` is not one object and nothing else.
pub(super) fn tokens(text: &[u8], from: usize, tokens: &mut Vec<Token>) -> bool {
    let mut scan = Scan { text, from, at: 0, tokens };
    scan.object(0).is_some() && scan.at == text.len()
}

struct Scan<'a> {
    text: &'a [u8],
    from: usize,
    at: usize,
    tokens: &'a mut Vec<Token>,
}

impl Scan<'_> {
    fn object(&mut self, depth: usize) -> Option<()> {
        self.expect(b'{')?;
        self.skip_space();
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            self.skip_space();
            self.text()?;
            self.skip_space();
            self.expect(b':')?;
            self.skip_space();
            self.value(depth)?;
            self.skip_space();
            match self.next()? {
                b',' => {}
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        let start = self.at;
        match self.peek()? {
            b'"' => {
                let (start, end) = self.text()?;
                self.push(start, end);
            }
            b'{' if depth < DEPTH_MAX => self.object(depth + 1)?,
            b'{' | b'[' => {
                self.nested()?;
                self.push(start, self.at);
            }
            _ => {
                let rest = &self.text[start..];
                let length =
                    rest.iter().position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'"' | b':'))?;
                if length == 0 {
                    return None;
                }
                self.at += length;
                self.push(start, self.at);
            }
        }
        Some(())
    }

    /// A quoted text: where it starts and ends within its quotes.
    fn text(&mut self) -> Option<(usize, usize)> {
        self.expect(b'"')?;
        let start = self.at;
        loop {
            match memchr::memchr2(b'"', b'\\', self.text.get(self.at..)?)? {
                length if self.text[self.at + length] == b'"' => {
                    self.at += length + 1;
                    return Some((start, self.at - 1));
                }
                length => self.at += length + 2,
            }
        }
    }

    /// Steps over an array or object.
    fn nested(&mut self) -> Option<()> {
        let mut open = 0_usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.text()?;
                    continue;
                }
                b'[' | b'{' => open += 1,
                b']' | b'}' => open -= 1,
                _ => {}
            }
            self.at += 1;
            if open == 0 {
                return Some(());
            }
        }
    }

    fn push(&mut self, start: usize, end: usize) {
        let span = Span::new(self.from + start, self.from + end);
        self.tokens.push(Token { span, word: false });
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }
}
