//! How many processes of which kind, and what all of them are given.

use serde_json::Value;

use super::place;
use crate::loki::{self, Note, NoteKind};
use crate::tree::{Item, Node, Place};

/// Where the chart mounts the volume of a single pod.
const VOLUME: &str = "file:///var/lib/sigyn";

pub(super) fn translate(values: &mut Node, notes: &mut Vec<Note>, config: &mut Node, from: &Node) {
    let bucket = config.at("storage.bucket").map(loki::text).unwrap_or_default();
    let is_local = bucket.starts_with("file:") || bucket.starts_with("memory:");
    let mode = from.at("deploymentMode").map(loki::text);
    let replicas =
        |part: &str| from.at(&format!("{part}.replicas")).and_then(|node| node.value().as_u64()).unwrap_or(0);
    let deployment = match mode.as_deref() {
        Some("SingleBinary") => "single",
        Some(_) if is_local => {
            tell(notes, "deploymentMode", "is single here: several pods cannot share a disk");
            "single"
        }
        Some(_) => "scalable",
        None if is_local || replicas("singleBinary") > 0 => "single",
        None => "scalable",
    };
    let origin = if mode.is_some() {
        place("deploymentMode", &Place::Implied("values".to_owned()))
    } else {
        Place::Implied("follows from the storage".to_owned())
    };
    values.put("deployment", Node::Leaf(Value::String(deployment.to_owned())), &origin);
    if bucket.starts_with("file:") {
        config.put("storage.bucket", Node::Leaf(VOLUME.into()), &Place::Implied("the volume of the pod".to_owned()));
    }
    hosts(values, from);
    unused_parts(values, notes, deployment);
}

fn tell(notes: &mut Vec<Note>, key: &str, text: &str) {
    notes.push(Note { place: None, key: key.to_owned(), kind: NoteKind::Changed, text: text.to_owned() });
}

/// Hosts alone; Loki's gateway has a list of paths below each.
fn hosts(values: &mut Node, from: &Node) {
    for path in ["ingress.hosts", "gateway.ingress.hosts"] {
        let Some(Node::List(items)) = from.at(path) else { continue };
        let hosts = items.iter().map(|item| Item {
            place: item.place.clone(),
            node: item.node.at("host").cloned().unwrap_or_else(|| item.node.clone()),
        });
        values.put("ingress.hosts", Node::List(hosts.collect()), &place(path, &Place::Implied("values".to_owned())));
    }
}

/// Settings of parts that the deployment does not have say nothing.
fn unused_parts(values: &mut Node, notes: &mut Vec<Note>, deployment: &str) {
    let unused: &[&str] = if deployment == "single" { &["write", "read", "backend"] } else { &["single"] };
    let Node::Section(members) = values else { return };
    members.retain(|member| {
        let keep = !unused.contains(&member.key.as_str());
        if !keep {
            tell(notes, &member.key, &format!("is left out: there is no such part in deployment {deployment}"));
        }
        keep
    });
}

pub(super) fn environment(values: &mut Node, env: Vec<Node>, env_from: Vec<Node>) {
    for (key, nodes) in [("extraEnv", env), ("extraEnvFrom", env_from)] {
        if !nodes.is_empty() {
            let place = Place::Implied("of all parts of Loki together".to_owned());
            let items = nodes.into_iter().map(|node| Item { place: place.clone(), node }).collect();
            values.put(key, Node::List(items), &place);
        }
    }
}
