//! From settings to a client: which region, whose credentials, which table.

use std::fmt;
use std::sync::Arc;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};

use super::table::Table;
use crate::aws::{self, FoundRegion, Keys};
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
///
/// Errors: `Invalid` without a region or credentials, with what to set.
pub(super) async fn table(
    url: &CatalogUrl,
    config: &DynamoDbConfig,
    s3: &S3Config,
    rng: Arc<dyn Rng>,
    metrics: Metrics,
) -> Result<Table> {
    let failed = |reason: String| Error::Catalog { url: url.to_string(), reason };
    let region = region(url, s3).await.ok_or_else(|| {
        failed("no region: write it into storage.catalog (dynamodb://eu-west-1/prefix), or set AWS_REGION".to_owned())
    })?;
    let found = aws::credentials(keys(config, s3), &s3.profile, &region.name).await.map_err(failed)?;
    let timeout = config.request_timeout.as_duration();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.name.clone()))
        .credentials_provider(found.provider)
        // Requests are repeated by this crate, which knows what a repetition may do.
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(timeout).connect_timeout(timeout).build());
    if !config.endpoint.is_empty() {
        loader = loader.endpoint_url(&config.endpoint);
    }
    let place = match config.endpoint.as_str() {
        "" => format!("region {region}, credentials of {}", found.origin),
        endpoint => format!("{endpoint}, region {region}, credentials of {}", found.origin),
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

/// URL, then the setting of the bucket, then the surroundings.
async fn region(url: &CatalogUrl, s3: &S3Config) -> Option<FoundRegion> {
    for (given, origin) in [(&url.region, "storage.catalog"), (&s3.region, "storage.s3.region")] {
        if !given.is_empty() {
            return Some(FoundRegion { name: given.clone(), origin });
        }
    }
    aws::region_of_surroundings(&s3.profile).await
}

/// Keys of the settings: the table's own, else the bucket's.
fn keys<'a>(config: &'a DynamoDbConfig, s3: &'a S3Config) -> Keys<'a> {
    if config.access_key_id.is_empty() && config.secret_access_key.is_empty() {
        return Keys::of_bucket(s3);
    }
    Keys {
        id: &config.access_key_id,
        secret: &config.secret_access_key,
        token: &config.session_token,
        section: "storage.dynamodb",
    }
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
