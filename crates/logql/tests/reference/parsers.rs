//! What parsers find in one line: names and values in order, and whether the line is well formed.

use std::cell::RefCell;
use std::collections::HashMap;

use regex::Regex;

thread_local! {
    static REGEXES: RefCell<HashMap<String, Regex>> = RefCell::default();
}

/// The compiled regex; compiling is what would take the time.
pub(super) fn regex(pattern: &str) -> Regex {
    REGEXES.with_borrow_mut(|regexes| {
        let compile = || Regex::new(pattern).expect("a good regex");
        regexes.entry(pattern.to_owned()).or_insert_with(compile).clone()
    })
}

/// Fields in the order of the line, up to the first error.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) fields: Vec<(String, String)>,
    pub(super) failed: bool,
}

/// A JSON value as it was read.
#[derive(Debug, Clone)]
pub(super) enum Json {
    Text(String),
    /// A number or boolean as written.
    Plain(String),
    Null,
    Array(Vec<Json>, String),
    Object(Vec<(String, Json)>, String),
}

/// Reads the value at the start of `text` (after white space) and gives what is left behind it. An object whose end is
/// missing gives what was read of it when `partial` is there.
fn value<'l>(text: &'l str, partial: Option<&mut Vec<(String, Json)>>) -> Option<(Json, &'l str)> {
    let text = text.trim_start();
    match text.chars().next()? {
        '"' => {
            let (inside, rest) = string(text)?;
            Some((Json::Text(inside), rest))
        }
        '{' => {
            let (mut own, mut rest) = (Vec::new(), text[1..].trim_start());
            let members = partial.unwrap_or(&mut own);
            while !rest.starts_with('}') {
                if !members.is_empty() {
                    rest = rest.strip_prefix(',')?.trim_start();
                }
                let (key, after) = string(rest)?;
                let (member, after) = value(after.trim_start().strip_prefix(':')?, None)?;
                members.push((key, member));
                rest = after.trim_start();
            }
            let written = &text[..text.len() - rest.len() + 1];
            Some((Json::Object(members.clone(), written.to_owned()), &rest[1..]))
        }
        '[' => {
            let (mut elements, mut rest) = (Vec::new(), text[1..].trim_start());
            while !rest.starts_with(']') {
                if !elements.is_empty() {
                    rest = rest.strip_prefix(',')?;
                }
                let (element, after) = value(rest, None)?;
                elements.push(element);
                rest = after.trim_start();
            }
            let written = &text[..text.len() - rest.len() + 1];
            Some((Json::Array(elements, written.to_owned()), &rest[1..]))
        }
        _ => {
            let end = text.find([' ', ',', '}', ']']).unwrap_or(text.len());
            let (token, rest) = text.split_at(end);
            match token {
                "null" => Some((Json::Null, rest)),
                "true" | "false" => Some((Json::Plain(token.to_owned()), rest)),
                _ if token.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => {
                    Some((Json::Plain(token.to_owned()), rest))
                }
                _ => None,
            }
        }
    }
}

/// A quoted text with its escapes resolved, and what stands behind it.
fn string(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut chars = text.strip_prefix('"')?.chars();
    loop {
        match chars.next()? {
            '"' => return Some((out, chars.as_str())),
            '\\' => match chars.next()? {
                'n' => out.push('\n'),
                't' => out.push('\t'),
                'u' => {
                    let (digits, rest) = chars.as_str().split_at_checked(4)?;
                    out.push(char::from_u32(u32::from_str_radix(digits, 16).ok()?)?);
                    chars = rest.chars();
                }
                other => out.push(other),
            },
            other => out.push(other),
        }
    }
}

/// A name with `_` for what no label name has.
fn sanitised(prefix: &str, key: &str) -> String {
    let digit_first = prefix.is_empty() && key.starts_with(|c: char| c.is_ascii_digit());
    let clean = key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
    prefix.chars().chain(digit_first.then_some('_')).chain(clean).collect()
}

fn flatten(members: &[(String, Json)], prefix: &str, out: &mut Vec<(String, String)>) {
    for (key, value) in members {
        let name = sanitised(prefix, key);
        match value {
            _ if key.is_empty() => {}
            Json::Text(text) | Json::Plain(text) => out.push((name, text.clone())),
            Json::Object(inner, _) => flatten(inner, &(name + "_"), out),
            Json::Null | Json::Array(..) => {}
        }
    }
}

/// `| json`.
pub(super) fn json(line: &str) -> Found {
    let mut members = Vec::new();
    let whole = if line.trim_start().starts_with('{') { value(line, Some(&mut members)) } else { None };
    let mut found = Found { fields: Vec::new(), failed: whole.is_none() };
    flatten(&members, "", &mut found.fields);
    found
}

/// The text at a path of `| json x="a.b[0]"`; None when it is not there.
pub(super) fn json_path(line: &str, path: &str) -> Option<String> {
    let mut members = Vec::new();
    let mut at = match value(line, Some(&mut members)) {
        Some((value, _)) => value,
        None => return None,
    };
    let steps = regex(r#"\["([^"]*)"\]|\[(\d+)\]|\.?(\w+)"#);
    for step in steps.captures_iter(path) {
        let key = step.get(1).or(step.get(3)).map(|key| key.as_str());
        at = match (at, key) {
            (Json::Object(members, _), Some(key)) => members.into_iter().find(|(name, _)| name == key)?.1,
            (Json::Array(elements, _), None) => elements.into_iter().nth(step[2].parse().expect("digits"))?,
            _ => return None,
        };
    }
    Some(match at {
        Json::Text(text) | Json::Plain(text) | Json::Array(_, text) | Json::Object(_, text) => text,
        Json::Null => String::new(),
    })
}

/// `| logfmt`: pairs, empty values among them; a malformed pair ends a strict walk and is passed over otherwise.
pub(super) fn logfmt(line: &str, strict: bool) -> Found {
    let mut found = Found::default();
    let is_gap = |c: char| c <= ' ';
    let mut rest = line.trim_start_matches(is_gap);
    while !rest.is_empty() {
        let (key, after) = rest.split_at(rest.find(|c: char| is_gap(c) || c == '=' || c == '"').unwrap_or(rest.len()));
        let pair = match (after.chars().next(), after.strip_prefix('=')) {
            (Some('"'), _) => Err(after),
            (Some('='), _) if key.is_empty() => Err(after),
            (_, Some(quoted)) if quoted.starts_with('"') => string(quoted).ok_or(""),
            (_, Some(bare)) => {
                let end = bare.find(|c: char| is_gap(c) || c == '=' || c == '"').unwrap_or(bare.len());
                let (value, behind) = bare.split_at(end);
                let malformed = behind.starts_with(['=', '"']);
                if malformed { Err(behind) } else { Ok((value.to_owned(), behind)) }
            }
            _ => Ok((String::new(), after)),
        };
        rest = match pair {
            Ok((value, behind)) => {
                found.fields.push((sanitised("", key), value));
                behind
            }
            Err(_) if strict => {
                found.failed = true;
                return found;
            }
            Err(behind) => behind.trim_start_matches(|c: char| !is_gap(c)),
        };
        rest = rest.trim_start_matches(is_gap);
    }
    found
}

/// `| regexp "…"`.
pub(super) fn regexp(line: &str, pattern: &str) -> Found {
    let regex = regex(pattern);
    let Some(captures) = regex.captures(line) else { return Found::default() };
    let text = |name| captures.name(name).map_or("", |text| text.as_str());
    let fields = regex.capture_names().flatten().map(|name| (name.to_owned(), text(name).to_owned()));
    Found { fields: fields.collect(), failed: false }
}

/// `| pattern "a <x> b <_>"`.
pub(super) fn pattern(line: &str, pattern: &str) -> Found {
    let mut found = Found::default();
    let captures = regex("<(\\w+)>");
    let literals: Vec<&str> = captures.split(pattern).collect();
    let Some(mut rest) = line.strip_prefix(literals[0]) else { return found };
    for (name, literal) in captures.captures_iter(pattern).zip(&literals[1..]) {
        let end = if literal.is_empty() { None } else { rest.find(literal) };
        if &name[1] != "_" {
            found.fields.push((name[1].to_owned(), rest[..end.unwrap_or(rest.len())].to_owned()));
        }
        match end {
            Some(end) => rest = &rest[end + literal.len()..],
            None => break,
        }
    }
    found
}
