//! Random settings below `config.storage`: each must stand in the ConfigMap exactly as given.

use std::path::Path;

use anyhow::{Context, Result};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::helm::Helm;
use super::{Tally, objects};
use crate::codegen::schema;

pub(super) fn check(root: &Path, helm: &Helm, seed: u64, count: usize, tally: &mut Tally) -> Result<()> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut leaves = Vec::new();
    collect(&schema::configuration(root)?["properties"]["storage"], &mut vec!["storage".to_owned()], &mut leaves);
    for _ in 0..count {
        let mut config = json!({});
        for _ in 0..rng.random_range(1..=4) {
            let (path, schema) = &leaves[rng.random_range(0..leaves.len())];
            let value = if path.last().is_some_and(|key| key == "bucket") {
                json!(format!("s3://bucket-{}/logs", rng.random::<u16>()))
            } else {
                value(schema, &mut rng)
            };
            set(&mut config, path, value).context("the schema's paths are maps")?;
        }
        let values = json!({ "config": config });
        let mut problem = |text: String| tally.problems.push(format!("override {values} (seed {seed}): {text}"));
        match helm.template(&values)? {
            Err(message) => problem(format!("refused: {message}")),
            Ok(text) => {
                let given = objects::configuration_given(root, values.as_object().context("values are a map")?)?;
                if objects::configuration(&objects::parse(&text)?)? != given {
                    problem(format!("the ConfigMap does not hold it: {text}"));
                }
            }
        }
        tally.overrides += 1;
    }
    Ok(())
}

/// Every setting below a section, with its schema.
fn collect(section: &Value, path: &mut Vec<String>, leaves: &mut Vec<(Vec<String>, Value)>) {
    for (key, schema) in section["properties"].as_object().into_iter().flatten() {
        path.push(key.clone());
        if schema["properties"].is_object() {
            collect(schema, path, leaves);
        } else {
            leaves.push((path.clone(), schema.clone()));
        }
        path.pop();
    }
}

/// Some value that the schema accepts.
fn value(schema: &Value, rng: &mut StdRng) -> Value {
    if let Some(any) = schema["anyOf"].as_array() {
        return value(&any[0], rng);
    }
    if let Some(words) = schema["enum"].as_array() {
        return words[rng.random_range(0..words.len())].clone();
    }
    if schema["pattern"].is_string() {
        return json!(format!("${{VARIABLE_{}}}", rng.random::<u8>()));
    }
    match &schema["type"] {
        Value::Array(_) => json!(rng.random_range(0..20_000_000)),
        kind => match kind.as_str() {
            Some("boolean") => json!(rng.random::<bool>()),
            Some("integer") => json!(rng.random_range(0..20_000_000)),
            Some("object") => json!({"team": format!("t{}", rng.random::<u8>()), "cost": "yes"}),
            Some("array") => json!(["a", "0"]),
            _ => json!(format!("text: '{}' # \"x\"", rng.random::<u32>())),
        },
    }
}

fn set(config: &mut Value, path: &[String], value: Value) -> Option<()> {
    let mut at = config;
    for key in path {
        at = at.as_object_mut()?.entry(key).or_insert_with(|| json!({}));
    }
    *at = value;
    Some(())
}
