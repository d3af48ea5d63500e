//! `loki.storage` and the schema that the chart makes up.

use serde_json::Value;

use super::{NoteKind, Work};
use crate::tree::{Item, Node, Place};

pub(super) fn translate(work: &mut Work, values: &Node) {
    if let Some(config) = values.at("loki.config")
        && !config.is_empty()
    {
        work.problems.push("loki.config is a template, which only Helm can read: render it, and give the result to `sigyn config translate`".to_owned());
    }
    let kind = values.at("loki.storage.type").map(crate::loki::text);
    bucket(work, values, kind.as_deref());
    directory(work, kind.as_deref());
    schema(work, values, kind.as_deref());
}

fn bucket(work: &mut Work, values: &Node, kind: Option<&str>) {
    let key = match kind {
        Some("s3") | None => "common.storage.s3.bucketnames",
        Some("gcs") => "common.storage.gcs.bucket_name",
        Some("azure") => "common.storage.azure.container_name",
        Some(_) => return,
    };
    if let Some(Node::Section(buckets)) = values.at("loki.storage.bucketNames")
        && let Some(chunks) = buckets.iter().find(|member| member.key == "chunks")
    {
        work.loki.put(key, chunks.node.clone(), &chunks.place);
    }
}

/// Where the chart keeps chunks when they are on a disk.
fn directory(work: &mut Work, kind: Option<&str>) {
    const KEY: &str = "common.storage.filesystem.chunks_directory";
    if kind == Some("filesystem") && work.loki.at(KEY).is_none() {
        work.loki.put(
            KEY,
            Node::Leaf("/var/loki/chunks".into()),
            &Place::Implied("the chart's own directory".to_owned()),
        );
    }
}

/// The chart has no schema of its own but one for tests; Sigyn only wants to know where data is.
fn schema(work: &mut Work, values: &Node, kind: Option<&str>) {
    let given = ["loki.schemaConfig.configs", "loki.structuredConfig.schema_config.configs"];
    if given.iter().any(|path| values.at(path).is_some_and(|node| !node.is_empty())) {
        return;
    }
    let place = Place::Implied("the chart's own schema".to_owned());
    let mut period = Node::Section(Vec::new());
    for (key, value) in [("from", "2024-04-01"), ("store", "tsdb"), ("object_store", kind.unwrap_or("s3"))] {
        period.put(key, Node::Leaf(Value::String(value.to_owned())), &place);
    }
    work.loki.put("schema_config.configs", Node::List(vec![Item { place: place.clone(), node: period }]), &place);
    work.note(
        NoteKind::Changed,
        "loki.schemaConfig",
        None,
        "is missing; data goes to loki.storage, with the catalog in the bucket".to_owned(),
    );
}
