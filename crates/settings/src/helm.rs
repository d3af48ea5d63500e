//! Values of Loki's Helm chart, turned into values of Sigyn's.
//!
//! The parts of Loki's configuration that lie about in such values are put together again and read as a file of Loki; what is
//! left says how many pods there are and what they may use. Every key is in a table ([`table`]); what has no counterpart is named.

mod deployment;
mod output;
mod storage;
mod table;

use crate::loki::{self, Note, NoteKind};
use crate::tree::{Member, Node, Place};
use table::Fate;

/// Values of Sigyn's chart.
#[derive(Debug)]
pub struct Values {
    /// Without `config`.
    pub values: Node,
    /// Sigyn's configuration, which becomes `config`.
    pub config: Node,
    pub notes: Vec<Note>,
    /// Why the values cannot be turned, all at once.
    pub problems: Vec<String>,
}

/// Reads values of Loki's chart. `variable` looks into the environment.
#[must_use]
pub fn translate(values: &Node, variable: &dyn Fn(&str) -> Option<String>) -> Values {
    let mut work = Work {
        values: Node::Section(Vec::new()),
        loki: Node::Section(Vec::new()),
        env: Vec::new(),
        env_from: Vec::new(),
        notes: Vec::new(),
        problems: Vec::new(),
    };
    match values {
        Node::Section(members) => work.section(members, ""),
        _ => work.problems.push("the file must hold keys and values".to_owned()),
    }
    storage::translate(&mut work, values);
    if let Some(Node::Section(members)) = values.at("loki.structuredConfig") {
        members.iter().for_each(|member| merge(&mut work.loki, member));
    }
    let translation = loki::translate(work.loki, &[], variable);
    work.loki = Node::Section(Vec::new());
    let mut config = translation.settings;
    deployment::translate(&mut work.values, &mut work.notes, &mut config, values);
    deployment::environment(&mut work.values, work.env, work.env_from);
    work.notes.extend(translation.notes);
    // The chart has a place of its own for the bucket's name.
    let bucket = ["storage_config.aws.bucketnames is missing", "common.storage.s3.bucketnames is missing"];
    let named = |problem: String| {
        bucket.iter().fold(problem, |problem, key| problem.replace(key, "loki.storage.bucketNames.chunks is missing"))
    };
    work.problems.extend(translation.problems.into_iter().map(named));
    work.notes.sort_by_key(|note| note.kind);
    Values { values: work.values, config, notes: work.notes, problems: work.problems }
}

impl Values {
    /// As YAML, with comments for what changed and what was dropped.
    #[must_use]
    pub fn print(&self) -> String {
        output::print(self)
    }
}

struct Work {
    values: Node,
    /// The configuration of Loki that the values amount to.
    loki: Node,
    env: Vec<Node>,
    env_from: Vec<Node>,
    notes: Vec<Note>,
    problems: Vec<String>,
}

impl Work {
    fn section(&mut self, members: &[Member], above: &str) {
        for member in members {
            let path = if above.is_empty() { member.key.clone() } else { format!("{above}.{}", member.key) };
            match (table::find(&path), &member.node) {
                (Some(row), node) if row.fate == Fate::Loki => match node {
                    Node::Section(inner) => inner.iter().for_each(|member| merge_at(&mut self.loki, row.text, member)),
                    node => self.loki.put(row.text, node.clone(), &member.place),
                },
                (Some(row), node) if row.fate == Fate::Chart => {
                    self.values.put(row.text, node.clone(), &place(&path, &member.place))
                }
                (Some(row), node) if row.fate == Fate::Read => self.read(&path, row.text, node),
                (_, Node::Section(inner)) if table::has_keys_below(&path) => self.section(inner, &path),
                (Some(row), node) => self.drop(&path, &member.place, row, node),
                (None, node) => match table::nearest_above(&path) {
                    Some(row) if row.fate != Fate::Loki => self.drop(&path, &member.place, row, node),
                    _ => self.problems.push(unknown(&path, &member.key, &member.place)),
                },
            }
        }
    }

    fn read(&mut self, path: &str, what: &str, node: &Node) {
        let Node::List(items) = node else { return };
        let nodes = items.iter().map(|item| item.node.clone());
        match what {
            "extraEnv" => extend(&mut self.env, nodes),
            "extraEnvFrom" => extend(&mut self.env_from, nodes),
            "extraArgs" => {
                for argument in nodes.map(|node| crate::loki::text(&node)) {
                    // Variables are always replaced here.
                    if !argument.trim_start_matches('-').starts_with("config.expand-env") {
                        self.note(
                            NoteKind::Missing,
                            path,
                            None,
                            format!("{argument} is a flag of Loki; write what it sets under config"),
                        );
                    }
                }
            }
            _ => {}
        }
    }

    fn drop(&mut self, path: &str, place: &Place, row: &table::Row, node: &Node) {
        if node.is_empty() || *node == Node::Leaf(serde_json::Value::Bool(false)) || is_disabled(node) {
            return;
        }
        let kind = if row.fate == Fate::Warned { NoteKind::Missing } else { NoteKind::NotNeeded };
        self.note(kind, path, Some(place.clone()), row.text.to_owned());
    }

    fn note(&mut self, kind: NoteKind, key: &str, place: Option<Place>, text: String) {
        self.notes.push(Note { place, key: key.to_owned(), kind, text });
    }
}

/// `enabled: false` turns off whatever else a block says.
fn is_disabled(node: &Node) -> bool {
    node.member("enabled").is_some_and(|member| member.node == Node::Leaf(serde_json::Value::Bool(false)))
}

fn extend(all: &mut Vec<Node>, more: impl Iterator<Item = Node>) {
    for node in more {
        // Several parts of Loki's chart are given the same.
        if !all.iter().any(|known| known.value() == node.value()) {
            all.push(node);
        }
    }
}

fn place(path: &str, place: &Place) -> Place {
    Place::Loki { key: path.to_owned(), place: Box::new(place.clone()) }
}

/// Lays a member over a section, key by key.
fn merge(into: &mut Node, member: &Member) {
    match &member.node {
        Node::Section(inner) if !inner.is_empty() => inner.iter().for_each(|inner| merge_at(into, &member.key, inner)),
        node => into.put(&member.key, node.clone(), &member.place),
    }
}

fn merge_at(into: &mut Node, path: &str, member: &Member) {
    match &member.node {
        Node::Section(inner) if !inner.is_empty() => {
            let path = format!("{path}.{}", member.key);
            inner.iter().for_each(|inner| merge_at(into, &path, inner));
        }
        node => into.put(&format!("{path}.{}", member.key), node.clone(), &member.place),
    }
}

fn unknown(path: &str, key: &str, place: &Place) -> String {
    // Sections of Loki's configuration are known under their own names, in the place where the chart wants them.
    let meant = table::for_section_of_loki(key).or_else(|| table::nearest(path));
    match meant {
        Some(near) => format!("{place}: unknown key {path}, did you mean {near}?"),
        None => format!("{place}: unknown key {path}"),
    }
}

#[cfg(test)]
mod tests;
