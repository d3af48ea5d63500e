//! Proves the storage before anything depends on it.
//!
//! A process that cannot write is found out at start and not by the first push: a missing region, a wrong key, a bucket of another
//! region, a permission that the policy lacks. Each failure is one sentence with the setting or the permission to change.

use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use tokio::time::Instant;
use ulid::Ulid;

use crate::aws::chain_of;
use crate::objects::{self, BucketUrl, Cloud};
use crate::{
    CatalogOptions, Clock, DynamoDbCatalog, Error, Metrics, ObjectCatalog, Result, Rng, Storage, StorageConfig,
    SystemRng, config,
};

/// What a process does with the storage, and so must be allowed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reads segments.
    Read,
    /// Writes, reads and deletes segments.
    Write,
}

/// How one check ended.
#[derive(Debug, Clone)]
pub struct Check {
    /// What was tried: `bucket: put`.
    pub name: &'static str,
    /// What was found, or the sentence that says what to change.
    pub outcome: Result<String, Error>,
    pub took: Duration,
}

/// All checks in the order they ran; the first failure ends them.
#[derive(Debug)]
pub struct Preflight {
    pub checks: Vec<Check>,
    /// Opened and proved; `None` when a check failed.
    pub storage: Option<Storage>,
}

impl Preflight {
    /// The storage, or the failure.
    pub fn into_storage(self) -> Result<Storage> {
        match (self.storage, self.checks.into_iter().find_map(|check| check.outcome.err())) {
            (Some(storage), _) => Ok(storage),
            (None, Some(error)) => Err(error),
            (None, None) => Err(Error::Closed),
        }
    }
}

/// Opens the storage step by step and proves what `access` needs.
pub async fn preflight(config: &StorageConfig, access: Access, clock: Arc<dyn Clock>, metrics: &Metrics) -> Preflight {
    let mut checks = Checks::default();
    // Erased, so that callers do not carry the SDK's nested futures in theirs.
    let storage = run(config, access, clock, metrics, &mut checks).boxed().await;
    Preflight { checks: checks.0, storage }
}

#[derive(Debug, Default)]
struct Checks(Vec<Check>);

impl Checks {
    /// Runs one check, which gives a value and what to say of it. `None`: it failed.
    async fn run<T>(&mut self, name: &'static str, check: impl Future<Output = Result<(T, String)>>) -> Option<T> {
        let started = Instant::now();
        let (value, outcome) = match check.await {
            Ok((value, found)) => (Some(value), Ok(found)),
            Err(error) => (None, Err(error)),
        };
        self.0.push(Check { name, outcome, took: started.elapsed() });
        value
    }
}

async fn run(
    config: &StorageConfig,
    access: Access,
    clock: Arc<dyn Clock>,
    metrics: &Metrics,
    checks: &mut Checks,
) -> Option<Storage> {
    let rng: Arc<dyn Rng> = Arc::new(SystemRng);
    let url = BucketUrl::parse(&config.bucket).ok();
    let opened = checks.run("bucket: settings", open(config, Arc::clone(&clock))).await?;
    let url = url?;
    let bucket = Bucket { url: &url, objects: &*opened };
    match access {
        Access::Write => {
            let key = format!("preflight/{}", Ulid::from_parts(milliseconds(&*clock), u128::from(rng.next_u64())));
            checks.run("bucket: put", bucket.put(&key)).await?;
            checks.run("bucket: get", bucket.get(&key)).await?;
            checks.run("bucket: delete", bucket.delete(&key)).await?;
        }
        Access::Read => {
            checks.run("bucket: list", bucket.list()).await?;
            checks.run("bucket: get", bucket.get_absent()).await?;
        }
    }
    let objects = objects::instrumented(opened, metrics.clone());
    let metrics = metrics.clone();
    let in_table = config::catalog_url(config.catalog.as_deref())
        .map_err(|reason| Error::Catalog { url: "storage.catalog".to_owned(), reason });
    let opening = async {
        let (clock, rng) = (Arc::clone(&clock), Arc::clone(&rng));
        let (catalog, place): (Arc<dyn crate::Catalog>, String) = match in_table? {
            None => {
                let options = CatalogOptions { remote: url.is_remote(), ..CatalogOptions::default() };
                let catalog = ObjectCatalog::open(Arc::clone(&objects), clock, rng, options, metrics.clone()).await?;
                (Arc::new(catalog), "in the bucket".to_owned())
            }
            Some(table) => {
                let catalog = DynamoDbCatalog::open(&table, &config.dynamodb, &config.s3, clock, rng, metrics.clone());
                let catalog = catalog.await?;
                let place = catalog.description();
                (Arc::new(catalog), format!("in {place}"))
            }
        };
        Ok(((catalog, place.clone()), place))
    };
    let (catalog, place) = checks.run("catalog", opening).await?;
    let description = format!("bucket {url}, catalog {place}");
    Some(Storage { objects, catalog, clock, rng, metrics, description })
}

async fn open(config: &StorageConfig, clock: Arc<dyn Clock>) -> Result<(Arc<dyn ObjectStore>, String)> {
    let opened = objects::open(config, clock).await?;
    let found = opened
        .access
        .unwrap_or_else(|| BucketUrl::parse(&config.bucket).map_or_else(|_| String::new(), |url| url.to_string()));
    Ok((opened.objects, found))
}

fn milliseconds(clock: &dyn Clock) -> u64 {
    u64::try_from(clock.now().nanos() / 1_000_000).unwrap_or(0)
}

/// A bucket and its place in the settings.
#[derive(Debug, Clone, Copy)]
struct Bucket<'a> {
    url: &'a BucketUrl,
    objects: &'a dyn ObjectStore,
}

impl Bucket<'_> {
    async fn put(self, key: &str) -> Result<((), String)> {
        let put = objects::put_new(self.objects, key, key.as_bytes().to_vec()).await;
        put.map_err(|error| self.explain("s3:PutObject", "a put", &error))?;
        Ok(((), format!("wrote {key}")))
    }

    async fn get(self, key: &str) -> Result<((), String)> {
        let read = objects::get(self.objects, key).await;
        let content = read.map_err(|error| self.explain("s3:GetObject", "a get", &error))?;
        if content != key.as_bytes() {
            return Err(
                self.failed(format!("{key} was written and read back as something else; this store cannot be trusted"))
            );
        }
        Ok(((), "read it back".to_owned()))
    }

    async fn delete(self, key: &str) -> Result<((), String)> {
        let deleted = objects::delete(self.objects, key).await;
        deleted.map_err(|error| self.explain("s3:DeleteObject", "a delete", &error))?;
        Ok(((), "deleted it".to_owned()))
    }

    async fn list(self) -> Result<((), String)> {
        let mut listed = self.objects.list(Some(&Path::from("data")));
        let first = listed.try_next().await.map_err(|cause| Error::object("listing", "data", cause));
        let first = first.map_err(|error| self.explain("s3:ListBucket", "a list", &error))?;
        Ok(((), if first.is_some() { "segments are there" } else { "it is empty" }.to_owned()))
    }

    /// An object that is not there is said to be absent only to those who may read it.
    async fn get_absent(self) -> Result<((), String)> {
        match self.objects.get(&Path::from("preflight/absent")).await {
            Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(((), "allowed".to_owned())),
            Err(cause) => {
                Err(self.explain("s3:GetObject", "a get", &Error::object("reading", "preflight/absent", cause)))
            }
        }
    }

    fn failed(self, reason: String) -> Error {
        Error::Bucket { url: self.url.to_string(), reason }
    }

    /// One sentence for what a store answered.
    fn explain(self, permission: &str, action: &str, error: &Error) -> Error {
        let Error::Object { cause, .. } = error else { return error.clone() };
        let BucketUrl::Cloud { cloud, .. } = self.url else { return error.clone() };
        let (section, permission) = match cloud {
            Cloud::S3 => ("storage.s3", permission),
            Cloud::Gcs => ("storage.gcs", "storage.objectAdmin on this bucket"),
            Cloud::Azure => ("storage.azure", "Storage Blob Data Contributor on this container"),
        };
        let text = chain_of(&**cause);
        let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map(|(code, _)| code);
        let said = || {
            text.split_once("<Message>").and_then(|(_, r)| r.split_once("</Message>")).map_or(text.as_str(), |(m, _)| m)
        };
        let reason = match code {
            Some("NoSuchBucket") => "it does not exist; create it, or correct storage.bucket".to_owned(),
            Some("PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException") => {
                format!("it is in another region ({}); set {section}.region", said())
            }
            Some(code @ ("InvalidAccessKeyId" | "SignatureDoesNotMatch" | "ExpiredToken" | "InvalidToken")) => {
                format!(
                    "the credentials are refused ({code}); check {section}.access_key_id and its secret, or where they come from"
                )
            }
            Some(code) if code.starts_with("KMS") => format!("{code}: {}; see {section}.kms_key_id", said()),
            _ if text.contains("301 Moved") || text.contains("without LOCATION") => {
                format!("it is in another region; set {section}.region")
            }
            _ if matches!(
                **cause,
                object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. }
            ) =>
            {
                format!(
                    "{action} is not allowed ({}); allow {permission} in the policy of these credentials, see docs/operations/aws.md",
                    said()
                )
            }
            _ if matches!(**cause, object_store::Error::NotFound { .. }) => {
                format!("{action} finds no such bucket ({text}); create it, or correct storage.bucket")
            }
            _ if text.contains("error sending request") || text.contains("connect") => {
                format!("no answer ({text}); check {section}.endpoint, the region and the network")
            }
            _ => format!("{action} failed: {text}"),
        };
        self.failed(reason)
    }
}

#[cfg(test)]
mod tests {
    use sigyn_model::Secret;
    use sigyn_model::duration::Span;
    use sigyn_servers::{DynamoDbServer, S3Server};

    use super::*;
    use crate::SystemClock;

    async fn check(config: &StorageConfig, access: Access) -> Preflight {
        preflight(config, access, Arc::new(SystemClock), &Metrics::default()).await
    }

    fn settings(server: &S3Server) -> StorageConfig {
        let mut config = crate::objects::tests::settings("s3://logs/here", &server.endpoint());
        config.s3.retries_max = 1;
        config.s3.retry_timeout = Span::seconds(1);
        config
    }

    fn failure(preflight: Preflight) -> String {
        preflight.into_storage().expect_err("it cannot work").to_string()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn everything_is_tried_and_nothing_left_behind() {
        let server = S3Server::start("logs").await.expect("it starts");
        let database = DynamoDbServer::start().await.expect("it starts");
        let mut config = settings(&server);
        config.catalog = Some("dynamodb://eu-west-1/x_".to_owned());
        config.dynamodb.endpoint = database.endpoint();
        let done = check(&config, Access::Write).await;
        let names: Vec<_> = done.checks.iter().map(|check| check.name).collect();
        assert_eq!(names, ["bucket: settings", "bucket: put", "bucket: get", "bucket: delete", "catalog"]);
        let described = done.into_storage().expect("it works").description;
        assert!(described.starts_with("bucket s3://logs/here, catalog in DynamoDB table x_catalog ("), "{described}");
        assert!(server.keys("").is_empty());
        let reading = check(&config, Access::Read).await;
        assert!(reading.storage.is_some(), "{:?}", reading.checks);
        assert_eq!(server.usage().puts, 1, "a reader writes nothing");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn failures_say_what_to_change() {
        let server = S3Server::start("logs").await.expect("it starts");
        let good = settings(&server);
        let absent = StorageConfig { bucket: "s3://other".to_owned(), ..good.clone() };
        assert_eq!(
            failure(check(&absent, Access::Write).await),
            "bucket 's3://other': it does not exist; create it, or correct storage.bucket"
        );
        let mut wrong = good.clone();
        wrong.s3.secret_access_key = Secret::new("planted");
        let told = failure(check(&wrong, Access::Read).await);
        assert!(told.contains("credentials are refused (SignatureDoesNotMatch); check storage.s3"), "{told}");
        assert!(!told.contains("planted"));
        let mut away = good.clone();
        away.s3.endpoint = "http://127.0.0.1:1".to_owned();
        let told = failure(check(&away, Access::Write).await);
        assert!(told.contains("no answer") && told.contains("check storage.s3.endpoint"), "{told}");
    }
}
