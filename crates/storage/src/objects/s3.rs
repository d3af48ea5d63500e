//! A bucket of S3 or of a server that speaks its API.

use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::{ClientOptions, ObjectStore};

use super::remote::{Remote, retries};
use crate::aws::{self, BucketCredentials, FoundRegion, Keys};
use crate::config::{S3Config, ServerSideEncryption};
use crate::objects::Opened;
use crate::{Clock, Error, Result};

/// Opens `s3://bucket`; nothing is asked of it yet.
///
/// Errors: `Invalid` without a region or credentials, with what to set.
pub(super) async fn open(url: &str, bucket: &str, config: &S3Config, clock: Arc<dyn Clock>) -> Result<Opened> {
    let failed = |reason: String| Error::Bucket { url: url.to_owned(), reason };
    let region = region(config).await.ok_or_else(|| {
        failed(
            "no region: set storage.s3.region or AWS_REGION to the region the bucket is in, such as eu-west-1"
                .to_owned(),
        )
    })?;
    let found = aws::credentials(Keys::of_bucket(config), &config.profile, &region.name).await.map_err(failed)?;
    let credentials = BucketCredentials::new(found.provider, clock);
    let client = ClientOptions::new()
        .with_timeout(config.request_timeout.as_duration())
        .with_connect_timeout(config.connect_timeout.as_duration())
        .with_allow_http(config.endpoint.starts_with("http://"));
    let path_style = config.path_style.unwrap_or(!config.endpoint.is_empty());
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region(&region.name)
        .with_credentials(Arc::new(credentials))
        .with_virtual_hosted_style_request(!path_style)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_client_options(client)
        .with_retry(retries(config.retries_max, config.retry_timeout.as_duration()));
    if !config.endpoint.is_empty() {
        builder = builder.with_endpoint(config.endpoint.trim_end_matches('/'));
    }
    let encryption = match config.server_side_encryption {
        ServerSideEncryption::None => None,
        ServerSideEncryption::S3 => Some("AES256"),
        ServerSideEncryption::Kms => Some("aws:kms"),
    };
    for (key, value) in [("aws_server_side_encryption", encryption), ("aws_sse_kms_key_id", kms_key(config))] {
        if let Some(value) = value {
            let key: AmazonS3ConfigKey =
                key.parse().map_err(|error: object_store::Error| failed(aws::chain_of(&error)))?;
            builder = builder.with_config(key, value);
        }
    }
    let objects: Arc<dyn ObjectStore> = Arc::new(builder.build().map_err(|error| failed(aws::chain_of(&error)))?);
    let remote = Remote::new(objects, config.retry_timeout.as_duration()).with_storage_class(&config.storage_class);
    let place = match config.endpoint.as_str() {
        "" => format!("region {region}"),
        endpoint => format!("{endpoint}, region {region}"),
    };
    Ok(Opened { objects: Arc::new(remote), access: Some(format!("{place}, credentials of {}", found.origin)) })
}

fn kms_key(config: &S3Config) -> Option<&str> {
    let key = config.kms_key_id.as_str();
    (config.server_side_encryption == ServerSideEncryption::Kms && !key.is_empty()).then_some(key)
}

/// Servers of others ignore the region but it is part of the signature, so any will do.
async fn region(config: &S3Config) -> Option<FoundRegion> {
    if !config.region.is_empty() {
        return Some(FoundRegion { name: config.region.clone(), origin: "storage.s3.region" });
    }
    if !config.endpoint.is_empty() {
        return Some(FoundRegion { name: "us-east-1".to_owned(), origin: "the default for an endpoint" });
    }
    aws::region_of_surroundings(&config.profile).await
}
