//! The schema of the Helm chart's values: strict everywhere, from the `Config` structs and from `values.yaml` itself.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use super::{SECTIONS, types};

pub(crate) const FILE: &str = "deploy/helm/sigyn/values.schema.json";
const VALUES: &str = "deploy/helm/sigyn/values.yaml";
const CHECKS: &str = "deploy/helm/sigyn/templates/checks.yaml";

/// Values that Kubernetes defines: any keys may stand below them.
const FREE: [&str; 5] = ["resources", "podSecurityContext", "securityContext", "labels", "annotations"];

/// The whole text of [`FILE`].
pub(crate) fn values_schema(root: &Path) -> Result<String> {
    let read = |path: &str| fs::read_to_string(root.join(path)).with_context(|| format!("reading {path}"));
    let values: Value = serde_saphyr::from_str(&read(VALUES)?).with_context(|| format!("parsing {VALUES}"))?;
    let mut schema = section_of_values(&values);
    let (top, config) = misplaced(&read(CHECKS)?)?;
    allow(&mut schema, &top);
    let mut configuration = configuration(root)?;
    allow(&mut configuration, &config);
    let properties = schema["properties"].as_object_mut().context("values.yaml holds keys")?;
    properties.insert("config".to_owned(), configuration);
    properties.insert("deployment".to_owned(), json!({"enum": ["single", "scalable"]}));
    // What an umbrella chart hands to all its charts.
    properties.insert("global".to_owned(), json!({"type": "object"}));
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("Values of Sigyn's chart; written by `make codegen`");
    Ok(serde_json::to_string_pretty(&schema)? + "\n")
}

/// The schema of `config:`: the settings of the binary.
pub(crate) fn configuration(root: &Path) -> Result<Value> {
    let mut all = strict(Map::new());
    for section in &SECTIONS {
        let source = fs::read_to_string(root.join(section.file))?;
        let mut leaves = Map::new();
        for field in types::fields(&source, section.structure)? {
            if let Some(mut schema) =
                types::schema(root, &source, &field.kind).with_context(|| format!("{}.{}", section.name, field.name))?
            {
                schema["description"] = json!(field.about);
                leaves.insert(field.name, schema);
            }
        }
        insert(&mut all, section.name, leaves)?;
    }
    Ok(all)
}

/// Puts the keys of a section where its path says.
fn insert(all: &mut Value, path: &str, leaves: Map<String, Value>) -> Result<()> {
    let mut at = all;
    for word in path.split('.').filter(|word| !word.is_empty()) {
        let properties = at["properties"].as_object_mut().context("a section holds keys")?;
        at = properties.entry(word).or_insert_with(|| strict(Map::new()));
    }
    at["properties"].as_object_mut().context("a section holds keys")?.extend(leaves);
    Ok(())
}

fn strict(properties: Map<String, Value>) -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": properties})
}

/// What a value may be, from its default.
fn of_value(key: &str, default: &Value) -> Value {
    match default {
        Value::Object(_) if FREE.contains(&key) => json!({"type": "object"}),
        Value::Object(members) if members.is_empty() => json!({"type": "object"}),
        Value::Object(_) => section_of_values(default),
        Value::Array(_) => json!({"type": "array"}),
        Value::Bool(_) => json!({"type": "boolean"}),
        // A disruption budget may be a share, as in "50%".
        Value::Number(_) if key == "maxUnavailable" => json!({"type": ["integer", "string"]}),
        Value::Number(_) => json!({"type": "integer", "minimum": 0}),
        _ => json!({"type": "string"}),
    }
}

fn section_of_values(section: &Value) -> Value {
    let members = section.as_object().into_iter().flatten();
    strict(members.map(|(key, default)| (key.clone(), of_value(key, default))).collect())
}

/// Lets keys through that the chart's own check refuses with a better message than Helm's.
fn allow(schema: &mut Value, keys: &[String]) {
    let Some(properties) = schema["properties"].as_object_mut() else { return };
    for key in keys {
        properties
            .entry(key)
            .or_insert_with(|| json!({"description": "Refused by the chart with what to write instead."}));
    }
}

/// The keys of the two tables in the chart's check: at the top level, and below `config`.
fn misplaced(checks: &str) -> Result<(Vec<String>, Vec<String>)> {
    let keys = |table: &str| -> Vec<String> {
        let opening = format!("{{{{- ${table} := dict");
        let lines = checks.lines().skip_while(|line| !line.starts_with(&opening)).skip(1);
        let entries = lines.take_while(|line| !line.starts_with("}}"));
        entries.filter_map(|line| line.trim().strip_prefix('"')?.split('"').next().map(str::to_owned)).collect()
    };
    let (top, config) = (keys("misplaced"), keys("loki"));
    if top.is_empty() || config.is_empty() {
        bail!("{CHECKS} has lost its tables of misplaced keys");
    }
    Ok((top, config))
}
