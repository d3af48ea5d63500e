//! The little language of `pattern "…"` and `|> "…"`: literal text, `<name>` captures and `<_>`.

use hashbrown::HashSet;

/// One piece of a pattern; texts borrow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'p> {
    Literal(&'p str),
    /// The name without its brackets; `_` is not kept.
    Capture(&'p str),
}

/// Splits a pattern. Adjacent literals are one piece: a `<` that opens no capture is literal text.
#[must_use]
pub fn split(pattern: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut literal, mut at) = (0, 0);
    while let Some(open) = pattern[at..].find('<') {
        let open = at + open;
        let inside = &pattern[open + 1..];
        let name_end = inside.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inside.len());
        let name = &inside[..name_end];
        if !inside[name_end..].starts_with('>') || !is_label_name(name) {
            at = open + 1;
            continue;
        }
        if literal < open {
            pieces.push(Piece::Literal(&pattern[literal..open]));
        }
        pieces.push(Piece::Capture(name));
        at = open + name.len() + 2;
        literal = at;
    }
    if literal < pattern.len() {
        pieces.push(Piece::Literal(&pattern[literal..]));
    }
    pieces
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`
#[must_use]
pub fn is_label_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// What a `pattern` stage refuses: no named capture, adjacent captures, a name used twice.
pub(super) fn check_parser(pattern: &str) -> Result<(), String> {
    let pieces = split(pattern);
    if pieces.is_empty() {
        return Err(
            "parse error at line 1, col 1: syntax error: unexpected $end, expecting IDENTIFIER or LITERAL".to_owned()
        );
    }
    let mut names: HashSet<&str> = HashSet::new();
    let mut repeated = None;
    for piece in &pieces {
        if let Piece::Capture(name) = piece
            && *name != "_"
            && !names.insert(name)
        {
            repeated = repeated.or(Some(*name));
        }
    }
    if names.is_empty() {
        return Err("at least one capture is required".to_owned());
    }
    for pair in pieces.windows(2) {
        if let [Piece::Capture(left), Piece::Capture(right)] = pair {
            return Err(format!("found consecutive capture '<{left}><{right}>': invalid expression"));
        }
    }
    match repeated {
        Some(name) => Err(format!("duplicate capture name ({name}): invalid expression")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Piece, split};

    #[test]
    fn splits_literals_and_captures() {
        use Piece::{Capture, Literal};
        assert_eq!(split("<x> <_>=y"), [Capture("x"), Literal(" "), Capture("_"), Literal("=y")]);
        assert_eq!(split("a<b c> <1x> <"), [Literal("a<b c> <1x> <")]);
        assert_eq!(split("<<x>>"), [Literal("<"), Capture("x"), Literal(">")]);
        assert_eq!(split(""), []);
    }
}
