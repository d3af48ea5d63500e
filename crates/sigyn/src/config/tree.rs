//! The settings file as a tree that remembers where each value was written.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_saphyr::Spanned;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// 1-based line of the file.
    Line(u64),
    /// A flag, as written.
    Flag(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Flag(flag) => write!(f, "flag -{flag}"),
        }
    }
}

/// A value of the file: a section, or anything else.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Section(Vec<Member>),
    Leaf(Value),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    pub(super) key: String,
    pub(super) place: Place,
    pub(super) node: Node,
}

/// Reads YAML. An empty file is an empty section.
pub(super) fn parse(text: &str) -> Result<Node, String> {
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Node::Section(Vec::new()));
    }
    serde_saphyr::from_str(text).map_err(|problem| format!("not readable as YAML: {problem}"))
}

impl Node {
    pub(super) fn has_key(&self, key: &str) -> bool {
        matches!(self, Self::Section(members) if members.iter().any(|member| member.key == key))
    }

    /// Puts a flag's value in place of what the file says. Dashes of the flag stand for underscores.
    pub(super) fn set(&mut self, flag: &str, value: &str) {
        let path = flag.replace('-', "_");
        let place = Place::Flag(flag.to_owned());
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
                members[at] = Member { key: key.to_owned(), place, node: Self::Leaf(scalar(value)) };
                return;
            }
            node = &mut members[at].node;
        }
    }

    /// The tree as plain data.
    pub(super) fn value(&self) -> Value {
        match self {
            Self::Leaf(value) => value.clone(),
            Self::Section(members) => {
                Value::Object(members.iter().map(|member| (member.key.clone(), member.node.value())).collect())
            }
        }
    }
}

/// A flag's text as YAML would read it.
fn scalar(text: &str) -> Value {
    match serde_saphyr::from_str::<Node>(text) {
        Ok(Node::Leaf(value)) => value,
        _ => Value::String(text.to_owned()),
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
        while let Some(item) = access.next_element::<Node>()? {
            items.push(item.value());
        }
        Ok(Node::Leaf(Value::Array(items)))
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
