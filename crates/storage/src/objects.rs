//! Opening a bucket, and the handful of object operations that the other crates use.

mod bucket_url;
mod instrumented;
mod leftovers;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};

pub use self::bucket_url::BucketUrl;
pub(crate) use self::instrumented::instrumented;
use crate::{Error, Result};

/// Opens `file:///abs/path`, a relative path or `memory:`; every put to a local bucket is on disk when it returns.
///
/// Errors: `Invalid` for a URL that is not understood or supported, `Unavailable` when the directory cannot be made.
pub fn open_bucket(url: &str) -> Result<Arc<dyn ObjectStore>> {
    match BucketUrl::parse(url)? {
        BucketUrl::Memory => Ok(Arc::new(InMemory::new())),
        BucketUrl::Directory(directory) => Ok(Arc::new(open_directory(url, directory)?)),
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
mod tests {
    use sigyn_model::ErrorKind;

    use super::*;

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
