//! Compares a file with the table of keys, and collects what was written.

use serde_json::Value;

use super::table::{self, Key, Kind};
use crate::nearest::nearest_path;
use crate::tree::{Node, Place};

/// A value of the file whose key the table knows.
#[derive(Debug)]
pub(super) struct Given<'a> {
    /// As it is in the file: `schema_config.configs[0].store`.
    pub(super) path: String,
    pub(super) place: Place,
    pub(super) node: &'a Node,
    pub(super) key: &'static Key,
}

/// Sections that only Sigyn's own form has at the top.
const OWN_SECTIONS: [&str; 6] = ["storage", "limits", "write", "read", "backend", "log"];

/// All values, and one problem for each key that the table does not know or that has the wrong shape.
pub(super) fn walk<'a>(tree: &'a Node, root: &'static Key, at: &str) -> (Vec<Given<'a>>, Vec<String>) {
    let mut walk = Walk { given: Vec::new(), problems: Vec::new() };
    match tree {
        Node::Section(_) => walk.section(tree, root, at),
        _ => walk.problems.push("the file must hold keys and values".to_owned()),
    }
    (walk.given, walk.problems)
}

struct Walk<'a> {
    given: Vec<Given<'a>>,
    problems: Vec<String>,
}

impl<'a> Walk<'a> {
    fn section(&mut self, node: &'a Node, key: &'static Key, path: &str) {
        let Node::Section(members) = node else { return };
        for member in members {
            let path = if path.is_empty() { member.key.clone() } else { format!("{path}.{}", member.key) };
            match key.children.get(&member.key).or_else(|| key.children.get("*")) {
                Some(key) => self.value(&member.node, key, path, &member.place),
                None => self.problems.push(unknown(&path, &member.key, &member.place)),
            }
        }
    }

    fn value(&mut self, node: &'a Node, key: &'static Key, path: String, place: &Place) {
        match (key.kind, node) {
            (Kind::Section | Kind::Map, Node::Leaf(Value::Null)) => {}
            _ if key.children.contains_key("[]") => self.items(node, key, &path, place),
            (Kind::Section, Node::Section(_)) => self.section(node, key, &path),
            (Kind::Map, Node::Section(_)) if !key.children.is_empty() => self.section(node, key, &path),
            // Spelt so by Loki's first pages about DynamoDB.
            (Kind::Section, Node::Leaf(Value::String(_))) if path.ends_with(".dynamodb") => {
                self.push(node, key, path, place);
            }
            (Kind::Section | Kind::Map, Node::Leaf(_) | Node::List(_)) => {
                self.problems.push(format!("{place}: {path} is a section; put its keys below it, indented"));
            }
            (Kind::Value | Kind::Text | Kind::Switch | Kind::Duration, Node::Section(_)) => {
                self.problems.push(format!("{place}: {path} takes a value, not a section"));
            }
            (Kind::List, Node::Section(_)) => {
                self.problems.push(format!("{place}: {path} is a list; begin its items with dashes"));
            }
            _ => self.push(node, key, path, place),
        }
    }

    fn items(&mut self, node: &'a Node, key: &'static Key, path: &str, place: &Place) {
        let (Node::List(items), Some(each)) = (node, key.children.get("[]")) else {
            self.problems.push(format!("{place}: {path} is a list; begin its items with dashes"));
            return;
        };
        for (at, item) in items.iter().enumerate() {
            let path = format!("{path}[{at}]");
            match &item.node {
                Node::Section(_) => self.section(&item.node, each, &path),
                _ => self.problems.push(format!("{}: {path} is a section; put its keys below it", item.place)),
            }
        }
    }

    fn push(&mut self, node: &'a Node, key: &'static Key, path: String, place: &Place) {
        self.given.push(Given { path, place: place.clone(), node, key });
    }
}

fn unknown(path: &str, key: &str, place: &Place) -> String {
    if path == key && OWN_SECTIONS.contains(&key) {
        return format!(
            "{place}: {path} is a section of Sigyn's own form in a file of Loki; use one form or the other"
        );
    }
    // Lists and chosen names are written as the table writes them.
    let known = table::paths().iter().map(|(path, _)| path.as_str());
    match nearest_path(&without_numbers(path), known) {
        Some(near) => format!("{place}: unknown key {path}, did you mean {near}?"),
        None => format!("{place}: unknown key {path}"),
    }
}

fn without_numbers(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut inside = false;
    for c in path.chars() {
        inside = inside && c != ']';
        if !inside {
            out.push(c);
        }
        inside = inside || c == '[';
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let tree = crate::tree::parse(text).expect("YAML");
        walk(&tree, table::keys(), "").1
    }

    #[test]
    fn unknown_keys_are_refused_with_the_nearest() {
        assert_eq!(
            problems(
                "schema_config:\n  configs:\n    - form: 2024-01-01\n      index: {prefix: x, perod: 24h}\nlimits_config:\n  max_lin_size: 1\n\
                 storage_config:\n  aws:\n    dynamodb_config: {}\n    bucketnames: x\nnonsense_at_all: 1\nstorage: {bucket: x}\n"
            ),
            [
                "line 3: unknown key schema_config.configs[0].form, did you mean schema_config.configs[].from?",
                "line 4: unknown key schema_config.configs[0].index.perod, did you mean schema_config.configs[].index.period?",
                "line 6: unknown key limits_config.max_lin_size, did you mean limits_config.max_line_size?",
                "line 9: unknown key storage_config.aws.dynamodb_config, did you mean storage_config.aws.dynamodbconfig?",
                "line 11: unknown key nonsense_at_all",
                "line 12: storage is a section of Sigyn's own form in a file of Loki; use one form or the other",
            ]
        );
    }

    #[test]
    fn shapes_are_checked() {
        assert_eq!(
            problems(
                "server: 5\nauth_enabled: {a: 1}\nschema_config:\n  configs: {from: x}\nlimits_config:\n  retention_stream: {a: 1}\n"
            ),
            [
                "line 1: server is a section; put its keys below it, indented",
                "line 2: auth_enabled takes a value, not a section",
                "line 4: schema_config.configs is a list; begin its items with dashes",
                "line 6: limits_config.retention_stream is a list; begin its items with dashes",
            ]
        );
        assert_eq!(problems("server:\nui: {anything: [1]}\nmemberlist: {join_members: [a]}\n"), [""; 0]);
    }
}
