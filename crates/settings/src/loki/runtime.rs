//! Limits of single tenants, in a file of their own that is read again and again while the process runs.

use serde_json::Value;

use super::work::Work;
use super::{Note, NoteKind, fates, table, walk};
use crate::tree::{self, Member, Node};

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

/// Reads a file of `overrides`, whose keys are those of Loki's `limits_config` and those that `is_own` knows as Sigyn's.
///
/// Errors: all problems, each with its line.
pub fn overrides(text: &str, is_own: &dyn Fn(&str) -> bool) -> Result<Overrides, Vec<String>> {
    let tree = tree::parse(text).map_err(|problem| vec![problem])?;
    let Node::Section(members) = &tree else { return Err(vec!["the file must hold keys and values".to_owned()]) };
    let mut all = Overrides::default();
    let mut problems = Vec::new();
    for member in members {
        match (member.key.as_str(), &member.node) {
            (_, Node::Leaf(Value::Null)) => {}
            ("overrides", Node::Section(tenants)) => {
                for tenant in tenants {
                    one(tenant, is_own, &mut all, &mut problems);
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

/// The keys of one tenant.
fn one(member: &Member, is_own: &dyn Fn(&str) -> bool, all: &mut Overrides, problems: &mut Vec<String>) {
    let (tenant, node) = (&member.key, &member.node);
    let Some(limits) = table::keys().children.get("limits_config") else { return };
    let (own, of_loki): (Vec<_>, Vec<_>) = match node {
        Node::Section(members) => members
            .iter()
            .cloned()
            .partition(|member| !limits.children.contains_key(&member.key) && is_own(&member.key)),
        // Loki takes an empty tenant for one without overrides.
        _ if node.is_empty() => return,
        _ => return problems.push(format!("{}: overrides.{tenant} is a section; put limits below it", member.place)),
    };
    let of_loki = Node::Section(of_loki);
    let (given, shape) = walk::walk(&of_loki, limits, "limits_config");
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
    let mut limits = work.out.at("limits").cloned().unwrap_or(Node::Section(Vec::new()));
    for member in own {
        limits.put(&member.key, member.node, &member.place);
    }
    all.tenants.push((tenant.clone(), limits));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_have_limits_of_their_own() {
        let all = overrides(
            "overrides:\n  a:\n    ingestion_rate_mb: 20\n    retention_period: 744h\n    split_queries_by_interval: 1h\n  b:\n  c: {max_line_size: 1MB, max_query_memory: 1GiB}\nconfigs:\n  a: {log_push_request: true}\n",
            &|key| key == "max_query_memory",
        )
        .expect("valid");
        let tenants: Vec<_> = all.tenants.iter().map(|(tenant, limits)| (tenant.as_str(), limits.value())).collect();
        assert_eq!(
            tenants,
            [
                ("a", serde_json::json!({"ingestion_rate_mb": 20, "retention_period": "744h"})),
                ("c", serde_json::json!({"max_line_size": "1MB", "max_query_memory": "1GiB"})),
            ]
        );
        assert_eq!(
            all.notes.iter().map(|note| note.key.as_str()).collect::<Vec<_>>(),
            ["overrides.a.split_queries_by_interval", "configs"]
        );
    }

    #[test]
    fn problems_come_together() {
        let text = "overides: {}\noverrides:\n  a: {max_lin_size: 1}\n  b: {blocked_queries: [{pattern: x}]}\n  c: 5\n";
        assert_eq!(
            overrides(text, &|_| false).expect_err("problems"),
            [
                "line 1: unknown key overides, did you mean overrides?",
                "line 3: unknown key overrides.a.max_lin_size, did you mean overrides.a.max_line_size?",
                "line 4: overrides.b.blocked_queries is not supported: queries cannot be blocked by pattern yet; refuse them in the proxy in front, or bound them with max_query_bytes_read",
                "line 5: overrides.c is a section; put limits below it",
            ]
        );
    }
}
