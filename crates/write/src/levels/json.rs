//! A string field of a JSON line, found in one walk over its tokens.

use memchr::{memchr2, memchr3};

/// Whether the line's first and last visible characters are those of an object.
pub(super) fn looks_like_object(line: &[u8]) -> bool {
    let visible = |byte: &&u8| !byte.is_ascii_whitespace() && **byte != 0x0b;
    line.iter().find(visible) == Some(&b'{') && line.iter().rev().find(visible) == Some(&b'}')
}

/// The first string, in the order written, whose name is wanted, in at most `depth_max` objects of nesting.
/// Objects inside arrays are not searched. A malformed line gives what came before the fault.
pub(super) fn find_field(line: &[u8], depth_max: usize, wanted: impl Fn(&[u8]) -> bool) -> Option<&[u8]> {
    let mut at = line.iter().position(|byte| *byte == b'{')? + 1;
    let mut depth = 1;
    loop {
        at = skip_space(line, at);
        match *line.get(at)? {
            b',' => at += 1,
            b'}' => {
                depth -= 1;
                at += 1;
                if depth == 0 {
                    return None;
                }
            }
            b'"' => {
                let end = string_end(line, at + 1)?;
                let name = &line[at + 1..end];
                at = skip_space(line, end + 1);
                if line.get(at) != Some(&b':') {
                    return None;
                }
                at = skip_space(line, at + 1);
                match *line.get(at)? {
                    b'"' => {
                        let end = string_end(line, at + 1)?;
                        if wanted(name) {
                            return Some(&line[at + 1..end]);
                        }
                        at = end + 1;
                    }
                    b'{' if depth < depth_max => {
                        depth += 1;
                        at += 1;
                    }
                    b'{' | b'[' => at = skip_nested(line, at)?,
                    _ => at = skip_scalar(line, at),
                }
            }
            _ => return None,
        }
    }
}

fn skip_space(line: &[u8], mut at: usize) -> usize {
    while line.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    at
}

/// Position of the quote that closes a string whose content starts at `at`.
fn string_end(line: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr2(b'"', b'\\', line.get(at..)?)?;
        if line[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

/// Position after the number or word at `at`.
fn skip_scalar(line: &[u8], at: usize) -> usize {
    memchr3(b',', b'}', b']', &line[at..]).map_or(line.len(), |length| at + length)
}

/// Position after the object or array that opens at `at`; quotes hide brackets, kinds of brackets are not told apart.
fn skip_nested(line: &[u8], mut at: usize) -> Option<usize> {
    let mut open = 0_usize;
    loop {
        match *line.get(at)? {
            b'{' | b'[' => open += 1,
            b'}' | b']' => {
                open -= 1;
                if open == 0 {
                    return Some(at + 1);
                }
            }
            b'"' => at = string_end(line, at + 1)?,
            _ => {}
        }
        at += 1;
    }
}
