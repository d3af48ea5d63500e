//! Compares a settings tree with the settings that exist, and reports everything that does not fit.

use serde::Serialize;
use serde_json::{Map, Value};

use super::Config;
use super::nearest::distance;
use super::tree::{Node, Place};

/// Where each setting of the tree was written, by full path.
#[derive(Debug)]
pub(super) struct Places(Vec<(String, Place)>);

impl Places {
    /// Puts the place in front of a problem that begins with the path of a setting.
    pub(super) fn locate(&self, problem: String) -> String {
        let path = problem.split([' ', ':', ';']).next().unwrap_or("");
        match self.0.iter().find(|(candidate, _)| candidate == path) {
            Some((_, place)) => format!("{place}: {problem}"),
            None => problem,
        }
    }
}

/// The settings of a tree. Errors: every unknown key and every value of the wrong type.
pub(super) fn settings(tree: &Node) -> Result<(Config, Places), Vec<String>> {
    let known = as_value(&Config::default());
    let mut found = Found { known_paths: paths(&known), leaves: Vec::new(), problems: Vec::new() };
    found.walk(tree, &known, "");
    let Found { leaves, mut problems, .. } = found;
    for leaf in &leaves {
        if let Err(problem) = serde_json::from_value::<Config>(alone(&leaf.path, leaf.value.clone())) {
            problems.push(format!("{}: {}: {problem}", leaf.place, leaf.path));
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let config = serde_json::from_value(without_empty(tree.value())).map_err(|problem| vec![problem.to_string()])?;
    Ok((config, Places(leaves.into_iter().map(|leaf| (leaf.path, leaf.place)).collect())))
}

/// Settings as plain data: the shape that files have.
pub(super) fn as_value(config: &impl Serialize) -> Value {
    serde_json::to_value(config).expect("settings are maps with text keys")
}

struct Leaf {
    path: String,
    place: Place,
    value: Value,
}

struct Found {
    known_paths: Vec<String>,
    leaves: Vec<Leaf>,
    problems: Vec<String>,
}

impl Found {
    fn walk(&mut self, node: &Node, known: &Value, path: &str) {
        let Node::Section(members) = node else {
            self.problems
                .push(format!("the file must hold keys and values{}", if path.is_empty() { "" } else { path }));
            return;
        };
        for member in members {
            let path = if path.is_empty() { member.key.clone() } else { format!("{path}.{}", member.key) };
            match (known.get(&member.key), &member.node) {
                (None, _) => self.problems.push(unknown(&path, &member.place, &self.known_paths)),
                (Some(Value::Object(_)), Node::Leaf(Value::Null)) => {}
                // A section without keys of its own is a map whose keys the user chooses.
                (Some(Value::Object(known)), Node::Section(_)) if known.is_empty() => {
                    self.leaves.push(Leaf { path, place: member.place.clone(), value: member.node.value() });
                }
                (Some(Value::Object(_)), Node::Leaf(_)) => {
                    self.problems
                        .push(format!("{}: {path} is a section; put its keys below it, indented", member.place));
                }
                (Some(section @ Value::Object(_)), node) => self.walk(node, section, &path),
                (Some(_), node) => {
                    self.leaves.push(Leaf { path, place: member.place.clone(), value: node.value() });
                }
            }
        }
    }
}

fn unknown(path: &str, place: &Place, known_paths: &[String]) -> String {
    match nearest_path(path, known_paths) {
        Some(near) => format!("{place}: unknown key {path}, did you mean {near}?"),
        None => format!("{place}: unknown key {path}"),
    }
}

/// The known key whose last word is nearest; one in another section must be nearer by as much as one edit.
fn nearest_path<'a>(path: &str, known_paths: &'a [String]) -> Option<&'a str> {
    let split = |path: &str| match path.rsplit_once('.') {
        Some((section, key)) => (section.to_owned(), key.to_owned()),
        None => (String::new(), path.to_owned()),
    };
    let (section, key) = split(path);
    let close_enough = (key.len() / 3).clamp(1, 4);
    known_paths
        .iter()
        .map(|candidate| {
            let (candidate_section, candidate_key) = split(candidate);
            (distance(&key, &candidate_key) + usize::from(section != candidate_section), candidate.as_str())
        })
        .filter(|(edits, _)| *edits <= close_enough)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Full paths of all sections and settings.
fn paths(known: &Value) -> Vec<String> {
    let Value::Object(members) = known else { return Vec::new() };
    let mut all = Vec::new();
    for (key, value) in members {
        all.push(key.clone());
        all.extend(paths(value).into_iter().map(|inner| format!("{key}.{inner}")));
    }
    all
}

/// Nothing but one setting.
fn alone(path: &str, value: Value) -> Value {
    path.rsplit('.').fold(value, |inner, key| Value::Object(Map::from_iter([(key.to_owned(), inner)])))
}

/// Without sections that were named but left empty.
fn without_empty(value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key, without_empty(value)))
                .collect(),
        ),
        other => other,
    }
}
