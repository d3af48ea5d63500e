//! Go's regular expression syntax to Rust's: every atom is read by Go's rules and written in an unambiguous form.
//!
//! Source: the syntax page of Go's `regexp/syntax` package and RE2's.

use hashbrown::HashSet;

use super::class;

/// Groups inside groups.
pub(super) const NEST_MAX: usize = 250;

/// Largest count in `{…}`, and largest product of counts inside one another.
const REPEAT_MAX: u32 = 1000;

/// A pattern in Rust's syntax.
#[derive(Debug)]
pub(super) struct Translated {
    pub(super) pattern: String,
    /// The name of each group, as written; names may repeat.
    pub(super) groups: Vec<Option<String>>,
}

/// Go's error text.
pub(super) fn error(code: &str, text: &str) -> String {
    format!("error parsing regexp: {code}: `{text}`")
}

pub(super) fn translate(pattern: &str) -> Result<Translated, String> {
    let mut translator = Translator::new(pattern);
    translator.run()?;
    Ok(Translated { pattern: translator.out, groups: translator.groups })
}

#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    ignore_case: bool,
    multi_line: bool,
    dot_all: bool,
    ungreedy: bool,
}

impl Flags {
    fn set(&mut self, flag: char, on: bool) -> bool {
        match flag {
            'i' => self.ignore_case = on,
            'm' => self.multi_line = on,
            's' => self.dot_all = on,
            'U' => self.ungreedy = on,
            _ => return false,
        }
        true
    }

    /// `im-sU`
    fn text(self) -> String {
        let flags = [('i', self.ignore_case), ('m', self.multi_line), ('s', self.dot_all), ('U', self.ungreedy)];
        let pick = |wanted: bool| flags.iter().filter(move |(_, on)| *on == wanted).map(|(flag, _)| *flag);
        let mut text: String = pick(true).collect();
        if text.len() < flags.len() {
            text.push('-');
            text.extend(pick(false));
        }
        text
    }
}

/// An open group: what to go back to at its `)`.
struct Frame {
    flags: Flags,
    /// Largest product of counts in what came before the group at its level.
    weight: u32,
}

struct Translator<'p> {
    pattern: &'p str,
    rest: &'p str,
    out: String,
    groups: Vec<Option<String>>,
    names: HashSet<&'p str>,
    /// Distance of the last `:]` from the end of the pattern; 0 if there is none.
    named_tail: usize,
    frames: Vec<Frame>,
    flags: Flags,
    /// Largest product of counts at this level.
    weight: u32,
    /// That of the atom just read, if there is one to repeat.
    atom: Option<u32>,
    /// Where the repetition just read began, if the last thing read was one.
    repeated_at: Option<usize>,
}

impl<'p> Translator<'p> {
    fn new(pattern: &'p str) -> Self {
        Self {
            pattern,
            rest: pattern,
            out: String::with_capacity(pattern.len() + 16),
            groups: Vec::new(),
            names: HashSet::new(),
            named_tail: pattern.rfind(":]").map_or(0, |at| pattern.len() - at),
            frames: Vec::new(),
            flags: Flags::default(),
            weight: 1,
            atom: None,
            repeated_at: None,
        }
    }

    fn run(&mut self) -> Result<(), String> {
        while let Some(c) = self.rest.chars().next() {
            let repeated_at = self.repeated_at.take();
            match c {
                '(' if self.rest.starts_with("(?") => self.perl_group()?,
                '(' => {
                    self.rest = &self.rest[1..];
                    self.groups.push(None);
                    self.open("(")?;
                }
                '|' => {
                    self.rest = &self.rest[1..];
                    self.out.push('|');
                    self.atom = None;
                }
                ')' => self.close()?,
                '^' | '$' | '.' => self.atom(1, c.encode_utf8(&mut [0; 4])),
                '[' => {
                    let (length, text) = class::bracketed(self.rest, self.named_tail)?;
                    self.atom(length, &text);
                }
                '*' | '+' | '?' => self.repeat(1, 0, repeated_at)?,
                '{' => match counts(self.rest) {
                    Some((length, most)) => self.repeat(length, most, repeated_at)?,
                    None => self.atom(1, "\\{"),
                },
                '\\' => self.escape()?,
                c => self.literal(c),
            }
        }
        if self.frames.is_empty() { Ok(()) } else { Err(error("missing closing )", self.pattern)) }
    }

    /// Writes an atom that was `length` bytes of the pattern.
    fn atom(&mut self, length: usize, text: &str) {
        self.rest = &self.rest[length..];
        self.out.push_str(text);
        self.atom = Some(1);
    }

    fn literal(&mut self, c: char) {
        self.atom(c.len_utf8(), &regex_syntax::escape(c.encode_utf8(&mut [0; 4])));
    }

    fn open(&mut self, text: &str) -> Result<(), String> {
        if self.frames.len() == NEST_MAX {
            return Err(error("expression nests too deeply", self.pattern));
        }
        self.frames.push(Frame { flags: self.flags, weight: self.weight });
        self.out.push_str(text);
        (self.weight, self.atom) = (1, None);
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        let Some(frame) = self.frames.pop() else {
            return Err(error("unexpected )", self.pattern));
        };
        self.rest = &self.rest[1..];
        self.out.push(')');
        self.atom = Some(self.weight);
        self.weight = self.weight.max(frame.weight);
        self.flags = frame.flags;
        Ok(())
    }

    /// `(?P<name>`, `(?<name>`, `(?flags)` or `(?flags:`.
    fn perl_group(&mut self) -> Result<(), String> {
        for prefix in ["(?P<", "(?<"] {
            let Some(named) = self.rest.strip_prefix(prefix).filter(|named| !named.is_empty()) else {
                continue;
            };
            let Some(end) = named.find('>') else {
                return Err(error("invalid named capture", self.rest));
            };
            let name = &named[..end];
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                return Err(error("invalid named capture", &self.rest[..prefix.len() + end + 1]));
            }
            self.rest = &named[end + 1..];
            return self.open_named(name);
        }
        self.flag_group()
    }

    /// Rust refuses repeated names and names that begin with a digit; such groups are left without.
    fn open_named(&mut self, name: &'p str) -> Result<(), String> {
        self.groups.push(Some(name.to_owned()));
        if !self.names.insert(name) || name.starts_with(|c: char| c.is_ascii_digit()) {
            return self.open("(");
        }
        self.open(&format!("(?P<{name}>"))
    }

    fn flag_group(&mut self) -> Result<(), String> {
        let (mut flags, mut on, mut seen) = (self.flags, true, false);
        for (at, c) in self.rest.char_indices().skip(2) {
            let unsupported = || error("invalid or unsupported Perl syntax", &self.rest[..at + c.len_utf8()]);
            match c {
                '-' if on => (on, seen) = (false, false),
                ':' | ')' if on || seen => {
                    self.rest = &self.rest[at + 1..];
                    if c == ':' {
                        self.open(&format!("(?{}:", flags.text()))?;
                    } else {
                        self.out.push_str(&format!("(?{})", flags.text()));
                        self.atom = None;
                    }
                    self.flags = flags;
                    return Ok(());
                }
                c if flags.set(c, on) => seen = true,
                _ => return Err(unsupported()),
            }
        }
        Err(error("missing closing )", self.pattern))
    }

    /// A repetition of `length` bytes (without `?`) that repeats its atom at most `most` times; 0 means without bound.
    fn repeat(&mut self, length: usize, most: u32, repeated_at: Option<usize>) -> Result<(), String> {
        let start = self.pattern.len() - self.rest.len();
        let length = length + usize::from(self.rest[length..].starts_with('?'));
        let (text, rest) = self.rest.split_at(length);
        if most > REPEAT_MAX {
            return Err(error("invalid repeat count", text));
        }
        let Some(weight) = self.atom else {
            return Err(error("missing argument to repetition operator", text));
        };
        if let Some(previous) = repeated_at {
            return Err(error("invalid nested repetition operator", &self.pattern[previous..start + length]));
        }
        let weight = weight * most.max(1);
        if weight > REPEAT_MAX {
            return Err(error("invalid repeat count", text));
        }
        self.out.push_str(text);
        self.rest = rest;
        (self.atom, self.weight, self.repeated_at) = (Some(weight), self.weight.max(weight), Some(start));
        Ok(())
    }

    fn escape(&mut self) -> Result<(), String> {
        match self.rest[1..].chars().next() {
            Some('A') => self.atom(2, "\\A"),
            Some('z') => self.atom(2, "\\z"),
            Some('b') => self.atom(2, "(?-u:\\b)"),
            Some('B') => self.atom(2, "(?-u:\\B)"),
            Some('Q') => self.quoted(),
            Some(_) => {
                if let Some((length, items)) = class::escaped(self.rest)? {
                    self.atom(length, &format!("[{items}]"));
                } else {
                    let (length, c) = class::escaped_char(self.rest)?;
                    self.rest = &self.rest[length - 1..];
                    self.atom(1, &regex_syntax::escape(c.encode_utf8(&mut [0; 4])));
                }
            }
            None => return Err(error("trailing backslash at end of expression", "")),
        }
        Ok(())
    }

    /// `\Q…\E`: literal text, to the end if `\E` is missing.
    fn quoted(&mut self) {
        let text = &self.rest[2..];
        let (text, rest) = text.split_once("\\E").unwrap_or((text, ""));
        self.rest = rest;
        for c in text.chars() {
            self.atom(0, &regex_syntax::escape(c.encode_utf8(&mut [0; 4])));
        }
    }
}

/// Reads `{n}`, `{n,}` or `{n,m}`: its length and the most it repeats. `None`: the brace is an ordinary character.
/// Counts that Go refuses come back as more than [`REPEAT_MAX`].
fn counts(text: &str) -> Option<(usize, u32)> {
    let end = text[1..].find(|c: char| !(c.is_ascii_digit() || c == ','))? + 1;
    if !text[end..].starts_with('}') {
        return None;
    }
    let inside = &text[1..end];
    let (least, most) = inside.split_once(',').map_or((inside, None), |(least, most)| (least, Some(most)));
    let least = count(least)?;
    let most = match most {
        None | Some("") => least,
        Some(most) => {
            let most = count(most)?;
            if most < least { u32::MAX } else { most }
        }
    };
    Some((inside.len() + 2, most.max(if least > REPEAT_MAX { u32::MAX } else { 0 })))
}

fn count(digits: &str) -> Option<u32> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    Some(digits.parse().unwrap_or(u32::MAX))
}
