//! Loki's configuration file, read as what it means here.
//!
//! Every key of Loki is in a table ([`table`]): honoured, not needed, not there, or refused. A key that the table does not
//! know is refused, and one that it calls read and that nothing has read is told: nothing is dropped in silence.

mod bucket;
mod catalog;
mod expand;
mod fates;
mod parts;
mod retention;
mod runtime;
mod schema;
mod server;
mod table;
mod url;
mod walk;
mod work;

use crate::tree::{Node, Place};

pub use expand::variables;
pub use runtime::overrides;

/// Sections at the top that Loki has and Sigyn has not.
const SECTIONS: [&str; 20] = [
    "schema_config",
    "limits_config",
    "storage_config",
    "common",
    "ingester",
    "ingester_client",
    "distributor",
    "querier",
    "query_range",
    "query_scheduler",
    "frontend",
    "frontend_worker",
    "compactor",
    "ruler",
    "memberlist",
    "table_manager",
    "chunk_store_config",
    "index_gateway",
    "pattern_ingester",
    "analytics",
];

impl NoteKind {
    /// In a sentence that begins with the key.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Changed => "is read in another way",
            Self::Missing => "is not there in this version",
            Self::NotNeeded => "is not needed",
        }
    }
}

/// A file of Loki in Sigyn's words.
#[derive(Debug)]
pub struct Translation {
    /// Sigyn's settings; each value's place names the key of Loki.
    pub settings: Node,
    /// What is to be known about keys that changed their meaning or have none.
    pub notes: Vec<Note>,
    /// Why the file cannot be used, all at once.
    pub problems: Vec<String>,
    /// Periods of Loki's own data, which is not read yet.
    pub old_periods: Vec<String>,
}

/// Something to be known about a key of Loki.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Where it was written; nothing when it was not.
    pub place: Option<Place>,
    pub key: String,
    pub kind: NoteKind,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoteKind {
    /// Honoured, in another way than Loki would.
    Changed,
    /// What it turns on is not there.
    Missing,
    /// There is nothing here that it could change.
    NotNeeded,
}

/// Whether a file is one of Loki: it has `schema_config`, or other sections of Loki and none of Sigyn's.
#[must_use]
pub fn is_loki(tree: &Node) -> bool {
    let has = |keys: &[&str]| keys.iter().any(|key| tree.has_key(key));
    tree.has_key("schema_config") || has(&SECTIONS) && !has(&["storage", "limits", "write", "read", "backend", "log"])
}

/// Reads a file of Loki. `flags` are settings from the command line: those of Loki change the file before it is read, and
/// the others are left for Sigyn. `variable` looks into the environment.
#[must_use]
pub fn translate(mut tree: Node, flags: &[(String, String)], variable: &dyn Fn(&str) -> Option<String>) -> Translation {
    let rest = apply_flags(&mut tree, flags);
    let (given, problems) = walk::walk(&tree, table::keys(), "");
    let mut work = work::Work::new(given, problems, variable);
    server::translate(&mut work);
    parts::translate(&mut work);
    fates::translate(&mut work);
    runtime::translate(&mut work);
    retention::translate(&mut work);
    let old_periods = schema::translate(&mut work);
    fates::tell_unread(&mut work);
    for (flag, value) in rest {
        work.out.set(&flag, &value);
    }
    work.notes.sort_by_key(|note| note.kind);
    Translation { settings: work.out, notes: work.notes, problems: work.problems, old_periods }
}

/// Puts flags of Loki into the tree; the others are Sigyn's.
fn apply_flags(tree: &mut Node, flags: &[(String, String)]) -> Vec<(String, String)> {
    let mut rest = Vec::new();
    for (flag, value) in flags {
        match table::paths().iter().find(|(_, known)| known.as_deref() == Some(flag)) {
            Some((path, _)) => {
                let mut one = Node::Section(Vec::new());
                one.set(flag, value);
                let value = first_leaf(one);
                tree.put(path, value, &Place::Flag(flag.clone()));
            }
            None => rest.push((flag.clone(), value.clone())),
        }
    }
    rest
}

fn first_leaf(node: Node) -> Node {
    match node {
        Node::Section(mut members) if !members.is_empty() => first_leaf(members.remove(0).node),
        other => other,
    }
}

#[cfg(test)]
mod tests;
