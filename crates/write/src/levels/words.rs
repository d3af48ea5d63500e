//! Level words in free text.

use super::Known;

/// Where a word may start: after the start of the line or one of these.
const LEFT: [bool; 256] = table(b" \t\n[({\"=");
/// Where a word must end: before the end of the line or one of these.
const RIGHT: [bool; 256] = table(b" \t\n[](){}:,!\"=");
/// First letters of the words below.
const FIRST: [bool; 256] = table(b"tdfceiwTDFCEIW");

const fn table(bytes: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
}

/// The level of the earliest level word of `line`, in any case; `unknown` when it has none.
pub(super) fn first_level(line: &[u8]) -> Known {
    let mut left = true;
    for (at, &byte) in line.iter().enumerate() {
        if left
            && FIRST[byte as usize]
            && let Some(level) = word_at(&line[at..])
        {
            return level;
        }
        left = LEFT[byte as usize];
    }
    Known::UNKNOWN
}

/// The level whose word `text` starts with, if the word ends there.
fn word_at(text: &[u8]) -> Option<Known> {
    let words: &[(&[u8], Known)] = match text.first()?.to_ascii_lowercase() {
        b't' => &[(b"trace", Known::TRACE)],
        b'd' => &[(b"debug", Known::DEBUG)],
        b'f' => &[(b"fatal", Known::FATAL)],
        b'c' => &[(b"critical", Known::CRITICAL)],
        b'e' => &[(b"error", Known::ERROR), (b"err", Known::ERROR)],
        b'w' => &[(b"warn", Known::WARN), (b"warning", Known::WARN)],
        b'i' => &[(b"info", Known::INFO)],
        _ => &[],
    };
    let ends = |at: usize| text.get(at).is_none_or(|byte| RIGHT[*byte as usize]);
    words
        .iter()
        .find(|(word, _)| text.len() >= word.len() && ends(word.len()) && text[..word.len()].eq_ignore_ascii_case(word))
        .map(|(_, level)| *level)
}
