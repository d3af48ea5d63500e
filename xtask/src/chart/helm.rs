//! Finds or installs helm, and runs it on the chart.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};
use serde_json::Value;

const CHART: &str = "deploy/helm/sigyn";
const MODULE: &str = "helm.sh/helm/v3/cmd/helm@v3.22.0";
/// The Kubernetes version that charts are rendered for; a helm built from its module claims an old one.
pub(super) const KUBERNETES: &str = "1.31.0";

#[derive(Debug)]
pub(super) struct Helm {
    program: PathBuf,
    chart: PathBuf,
    scratch: PathBuf,
}

impl Helm {
    /// helm from the path, from Go's directory, or built by Go. `None` when there is neither helm nor Go.
    pub(super) fn find(root: &Path) -> Result<Option<Self>> {
        let scratch = root.join("target/chart");
        fs::create_dir_all(&scratch)?;
        let own = scratch.join("bin/helm");
        let program = if let Some(found) = ["helm".into(), own.clone()].into_iter().find(|path| answers(path)) {
            found
        } else {
            if !runs(Command::new("go").arg("version")) {
                return Ok(None);
            }
            println!("chart: building helm with Go into {}", own.display());
            let built = Command::new("go").args(["install", MODULE]).env("GOBIN", scratch.join("bin")).status()?;
            if !built.success() {
                bail!("go install {MODULE} failed; install helm by hand, see https://helm.sh");
            }
            own
        };
        Ok(Some(Self { program, chart: root.join(CHART), scratch }))
    }

    pub(super) fn lint(&self) -> Result<()> {
        let output = self.run(&["lint", "--strict", "--kube-version", KUBERNETES])?;
        if !output.status.success() {
            bail!("helm lint: {}", String::from_utf8_lossy(&output.stdout));
        }
        Ok(())
    }

    /// What the chart becomes with these values: the text, or what helm says against them.
    pub(super) fn template(&self, values: &Value) -> Result<Result<String, String>> {
        let file = self.scratch.join("values.json");
        fs::write(&file, serde_json::to_vec(values)?)?;
        let file = file.to_string_lossy();
        let output = self.run(&["template", "sigyn", "--kube-version", KUBERNETES, "--values", &file])?;
        if output.status.success() {
            return Ok(Ok(String::from_utf8(output.stdout).context("helm writes UTF-8")?));
        }
        Ok(Err(String::from_utf8_lossy(&output.stderr).into_owned()))
    }

    fn run(&self, arguments: &[&str]) -> Result<Output> {
        Command::new(&self.program).args(arguments).arg(&self.chart).output().context("running helm")
    }
}

fn answers(program: &Path) -> bool {
    runs(Command::new(program).args(["version", "--short"]))
}

fn runs(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}
