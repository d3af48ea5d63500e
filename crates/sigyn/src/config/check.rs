//! Compares a settings tree with the settings that exist, and reports everything that does not fit.

use serde::Serialize;
use serde_json::{Map, Value};

use sigyn_settings::nearest::nearest_path;
use sigyn_settings::{Node, Place, mask};

use super::Config;

/// Where each setting of the tree was written, by full path.
#[derive(Debug, Clone, Default)]
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

    pub(super) fn find(&self, path: &str) -> Option<&Place> {
        self.0.iter().find(|(candidate, _)| candidate == path).map(|(_, place)| place)
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
            // The value of a secret is part of what serde says about it.
            let problem = if mask::is_secret(&leaf.path) {
                "this must be text; put it in quotes".to_owned()
            } else {
                problem.to_string()
            };
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
            self.problems.push("the file must hold keys and values".to_owned());
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
                (Some(Value::Object(_)), Node::Leaf(_) | Node::List(_)) => {
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
    match nearest_path(path, known_paths.iter().map(String::as_str)) {
        Some(near) => format!("{place}: unknown key {path}, did you mean {near}?"),
        None => format!("{place}: unknown key {path}"),
    }
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
