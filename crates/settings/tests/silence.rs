//! Nothing that is written in a file of Loki is ignored in silence: every key, known or made up, leaves a trace.

use proptest::prelude::*;
use serde_json::Value;
use sigyn_settings::loki::{self, Translation};
use sigyn_settings::tree::{self, Item, Node, Place};

const ON_DISK: &str = "\
schema_config: {configs: [{from: 2024-01-01, store: tsdb, object_store: filesystem, index: {prefix: i_, period: 24h}}]}
storage_config: {filesystem: {directory: /d}}
";

const ON_AWS: &str = "\
schema_config: {configs: [{from: 2024-01-01, store: aws, object_store: s3, index: {prefix: i_, period: 24h}}]}
storage_config: {aws: {s3: s3://eu-west-1/b, dynamodb: {dynamodb_url: dynamodb://eu-west-1}}}
table_manager: {index_tables_provisioning: {provisioned_write_throughput: 3}}
";

const ON_AZURE: &str = "\
schema_config: {configs: [{from: 2024-01-01, store: tsdb, object_store: azure}]}
storage_config: {azure: {account_name: a}}
";

const WITH_THANOS: &str = "\
schema_config: {configs: [{from: 2024-01-01, store: tsdb, object_store: s3}]}
storage_config: {use_thanos_objstore: true, object_store: {s3: {bucket_name: b}}}
";

fn translate(tree: &Node) -> Translation {
    loki::translate(tree.clone(), &[], &|_| None)
}

/// Puts a value at a path whose words may end in `[]`, for the first item of a list.
fn put(node: &mut Node, path: &str, value: Node) {
    let place = Place::Line(99);
    let (word, rest) = path.split_once('.').map_or((path, None), |(word, rest)| (word, Some(rest)));
    let (word, in_list) = word.strip_suffix("[]").map_or((word, false), |word| (word, true));
    let word = if word == "*" { "chosen" } else { word };
    if !matches!(node, Node::Section(_)) {
        *node = Node::Section(Vec::new());
    }
    let mut inner = node.member(word).map_or(Node::Leaf(Value::Null), |member| member.node.clone());
    match (in_list, rest) {
        (false, None) => inner = value,
        (false, Some(rest)) => put(&mut inner, rest, value),
        (true, rest) => {
            let mut items = if let Node::List(items) = inner { items } else { Vec::new() };
            if items.is_empty() {
                items.push(Item { place: place.clone(), node: Node::Section(Vec::new()) });
            }
            match rest {
                Some(rest) => put(&mut items[0].node, rest, value),
                None => items[0].node = value,
            }
            inner = Node::List(items);
        }
    }
    node.put(word, inner, &place);
}

/// Everything that a reader of the translation can see.
fn traces(translation: &Translation) -> (Value, Vec<String>, &[String], &[String]) {
    let notes = translation.notes.iter().map(|note| format!("{} {}", note.key, note.text)).collect();
    (translation.settings.value(), notes, &translation.problems, &translation.old_periods)
}

/// The key with this value changes what comes of the file, or is spoken of.
fn leaves_a_trace(file: &str, path: &str, value: Node) -> bool {
    let before = tree::parse(file).expect("YAML");
    let mut after = before.clone();
    put(&mut after, path, value);
    let (before, after) = (translate(&before), translate(&after));
    traces(&before) != traces(&after)
}

#[test]
fn every_known_key_leaves_a_trace() {
    let values = ["other", "true", "17", "17s", "[{a: b}]", "{a: b}", "inmemory", "AzureChinaCloud", "SSE-S3", "path"];
    let silent: Vec<&str> = loki::known_keys()
        .into_iter()
        .filter(|path| {
            let leaves =
                |file: &str| values.iter().any(|value| leaves_a_trace(file, path, tree::parse(value).expect("YAML")));
            ![ON_DISK, ON_AWS, ON_AZURE, WITH_THANOS].into_iter().any(leaves)
        })
        .collect();
    assert_eq!(silent, [""; 0]);
}

/// Words of real keys and words of nobody, in any order.
fn words() -> impl Strategy<Value = String> {
    let known: Vec<String> = loki::known_keys()
        .into_iter()
        .flat_map(|path| path.split('.').map(|word| word.trim_end_matches("[]").to_owned()))
        .filter(|word| word != "*")
        .collect();
    prop_oneof![4 => prop::sample::select(known), 1 => "[a-z]{1,8}(_[a-z]{1,8})?"]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_key_leaves_a_trace(words in prop::collection::vec(words(), 1..5), value in "[a-z0-9]{1,6}") {
        let path = words.join(".");
        let value = Node::Leaf(Value::String(format!("z{value}")));
        let leaves = [ON_DISK, ON_AWS].into_iter().any(|file| leaves_a_trace(file, &path, value.clone()));
        prop_assert!(leaves, "{path} is ignored in silence");
    }

    #[test]
    fn any_text_is_answered(text in "(?s).{0,200}") {
        if let Ok(tree) = tree::parse(&text) {
            translate(&tree);
        }
        let _ = loki::variables(&text, &|_| None);
        let _ = loki::overrides(&text, &|_| false);
    }
}
