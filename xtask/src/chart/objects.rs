//! What holds for every rendered object, whatever the values.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

/// The objects of a rendered chart, sorted by kind and name.
pub(super) fn parse(rendered: &str) -> Result<Vec<Value>> {
    let mut objects = Vec::new();
    for document in rendered.split("\n---\n") {
        let object: Value = serde_saphyr::from_str(document).with_context(|| format!("parsing {document}"))?;
        if object.is_object() {
            objects.push(object);
        }
    }
    objects.sort_by_key(name);
    Ok(objects)
}

/// `Kind/name`.
pub(super) fn name(object: &Value) -> String {
    format!("{}/{}", text(&object["kind"]), text(&object["metadata"]["name"]))
}

/// The settings in the ConfigMap.
pub(super) fn configuration(objects: &[Value]) -> Result<Value> {
    let map = objects.iter().find(|object| name(object) == "ConfigMap/sigyn").context("there is no ConfigMap/sigyn")?;
    Ok(serde_saphyr::from_str(text(&map["data"]["config.yaml"]))?)
}

/// The settings that values ask for: theirs over the chart's own.
pub(super) fn configuration_given(root: &Path, values: &Map<String, Value>) -> Result<Value> {
    let own: Value = serde_saphyr::from_str(&fs::read_to_string(root.join("deploy/helm/sigyn/values.yaml"))?)?;
    let mut given = own["config"].clone();
    if let Some(config) = values.get("config") {
        merge(&mut given, config);
    }
    Ok(given)
}

/// As Helm merges: maps into maps, null removes, the rest replaces.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                if value.is_null() {
                    into.remove(key);
                } else {
                    merge(into.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        (into, from) => *into = from.clone(),
    }
}

/// Every rule that an object breaks.
pub(super) fn check(objects: &[Value]) -> Vec<String> {
    let mut problems = Vec::new();
    let pods: Vec<(&Value, &Value)> = objects
        .iter()
        .filter(|object| object["spec"]["template"].is_object())
        .map(|object| (object, &object["spec"]["template"]))
        .collect();
    for (object, pod) in &pods {
        let name = name(object);
        problems.extend(check_pod(pod).into_iter().map(|problem| format!("{name}: {problem}")));
        if !selects(&object["spec"]["selector"]["matchLabels"], pod) {
            problems.push(format!("{name} does not select its own pods"));
        }
    }
    for object in objects {
        problems.extend(check_reference(object, objects, &pods).map(|problem| format!("{}: {problem}", name(object))));
    }
    let names: BTreeSet<String> = objects.iter().map(name).collect();
    if names.len() != objects.len() {
        problems.push("two objects have one name".to_owned());
    }
    problems
}

/// Services, budgets and autoscalers must point at something.
fn check_reference(object: &Value, objects: &[Value], pods: &[(&Value, &Value)]) -> Option<String> {
    let selector = match text(&object["kind"]) {
        "Service" => &object["spec"]["selector"],
        "PodDisruptionBudget" => &object["spec"]["selector"]["matchLabels"],
        "HorizontalPodAutoscaler" => {
            let target = &object["spec"]["scaleTargetRef"];
            let target = format!("{}/{}", text(&target["kind"]), text(&target["name"]));
            let found = objects.iter().find(|object| name(object) == target);
            return match found {
                None => Some(format!("scales {target}, which is not there")),
                Some(found) if found["spec"].get("replicas").is_some() => {
                    Some(format!("scales {target}, which fixes its replicas"))
                }
                Some(_) => None,
            };
        }
        _ => return None,
    };
    let selected = pods.iter().filter(|(_, pod)| selects(selector, pod)).count();
    (selected != 1).then(|| format!("selects the pods of {selected} workloads"))
}

fn selects(selector: &Value, pod: &Value) -> bool {
    let labels = &pod["metadata"]["labels"];
    selector
        .as_object()
        .is_some_and(|wanted| !wanted.is_empty() && wanted.iter().all(|(key, value)| labels[key] == *value))
}

fn check_pod(pod: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let spec = &pod["spec"];
    let mut require = |holds: bool, problem: &str| {
        if !holds {
            problems.push(problem.to_owned());
        }
    };
    require(spec["securityContext"]["runAsNonRoot"] == true, "may run as root");
    require(spec["automountServiceAccountToken"] == false, "mounts a token it does not need");
    let volumes: BTreeSet<&str> = list(&spec["volumes"]).map(|volume| text(&volume["name"])).collect();
    for container in list(&spec["containers"]) {
        let security = &container["securityContext"];
        require(security["readOnlyRootFilesystem"] == true, "may write its root file system");
        require(security["allowPrivilegeEscalation"] == false, "may gain privileges");
        require(security["capabilities"]["drop"][0] == "ALL", "keeps capabilities");
        require(container["resources"]["requests"]["memory"].is_string(), "requests no memory");
        require(container["resources"]["requests"]["cpu"].is_string(), "requests no processor");
        require(container["readinessProbe"].is_object() && container["livenessProbe"].is_object(), "has no probes");
        require(!text(&container["image"]).ends_with(":latest"), "runs whatever is latest");
        for mount in list(&container["volumeMounts"]) {
            // The claim of a stateful set names its volume elsewhere.
            let volume = text(&mount["name"]);
            require(volumes.contains(volume) || volume == "data", "mounts a volume that is not there");
        }
    }
    problems
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
