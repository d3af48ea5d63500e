//! Limits of single tenants, in a file of their own that is read again and again while the process runs.

use serde_json::Value;

use super::work::Work;
use super::{Note, NoteKind, fates, table, walk};
use crate::tree::{self, Node};

const FILE: &str = "runtime_config.file";
const OLD: &str = "limits_config.per_tenant_override_config";
const OLD_PERIOD: &str = "limits_config.per_tenant_override_period";

pub(super) fn translate(work: &mut Work<'_>) {
    if work.copy(FILE, FILE) {
        for key in [OLD, OLD_PERIOD] {
            if work.find(key).is_some() {
                work.note(NoteKind::NotNeeded, key, format!("{FILE} says it"));
            }
        }
    } else if work.copy(OLD, FILE) {
        work.note(NoteKind::Changed, OLD, format!("is {FILE} here"));
        work.copy(OLD_PERIOD, "runtime_config.period");
    } else if work.find(OLD_PERIOD).is_some() {
        work.note(NoteKind::NotNeeded, OLD_PERIOD, format!("without {OLD} there is nothing to read again"));
    }
}

/// What one file says about tenants.
#[derive(Debug, Default)]
pub struct Overrides {
    /// Tenant and the keys of Sigyn's `limits` that it has for itself.
    pub tenants: Vec<(String, Node)>,
    pub notes: Vec<Note>,
}

/// Reads a file of `overrides`. Errors: all problems, each with its line.
pub fn overrides(text: &str) -> Result<Overrides, Vec<String>> {
    let tree = tree::parse(text).map_err(|problem| vec![problem])?;
    let Node::Section(members) = &tree else { return Err(vec!["the file must hold keys and values".to_owned()]) };
    let mut all = Overrides::default();
    let mut problems = Vec::new();
    for member in members {
        match (member.key.as_str(), &member.node) {
            (_, Node::Leaf(Value::Null)) => {}
            ("overrides", Node::Section(tenants)) => {
                for tenant in tenants {
                    one(&tenant.key, &tenant.node, &mut all, &mut problems);
                }
            }
            ("overrides", _) => problems.push(format!("{}: overrides is a section of tenants", member.place)),
            ("configs" | "multi_kv_config", _) => all.notes.push(Note {
                place: Some(member.place.clone()),
                key: member.key.clone(),
                kind: NoteKind::NotNeeded,
                text: "what is logged and where rings are kept is not chosen by tenant".to_owned(),
            }),
            (key, _) => problems.push(format!("{}: unknown key {key}, did you mean overrides?", member.place)),
        }
    }
    if problems.is_empty() { Ok(all) } else { Err(problems) }
}

/// The keys of one tenant, which are those of `limits_config`.
fn one(tenant: &str, node: &Node, all: &mut Overrides, problems: &mut Vec<String>) {
    if node.is_empty() {
        return;
    }
    let Some(limits) = table::keys().children.get("limits_config") else { return };
    let (given, shape) = walk::walk(node, limits, "limits_config");
    let nothing = |_: &str| None;
    let mut work = Work::new(given, shape, &nothing);
    fates::translate(&mut work);
    work.copy("limits_config.retention_period", "limits.retention_period");
    if work.find("limits_config.retention_stream").is_some_and(|given| !given.node.is_empty()) {
        work.problem("limits_config.retention_stream", "is not supported: retention is by tenant");
    }
    for key in ["per_tenant_override_config", "per_tenant_override_period"] {
        if work.find(&format!("limits_config.{key}")).is_some() {
            work.problem(&format!("limits_config.{key}"), "has no place in an override");
        }
    }
    let here = format!("overrides.{tenant}");
    problems.extend(work.problems.into_iter().map(|problem| problem.replace("limits_config", &here)));
    all.notes.extend(work.notes.into_iter().map(|note| Note { key: note.key.replace("limits_config", &here), ..note }));
    let limits = work.out.at("limits").cloned().unwrap_or(Node::Section(Vec::new()));
    all.tenants.push((tenant.to_owned(), limits));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_have_limits_of_their_own() {
        let all = overrides(
            "overrides:\n  a:\n    ingestion_rate_mb: 20\n    retention_period: 744h\n    split_queries_by_interval: 1h\n  b:\n  c: {max_line_size: 1MB}\nconfigs:\n  a: {log_push_request: true}\n",
        )
        .expect("valid");
        let tenants: Vec<_> = all.tenants.iter().map(|(tenant, limits)| (tenant.as_str(), limits.value())).collect();
        assert_eq!(
            tenants,
            [
                ("a", serde_json::json!({"ingestion_rate_mb": 20, "retention_period": "744h"})),
                ("c", serde_json::json!({"max_line_size": "1MB"})),
            ]
        );
        assert_eq!(
            all.notes.iter().map(|note| note.key.as_str()).collect::<Vec<_>>(),
            ["overrides.a.split_queries_by_interval", "configs"]
        );
    }

    #[test]
    fn problems_come_together() {
        assert_eq!(
            overrides("overides: {}\noverrides:\n  a: {max_lin_size: 1}\n  b: {blocked_queries: [{pattern: x}]}\n")
                .expect_err("problems")
                .len(),
            3
        );
    }
}
