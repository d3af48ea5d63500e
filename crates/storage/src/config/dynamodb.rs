//! Settings under `storage.dynamodb`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sigyn_model::Secret;
use sigyn_model::duration::Span;

/// How to reach and keep the catalog's table; only read when `storage.catalog` is `dynamodb://…`.
///
/// Credentials that are not set here are those of `storage.s3`, so that one pair of keys serves both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DynamoDbConfig {
    /// Address of a DynamoDB-compatible server, such as `http://dynamodb:8000`. Default: AWS's own for the region.
    pub endpoint: String,
    /// Access key. Default: that of `storage.s3`, then the chain of the AWS SDK.
    pub access_key_id: Secret,
    /// Secret of the access key.
    pub secret_access_key: Secret,
    /// Session token of temporary keys.
    pub session_token: Secret,
    /// Make the table when it is absent. Default true; without it the process needs no permission to create tables.
    pub create_table: bool,
    /// How capacity is paid for when the table is made: `on_demand` or `provisioned`. Default on_demand.
    pub billing: Billing,
    /// Read units of a provisioned table. Default 5.
    pub read_units: u32,
    /// Write units of a provisioned table. Default 5.
    pub write_units: u32,
    /// Tags of the table, for cost allocation; put on a table that exists, too.
    pub tags: BTreeMap<String, String>,
    /// Continuous backups of the table. Default false.
    pub point_in_time_recovery: bool,
    /// KMS key that encrypts the table. Default: AWS's own key.
    pub kms_key_id: String,
    /// `standard` or `infrequent_access`. Default standard.
    pub table_class: TableClass,
    /// Refuse to delete the table. Default false.
    pub deletion_protection: bool,
    /// How long one request may take. Default 5s.
    pub request_timeout: Span,
    /// Times a failed or throttled request is tried again. Default 8.
    pub retries_max: u32,
}

impl Default for DynamoDbConfig {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            access_key_id: Secret::default(),
            secret_access_key: Secret::default(),
            session_token: Secret::default(),
            create_table: true,
            billing: Billing::OnDemand,
            read_units: 5,
            write_units: 5,
            tags: BTreeMap::new(),
            point_in_time_recovery: false,
            kms_key_id: String::new(),
            table_class: TableClass::Standard,
            deletion_protection: false,
            request_timeout: Span::seconds(5),
            retries_max: 8,
        }
    }
}

/// How a table's capacity is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Billing {
    #[default]
    OnDemand,
    Provisioned,
}

/// What a table's storage costs against its requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableClass {
    #[default]
    Standard,
    InfrequentAccess,
}
