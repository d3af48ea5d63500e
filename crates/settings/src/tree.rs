//! The settings file as a tree that remembers where each value was written.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_saphyr::Spanned;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// 1-based line of the file.
    Line(u64),
    /// A flag, as written.
    Flag(String),
    /// A key of a file of Loki, by its path, and where that was written.
    Loki { key: String, place: Box<Place> },
    /// Nothing was written; what Loki does then, or what follows from other keys.
    Implied(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Flag(flag) => write!(f, "flag -{flag}"),
            Self::Loki { key, place } => write!(f, "{place}, {key}"),
            Self::Implied(why) => f.write_str(why),
        }
    }
}

/// A value of the file: a section, a list, or anything else.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    Section(Vec<Member>),
    List(Vec<Item>),
    Leaf(Value),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    pub place: Place,
    pub node: Node,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    pub key: String,
    pub place: Place,
    pub node: Node,
}

/// Reads YAML. An empty file is an empty section.
///
/// Errors: one sentence with the line, and nothing of the text, which may hold secrets.
pub fn parse(text: &str) -> Result<Node, String> {
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Node::Section(Vec::new()));
    }
    read(text).map_err(|problem| {
        let problem = problem.without_snippet();
        let place = problem.location().map_or(String::new(), |at| format!("line {}: ", at.line()));
        format!("{place}not readable as YAML: {}", problem.to_string().lines().next().unwrap_or_default())
    })
}

/// Only `true` and `false` are switches: a bucket may be called `n`.
fn read(text: &str) -> Result<Node, serde_saphyr::Error> {
    serde_saphyr::from_str_with_options(text, serde_saphyr::options! { strict_booleans: true })
}

impl Node {
    #[must_use]
    pub fn has_key(&self, key: &str) -> bool {
        self.member(key).is_some()
    }

    /// The member of a section, if this is one.
    #[must_use]
    pub fn member(&self, key: &str) -> Option<&Member> {
        match self {
            Self::Section(members) => members.iter().find(|member| member.key == key),
            _ => None,
        }
    }

    /// What is at a path of keys.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<&Self> {
        path.split('.').try_fold(self, |node, key| node.member(key).map(|member| &member.node))
    }

    /// Whether nothing was written: an empty value, section or list.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Section(members) => members.is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Leaf(value) => value.is_null(),
        }
    }

    /// Puts a flag's value in place of what the file says. Dashes of the flag stand for underscores.
    pub fn set(&mut self, flag: &str, value: &str) {
        self.put(&flag.replace('-', "_"), scalar(value), &Place::Flag(flag.to_owned()));
    }

    /// Puts a value at a path of keys, in place of what is there; sections on the way are made.
    pub fn put(&mut self, path: &str, value: Self, place: &Place) {
        let mut node = self;
        let mut keys = path.split('.').peekable();
        while let Some(key) = keys.next() {
            if !matches!(node, Self::Section(_)) {
                *node = Self::Section(Vec::new());
            }
            let Self::Section(members) = node else { return };
            let at = members.iter().position(|member| member.key == key).unwrap_or_else(|| {
                members.push(Member { key: key.to_owned(), place: place.clone(), node: Self::Leaf(Value::Null) });
                members.len() - 1
            });
            if keys.peek().is_none() {
                members[at] = Member { key: key.to_owned(), place: place.clone(), node: value };
                return;
            }
            node = &mut members[at].node;
        }
    }

    /// The tree as plain data.
    #[must_use]
    pub fn value(&self) -> Value {
        match self {
            Self::Leaf(value) => value.clone(),
            Self::List(items) => Value::Array(items.iter().map(|item| item.node.value()).collect()),
            Self::Section(members) => {
                Value::Object(members.iter().map(|member| (member.key.clone(), member.node.value())).collect())
            }
        }
    }
}

/// A flag's text as YAML would read it, but for sections.
fn scalar(text: &str) -> Node {
    match read(text) {
        Ok(node @ (Node::Leaf(_) | Node::List(_))) => node,
        _ => Node::Leaf(Value::String(text.to_owned())),
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("settings")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Leaf(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Leaf(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Leaf(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Leaf(value.into()))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Leaf(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Leaf(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Leaf(Value::Null))
    }

    fn visit_some<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element::<Spanned<Node>>()? {
            items.push(Item { place: Place::Line(item.referenced.line()), node: item.value });
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut members = Vec::new();
        while let Some(key) = access.next_key::<Spanned<String>>()? {
            let place = Place::Line(key.referenced.line());
            members.push(Member { key: key.value, place, node: access.next_value()? });
        }
        Ok(Node::Section(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_kept_in_lists_too() {
        let tree = parse("a:\n  b: 1\n  c:\n    - d: 2\n      e: 3\n    - d: 4\n").expect("YAML");
        let Some(Node::List(items)) = tree.at("a.c") else { panic!("a list") };
        assert_eq!(items[1].place, Place::Line(6));
        assert_eq!(items[0].node.member("e").map(|member| &member.place), Some(&Place::Line(5)));
        assert_eq!(tree.value(), serde_json::json!({"a": {"b": 1, "c": [{"d": 2, "e": 3}, {"d": 4}]}}));
    }

    #[test]
    fn anchors_and_merges_are_followed() {
        let tree = parse("x: &x\n  a: 1\ny:\n  <<: *x\n  b: 2\nz: *x\n").expect("YAML");
        assert_eq!(tree.value()["y"], serde_json::json!({"a": 1, "b": 2}));
        assert_eq!(tree.value()["z"], serde_json::json!({"a": 1}));
    }

    #[test]
    fn problems_show_nothing_of_the_text() {
        for text in [
            "a: hunter2\n  b: 1\n",
            "a: [hunter2\n",
            "a: 'hunter2\n",
            "a: hunter2\na: hunter2\n",
            "hunter2: {{ x }}\n- y",
        ] {
            let problem = parse(text).expect_err(text);
            assert!(problem.contains("line ") && !problem.contains("hunter2"), "{problem}");
        }
    }

    #[test]
    fn what_is_put_is_found() {
        let mut tree = Node::Section(Vec::new());
        tree.put("a.b", Node::Leaf(1.into()), &Place::Line(1));
        tree.set("a.c-d", "[x, y]");
        tree.set("a.b", "two");
        assert_eq!(tree.value(), serde_json::json!({"a": {"b": "two", "c_d": ["x", "y"]}}));
    }
}
