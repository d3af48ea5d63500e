//! The table itself: made when it is absent, checked when it is there.

use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::types as aws;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, PointInTimeRecoverySpecification,
    ProvisionedThroughput, ScalarAttributeType, SseSpecification, SseType, TableDescription, TableStatus, Tag,
    TimeToLiveSpecification, TimeToLiveStatus,
};
use sigyn_model::ErrorKind;
use tokio::time::Instant;
use tracing::{info, warn};

use super::keys::{EXPIRY, PK, SK};
use super::table::{Refusal, Table};
use crate::config::{Billing, DynamoDbConfig, TableClass};
use crate::{Error, Result};

/// How long a table may take to be made.
const MADE_WITHIN: Duration = Duration::from_secs(120);
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Makes sure that the table is there, active and of the right shape, and that its settings are as asked.
pub(super) async fn ensure(table: &Table, config: &DynamoDbConfig) -> Result<()> {
    let started = Instant::now();
    let mut made = false;
    let description = loop {
        match describe(table).await {
            Ok(description) => match description.table_status() {
                Some(TableStatus::Active | TableStatus::Updating) => break description,
                Some(status @ (TableStatus::Creating | TableStatus::Deleting)) => {
                    if started.elapsed() > MADE_WITHIN {
                        return Err(unusable(
                            table,
                            ErrorKind::Unavailable,
                            format!("it is {status} for minutes; look at it in the console of DynamoDB"),
                        ));
                    }
                }
                status => {
                    let status = status.map_or("in no known state", TableStatus::as_str);
                    return Err(unusable(
                        table,
                        ErrorKind::Unavailable,
                        format!("it is {status}; look at it in the console of DynamoDB"),
                    ));
                }
            },
            Err(Refusal::NoTable) if made => {}
            Err(Refusal::NoTable) => {
                make(table, config).await?;
                made = true;
            }
            Err(refusal) => return Err(refused(table, "dynamodb:DescribeTable", &refusal)),
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    };
    check_keys(table, &description)?;
    settle(table, config, &description, made).await
}

async fn describe(table: &Table) -> std::result::Result<TableDescription, Refusal> {
    let mut retries = table.retries();
    loop {
        let refusal = match table.client.describe_table().table_name(&*table.name).send().await {
            Ok(answer) => return answer.table.ok_or(Refusal::NoTable),
            Err(error) => Refusal::of(&error),
        };
        if !refusal.may_pass() || !retries.pause(&refusal).await {
            return Err(refusal);
        }
    }
}

async fn make(table: &Table, config: &DynamoDbConfig) -> Result<()> {
    if !config.create_table {
        let reason = format!(
            "it does not exist ({}) and storage.dynamodb.create_table is false; make it with the keys pk (hash, string) and sk (range, string), or set create_table to true",
            table.place
        );
        return Err(unusable(table, ErrorKind::Invalid, reason));
    }
    let malformed =
        |error: aws_sdk_dynamodb::error::BuildError| unusable(table, ErrorKind::Internal, error.to_string());
    let mut request =
        table.client.create_table().table_name(&*table.name).deletion_protection_enabled(config.deletion_protection);
    for (name, kind) in [(PK, KeyType::Hash), (SK, KeyType::Range)] {
        let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
        request = request
            .attribute_definitions(attribute.build().map_err(malformed)?)
            .key_schema(KeySchemaElement::builder().attribute_name(name).key_type(kind).build().map_err(malformed)?);
    }
    request = match config.billing {
        Billing::OnDemand => request.billing_mode(BillingMode::PayPerRequest),
        Billing::Provisioned => request.billing_mode(BillingMode::Provisioned).provisioned_throughput(
            ProvisionedThroughput::builder()
                .read_capacity_units(config.read_units.into())
                .write_capacity_units(config.write_units.into())
                .build()
                .map_err(malformed)?,
        ),
    };
    if !config.kms_key_id.is_empty() {
        let encryption =
            SseSpecification::builder().enabled(true).sse_type(SseType::Kms).kms_master_key_id(&config.kms_key_id);
        request = request.sse_specification(encryption.build());
    }
    if config.table_class == TableClass::InfrequentAccess {
        request = request.table_class(aws::TableClass::StandardInfrequentAccess);
    }
    for (key, value) in &config.tags {
        request = request.tags(Tag::builder().key(key).value(value).build().map_err(malformed)?);
    }
    match request.send().await {
        Ok(_) => {
            info!(table = %table.name, place = %table.place, billing = ?config.billing, "made the catalog's table");
            Ok(())
        }
        // Another process was faster.
        Err(SdkError::ServiceError(error)) if error.err().is_resource_in_use_exception() => Ok(()),
        Err(error) => Err(refused(table, "dynamodb:CreateTable", &Refusal::of(&error))),
    }
}

fn check_keys(table: &Table, description: &TableDescription) -> Result<()> {
    let mut found: Vec<String> = Vec::new();
    for element in description.key_schema() {
        let kind =
            description.attribute_definitions().iter().find(|it| it.attribute_name() == element.attribute_name());
        let kind = kind.map_or("?", |it| it.attribute_type().as_str());
        found.push(format!("{} ({}, {kind})", element.attribute_name(), element.key_type().as_str()));
    }
    if found == ["pk (HASH, S)", "sk (RANGE, S)"] {
        return Ok(());
    }
    let reason = format!(
        "its keys are {}, not pk (HASH, S), sk (RANGE, S): it is not a catalog; name another prefix in storage.catalog",
        found.join(", ")
    );
    Err(unusable(table, ErrorKind::Invalid, reason))
}

/// Settings of the table beside its keys. What these credentials may not set is told and does not keep a process from starting.
async fn settle(table: &Table, config: &DynamoDbConfig, description: &TableDescription, made: bool) -> Result<()> {
    expire_items(table).await?;
    if config.point_in_time_recovery {
        let specification = PointInTimeRecoverySpecification::builder()
            .point_in_time_recovery_enabled(true)
            .build()
            .map_err(|error| unusable(table, ErrorKind::Internal, error.to_string()))?;
        let request = table.client.update_continuous_backups().table_name(&*table.name);
        if let Err(error) = request.point_in_time_recovery_specification(specification).send().await {
            told(table, "point_in_time_recovery", "dynamodb:UpdateContinuousBackups", &Refusal::of(&error));
        }
    }
    if !made
        && !config.tags.is_empty()
        && let Some(arn) = description.table_arn()
    {
        let mut request = table.client.tag_resource().resource_arn(arn);
        for (key, value) in &config.tags {
            let tag = Tag::builder().key(key).value(value).build();
            request = request.tags(tag.map_err(|error| unusable(table, ErrorKind::Internal, error.to_string()))?);
        }
        if let Err(error) = request.send().await {
            told(table, "tags", "dynamodb:TagResource", &Refusal::of(&error));
        }
    }
    Ok(())
}

/// Lets DynamoDB remove items past the time in [`EXPIRY`], which costs nothing.
async fn expire_items(table: &Table) -> Result<()> {
    let now = match table.client.describe_time_to_live().table_name(&*table.name).send().await {
        Ok(answer) => answer.time_to_live_description,
        Err(error) => {
            told(table, "expiry of items", "dynamodb:DescribeTimeToLive", &Refusal::of(&error));
            return Ok(());
        }
    };
    let status = now.as_ref().and_then(|now| now.time_to_live_status());
    if matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)) {
        return match now.as_ref().and_then(|now| now.attribute_name()) {
            None | Some(EXPIRY) => Ok(()),
            Some(other) => {
                let reason =
                    format!("its items expire by the attribute {other}, not {EXPIRY}; change its time to live");
                Err(unusable(table, ErrorKind::Invalid, reason))
            }
        };
    }
    let specification = TimeToLiveSpecification::builder()
        .enabled(true)
        .attribute_name(EXPIRY)
        .build()
        .map_err(|error| unusable(table, ErrorKind::Internal, error.to_string()))?;
    let request = table.client.update_time_to_live().table_name(&*table.name).time_to_live_specification(specification);
    if let Err(error) = request.send().await {
        told(table, "expiry of items", "dynamodb:UpdateTimeToLive", &Refusal::of(&error));
    }
    Ok(())
}

/// What could not be set: the table works without it.
fn told(table: &Table, setting: &'static str, permission: &'static str, refusal: &Refusal) {
    warn!(table = %table.name, setting, permission, ?refusal, "the table works, but this could not be set");
}

/// A call that must be allowed before anything works.
fn refused(table: &Table, permission: &'static str, refusal: &Refusal) -> Error {
    let reason = match refusal {
        Refusal::Denied(message) => format!(
            "{permission} is not allowed on it ({}): {message}; allow it in the policy of these credentials, see docs/operations/aws.md",
            table.place
        ),
        Refusal::Away(message) => {
            format!("{} does not answer: {message}; check storage.catalog and storage.dynamodb.endpoint", table.place)
        }
        Refusal::Other { code, message } => format!("{permission} failed ({}): {code}: {message}", table.place),
        other => return table.error("preparing the catalog", other),
    };
    let kind = if matches!(refusal, Refusal::Other { .. }) { ErrorKind::Invalid } else { ErrorKind::Unavailable };
    unusable(table, kind, reason)
}

fn unusable(table: &Table, kind: ErrorKind, reason: String) -> Error {
    Error::Table { action: "preparing the catalog", table: table.name.to_string(), reason, kind }
}
