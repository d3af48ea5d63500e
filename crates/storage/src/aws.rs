//! Region and credentials of AWS, found once for bucket and table, with where each came from.
//!
//! The order is that of the AWS SDKs. It is walked here, not by the SDK's own chain, so that a message can say which link answered.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider};
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::imds::region::ImdsRegionProvider;
use aws_config::meta::region::ProvideRegion;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_config::{Region, ecs};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use sigyn_model::Secret;
use tokio::sync::Mutex;

use crate::Clock;
use crate::config::S3Config;

/// How long before they expire credentials are asked for again.
const RENEW_BEFORE: Duration = Duration::from_secs(300);
/// How long the instance's metadata may take to tell the region; elsewhere nobody answers at its address.
const METADATA_TIMEOUT: Duration = Duration::from_secs(3);

/// A region and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundRegion {
    pub(crate) name: String,
    /// `storage.s3.region`, `AWS_REGION`, …
    pub(crate) origin: &'static str,
}

impl fmt::Display for FoundRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (from {})", self.name, self.origin)
    }
}

/// The region that nobody wrote into the settings: of the environment, the profile, the instance.
pub(crate) async fn region_of_surroundings(profile: &str) -> Option<FoundRegion> {
    let found = |region: Region, origin| FoundRegion { name: region.to_string(), origin };
    if let Some(region) = EnvironmentVariableRegionProvider::new().region().await {
        return Some(found(region, "AWS_REGION"));
    }
    let of_profile = match profile {
        "" => ProfileFileRegionProvider::new(),
        name => ProfileFileRegionProvider::builder().profile_name(name).build(),
    };
    if let Some(region) = of_profile.region().await {
        return Some(found(region, "the AWS profile"));
    }
    let metadata = ImdsRegionProvider::builder().build();
    let region = tokio::time::timeout(METADATA_TIMEOUT, metadata.region()).await.ok()??;
    Some(found(region, "the instance's metadata"))
}

/// Credentials and who gives them.
#[derive(Debug, Clone)]
pub(crate) struct FoundCredentials {
    pub(crate) provider: SharedCredentialsProvider,
    /// `the settings`, `the environment`, …
    pub(crate) origin: String,
}

/// Keys as written in the settings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keys<'a> {
    pub(crate) id: &'a Secret,
    pub(crate) secret: &'a Secret,
    pub(crate) token: &'a Secret,
    /// Where they stand: `storage.s3`.
    pub(crate) section: &'static str,
}

impl<'a> Keys<'a> {
    pub(crate) fn of_bucket(config: &'a S3Config) -> Self {
        Self {
            id: &config.access_key_id,
            secret: &config.secret_access_key,
            token: &config.session_token,
            section: "storage.s3",
        }
    }
}

/// Finds credentials: keys of the settings, then environment, profile, web identity, container, instance metadata.
///
/// Errors: what is wrong with those found first, or that there are none; one sentence that never holds a secret.
pub(crate) async fn credentials(keys: Keys<'_>, profile: &str, region: &str) -> Result<FoundCredentials, String> {
    let section = keys.section;
    match (keys.id.is_empty(), keys.secret.is_empty()) {
        (true, true) => {}
        (false, true) => return Err(format!("{section}.access_key_id is set, {section}.secret_access_key is not")),
        (true, false) => return Err(format!("{section}.secret_access_key is set, {section}.access_key_id is not")),
        (false, false) => {
            let token = (!keys.token.is_empty()).then(|| keys.token.reveal().to_owned());
            let credentials = Credentials::new(keys.id.reveal(), keys.secret.reveal(), token, None, "settings");
            let provider = SharedCredentialsProvider::new(credentials);
            return Ok(FoundCredentials { provider, origin: format!("{section}.access_key_id") });
        }
    }
    for (origin, provider) in chain(profile, region) {
        match provider.provide_credentials().await {
            Ok(_) => return Ok(FoundCredentials { provider, origin: origin.to_owned() }),
            Err(CredentialsError::CredentialsNotLoaded(_)) => {}
            Err(CredentialsError::ProviderTimedOut(_)) if origin == INSTANCE => {}
            Err(error) => return Err(format!("credentials of {origin} cannot be had: {}", chain_of(&error))),
        }
    }
    Err(format!(
        "no credentials: neither {section}.access_key_id, the environment (AWS_ACCESS_KEY_ID), a profile, a web identity, \
         a container's role nor the instance's metadata has any"
    ))
}

const INSTANCE: &str = "the instance's metadata";

fn chain(profile: &str, region: &str) -> [(&'static str, SharedCredentialsProvider); 5] {
    let context = ProviderConfig::default().with_region(Some(Region::new(region.to_owned())));
    let of_profile = ProfileFileCredentialsProvider::builder().configure(&context);
    let of_profile = if profile.is_empty() { of_profile } else { of_profile.profile_name(profile) };
    let web = WebIdentityTokenCredentialsProvider::builder().configure(&context).build();
    let container = ecs::EcsCredentialsProvider::builder().configure(&context).build();
    let instance = ImdsCredentialsProvider::builder().configure(&context).build();
    [
        ("the environment", SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new())),
        ("the AWS profile", SharedCredentialsProvider::new(of_profile.build())),
        ("the web identity (IRSA)", SharedCredentialsProvider::new(web)),
        ("the container's role", SharedCredentialsProvider::new(container)),
        (INSTANCE, SharedCredentialsProvider::new(instance)),
    ]
}

/// An error with its causes, in one line.
pub(crate) fn chain_of(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

/// Credentials as the object store asks for them: before every request, so they are kept until shortly before they expire.
#[derive(Debug)]
pub(crate) struct BucketCredentials {
    provider: SharedCredentialsProvider,
    clock: Arc<dyn Clock>,
    kept: Mutex<Option<(Arc<AwsCredential>, Option<std::time::SystemTime>)>>,
}

impl BucketCredentials {
    pub(crate) fn new(provider: SharedCredentialsProvider, clock: Arc<dyn Clock>) -> Self {
        Self { provider, clock, kept: Mutex::default() }
    }
}

#[async_trait]
impl CredentialProvider for BucketCredentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let mut kept = self.kept.lock().await;
        let now = Duration::from_nanos(u64::try_from(self.clock.now().nanos()).unwrap_or(0));
        let soon = std::time::SystemTime::UNIX_EPOCH + now + RENEW_BEFORE;
        if let Some((credential, expiry)) = &*kept
            && expiry.is_none_or(|expiry| expiry > soon)
        {
            return Ok(Arc::clone(credential));
        }
        let fresh = self.provider.provide_credentials().await.map_err(|error| object_store::Error::Generic {
            store: "S3",
            source: format!("credentials cannot be renewed: {}", chain_of(&error)).into(),
        })?;
        let credential = Arc::new(AwsCredential {
            key_id: fresh.access_key_id().to_owned(),
            secret_key: fresh.secret_access_key().to_owned(),
            token: fresh.session_token().map(ToOwned::to_owned),
        });
        *kept = Some((Arc::clone(&credential), fresh.expiry()));
        Ok(credential)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use aws_credential_types::provider::future;
    use sigyn_model::Timestamp;

    use super::*;
    use crate::ManualClock;

    /// Gives keys that are good for ten minutes, numbered.
    #[derive(Debug)]
    struct ShortLived(Arc<ManualClock>, AtomicU64);

    impl ProvideCredentials for ShortLived {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let number = self.1.fetch_add(1, Ordering::SeqCst);
            let now = Duration::from_nanos(u64::try_from(self.0.now().nanos()).expect("after 1970"));
            let expiry = std::time::SystemTime::UNIX_EPOCH + now + Duration::from_secs(600);
            future::ProvideCredentials::ready(Ok(Credentials::new(
                format!("key-{number}"),
                "s",
                None,
                Some(expiry),
                "test",
            )))
        }
    }

    #[tokio::test]
    async fn credentials_are_renewed_before_they_expire() {
        let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1_800_000_000)));
        let short = SharedCredentialsProvider::new(ShortLived(Arc::clone(&clock), AtomicU64::new(0)));
        let bucket = BucketCredentials::new(short, Arc::clone(&clock) as Arc<dyn Clock>);
        let mut seen = Vec::new();
        for _ in 0..6 {
            seen.push(bucket.get_credential().await.expect("it gives").key_id.clone());
            clock.advance(Duration::from_secs(120));
        }
        assert_eq!(seen, ["key-0", "key-0", "key-0", "key-1", "key-1", "key-1"]);
    }

    #[tokio::test]
    async fn half_a_pair_of_keys_is_refused_by_name() {
        let config = S3Config { access_key_id: Secret::new("AKIA"), ..S3Config::default() };
        let error = credentials(Keys::of_bucket(&config), "", "eu-west-1").await.expect_err("half");
        assert_eq!(error, "storage.s3.access_key_id is set, storage.s3.secret_access_key is not");
        let config = S3Config { secret_access_key: Secret::new("planted"), ..config };
        let found = credentials(Keys::of_bucket(&config), "", "eu-west-1").await.expect("both");
        assert_eq!(found.origin, "storage.s3.access_key_id");
        assert!(!format!("{found:?}").contains("planted"));
    }
}
