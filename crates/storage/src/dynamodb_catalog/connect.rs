//! From settings to a client: which region, whose credentials, which table.

use std::fmt;
use std::sync::Arc;

use aws_config::BehaviorVersion;
use aws_config::meta::region::RegionProviderChain;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{Credentials, Region, SharedCredentialsProvider};

use super::table::Table;
use crate::config::{DynamoDbConfig, S3Config};
use crate::{Error, Metrics, Result, Rng};

/// `dynamodb://region/prefix`, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogUrl {
    /// Empty: from the environment.
    pub region: String,
    /// What the table's name begins with.
    pub prefix: String,
}

impl CatalogUrl {
    /// Errors: what is wrong with it and how it is written.
    pub fn parse(url: &str) -> Result<Self, String> {
        let form = "write dynamodb://region/prefix, such as dynamodb://eu-west-1/sigyn_";
        let Some(rest) = url.strip_prefix("dynamodb://") else {
            return Err(format!(
                "the scheme is not known; {form}, or leave the key out to keep the catalog in the bucket"
            ));
        };
        let (region, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        // A secret may hold slashes, so the `@` behind it may be anywhere.
        if rest.contains('@') {
            return Err(format!(
                "secrets do not belong in URLs; put them into storage.dynamodb.access_key_id and secret_access_key, and {form}"
            ));
        }
        if region.contains('.') || region.contains(':') {
            return Err(format!(
                "'{region}' is an address, not a region; put it into storage.dynamodb.endpoint, and {form}"
            ));
        }
        let prefix = prefix.trim_end_matches('/');
        if prefix.is_empty() {
            return Err(format!("the prefix of the table's name is missing; {form}"));
        }
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        if let Some(bad) = prefix.chars().find(|c| !is_allowed(*c)) {
            return Err(format!("'{bad}' cannot stand in the name of a table; {form}"));
        }
        if prefix.len() > 240 {
            return Err(format!("the prefix has {} characters and a table's name at most 255; {form}", prefix.len()));
        }
        Ok(Self { region: region.to_owned(), prefix: prefix.to_owned() })
    }

    /// The table's name.
    #[must_use]
    pub fn table(&self) -> String {
        format!("{}catalog", self.prefix)
    }
}

impl fmt::Display for CatalogUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dynamodb://{}/{}", self.region, self.prefix)
    }
}

/// A client for the catalog's table; nothing is asked of the table yet.
pub(super) async fn table(
    url: &CatalogUrl,
    config: &DynamoDbConfig,
    s3: &S3Config,
    rng: Arc<dyn Rng>,
    metrics: Metrics,
) -> Result<Table> {
    let region = region(url, s3).await?;
    let timeout = config.request_timeout.as_duration();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(region.clone())
        // Requests are repeated by this crate, which knows what a repetition may do.
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(timeout).connect_timeout(timeout).build());
    if !s3.profile.is_empty() {
        loader = loader.profile_name(&s3.profile);
    }
    if let Some(credentials) = credentials(config, s3) {
        loader = loader.credentials_provider(credentials);
    }
    if !config.endpoint.is_empty() {
        loader = loader.endpoint_url(&config.endpoint);
    }
    let place = match config.endpoint.as_str() {
        "" => format!("region {region}"),
        endpoint => format!("{endpoint}, region {region}"),
    };
    Ok(Table {
        client: aws_sdk_dynamodb::Client::new(&loader.load().await),
        name: url.table().into(),
        place: place.into(),
        retries_max: config.retries_max,
        rng,
        metrics,
    })
}

/// URL, then the setting of the bucket, then the chain of the AWS SDK: environment, profile, instance metadata.
async fn region(url: &CatalogUrl, s3: &S3Config) -> Result<Region> {
    for given in [&url.region, &s3.region] {
        if !given.is_empty() {
            return Ok(Region::new(given.clone()));
        }
    }
    RegionProviderChain::default_provider().region().await.ok_or_else(|| Error::Bucket {
        url: url.to_string(),
        reason: "no region: write it into storage.catalog (dynamodb://eu-west-1/prefix), or set AWS_REGION".to_owned(),
    })
}

/// Keys of the settings: the table's own, else the bucket's.
fn credentials(config: &DynamoDbConfig, s3: &S3Config) -> Option<SharedCredentialsProvider> {
    let own = (&config.access_key_id, &config.secret_access_key, &config.session_token);
    let buckets = (&s3.access_key_id, &s3.secret_access_key, &s3.session_token);
    let (id, secret, token) = if own.0.is_empty() { buckets } else { own };
    if id.is_empty() {
        return None;
    }
    let token = (!token.is_empty()).then(|| token.reveal().to_owned());
    Some(SharedCredentialsProvider::new(Credentials::new(id.reveal(), secret.reveal(), token, None, "settings")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_say_what_is_wrong_with_them() {
        let url = CatalogUrl::parse("dynamodb://eu-west-1/sigyn_").expect("as documented");
        assert_eq!((url.table().as_str(), url.to_string().as_str()), ("sigyn_catalog", "dynamodb://eu-west-1/sigyn_"));
        assert_eq!(CatalogUrl::parse("dynamodb:///x").expect("the region may come from elsewhere").region, "");
        for (url, says) in [
            ("redis://x", "the scheme is not known"),
            ("inmemory:///x", "the scheme is not known"),
            ("dynamodb://eu-west-1", "prefix of the table's name is missing"),
            ("dynamodb://key:secret@eu-west-1/x", "secrets do not belong in URLs"),
            ("dynamodb://key:sec/secret@eu-west-1/x", "secrets do not belong in URLs"),
            ("dynamodb://dynamodb.us-east-1.amazonaws.com/x", "is an address, not a region"),
            ("dynamodb://eu-west-1/a b", "cannot stand in the name"),
        ] {
            let error = CatalogUrl::parse(url).expect_err(url);
            assert!(error.contains(says) && !error.contains("secret@"), "{url}: {error}");
        }
    }
}
