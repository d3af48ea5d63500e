//! Prints settings as YAML.

use serde_json::Value;

use crate::tree::Node;

/// Nested keys indented by two spaces, lists in brackets.
#[must_use]
pub fn value(value: &Value) -> String {
    remarked(value, &|_| Remarks::default())
}

/// As [`value`], with what `remarks` says about each key by its path.
#[must_use]
pub fn remarked(value: &Value, remarks: &dyn Fn(&str) -> Remarks) -> String {
    let mut out = String::new();
    Printer { out: &mut out, remarks }.section(value, "", 0);
    out
}

/// A tree as YAML, with what `remarks` says about each key by its path.
#[must_use]
pub fn tree(node: &Node, remarks: &dyn Fn(&str) -> Remarks) -> String {
    let mut out = String::new();
    Printer { out: &mut out, remarks }.node(node, "", 0);
    out
}

/// What is written beside a key.
#[derive(Debug, Clone, Default)]
pub struct Remarks {
    /// Comment lines above it.
    pub above: Vec<String>,
    /// A comment at the end of its line.
    pub beside: Option<String>,
    /// Text in place of its value.
    pub value: Option<String>,
}

struct Printer<'a> {
    out: &'a mut String,
    remarks: &'a dyn Fn(&str) -> Remarks,
}

impl Printer<'_> {
    /// Keys in the order of the tree.
    fn node(&mut self, node: &Node, path: &str, depth: usize) {
        let Node::Section(members) = node else { return };
        for member in members {
            let path = join(path, &member.key);
            let remarks = (self.remarks)(&path);
            self.open(&member.key, &remarks, depth);
            match &member.node {
                inner @ Node::Section(members) if !members.is_empty() => {
                    self.end(&remarks);
                    self.node(inner, &path, depth + 1);
                }
                inner => self.leaf(&inner.value(), &remarks),
            }
        }
    }

    /// Keys in the order of the value.
    fn section(&mut self, value: &Value, path: &str, depth: usize) {
        let Value::Object(members) = value else { return };
        for (key, value) in members {
            let path = join(path, key);
            let remarks = (self.remarks)(&path);
            self.open(key, &remarks, depth);
            if value.as_object().is_some_and(|members| !members.is_empty()) {
                self.end(&remarks);
                self.section(value, &path, depth + 1);
            } else {
                self.leaf(value, &remarks);
            }
        }
    }

    fn open(&mut self, key: &str, remarks: &Remarks, depth: usize) {
        let indent = "  ".repeat(depth);
        for line in &remarks.above {
            self.out.push_str(&format!("{indent}# {line}\n"));
        }
        self.out.push_str(&indent);
        scalar(self.out, &Value::String(key.to_owned()));
        self.out.push(':');
    }

    fn leaf(&mut self, value: &Value, remarks: &Remarks) {
        self.out.push(' ');
        match &remarks.value {
            Some(text) => self.out.push_str(text),
            None => scalar(self.out, value),
        }
        self.end(remarks);
    }

    fn end(&mut self, remarks: &Remarks) {
        if let Some(beside) = &remarks.beside {
            self.out.push_str(&format!("  # {beside}"));
        }
        self.out.push('\n');
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// JSON's scalars and lists are YAML; plain words lose their quotes.
fn scalar(out: &mut String, value: &Value) {
    match value {
        Value::String(text) if is_plain(text) => out.push_str(text),
        // A `$` before a brace would be replaced from the environment when the file is read.
        other => out.push_str(&other.to_string().replace("${", "$${")),
    }
}

/// Text that YAML reads as a string without quotes.
fn is_plain(text: &str) -> bool {
    (text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/') || text.starts_with("./"))
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_./-:,".contains(c))
        && !text.ends_with(':')
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "y" | "n"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_reads_back() {
        let text = "a: {b: 1, 'c d': ['x', '#y', 2.5], e: '.5', f: \"${V}\", g: {}}\nh: 'no'\ni: s3://b/c\n";
        let node = crate::tree::parse(text).expect("YAML");
        for printed in [tree(&node, &|_| Remarks::default()), value(&node.value())] {
            let printed = crate::expand::variables(&printed, |_| None).expect("no variables");
            assert_eq!(crate::tree::parse(&printed).expect("YAML").value(), node.value(), "{printed}");
        }
    }

    #[test]
    fn remarks_stand_beside_their_keys() {
        let node = crate::tree::parse("a:\n  b: secret\n").expect("YAML");
        let printed = tree(&node, &|path| match path {
            "a.b" => Remarks {
                above: vec!["why".to_owned()],
                beside: Some("was c".to_owned()),
                value: Some("${X}".to_owned()),
            },
            _ => Remarks::default(),
        });
        assert_eq!(printed, "a:\n  # why\n  b: ${X}  # was c\n");
    }
}
