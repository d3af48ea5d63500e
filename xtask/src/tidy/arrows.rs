//! The arrows between crates. A new arrow is a design change: it is added here and in ARCHITECTURE.md, in one commit.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::Problem;

/// Who may use whom. `sim`, `servers` and `xtask` are tools of development and may use anything.
const ALLOWED: [(&str, &[&str]); 10] = [
    ("model", &[]),
    ("logql", &["model"]),
    ("segment", &["model"]),
    ("storage", &["model"]),
    ("write", &["segment", "storage", "model"]),
    ("read", &["logql", "segment", "storage", "model"]),
    ("backend", &["logql", "segment", "storage", "model"]),
    ("api", &["read", "write", "backend", "logql", "model"]),
    ("settings", &["model"]),
    ("sigyn", &["settings", "api", "read", "write", "backend", "storage", "model"]),
];
const FREE: [&str; 2] = ["sim", "servers"];

pub(super) fn check(root: &Path) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    for entry in fs::read_dir(root.join("crates")).context("reading crates/")? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let manifest = format!("crates/{name}/Cargo.toml");
        let text = fs::read_to_string(root.join(&manifest)).with_context(|| format!("reading {manifest}"))?;
        problems.extend(check_manifest(&name, &manifest, &text));
    }
    Ok(problems)
}

fn check_manifest(name: &str, manifest: &str, text: &str) -> Vec<Problem> {
    if FREE.contains(&name) {
        return Vec::new();
    }
    let Some((_, allowed)) = ALLOWED.iter().find(|(from, _)| *from == name) else {
        return vec![Problem::new(manifest, "a crate nobody planned; add it to xtask tidy and ARCHITECTURE.md")];
    };
    let arrows = dependencies(text);
    let new = arrows.iter().filter(|to| !allowed.contains(&to.as_str()));
    new.map(|to| Problem::new(manifest, format!("{name} must not depend on {to}"))).collect()
}

/// Our crates under `[dependencies]`; what tests use draws no arrow.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut ours = Vec::new();
    let mut counted = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            counted = line.starts_with("[dependencies") || line.starts_with("[build-dependencies");
        }
        let name = line.trim_start_matches("[dependencies.");
        if counted && let Some(rest) = name.strip_prefix("sigyn-") {
            ours.push(rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect());
        }
    }
    ours
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_allowed_arrows_pass() {
        let check = |name: &str, text: &str| check_manifest(name, "Cargo.toml", text).len();
        assert_eq!(
            check("write", "[dependencies]\nsigyn-model.workspace = true\nsigyn-segment = { path = \"x\" }\n"),
            0
        );
        assert_eq!(check("write", "[dependencies]\nsigyn-logql.workspace = true\n"), 1);
        assert_eq!(check("write", "[dependencies.sigyn-api]\npath = \"x\"\n"), 1);
        assert_eq!(check("write", "[dev-dependencies]\nsigyn-logql.workspace = true\n"), 0);
        assert_eq!(check("common", "[dependencies]\n"), 1);
        assert_eq!(check("sim", "[dependencies]\nsigyn-logql.workspace = true\n"), 0);
    }
}
