//! Settings under `storage:`.

mod azure;
mod dynamodb;
mod gcs;
mod s3;

use serde::{Deserialize, Serialize};

pub use azure::AzureConfig;
pub use dynamodb::{Billing, DynamoDbConfig, TableClass};
pub use gcs::GcsConfig;
pub use s3::{S3Config, ServerSideEncryption};

use crate::dynamodb_catalog::CatalogUrl;

/// Where data and catalog live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageConfig {
    /// Where segments are kept: `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`, `file:///abs/path`, a relative path,
    /// or `memory:`. Default `file://./sigyn-data`.
    pub bucket: String,
    /// Where the catalog is kept: `bucket`, or `dynamodb://region/prefix` for the table `{prefix}catalog`. Default: in the bucket.
    pub catalog: Option<String>,
    pub s3: S3Config,
    pub gcs: GcsConfig,
    pub azure: AzureConfig,
    pub dynamodb: DynamoDbConfig,
}

impl Default for StorageConfig {
    fn default() -> Self {
        Self {
            bucket: "file://./sigyn-data".to_owned(),
            catalog: None,
            s3: S3Config::default(),
            gcs: GcsConfig::default(),
            azure: AzureConfig::default(),
            dynamodb: DynamoDbConfig::default(),
        }
    }
}

impl StorageConfig {
    /// Every problem at once, each with its key.
    #[must_use]
    pub fn validate(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if let Err(error) = crate::objects::BucketUrl::parse(&self.bucket) {
            problems.push(format!("storage.bucket: {error}"));
        }
        if let Err(reason) = catalog_url(self.catalog.as_deref()) {
            // The URL itself may hold a secret that does not belong there.
            problems.push(format!("storage.catalog: {reason}"));
        }
        problems
    }
}

/// Where the catalog is: `None` in the bucket.
///
/// Errors: what is wrong with the URL.
pub(crate) fn catalog_url(catalog: Option<&str>) -> Result<Option<CatalogUrl>, String> {
    match catalog {
        None | Some("" | "bucket") => Ok(None),
        Some(url) => CatalogUrl::parse(url).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_name_their_keys() {
        assert!(StorageConfig::default().validate().is_empty());
        let config = StorageConfig {
            bucket: "s3://key:s3cret@logs".to_owned(),
            catalog: Some("dynamodb://key:s3cret@x".to_owned()),
            ..StorageConfig::default()
        };
        let problems = config.validate();
        assert_eq!(problems.len(), 2);
        assert!(problems.iter().all(|problem| !problem.contains("s3cret")));
        assert!(problems[0].starts_with("storage.bucket: ") && problems[1].starts_with("storage.catalog: "));
    }
}
