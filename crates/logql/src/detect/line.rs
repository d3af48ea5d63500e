//! Every field of a line: as JSON when it is an object, else as logfmt.

use hashbrown::HashMap;
use sigyn_model::Labels;

use crate::batch::EXTRACTED;
use crate::extract::json::{Members, Raw};
use crate::extract::logfmt::{self, Scanner};
use crate::extract::text::{push_sanitised, push_unescaped, push_utf8};

/// Deepest nesting walked into.
const DEPTH_MAX: usize = 128;

/// How the fields of a line were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parser {
    Json,
    Logfmt,
}

impl Parser {
    /// As a query names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Logfmt => "logfmt",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LineField {
    pub(super) name: String,
    pub(super) value: String,
    /// Keys that lead to it in a JSON line; empty for logfmt.
    pub(super) path: Vec<String>,
}

/// The fields of one line, each name once: the first value stays.
#[derive(Debug, Default)]
pub(super) struct LineFields {
    fields: Vec<LineField>,
    /// Places in `fields` by name.
    places: HashMap<String, usize>,
    value: String,
}

/// The line, or a part of it, is not JSON.
struct NotJson;

impl From<&'static str> for NotJson {
    fn from(_: &'static str) -> Self {
        Self
    }
}

impl LineFields {
    pub(super) fn fields(&self) -> &[LineField] {
        &self.fields
    }

    pub(super) fn get(&self, name: &str) -> Option<&LineField> {
        self.places.get(name).map(|at| &self.fields[*at])
    }

    fn clear(&mut self) {
        self.fields.clear();
        self.places.clear();
    }

    /// Reads a line; names that the stream's labels have get `_extracted`.
    pub(super) fn read(&mut self, stream: &Labels, line: &[u8]) -> Parser {
        self.clear();
        if self.read_json(stream, line, &mut Vec::new(), String::new()).is_ok() {
            return Parser::Json;
        }
        self.clear();
        self.read_logfmt(stream, line);
        Parser::Logfmt
    }

    /// `prefix`: the label name so far, with its `_`.
    fn read_json(
        &mut self,
        stream: &Labels,
        text: &[u8],
        path: &mut Vec<String>,
        prefix: String,
    ) -> Result<(), NotJson> {
        if path.len() > DEPTH_MAX {
            return Err(NotJson);
        }
        let mut members = Members::new(text)?;
        while let Some((raw_key, value)) = members.next()? {
            let mut key = String::new();
            if !push_unescaped(raw_key, &mut key) {
                return Err(NotJson);
            }
            let mut name = prefix.clone();
            push_sanitised(&key, &mut name);
            if name.len() == prefix.len() {
                continue;
            }
            path.push(key);
            match value {
                Raw::Object(inner) => {
                    name.push('_');
                    self.read_json(stream, inner, path, name)?;
                }
                Raw::Array(_) | Raw::Null => {}
                Raw::Str(inside) => {
                    self.value.clear();
                    if !push_unescaped(inside, &mut self.value) {
                        return Err(NotJson);
                    }
                    self.push(stream, name, path);
                }
                Raw::Plain(token) => {
                    self.value.clear();
                    push_utf8(token, &mut self.value);
                    self.push(stream, name, path);
                }
            }
            path.pop();
        }
        Ok(())
    }

    fn read_logfmt(&mut self, stream: &Labels, line: &[u8]) {
        let mut scanner = Scanner::new(line);
        while let Some(pair) = scanner.next() {
            // What cannot be read is passed over, as `logfmt` without `--strict` does.
            let Ok(pair) = pair else { continue };
            // Keys without a value say nothing about a field; JSON's empty texts are values.
            if pair.is_empty() {
                continue;
            }
            let mut name = String::new();
            logfmt::label_name(pair.key, &mut name);
            self.value.clear();
            pair.push_value(&mut self.value);
            self.push(stream, name, &[]);
        }
    }

    /// Takes `self.value` under a name, unless the name is empty or taken.
    fn push(&mut self, stream: &Labels, mut name: String, path: &[String]) {
        if stream.get(&name).is_some() {
            name.push_str(EXTRACTED);
        }
        if name.is_empty() || self.places.contains_key(&name) {
            return;
        }
        self.places.insert(name.clone(), self.fields.len());
        self.fields.push(LineField { name, value: self.value.clone(), path: path.to_vec() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &str) {
        let stream = Labels::from_pairs([("app", "x")]);
        let mut fields = LineFields::default();
        let parser = fields.read(&stream, line.as_bytes());
        let shown = fields.fields().iter().map(|f| format!("{}={}@{}", f.name, f.value, f.path.join("/")));
        assert_eq!(format!("{} {}", parser.name(), shown.collect::<Vec<_>>().join(" ")), expected, "{line}");
    }

    #[test]
    fn lines_are_json_or_logfmt() {
        check(r#"{"a":{"b c":1},"app":"y","n":null,"l":[1]}"#, "json a_b_c=1@a/b c app_extracted=y@app");
        check(r#"{"a":1,"a":2,"e":"","":3}"#, "json a=1@a e=@e");
        check(r#"{"bad": "#, "logfmt ");
        check(r#"a=1 b="x y" a=3 flag app=z"#, "logfmt a=1@ b=x y@ app_extracted=z@");
        check("[1,2]", "logfmt ");
        check(&format!("{}1{}", r#"{"a":"#.repeat(5000), "}".repeat(5000)), "logfmt ");
    }
}
