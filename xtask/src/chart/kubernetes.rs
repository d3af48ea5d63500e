//! Validation against Kubernetes' own schemas, which the Python package `kubernetes-validate` carries.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{Tally, objects};

const PACKAGE: &str = "kubernetes-validate==1.37.0";
const VERSION: &str = "1.31";

/// Validates every object that Kubernetes itself defines. Returns a sentence for the summary.
pub(super) fn validate(root: &Path, rendered: &[String], tally: &mut Tally) -> Result<String> {
    let scratch = root.join("target/chart");
    let tool = scratch.join("python/bin/kubernetes-validate");
    if !tool.exists() && !install(&scratch) {
        return Ok(format!("not validated against Kubernetes {VERSION}: pip cannot install {PACKAGE}"));
    }
    let mut count = 0;
    for text in rendered {
        let mut documents = Vec::new();
        for object in objects::parse(text)? {
            // Objects of the Prometheus operator have no schema here.
            if !object["apiVersion"].as_str().is_some_and(|version| version.contains("coreos.com")) {
                documents.push(serde_json::to_string(&object)?);
            }
        }
        count += documents.len();
        let file = scratch.join("rendered.yaml");
        fs::write(&file, documents.join("\n---\n"))?;
        let output = Command::new(&tool).args(["--strict", "--quiet", "-k", VERSION]).arg(&file).output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
            tally.problems.push(format!("Kubernetes {VERSION} refuses an object: {said}"));
        }
    }
    Ok(format!("{count} objects valid for Kubernetes {VERSION}"))
}

fn install(scratch: &Path) -> bool {
    let python = scratch.join("python");
    let runs = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    runs(Command::new("python3").args(["-m", "venv"]).arg(&python))
        && runs(Command::new(python.join("bin/pip")).args(["install", "--quiet", PACKAGE]))
}
