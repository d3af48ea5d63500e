//! `schema_config`: the last period says where new data goes; what earlier ones hold is Loki's own.

use serde_json::Value;

use super::NoteKind;
use super::work::Work;
use super::{bucket, catalog};

const CONFIGS: &str = "schema_config.configs";

/// A period, as far as it matters here.
pub(super) struct Period {
    /// Its place in the file: `schema_config.configs[0]`.
    pub(super) path: String,
    pub(super) from: String,
    pub(super) store: String,
    pub(super) object_store: String,
    pub(super) index: Index,
}

/// Where a period of Loki kept its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Index {
    DynamoDb,
    /// Files in the object store.
    Bucket,
    Memory,
    /// A database that Sigyn does not speak to.
    Elsewhere,
}

const STORES: &str = "aws, aws-dynamo, dynamo, dynamodb, boltdb-shipper or tsdb";

/// Settles storage and catalog. The periods, in words, as Loki's own data.
pub(super) fn translate(work: &mut Work<'_>) -> Vec<String> {
    let mut periods = Vec::new();
    while work.has(&format!("{CONFIGS}[{}]", periods.len())) {
        let period = read(work, format!("{CONFIGS}[{}]", periods.len()));
        periods.push(period);
    }
    let Some(last) = periods.last() else {
        work.problem(
            CONFIGS,
            "has no entry: write one with from, store, object_store and index, so that it is known where data is",
        );
        return Vec::new();
    };
    order(work, &periods);
    one_index(work, &periods);
    if !last.store.is_empty() {
        bucket::translate(work, last);
        catalog::translate(work, last);
    }
    earlier(work, &periods);
    periods.iter().enumerate().map(|(at, period)| in_words(period, periods.get(at + 1))).collect()
}

fn read(work: &mut Work<'_>, path: String) -> Period {
    let text = |work: &Work<'_>, key: &str| work.text(&format!("{path}.{key}")).unwrap_or_default();
    let (from, store, mut object_store) = (text(work, "from"), text(work, "store"), text(work, "object_store"));
    let index = match store.as_str() {
        "aws" | "aws-dynamo" | "dynamo" | "dynamodb" => Index::DynamoDb,
        "boltdb-shipper" | "tsdb" | "boltdb" => Index::Bucket,
        "inmemory" => Index::Memory,
        "bigtable" | "bigtable-hashed" | "cassandra" | "gcp" | "gcp-columnkey" | "grpc-store" => Index::Elsewhere,
        "" => {
            work.problem(&format!("{path}.store"), format_args!("is missing; write {STORES}"));
            Index::Bucket
        }
        other => {
            work.problem(
                &format!("{path}.store"),
                format_args!("is '{other}', which is no kind of index; write {STORES}"),
            );
            Index::Bucket
        }
    };
    if object_store.is_empty() && index == Index::DynamoDb {
        "s3".clone_into(&mut object_store);
        work.note(
            NoteKind::Changed,
            &format!("{path}.object_store"),
            "is missing and taken to be s3, since the index is in DynamoDB",
        );
    }
    Period { path, from, store, object_store, index }
}

fn order(work: &mut Work<'_>, periods: &[Period]) {
    for (at, period) in periods.iter().enumerate() {
        let key = format!("{}.from", period.path);
        if !is_day(&period.from) {
            work.problem(&key, format_args!("is '{}'; write a day, as in 2024-04-01", period.from));
        } else if at > 0 && periods[at - 1].from >= period.from {
            work.problem(
                &key,
                format_args!(
                    "is {}, which is not after the period before it; periods are in order of their days",
                    period.from
                ),
            );
        }
    }
}

fn is_day(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    matches!(parts[..], [y, m, d] if y.len() == 4 && m.len() == 2 && d.len() == 2)
        && parts.iter().all(|part| part.chars().all(|c| c.is_ascii_digit()))
}

/// A block for DynamoDB beside a block for Loki's own index files is fine when there are periods for both, and a leftover otherwise.
fn one_index(work: &mut Work<'_>, periods: &[Period]) {
    let uses = |index: Index| periods.iter().any(|period| period.index == index);
    let shipper = ["storage_config.boltdb_shipper", "storage_config.tsdb_shipper"];
    let block = shipper.iter().find_map(|block| work.first_below(block).map(|given| given.path.clone()));
    let table = ["storage_config.aws.dynamodb", "storage_config.aws.dynamodbconfig"]
        .iter()
        .find_map(|block| work.first_below(block).map(|given| given.path.clone()));
    let (Some(block), Some(table)) = (block, table) else { return };
    match (uses(Index::DynamoDb), uses(Index::Bucket)) {
        (true, false) => work.problem(
            &block,
            "is in the file beside storage_config.aws.dynamodb, but every period has its index in DynamoDB; remove the shipper's block",
        ),
        (false, true) => work.problem(
            &table,
            "is in the file, but no period of schema_config has its index in DynamoDB; remove the block, or write store: aws",
        ),
        _ => {}
    }
}

/// What was read of the periods before the last, and of the tables that are no longer made.
fn earlier(work: &mut Work<'_>, periods: &[Period]) {
    for (at, period) in periods.iter().enumerate() {
        for key in ["index.prefix", "index.tags"] {
            let path = format!("{}.{key}", period.path);
            if at + 1 < periods.len() && work.find(&path).is_some() {
                work.note(NoteKind::NotNeeded, &path, "belongs to Loki's own data");
            }
        }
        let path = format!("{}.index.period", period.path);
        match work.find(&path).map(|given| given.node.value()) {
            None if period.index == Index::DynamoDb => {
                work.note(NoteKind::Changed, &path, "is missing, and in Loki no table would have been made; here there is one table and no periods of tables");
            }
            Some(value) if is_zero(&value) => {
                work.note(
                    NoteKind::Changed,
                    &path,
                    "0 is one table for ever in Loki; here there is one table in any case, named from index.prefix",
                );
            }
            Some(_) => work.note(NoteKind::NotNeeded, &path, "there is one table and no periods of tables"),
            None => {}
        }
        chunks(work, period);
    }
}

/// Chunks in DynamoDB lost data in Loki when their tables had no name.
fn chunks(work: &mut Work<'_>, period: &Period) {
    let path = format!("{}.chunks.prefix", period.path);
    if work.find(&path).is_some() {
        work.note(NoteKind::NotNeeded, &path, "no chunks are kept in tables");
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.trim_end_matches(|c: char| c.is_ascii_alphabetic()) == "0",
        _ => false,
    }
}

fn in_words(period: &Period, next: Option<&Period>) -> String {
    let until = next.map_or("now".to_owned(), |next| next.from.clone());
    format!("{} to {until}: index {}, chunks {}", period.from, period.store, period.object_store)
}
