//! Template functions over text.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::Template;
use super::exec::{Arguments, OUTPUT_BYTES_MAX};
use super::functions::{Function, integer, text};
use super::value::Value;

pub(super) fn call<'a>(function: Function, arguments: Arguments<'a>, template: &Template) -> Result<Value<'a>, String> {
    let string = |at: usize| text(&arguments[at]);
    let int = |at: usize| integer(&arguments[at]);
    let owned = |result: String| Ok(Value::owned(result));
    match function {
        Function::ToLower | Function::Lower => owned(string(0)?.to_lowercase()),
        Function::ToUpper | Function::Upper => owned(string(0)?.to_uppercase()),
        Function::Title => owned(title(string(0)?)),
        Function::ReplaceN => owned(replace(string(0)?, string(1)?, string(2)?, int(3)?)?),
        Function::ReplaceAll => owned(replace(string(2)?, string(0)?, string(1)?, -1)?),
        Function::TrimCut => trimmed(&arguments[0], |s| s.trim_matches(in_set(text(&arguments[1]).unwrap_or("")))),
        Function::TrimAll => trimmed(&arguments[1], |s| s.trim_matches(in_set(text(&arguments[0]).unwrap_or("")))),
        Function::TrimLeft => {
            trimmed(&arguments[0], |s| s.trim_start_matches(in_set(text(&arguments[1]).unwrap_or(""))))
        }
        Function::TrimRight => {
            trimmed(&arguments[0], |s| s.trim_end_matches(in_set(text(&arguments[1]).unwrap_or(""))))
        }
        Function::TrimPrefix => strip(&arguments[0], &arguments[1], true),
        Function::TrimSuffix => strip(&arguments[0], &arguments[1], false),
        Function::TrimPrefixLast => strip(&arguments[1], &arguments[0], true),
        Function::TrimSuffixLast => strip(&arguments[1], &arguments[0], false),
        Function::TrimSpace | Function::Trim => trimmed(&arguments[0], str::trim),
        Function::Trunc => owned(trunc(int(0)?, string(1)?)),
        Function::Substr => owned(substr(int(0)?, int(1)?, string(2)?)),
        Function::Contains => Ok(Value::Bool(string(1)?.contains(string(0)?))),
        Function::HasPrefix => Ok(Value::Bool(string(1)?.starts_with(string(0)?))),
        Function::HasSuffix => Ok(Value::Bool(string(1)?.ends_with(string(0)?))),
        Function::Repeat => owned(repeat(string(1)?, int(0)?)?),
        Function::Indent => owned(indent(int(0)?, string(1)?)?),
        Function::Nindent => Ok(Value::owned(format!("\n{}", indent(int(0)?, string(1)?)?))),
        Function::AlignLeft => owned(align(int(0)?, string(1)?, true)?),
        Function::AlignRight => owned(align(int(0)?, string(1)?, false)?),
        Function::RegexReplace => regex_replace(template, string(0)?, string(1)?, string(2)?, true),
        Function::RegexReplaceLiteral => regex_replace(template, string(0)?, string(1)?, string(2)?, false),
        Function::Count => {
            let (pattern, subject) = (string(0)?, string(1)?);
            Ok(Value::Int(template.regex(pattern)?.find_iter(subject.as_bytes()).count() as i64))
        }
        Function::UrlEncode => owned(url_encode(string(0)?)),
        Function::UrlDecode => url_decode(string(0)?).map(Value::owned),
        Function::Base64Encode => owned(base64_encode(string(0)?.as_bytes())),
        Function::Base64Decode => owned(base64_decode(string(0)?)),
        other => Err(format!("{} is not a function over text", other.name())),
    }
}

fn title(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    let mut previous = ' ';
    for c in s.chars() {
        let inside_word =
            previous.is_alphanumeric() || previous == '_' || (!previous.is_ascii() && !previous.is_whitespace());
        if inside_word {
            out.push(c)
        } else {
            out.extend(c.to_uppercase())
        }
        previous = c;
    }
    out
}

fn replace(s: &str, old: &str, new: &str, n: i64) -> Result<String, String> {
    let times = usize::try_from(n).unwrap_or(usize::MAX).min(s.len() + 1);
    let hits = if new.len() > old.len() { s.matches(old).take(times).count() } else { 0 };
    bounded(s.len().saturating_add(hits.saturating_mul(new.len())))?;
    Ok(s.replacen(old, new, times))
}

fn bounded(bytes: usize) -> Result<(), String> {
    if bytes > OUTPUT_BYTES_MAX {
        Err(format!("result of {bytes} bytes is longer than the {OUTPUT_BYTES_MAX} allowed"))
    } else {
        Ok(())
    }
}

fn in_set(set: &str) -> impl Fn(char) -> bool + Copy + '_ {
    move |c| set.contains(c)
}

/// A cut that keeps borrowing where the argument borrows.
fn trimmed<'a>(value: &Value<'a>, cut: impl Fn(&str) -> &str) -> Result<Value<'a>, String> {
    match value {
        Value::Str(Cow::Borrowed(s)) => {
            let kept = cut(s);
            let start = kept.as_ptr() as usize - s.as_ptr() as usize;
            Ok(Value::borrowed(&s[start..start + kept.len()]))
        }
        other => Ok(Value::owned(cut(text(other)?).to_owned())),
    }
}

fn strip<'a>(value: &Value<'a>, affix: &Value<'a>, front: bool) -> Result<Value<'a>, String> {
    let affix = text(affix)?;
    trimmed(value, |s| if front { s.strip_prefix(affix) } else { s.strip_suffix(affix) }.unwrap_or(s))
}

/// Bytes, not characters: a cut character becomes U+FFFD.
fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn trunc(n: i64, s: &str) -> String {
    let length = s.len() as i64;
    if n < 0 && length + n > 0 {
        lossy(&s.as_bytes()[(length + n) as usize..])
    } else if n >= 0 && length > n {
        lossy(&s.as_bytes()[..n as usize])
    } else {
        s.to_owned()
    }
}

fn substr(start: i64, end: i64, s: &str) -> String {
    let length = s.len();
    let clamp = |n: i64| usize::try_from(n).unwrap_or(0).min(length);
    if start < 0 {
        return lossy(&s.as_bytes()[..clamp(end)]);
    }
    let from = clamp(start);
    let to = if end < 0 || end > length as i64 { length } else { clamp(end).max(from) };
    lossy(&s.as_bytes()[from..to])
}

fn repeat(s: &str, n: i64) -> Result<String, String> {
    let times = usize::try_from(n).map_err(|_| "strings: negative Repeat count".to_owned())?;
    bounded(s.len().saturating_mul(times))?;
    Ok(s.repeat(times))
}

fn indent(n: i64, s: &str) -> Result<String, String> {
    let pad = repeat(" ", n)?;
    bounded(s.len().saturating_add(pad.len().saturating_mul(s.matches('\n').count() + 1)))?;
    Ok(format!("{pad}{}", s.replace('\n', &format!("\n{pad}"))))
}

/// Pads with spaces or cuts to `n` characters; cutting on the right side keeps the tail.
fn align(n: i64, s: &str, left: bool) -> Result<String, String> {
    let Ok(width) = usize::try_from(n) else { return Ok(s.to_owned()) };
    bounded(width)?;
    let characters = s.chars().count();
    Ok(match (characters >= width, left) {
        (true, true) => s.chars().take(width).collect(),
        (true, false) => s.chars().skip(characters - width).collect(),
        (false, true) => format!("{s}{}", " ".repeat(width - characters)),
        (false, false) => format!("{}{s}", " ".repeat(width - characters)),
    })
}

fn regex_replace<'a>(
    template: &Template,
    pattern: &str,
    subject: &str,
    replacement: &str,
    expand: bool,
) -> Result<Value<'a>, String> {
    let regex = template.regex(pattern)?;
    let mut out = Vec::with_capacity(subject.len());
    let mut end = 0;
    for captures in regex.captures_iter(subject.as_bytes()) {
        let found = captures.get(0).expect("group 0 is the match");
        out.extend_from_slice(&subject.as_bytes()[end..found.start()]);
        if expand {
            captures.expand(replacement.as_bytes(), &mut out)
        } else {
            out.extend_from_slice(replacement.as_bytes())
        }
        end = found.end();
        bounded(out.len())?;
    }
    out.extend_from_slice(&subject.as_bytes()[end..]);
    Ok(Value::owned(lossy(&out)))
}

/// Query escaping: letters, digits and `-_.~` stay, a space becomes `+`.
pub(super) fn url_encode(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    for byte in s.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

fn url_decode(s: &str) -> Result<String, String> {
    let bytes = s.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'+' => out.push(b' '),
            b'%' => {
                let hex = s.get(at + 1..at + 3).filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
                let Some(hex) = hex else {
                    return Err(format!(
                        "invalid URL escape {}",
                        sigyn_model::labels::GoQuoted(s.get(at..(at + 3).min(s.len())).unwrap_or("%"))
                    ));
                };
                out.push(u8::from_str_radix(hex, 16).expect("two hex digits"));
                at += 2;
            }
            byte => out.push(byte),
        }
        at += 1;
    }
    Ok(lossy(&out))
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64_encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, b| group << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let sextet = (group >> (18 - 6 * place)) & 63;
            out.push(if place <= chunk.len() { char::from(BASE64[sextet as usize]) } else { '=' });
        }
    }
    out
}

/// Standard base64; bad input yields the error's text as value.
fn base64_decode(s: &str) -> String {
    let clean: Vec<(usize, u8)> = s.bytes().enumerate().filter(|(_, b)| !matches!(b, b'\r' | b'\n')).collect();
    let bad = |at: usize| format!("illegal base64 data at input byte {at}");
    if !clean.len().is_multiple_of(4) {
        let sound = clean.iter().position(|(_, b)| !BASE64.contains(b)).unwrap_or(clean.len() / 4 * 4);
        return bad(clean.get(sound).map_or(s.len(), |(at, _)| *at));
    }
    let mut out = Vec::with_capacity(clean.len() / 4 * 3);
    for (group_at, group) in clean.chunks(4).enumerate() {
        let padding = group.iter().rev().take_while(|(_, b)| *b == b'=').count();
        if padding > 2 || (padding > 0 && (group_at + 1) * 4 != clean.len()) {
            return bad(group[4 - padding].0);
        }
        let mut bits = 0_u32;
        for (at, b) in &group[..4 - padding] {
            let Some(sextet) = BASE64.iter().position(|known| known == b) else { return bad(*at) };
            bits = bits << 6 | sextet as u32;
        }
        bits <<= 6 * padding;
        out.extend_from_slice(&bits.to_be_bytes()[1..4 - padding]);
    }
    lossy(&out)
}
