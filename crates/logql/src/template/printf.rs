//! `print`, `println`, `printf` and the escaping functions, after Go's `fmt`.

use std::fmt::Write as _;

use super::exec::{OUTPUT_BYTES_MAX, Run};
use super::functions::Function;
use super::strings::url_encode;
use super::value::{Value, print_float};

/// `print` puts spaces between operands when neither is text; `println` always. The escapers print first.
pub(super) fn print<'a>(function: Function, arguments: &[Value<'a>], run: &Run<'a>) -> String {
    let mut out = String::new();
    for (at, value) in arguments.iter().enumerate() {
        let both_other = at > 0 && !matches!(value, Value::Str(_)) && !matches!(arguments[at - 1], Value::Str(_));
        if (function == Function::Println && at > 0) || both_other {
            out.push(' ');
        }
        run.print(value, &mut out);
    }
    match function {
        Function::Println => out.push('\n'),
        Function::Html => return escape(&out, html),
        Function::Js => return escape(&out, js),
        Function::UrlQuery => return url_encode(&out),
        _ => {}
    }
    out
}

fn escape(text: &str, with: impl Fn(char) -> Option<&'static str>) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match with(c) {
            Some(escaped) => out.push_str(escaped),
            None => out.push(c),
        }
    }
    out
}

fn html(c: char) -> Option<&'static str> {
    Some(match c {
        '\0' => "\u{fffd}",
        '"' => "&#34;",
        '\'' => "&#39;",
        '&' => "&amp;",
        '<' => "&lt;",
        '>' => "&gt;",
        _ => return None,
    })
}

fn js(c: char) -> Option<&'static str> {
    Some(match c {
        '\\' => "\\\\",
        '\'' => "\\'",
        '"' => "\\\"",
        '<' => "\\u003C",
        '>' => "\\u003E",
        '&' => "\\u0026",
        '=' => "\\u003D",
        '\n' => "\\u000A",
        '\r' => "\\u000D",
        '\t' => "\\u0009",
        '\0' => "\\u0000",
        _ => return None,
    })
}

#[derive(Default)]
struct Verb {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// `printf format arguments…` with Go's verbs.
pub(super) fn printf<'a>(arguments: &[Value<'a>], run: &Run<'a>) -> Result<String, String> {
    let (format, rest) = arguments.split_first().expect("printf has at least one argument");
    let format = super::functions::text(format)?;
    let mut out = String::new();
    let (mut next, mut chars) = (0, format.chars().peekable());
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut verb = Verb::default();
        while let Some(flag) = chars.peek().copied() {
            match flag {
                '-' => verb.minus = true,
                '+' => verb.plus = true,
                '#' => verb.sharp = true,
                ' ' => verb.space = true,
                '0' => verb.zero = true,
                _ => break,
            }
            chars.next();
        }
        verb.width = number(&mut chars, rest, &mut next)?;
        if chars.peek() == Some(&'.') {
            chars.next();
            verb.precision = Some(number(&mut chars, rest, &mut next)?.unwrap_or(0));
        }
        match chars.next() {
            None => out.push_str("%!(NOVERB)"),
            Some('%') => out.push('%'),
            Some(letter) => match rest.get(next) {
                None => {
                    let _ = write!(out, "%!{letter}(MISSING)");
                }
                Some(value) => {
                    next += 1;
                    format_one(letter, &verb, value, run, &mut out);
                }
            },
        }
        if out.len() > OUTPUT_BYTES_MAX {
            return Err(format!("result is longer than the {OUTPUT_BYTES_MAX} bytes allowed"));
        }
    }
    if next < rest.len() {
        let extra: Vec<String> =
            rest[next..].iter().map(|value| format!("{}={}", value.type_name(), printed(value, run))).collect();
        let _ = write!(out, "%!(EXTRA {})", extra.join(", "));
    }
    Ok(out)
}

/// A width or precision: digits, or `*` for the next argument.
fn number<'a>(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    rest: &[Value<'a>],
    next: &mut usize,
) -> Result<Option<usize>, String> {
    if chars.peek() == Some(&'*') {
        chars.next();
        let value = rest.get(*next).map(super::value::to_int);
        *next += 1;
        return bounded(value.and_then(|n| usize::try_from(n).ok()));
    }
    let mut digits = String::new();
    while let Some(digit) = chars.peek().filter(|c| c.is_ascii_digit()) {
        digits.push(*digit);
        chars.next();
    }
    if digits.is_empty() { Ok(None) } else { bounded(Some(digits.parse().unwrap_or(usize::MAX))) }
}

fn bounded(n: Option<usize>) -> Result<Option<usize>, String> {
    match n {
        Some(n) if n > OUTPUT_BYTES_MAX => Err(format!("width {n} is larger than the {OUTPUT_BYTES_MAX} allowed")),
        n => Ok(n),
    }
}

fn printed<'a>(value: &Value<'a>, run: &Run<'a>) -> String {
    let mut out = String::new();
    match value {
        Value::Nil => out.push_str("<nil>"),
        other => run.print(other, &mut out),
    }
    out
}

fn format_one<'a>(letter: char, verb: &Verb, value: &Value<'a>, run: &Run<'a>, out: &mut String) {
    let (body, numeric) = match (letter, value) {
        ('v', Value::Float(x)) => (float_text('g', *x, verb.precision), true),
        ('v' | 'd', Value::Int(n)) => (n.to_string(), true),
        ('v', other) => (printed(other, run), false),
        ('s', Value::Str(text)) => (cut(text, verb.precision), false),
        ('s', Value::Time(_) | Value::List(_) | Value::Map(_) | Value::Labels) => (printed(value, run), false),
        ('q', Value::Str(text)) => (sigyn_model::labels::GoQuoted(&cut(text, verb.precision)).to_string(), false),
        ('t', Value::Bool(b)) => (b.to_string(), false),
        ('T', other) => (other.type_name().to_owned(), false),
        ('c', Value::Int(n)) => {
            (u32::try_from(*n).ok().and_then(char::from_u32).unwrap_or('\u{fffd}').to_string(), false)
        }
        ('q', Value::Int(n)) => {
            (format!("'{}'", u32::try_from(*n).ok().and_then(char::from_u32).unwrap_or('\u{fffd}')), false)
        }
        ('b' | 'o' | 'x' | 'X', Value::Int(n)) => (radix(letter, *n, verb.sharp), true),
        ('x' | 'X', Value::Str(text)) => (hex(letter, text), false),
        ('e' | 'E' | 'f' | 'F' | 'g' | 'G', Value::Float(x)) => (float_text(letter, *x, verb.precision), true),
        (_, Value::Nil) => (format!("%!{letter}(<nil>)"), false),
        (_, other) => (format!("%!{letter}({}={})", other.type_name(), printed(other, run)), false),
    };
    pad(signed(body, numeric, verb), numeric, verb, out);
}

fn signed(body: String, numeric: bool, verb: &Verb) -> String {
    if numeric && !body.starts_with(['-', '+']) {
        if verb.plus {
            return format!("+{body}");
        }
        if verb.space {
            return format!(" {body}");
        }
    }
    body
}

fn pad(body: String, numeric: bool, verb: &Verb, out: &mut String) {
    let missing = verb.width.unwrap_or(0).saturating_sub(body.chars().count());
    if verb.minus {
        out.push_str(&body);
        out.extend(std::iter::repeat_n(' ', missing));
    } else if verb.zero && numeric && missing > 0 {
        let (sign, digits) = body.split_at(usize::from(body.starts_with(['-', '+', ' '])));
        out.push_str(sign);
        out.extend(std::iter::repeat_n('0', missing));
        out.push_str(digits);
    } else {
        out.extend(std::iter::repeat_n(if verb.zero { '0' } else { ' ' }, missing));
        out.push_str(&body);
    }
}

fn cut(text: &str, precision: Option<usize>) -> String {
    precision.map_or_else(|| text.to_owned(), |n| text.chars().take(n).collect())
}

fn radix(letter: char, n: i64, sharp: bool) -> String {
    let (sign, magnitude) = (if n < 0 { "-" } else { "" }, n.unsigned_abs());
    match letter {
        'b' => format!("{sign}{}{magnitude:b}", if sharp { "0b" } else { "" }),
        'o' => format!("{sign}{}{magnitude:o}", if sharp { "0" } else { "" }),
        'x' => format!("{sign}{}{magnitude:x}", if sharp { "0x" } else { "" }),
        _ => format!("{sign}{}{magnitude:X}", if sharp { "0X" } else { "" }),
    }
}

fn hex(letter: char, text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        let _ = if letter == 'x' { write!(out, "{byte:02x}") } else { write!(out, "{byte:02X}") };
    }
    out
}

fn float_text(letter: char, x: f64, precision: Option<usize>) -> String {
    let mut out = String::new();
    if !x.is_finite() {
        print_float(x, &mut out);
        return out;
    }
    match letter {
        'f' | 'F' => {
            let _ = write!(out, "{x:.*}", precision.unwrap_or(6));
        }
        'e' | 'E' => out = exponent_form(&format!("{x:.*e}", precision.unwrap_or(6))),
        _ => match precision {
            None => print_float(x, &mut out),
            Some(digits) => out = general_form(x, digits.max(1)),
        },
    }
    if letter.is_ascii_uppercase() { out.to_uppercase() } else { out }
}

/// `1.5e3` to `1.5e+03`.
fn exponent_form(scientific: &str) -> String {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// `%.Ng`: N significant digits without trailing zeros, exponent form when the exponent is below -4 or at least N.
fn general_form(x: f64, digits: usize) -> String {
    let scientific = format!("{x:.*e}", digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let without_zeros = |text: &str| {
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text.to_owned() }
    };
    if exponent < -4 || exponent >= i32::try_from(digits).unwrap_or(i32::MAX) {
        return exponent_form(&format!("{}e{exponent}", without_zeros(mantissa)));
    }
    let decimals = usize::try_from(i32::try_from(digits).unwrap_or(i32::MAX) - 1 - exponent).unwrap_or(0);
    without_zeros(&format!("{x:.decimals$}"))
}
