//! The matrix of values: files with values that must render as said, and files with values that must be refused.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::helm::Helm;
use super::{Tally, objects};

const ACCEPTED: &str = "deploy/helm/tests/accepted";
const REFUSED: &str = "deploy/helm/tests/refused";

/// Values that render.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    /// What the case shows; printed when it fails.
    about: String,
    #[serde(default)]
    values: Map<String, Value>,
    /// `Kind/name` of every object, in any order.
    objects: Vec<String>,
    /// Texts that the rendered chart holds.
    #[serde(default)]
    contains: Vec<String>,
}

/// Values that do not.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    about: String,
    values: Map<String, Value>,
    /// Texts of helm's message.
    message: Vec<String>,
}

/// Renders every accepted case. Returns the rendered texts.
pub(super) fn accepted(root: &Path, helm: &Helm, tally: &mut Tally) -> Result<Vec<String>> {
    let mut rendered = Vec::new();
    for path in files(&root.join(ACCEPTED))? {
        let case: Accepted = parse(&path)?;
        let mut problem = |text: String| tally.problems.push(format!("{}: {}: {text}", path.display(), case.about));
        match helm.template(&Value::Object(case.values.clone()))? {
            Err(message) => problem(format!("refused: {message}")),
            Ok(text) => {
                let all = objects::parse(&text)?;
                let mut expected = case.objects.clone();
                expected.sort();
                let names: Vec<String> = all.iter().map(objects::name).collect();
                if names != expected {
                    problem(format!("renders {names:?}, not {expected:?}"));
                }
                for missing in case.contains.iter().filter(|wanted| !text.contains(wanted.as_str())) {
                    problem(format!("does not contain {missing}"));
                }
                objects::check(&all).into_iter().for_each(&mut problem);
                let given = objects::configuration_given(root, &case.values)?;
                if objects::configuration(&all)? != given {
                    problem("the ConfigMap does not hold config as given".to_owned());
                }
                rendered.push(text);
            }
        }
        tally.accepted += 1;
    }
    Ok(rendered)
}

/// Tries every refused case.
pub(super) fn refused(root: &Path, helm: &Helm, tally: &mut Tally) -> Result<()> {
    for path in files(&root.join(REFUSED))? {
        let case: Refused = parse(&path)?;
        let mut problem = |text: String| tally.problems.push(format!("{}: {}: {text}", path.display(), case.about));
        match helm.template(&Value::Object(case.values))? {
            Ok(_) => problem("accepted".to_owned()),
            Err(message) => {
                for missing in case.message.iter().filter(|wanted| !message.contains(wanted.as_str())) {
                    problem(format!("helm does not say '{missing}', but: {message}"));
                }
            }
        }
        tally.refused += 1;
    }
    Ok(())
}

fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).with_context(|| format!("reading {}", directory.display()))?;
    let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.sort();
    Ok(files)
}

fn parse<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T> {
    serde_saphyr::from_str(&fs::read_to_string(path)?).with_context(|| format!("parsing {}", path.display()))
}
