//! Settings under `storage.s3`.

use serde::{Deserialize, Serialize};
use sigyn_model::Secret;
use sigyn_model::duration::Span;

/// How to reach an S3 bucket; only read when `storage.bucket` is `s3://…`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct S3Config {
    /// Region of the bucket. Default: from `AWS_REGION`, the AWS profile, or the instance's metadata.
    pub region: String,
    /// Address of an S3-compatible server, such as `http://minio:9000`. Default: AWS's own for the region.
    pub endpoint: String,
    /// Address the bucket in the path (`host/bucket`) instead of the host name (`bucket.host`). Default: true when `endpoint` is set.
    pub path_style: Option<bool>,
    /// Access key. Default: the chain of the AWS SDK: environment, profile, web identity (IRSA), container, instance metadata.
    pub access_key_id: Secret,
    /// Secret of the access key.
    pub secret_access_key: Secret,
    /// Session token of temporary keys.
    pub session_token: Secret,
    /// Profile of the shared AWS configuration and credentials files. Default: from `AWS_PROFILE`.
    pub profile: String,
    /// Encryption at rest: `none` (the bucket's own default), `AES256` or `aws:kms`. Default none.
    pub server_side_encryption: ServerSideEncryption,
    /// Key for `aws:kms`. Default: AWS's managed key.
    pub kms_key_id: String,
    /// Storage class of segments, such as `INTELLIGENT_TIERING`. Default: the bucket's.
    pub storage_class: String,
    /// How long one request may take. Default 30s.
    pub request_timeout: Span,
    /// How long a connection may take to be made. Default 5s.
    pub connect_timeout: Span,
    /// Times a failed request is tried again. Default 10.
    pub retries_max: usize,
    /// How long a request is tried again before it fails. Default 15s.
    pub retry_timeout: Span,
}

impl Default for S3Config {
    fn default() -> Self {
        Self {
            region: String::new(),
            endpoint: String::new(),
            path_style: None,
            access_key_id: Secret::default(),
            secret_access_key: Secret::default(),
            session_token: Secret::default(),
            profile: String::new(),
            server_side_encryption: ServerSideEncryption::None,
            kms_key_id: String::new(),
            storage_class: String::new(),
            request_timeout: Span::seconds(30),
            connect_timeout: Span::seconds(5),
            retries_max: 10,
            retry_timeout: Span::seconds(15),
        }
    }
}

/// Who encrypts objects at rest, with which key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ServerSideEncryption {
    #[default]
    #[serde(rename = "none")]
    None,
    #[serde(rename = "AES256", alias = "SSE-S3")]
    S3,
    #[serde(rename = "aws:kms", alias = "SSE-KMS")]
    Kms,
}
