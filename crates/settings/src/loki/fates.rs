//! What becomes of the keys that no other code reads: copied, told about, or refused.

use serde_json::Value;

use super::NoteKind;
use super::table::{Fate, Kind};
use super::work::{Work, is_true, plain, text_of};
use crate::tree::Node;

pub(super) fn translate(work: &mut Work<'_>) {
    let all: Vec<_> = work.given().iter().map(|given| (given.path.clone(), given.key, given.node)).collect();
    for (path, key, node) in all {
        let is_empty = is_nothing(node);
        match key.fate {
            Fate::Read => {}
            Fate::To if is_empty => {
                let default = if key.kind == Kind::Duration { "Loki takes no value for 0s; here" } else { "so" };
                if !is_list(node) {
                    work.note(NoteKind::Changed, &path, format!("has no value, {default} the default holds"));
                } else {
                    copy(work, &path);
                }
            }
            Fate::To => copy(work, &path),
            Fate::NotNeeded => work.note(NoteKind::NotNeeded, &path, key.text),
            Fate::Missing => work.note(NoteKind::Missing, &path, key.text),
            Fate::Refused if is_empty || text_of(node) == key.default || is_off(node, key.default) => {
                work.note(NoteKind::NotNeeded, &path, "it is off, as it always is here");
            }
            Fate::Refused => work.problem(&path, format_args!("is not supported: {}", key.text)),
        }
    }
}

fn copy(work: &mut Work<'_>, path: &str) {
    let Some(given) = work.given().iter().find(|given| given.path == path) else { return };
    let (target, remark) = given.key.target();
    let value = plain(given);
    work.set(target, value, path);
    if let Some(remark) = remark {
        work.note(NoteKind::Changed, path, format!("is {target} here; {remark}"));
    }
}

/// Tells which keys that code should have read it has not: they belong to a part of the file that is not in use.
pub(super) fn tell_unread(work: &mut Work<'_>) {
    let unread: Vec<String> = work
        .given()
        .iter()
        .filter(|given| given.key.fate == Fate::Read && !work.is_taken(&given.path) && !is_nothing(given.node))
        .map(|given| given.path.clone())
        .collect();
    for path in unread {
        work.note(NoteKind::NotNeeded, &path, "the last period of schema_config does not use it");
    }
}

fn is_nothing(node: &Node) -> bool {
    match node.value() {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

fn is_list(node: &Node) -> bool {
    matches!(node, Node::List(_))
}

/// A switch that is off anyway, or a zero.
fn is_off(node: &Node, default: &str) -> bool {
    match node.value() {
        Value::Bool(_) => !is_true(node) && default != "true",
        Value::Number(number) => number.as_f64() == Some(0.0),
        _ => false,
    }
}
