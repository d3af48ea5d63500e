//! Opening a bucket, and the handful of object operations that the other crates use.

mod bucket_url;
mod clouds;
mod instrumented;
mod leftovers;
mod remote;
mod s3;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};

pub use self::bucket_url::{BucketUrl, Cloud};
pub(crate) use self::instrumented::instrumented;
use crate::{Clock, Error, Result, StorageConfig};

/// A bucket, opened but not proved.
#[derive(Debug, Clone)]
pub(crate) struct Opened {
    pub(crate) objects: Arc<dyn ObjectStore>,
    /// Where it is and whose credentials are used; `None` on this machine.
    pub(crate) access: Option<String>,
}

/// Opens the bucket of the settings; nothing is asked of a remote one yet.
///
/// Errors: `Invalid` for a URL or settings that do not work, with what to change.
pub(crate) async fn open(config: &StorageConfig, clock: Arc<dyn Clock>) -> Result<Opened> {
    let url = &config.bucket;
    let BucketUrl::Cloud { cloud, bucket, prefix } = BucketUrl::parse(url)? else {
        return Ok(Opened { objects: open_bucket(url)?, access: None });
    };
    let mut opened = match cloud {
        Cloud::S3 => s3::open(url, &bucket, &config.s3, clock).await?,
        Cloud::Gcs => clouds::open_gcs(url, &bucket, &config.gcs)?,
        Cloud::Azure => clouds::open_azure(url, &bucket, &config.azure)?,
    };
    if !prefix.is_empty() {
        opened.objects = Arc::new(PrefixStore::new(opened.objects, prefix));
    }
    Ok(opened)
}

/// Opens `file:///abs/path`, a relative path or `memory:`; every put to a local bucket is on disk when it returns.
///
/// Errors: `Invalid` for a URL that is not understood or names a cloud's bucket, or when the directory cannot be made.
pub fn open_bucket(url: &str) -> Result<Arc<dyn ObjectStore>> {
    match BucketUrl::parse(url)? {
        BucketUrl::Memory => Ok(Arc::new(InMemory::new())),
        BucketUrl::Directory(directory) => Ok(Arc::new(open_directory(url, directory)?)),
        BucketUrl::Cloud { .. } => {
            let reason = "it is not on this machine; open it with its settings".to_owned();
            Err(Error::Bucket { url: url.to_owned(), reason })
        }
    }
}

fn open_directory(url: &str, directory: PathBuf) -> Result<LocalFileSystem> {
    let failed = |reason: String| Error::Bucket { url: url.to_owned(), reason };
    create_directory(&directory)
        .map_err(|error| failed(format!("directory {} cannot be created: {error}", directory.display())))?;
    let objects = LocalFileSystem::new_with_prefix(&directory).map_err(|error| failed(error.to_string()))?;
    leftovers::remove(&directory);
    // Without it a power cut could take back an acknowledged push: content and directory entry are synced by each put.
    Ok(objects.with_fsync(true))
}

/// Creates the directory and its ancestors, and syncs each directory that gained an entry.
fn create_directory(directory: &std::path::Path) -> std::io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    let parent = directory.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        create_directory(parent)?;
    }
    match std::fs::create_dir(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    #[cfg(unix)]
    std::fs::File::open(parent.unwrap_or(std::path::Path::new(".")))?.sync_all()?;
    Ok(())
}

/// Reads byte ranges of one object, in the order asked for; adjacent ranges travel together.
///
/// Errors: `NotFound`, `Unavailable`, and `Corrupt` when the object is shorter than a range says.
pub async fn get_ranges(objects: &dyn ObjectStore, key: &str, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
    let path = Path::from(key);
    let fetched = match objects.get_ranges(&path, ranges).await {
        Ok(fetched) => fetched,
        Err(cause) => return Err(explain_failed_read(objects, key, &path, ranges, cause).await),
    };
    for (range, bytes) in ranges.iter().zip(&fetched) {
        if bytes.len() as u64 != range.end - range.start {
            return Err(Error::Truncated { key: key.to_owned(), range: range.clone() });
        }
    }
    Ok(fetched)
}

/// Stores report a range past the end in many ways; the object's size tells for sure.
async fn explain_failed_read(
    objects: &dyn ObjectStore,
    key: &str,
    path: &Path,
    ranges: &[Range<u64>],
    cause: object_store::Error,
) -> Error {
    if matches!(cause, object_store::Error::Generic { .. })
        && let Ok(meta) = objects.head(path).await
        && let Some(beyond) = ranges.iter().find(|range| range.end > meta.size)
    {
        return Error::Truncated { key: key.to_owned(), range: beyond.clone() };
    }
    Error::object("reading", key, cause)
}

/// Reads a whole object.
pub async fn get(objects: &dyn ObjectStore, key: &str) -> Result<Bytes> {
    let read = async { objects.get(&Path::from(key)).await?.bytes().await };
    read.await.map_err(|cause| Error::object("reading", key, cause))
}

/// Writes an object that must not exist yet; `Conflict` when it does. Durable and complete once it returns.
pub async fn put_new(objects: &dyn ObjectStore, key: &str, content: impl Into<PutPayload>) -> Result<()> {
    let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    let put = objects.put_opts(&Path::from(key), content.into(), options).await;
    put.map(drop).map_err(|cause| Error::object("writing", key, cause))
}

/// Deletes an object; one that is not there is deleted already.
pub async fn delete(objects: &dyn ObjectStore, key: &str) -> Result<()> {
    match objects.delete(&Path::from(key)).await {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
        Err(cause) => Err(Error::object("deleting", key, cause)),
    }
}

/// Objects below a prefix such as `data`, in no particular order.
pub async fn list(objects: &dyn ObjectStore, prefix: &str) -> Result<Vec<ObjectMeta>> {
    let listed = objects.list(Some(&Path::from(prefix))).try_collect().await;
    listed.map_err(|cause| Error::object("listing", prefix, cause))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use sigyn_model::{ErrorKind, Secret};
    use sigyn_servers::{ACCESS_KEY_ID, FaultProxy, Faults, S3Server, SECRET_ACCESS_KEY};

    use super::*;
    use crate::SystemClock;

    /// Settings of a bucket at `endpoint`.
    pub(crate) fn settings(url: &str, endpoint: &str) -> StorageConfig {
        let mut config = StorageConfig { bucket: url.to_owned(), ..StorageConfig::default() };
        config.s3.endpoint = endpoint.to_owned();
        config.s3.access_key_id = Secret::new(ACCESS_KEY_ID);
        config.s3.secret_access_key = Secret::new(SECRET_ACCESS_KEY);
        config
    }

    /// A bucket of a server that is reached through a proxy.
    pub(crate) async fn remote(seed: u64) -> (S3Server, FaultProxy, Arc<dyn ObjectStore>) {
        let server = S3Server::start("logs").await.expect("it starts");
        let proxy = FaultProxy::start(&server.endpoint(), seed).await.expect("it starts");
        let config = settings("s3://logs/here", &proxy.endpoint());
        let opened = open(&config, Arc::new(SystemClock)).await.expect("the settings are good");
        (server, proxy, opened.objects)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn operations_agree_on_s3() -> Result<()> {
        let (server, _proxy, objects) = remote(1).await;
        check_operations(&objects).await?;
        check_operations(&instrumented(objects, crate::Metrics::default())).await?;
        assert!(server.keys("").is_empty() && server.usage().puts == 4, "{:?}", server.usage());
        Ok(())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_put_whose_answer_is_lost_is_done_once() -> Result<()> {
        let (server, proxy, objects) = remote(7).await;
        proxy.set(Faults { errors: 150, throttled: 150, resets: 300, ..Faults::default() });
        for n in 0..40 {
            put_new(&objects, &format!("data/{n}.seg"), format!("content of {n}")).await?;
        }
        assert!(proxy.injected().resets > 5, "{:?}", proxy.injected());
        let other = put_new(&objects, "data/7.seg", "content of X").await.expect_err("it is somebody else's");
        assert_eq!(other.kind(), ErrorKind::Conflict);
        assert_eq!(get(&objects, "data/7.seg").await?, "content of 7");
        assert_eq!(server.keys("here/data/").len(), 40);
        Ok(())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn listings_go_through_all_pages() -> Result<()> {
        let (_server, _proxy, objects) = remote(1).await;
        for n in 0..1_100 {
            put_new(&objects, &format!("data/{n:04}.seg"), "x").await?;
        }
        assert_eq!(list(&objects, "data").await?.len(), 1_100);
        Ok(())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_store_that_is_away_is_an_error_in_time() {
        let server = S3Server::start("logs").await.expect("it starts");
        let proxy = FaultProxy::start(&server.endpoint(), 1).await.expect("it starts");
        let mut config = settings("s3://logs", &proxy.endpoint());
        config.s3.retry_timeout = sigyn_model::duration::Span::seconds(1);
        let objects = open(&config, Arc::new(SystemClock)).await.expect("the settings are good").objects;
        proxy.set(Faults { away: true, ..Faults::default() });
        let started = std::time::Instant::now();
        let error = put_new(&objects, "data/a.seg", "x").await.expect_err("nobody answers");
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        proxy.set(Faults::default());
        put_new(&objects, "data/a.seg", "x").await.expect("it is back");
    }

    async fn check_operations(objects: &dyn ObjectStore) -> Result<()> {
        put_new(objects, "data/a.seg", Bytes::from_static(b"0123456789")).await?;
        let again = put_new(objects, "data/a.seg", Bytes::from_static(b"other")).await;
        assert_eq!(again.expect_err("it exists").kind(), ErrorKind::Conflict);
        assert_eq!(get_ranges(objects, "data/a.seg", &[4..6, 0..2, 2..4]).await?, ["45", "01", "23"]);
        for beyond in [8..12, 12..14] {
            let error = get_ranges(objects, "data/a.seg", &[0..2, beyond]).await.expect_err("the object is shorter");
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        }
        assert_eq!(get(objects, "data/b.seg").await.expect_err("missing").kind(), ErrorKind::NotFound);
        assert_eq!(list(objects, "data").await?.len(), 1);
        delete(objects, "data/a.seg").await?;
        delete(objects, "data/a.seg").await?;
        assert!(list(objects, "data").await?.is_empty());
        Ok(())
    }

    #[tokio::test]
    async fn operations_agree_on_memory_and_disk() -> Result<()> {
        check_operations(&InMemory::new()).await?;
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let nested = directory.path().join("not/there/yet");
        let bucket = open_bucket(&format!("file://{}", nested.display()))?;
        check_operations(&bucket).await?;
        check_operations(&instrumented(bucket, crate::Metrics::default())).await
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_said_so() {
        let error = open_bucket("file:///dev/null/x").expect_err("a device has no children");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains("cannot be created"), "{error}");
    }
}
