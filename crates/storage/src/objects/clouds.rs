//! Buckets of Google Cloud Storage and containers of Azure Blob Storage.

use std::sync::Arc;
use std::time::Duration;

use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::{ClientOptions, ObjectStore};

use super::remote::{Remote, retries};
use crate::aws::chain_of;
use crate::config::{AzureConfig, GcsConfig};
use crate::objects::Opened;
use crate::{Error, Result};

const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const RETRIES_MAX: usize = 10;
const RETRY_TIMEOUT: Duration = Duration::from_secs(15);

fn client(endpoint: &str) -> ClientOptions {
    ClientOptions::new()
        .with_timeout(REQUEST_TIMEOUT)
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_allow_http(endpoint.starts_with("http://"))
}

fn opened(objects: Arc<dyn ObjectStore>, access: String) -> Opened {
    Opened { objects: Arc::new(Remote::new(objects, RETRY_TIMEOUT)), access: Some(access) }
}

/// Opens `gs://bucket`; nothing is asked of it yet.
///
/// Errors: `Invalid` for a key that cannot be read.
pub(super) fn open_gcs(url: &str, bucket: &str, config: &GcsConfig) -> Result<Opened> {
    let mut builder = GoogleCloudStorageBuilder::from_env()
        .with_bucket_name(bucket)
        .with_client_options(client(&config.endpoint))
        .with_retry(retries(RETRIES_MAX, RETRY_TIMEOUT));
    let mut origin = "the environment or the metadata server";
    if !config.service_account.is_empty() {
        builder = builder.with_service_account_key(config.service_account.reveal());
        origin = "storage.gcs.service_account";
    } else if !config.service_account_file.is_empty() {
        builder = builder.with_service_account_path(&config.service_account_file);
        origin = "storage.gcs.service_account_file";
    }
    if !config.endpoint.is_empty() {
        builder = builder.with_base_url(&config.endpoint);
    }
    let objects = builder.build().map_err(|error| Error::Bucket {
        url: url.to_owned(),
        reason: format!("{}; credentials are of {origin}, see storage.gcs", chain_of(&error)),
    })?;
    Ok(opened(Arc::new(objects), format!("Google Cloud Storage, credentials of {origin}")))
}

/// Opens `az://container`; nothing is asked of it yet.
///
/// Errors: `Invalid` without an account or with half of a service principal.
pub(super) fn open_azure(url: &str, container: &str, config: &AzureConfig) -> Result<Opened> {
    let mut builder = MicrosoftAzureBuilder::from_env()
        .with_container_name(container)
        .with_client_options(client(&config.endpoint))
        .with_retry(retries(RETRIES_MAX, RETRY_TIMEOUT));
    let mut origin = "the environment, workload identity or managed identity";
    if !config.account_name.is_empty() {
        builder = builder.with_account(&config.account_name);
    }
    if !config.account_key.is_empty() {
        builder = builder.with_access_key(config.account_key.reveal());
        origin = "storage.azure.account_key";
    }
    for (value, key) in [
        (config.client_id.as_str(), AzureConfigKey::ClientId),
        (config.client_secret.reveal(), AzureConfigKey::ClientSecret),
        (config.tenant_id.as_str(), AzureConfigKey::AuthorityId),
    ] {
        if !value.is_empty() {
            builder = builder.with_config(key, value);
            origin = "storage.azure.client_id";
        }
    }
    if !config.endpoint.is_empty() {
        builder = builder.with_endpoint(config.endpoint.clone());
    }
    let objects = builder.build().map_err(|error| Error::Bucket {
        url: url.to_owned(),
        reason: format!("{}; set storage.azure.account_name or AZURE_STORAGE_ACCOUNT_NAME", chain_of(&error)),
    })?;
    Ok(opened(Arc::new(objects), format!("Azure Blob Storage, credentials of {origin}")))
}
