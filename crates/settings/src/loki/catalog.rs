//! The catalog: one DynamoDB table when Loki kept its index in DynamoDB, otherwise the bucket.

use super::NoteKind;
use super::schema::{Index, Period};
use super::url::{Address, Host};
use super::work::Work;
use crate::tree::Node;

const AWS: &str = "storage_config.aws";
const TABLES: &str = "table_manager.index_tables_provisioning";

/// Before the prefix of Loki's tables. Without it Loki's table manager would take the catalog's table for one of its own that
/// is no longer needed, and delete it.
const PREFIX: &str = "sigyn_";

pub(super) fn translate(work: &mut Work<'_>, period: &Period) {
    let store = format!("{}.store", period.path);
    let prefix = format!("{}.index.prefix", period.path);
    match period.index {
        Index::DynamoDb => return dynamodb(work, period),
        Index::Bucket => {
            work.note(NoteKind::Changed, &store, format!("{}: the catalog is in the bucket", period.store))
        }
        Index::Memory => {
            work.note(NoteKind::Changed, &store, "the catalog is in the bucket, where it outlives the process")
        }
        Index::Elsewhere => {
            work.note(NoteKind::Changed, &store, format!("{} is not used; the catalog is in the bucket", period.store))
        }
    }
    for key in [prefix, format!("{}.index.tags", period.path)] {
        if work.find(&key).is_some() {
            work.note(NoteKind::NotNeeded, &key, "there are no tables");
        }
    }
}

fn dynamodb(work: &mut Work<'_>, period: &Period) {
    let address = match address(work) {
        Ok(address) => address,
        Err(()) => return,
    };
    if let Some((path, Address { scheme, .. })) = &address
        && scheme == "inmemory"
    {
        return work.note(
            NoteKind::Changed,
            path,
            "inmemory:// never worked in Loki; the catalog is in the bucket, where it outlives the process",
        );
    }
    let prefix = format!("{}.index.prefix", period.path);
    if address.is_none() && work.out.at("storage.bucket").map(super::work::text_of).as_deref() == Some("memory:") {
        work.take(&prefix);
        return work.note(
            NoteKind::Changed,
            &format!("{}.store", period.path),
            "the catalog is in memory, beside the data",
        );
    }
    let Some(name) = work.text(&prefix) else {
        return work.problem(&prefix, "is empty, so the table has no name; write for example prefix: loki_index_");
    };
    if let Some(bad) = name.chars().find(|c| !(c.is_ascii_alphanumeric() || "_.-".contains(*c))) {
        return work.problem(
            &prefix,
            format_args!("holds '{bad}', which no table's name may; use letters, digits, '_', '-' and '.'"),
        );
    }
    // So that the table is called sigyn_loki_catalog and not sigyn_lokicatalog.
    let name = if name.ends_with(['_', '-', '.']) { name } else { format!("{name}_") };
    if let Some(region) = region(work, address.as_ref()) {
        work.set("storage.catalog", format!("dynamodb://{region}/{PREFIX}{name}"), &prefix);
        work.note(
            NoteKind::Changed,
            &prefix,
            format!(
                "the catalog is one table, {PREFIX}{name}catalog, which Loki's table manager does not take for its own"
            ),
        );
    }
    server_and_keys(work, address.as_ref());
    capacity(work);
    if let Some(tags) = work.find(&format!("{}.index.tags", period.path)) {
        let (path, value) = (tags.path.clone(), tags.node.value());
        work.set("storage.dynamodb.tags", value, &path);
    }
    work.copy(&format!("{AWS}.dynamodb.kms_key_id"), "storage.dynamodb.kms_key_id");
    work.copy(&format!("{AWS}.dynamodb.backoff_config.max_retries"), "storage.dynamodb.retries_max");
}

/// The address of DynamoDB in any of its spellings, with its path. Errors: one that cannot be read, which is told.
fn address(work: &mut Work<'_>) -> Result<Option<(String, Address)>, ()> {
    let current = format!("{AWS}.dynamodb.dynamodb_url");
    let found = work.text(&current).map(|text| (current.clone(), text));
    let found = found.or_else(|| {
        let path = format!("{AWS}.dynamodb");
        work.text(&path).map(|text| (path, text))
    });
    let found = found.or_else(|| old_block(work));
    let Some((path, text)) = found else { return Ok(None) };
    if path != current {
        work.note(NoteKind::Changed, &path, format!("is an old spelling of {current}"));
    }
    let address = match Address::parse(&text) {
        Ok(address) => address,
        Err(_) => {
            work.problem(&path, "is no address; write dynamodb://REGION");
            return Err(());
        }
    };
    if !matches!(address.scheme.as_str(), "dynamodb" | "inmemory" | "http" | "https") {
        work.problem(
            &path,
            format_args!("has the scheme '{}', which is not known; write dynamodb://REGION", address.scheme),
        );
        return Err(());
    }
    if !address.path.is_empty() && address.scheme != "inmemory" {
        work.note(
            NoteKind::Changed,
            &path,
            "what follows the first slash is not used; a table's name comes from index.prefix",
        );
    }
    Ok(Some((path, address)))
}

/// `dynamodbconfig: {dynamodb: …}`
fn old_block(work: &mut Work<'_>) -> Option<(String, String)> {
    let path = format!("{AWS}.dynamodbconfig");
    let node = work.find(&path)?.node;
    if let Node::Section(members) = node {
        let other: Vec<String> =
            members.iter().map(|m| m.key.clone()).filter(|key| key != "dynamodb" && key != "dynamodb_url").collect();
        for key in other {
            work.problem(&path, format_args!("holds the unknown key {key}; write {AWS}.dynamodb instead"));
        }
    }
    let text = [node.at("dynamodb"), node.at("dynamodb_url")].into_iter().flatten().next()?;
    Some((path, super::work::text_of(text)))
}

/// From the address, from S3's settings, from the environment, in this order.
fn region(work: &mut Work<'_>, address: Option<&(String, Address)>) -> Option<String> {
    let key = address.map_or_else(|| format!("{AWS}.dynamodb.dynamodb_url"), |(path, _)| path.clone());
    let host = address.map(|(_, address)| address.host("dynamodb"));
    if let Some(Host::Region(region)) = host {
        return Some(region);
    }
    if let Some(Host::Aws(Some(region))) = host {
        work.note(NoteKind::Changed, &key, format!("the region, {region}, is read from the host's name"));
        return Some(region);
    }
    if let Some(region) = work.out.at("storage.s3.region").map(super::work::text_of) {
        work.note(NoteKind::Changed, &key, format!("names no region; it is that of the bucket, {region}"));
        return Some(region);
    }
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        if let Some(region) = work.variable(name) {
            work.note(
                NoteKind::Changed,
                &key,
                format!("names no region; it is that of the environment, {name}={region}"),
            );
            return Some(region);
        }
    }
    let why = match host {
        Some(Host::Server(_)) => {
            "names a server and no region: an endpoint and a region are two settings; write storage_config.aws.region, or set AWS_REGION"
        }
        Some(_) => "names no region; write dynamodb://REGION here, or set AWS_REGION",
        None => "is missing, and no region is known; write dynamodb://REGION here, or set AWS_REGION",
    };
    work.problem(&key, why);
    None
}

fn server_and_keys(work: &mut Work<'_>, address: Option<&(String, Address)>) {
    let Some((path, address)) = address else { return };
    if let Host::Server(server) = address.host("dynamodb") {
        work.set("storage.dynamodb.endpoint", server, path);
    }
    if let Some((id, secret)) = &address.user {
        work.set("storage.dynamodb.access_key_id", id.as_str(), path);
        work.set("storage.dynamodb.secret_access_key", secret.as_str(), path);
        work.note(NoteKind::Changed, path, "holds a secret; keys are better kept in the environment, or in a role");
    } else if work.out.at("storage.s3.access_key_id").is_some() {
        work.note(NoteKind::Changed, path, "holds no keys; those of the bucket are used for DynamoDB too");
    }
}

/// Loki's units are sized for one write per label and chunk; the catalog writes one small item per flush.
fn capacity(work: &mut Work<'_>) {
    const BILLING: &str = "storage.dynamodb.billing";
    let (demand, writes, reads) = (
        format!("{TABLES}.enable_ondemand_throughput_mode"),
        format!("{TABLES}.provisioned_write_throughput"),
        format!("{TABLES}.provisioned_read_throughput"),
    );
    let scales = ["write_scale", "read_scale"].map(|scale| format!("{TABLES}.{scale}.enabled"));
    let units = |work: &Work<'_>, path: &str| work.text(path).map(|text| text.parse::<u32>().map_err(|_| ()));
    let (write_units, read_units) = (units(work, &writes), units(work, &reads));
    for (path, units) in [(&writes, &write_units), (&reads, &read_units)] {
        if units == &Some(Err(())) {
            return work.problem(path, "is not a number of units");
        }
    }
    let given: Vec<&String> = [(&writes, write_units), (&reads, read_units)]
        .into_iter()
        .filter_map(|(path, units)| units.map(|_| path))
        .collect();
    let scale = scales.iter().find(|path| work.is_true(path)).cloned();
    if let Some(reason) = work.is_true(&demand).then_some(demand).or(scale) {
        work.set(BILLING, "on_demand", &reason);
        for path in given {
            work.note(NoteKind::NotNeeded, path, format!("the table is paid on demand, as {reason} says"));
        }
        return;
    }
    let Some(first) = given.first().map(|path| (*path).clone()) else { return };
    if [write_units, read_units].contains(&Some(Ok(0))) {
        work.set(BILLING, "on_demand", &first);
        return work.note(
            NoteKind::Changed,
            &first,
            "0 units are taken as on demand, since DynamoDB refuses a table with none",
        );
    }
    work.set(BILLING, "provisioned", &first);
    work.copy(&writes, "storage.dynamodb.write_units");
    work.copy(&reads, "storage.dynamodb.read_units");
    let count = |units: Option<Result<u32, ()>>| f64::from(units.and_then(Result::ok).unwrap_or(5));
    let dollars = (count(write_units) * 0.00065 + count(read_units) * 0.00013) * 730.0;
    work.note(
        NoteKind::Changed,
        &first,
        format!("these units are sized for Loki's index and cost about {dollars:.0} dollars a month (us-east-1); the catalog needs few: without the block it is paid on demand"),
    );
}
