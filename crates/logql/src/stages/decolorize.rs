//! `| decolorize`: takes ANSI escape sequences out of the line.

use std::ops::Range;

use sigyn_model::Lines;

use super::line_filter::LineView;
use crate::pipeline::{RewrittenLines, Workspace};

const ESCAPE: u8 = 0x1b;
const BELL: u8 = 0x07;

/// The selected rows' lines without colours; rows that are out get an empty line. None when no line has an escape.
pub(super) fn run(view: LineView<'_>, workspace: &Workspace, rows: &Range<u32>) -> Option<RewrittenLines> {
    let selection = &workspace.selection;
    if selection.iter().all(|row| memchr::memchr(ESCAPE, view.line(row)).is_none()) {
        return None;
    }
    let mut lines = Lines { bytes: Vec::new(), offsets: vec![0] };
    let mut plain = Vec::new();
    let mut next = rows.start;
    for row in selection.iter() {
        (next..row).for_each(|_| lines.push(b""));
        plain.clear();
        strip(view.line(row), &mut plain);
        lines.push(&plain);
        next = row + 1;
    }
    (next..rows.end).for_each(|_| lines.push(b""));
    Some(RewrittenLines { lines, base: rows.start })
}

fn strip(line: &[u8], out: &mut Vec<u8>) {
    let mut rest = line;
    while let Some(at) = memchr::memchr(ESCAPE, rest) {
        out.extend_from_slice(&rest[..at]);
        let length = sequence_length(&rest[at..]);
        if length == 0 {
            out.push(ESCAPE);
        }
        rest = &rest[at + length.max(1)..];
    }
    out.extend_from_slice(rest);
}

/// Bytes of the escape sequence that `text` starts with; 0 when it is none.
fn sequence_length(text: &[u8]) -> usize {
    let after = |from: usize, member: fn(u8) -> bool| {
        from + text[from.min(text.len())..].iter().take_while(|byte| member(**byte)).count()
    };
    match text.get(1) {
        Some(b'[') => {
            let parameters = after(2, |byte| matches!(byte, 0x30..=0x3f));
            let intermediates = after(parameters, |byte| matches!(byte, 0x20..=0x2f));
            match text.get(intermediates) {
                Some(0x40..=0x7e) => intermediates + 1,
                _ => 0,
            }
        }
        Some(b']') => {
            let end = after(2, |byte| byte != BELL && byte != ESCAPE);
            match (text.get(end), text.get(end + 1)) {
                (Some(&BELL), _) => end + 1,
                (Some(&ESCAPE), Some(b'\\')) => end + 2,
                _ => 0,
            }
        }
        Some(b'(' | b')' | b'#') if text.len() > 2 => 3,
        Some(b'7' | b'8' | b'=' | b'>' | b'c' | b'D' | b'E' | b'H' | b'M') => 2,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_colours_and_titles() {
        for (line, expected) in [
            ("plain", "plain"),
            ("\x1b[31mred\x1b[0m", "red"),
            ("a\x1b[1;32mb\x1b[Kc", "abc"),
            ("\x1b]0;title\x07x", "x"),
            ("\x1b]8;;http://x\x1b\\link", "link"),
            ("\x1b", "\x1b"),
            ("a\x1b[", "a\x1b["),
            ("\x1b(Bx", "x"),
            ("\x1b[31", "\x1b[31"),
        ] {
            let mut out = Vec::new();
            strip(line.as_bytes(), &mut out);
            assert_eq!(String::from_utf8_lossy(&out), expected, "{line:?}");
        }
    }
}
