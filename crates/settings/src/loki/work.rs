//! A translation under way: what was written, what comes of it, and what is said about it.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::Value;

use super::walk::Given;
use super::{Note, NoteKind};
use crate::tree::{Node, Place};

pub(super) struct Work<'a> {
    given: Vec<Given<'a>>,
    /// Paths that somebody has read. What the table calls read and nobody has is told at the end.
    taken: RefCell<BTreeSet<String>>,
    variable: &'a dyn Fn(&str) -> Option<String>,
    pub(super) out: Node,
    pub(super) notes: Vec<Note>,
    pub(super) problems: Vec<String>,
}

impl<'a> Work<'a> {
    pub(super) fn new(
        given: Vec<Given<'a>>,
        problems: Vec<String>,
        variable: &'a dyn Fn(&str) -> Option<String>,
    ) -> Self {
        let out = Node::Section(Vec::new());
        Self { given, taken: RefCell::default(), variable, out, notes: Vec::new(), problems }
    }

    pub(super) fn given(&self) -> &[Given<'a>] {
        &self.given
    }

    /// What was written at a path; empty values count as nothing.
    pub(super) fn find(&self, path: &str) -> Option<&Given<'a>> {
        let found = self.given.iter().find(|given| given.path == path)?;
        self.taken.borrow_mut().insert(path.to_owned());
        let nothing =
            matches!(found.node, Node::Leaf(Value::Null)) || found.node.value() == Value::String(String::new());
        (!nothing).then_some(found)
    }

    /// Whether anything was written at a path or below it.
    pub(super) fn has(&self, path: &str) -> bool {
        self.first_below(path).is_some()
    }

    /// The first value at a path or below it.
    pub(super) fn first_below(&self, path: &str) -> Option<&Given<'a>> {
        self.given.iter().find(|given| {
            given.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }

    pub(super) fn text(&self, path: &str) -> Option<String> {
        self.find(path).map(|given| text_of(given.node))
    }

    pub(super) fn is_true(&self, path: &str) -> bool {
        self.find(path).is_some_and(|given| is_true(given.node))
    }

    pub(super) fn variable(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }

    pub(super) fn is_taken(&self, path: &str) -> bool {
        self.taken.borrow().contains(path)
    }

    pub(super) fn take(&self, path: &str) {
        self.taken.borrow_mut().insert(path.to_owned());
    }

    /// Sets a key of Sigyn from a key of Loki.
    pub(super) fn set(&mut self, target: &str, value: impl Into<Value>, from: &str) {
        let place = self.place(from);
        self.out.put(target, Node::Leaf(value.into()), &place);
    }

    /// Sets a key of Sigyn that no key of Loki was written for.
    pub(super) fn imply(&mut self, target: &str, value: impl Into<Value>, why: &str) {
        self.out.put(target, Node::Leaf(value.into()), &Place::Implied(why.to_owned()));
    }

    /// Sets a key of Sigyn to what a key of Loki holds, if that was written.
    pub(super) fn copy(&mut self, from: &str, target: &str) -> bool {
        let Some(given) = self.find(from) else { return false };
        let value = plain(given);
        self.set(target, value, from);
        true
    }

    pub(super) fn place(&self, path: &str) -> Place {
        let place = self.given.iter().find(|given| given.path == path).map(|given| given.place.clone());
        match place {
            Some(place) => Place::Loki { key: path.to_owned(), place: Box::new(place) },
            None => Place::Implied(format!("follows from {path}")),
        }
    }

    /// Says something about a key that was written, or about its absence.
    pub(super) fn note(&mut self, kind: NoteKind, path: &str, text: impl Into<String>) {
        let place = self.given.iter().find(|given| given.path == path).map(|given| given.place.clone());
        self.notes.push(Note { place, key: path.to_owned(), kind, text: text.into() });
    }

    /// Refuses the file.
    pub(super) fn problem(&mut self, path: &str, text: impl std::fmt::Display) {
        let place = self.given.iter().find(|given| given.path == path).map(|given| given.place.clone());
        self.problems.push(match place {
            Some(place) => format!("{place}: {path} {text}"),
            None => format!("{path} {text}"),
        });
    }
}

/// A value as text; numbers as they were written.
pub(super) fn text_of(node: &Node) -> String {
    match node.value() {
        Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    }
}

pub(super) fn is_true(node: &Node) -> bool {
    match node.value() {
        Value::Bool(value) => value,
        Value::String(text) => matches!(text.to_ascii_lowercase().as_str(), "true" | "yes" | "on"),
        _ => false,
    }
}

/// A value as Sigyn writes it: a duration's plain number is nanoseconds in Loki, and seconds here.
pub(super) fn plain(given: &Given<'_>) -> Value {
    match (given.key.kind, given.node.value()) {
        (super::table::Kind::Duration, Value::Number(nanos)) if nanos.as_i64() != Some(0) => {
            Value::String(format!("{nanos}ns"))
        }
        (super::table::Kind::Text, value @ (Value::Number(_) | Value::Bool(_))) => Value::String(value.to_string()),
        (super::table::Kind::Switch, Value::String(_)) => Value::Bool(is_true(given.node)),
        (_, value) => value,
    }
}
