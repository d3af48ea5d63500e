//! What a store behind a network needs besides its client.
//!
//! - A create whose answer is lost is repeated; when the repetition finds the object there, its content tells whether it is ours.
//! - Ranged reads check that they got all they asked for, so that a short object is an error and not a panic.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    Attribute, AttributeValue, BackoffConfig, CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    Result, RetryConfig,
};
use tokio::time::Instant;

/// Ranges that are closer than this are fetched by one request.
const COALESCE: u64 = 256 << 10;
const BACKOFF_FIRST: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// How clients repeat requests.
pub(super) fn retries(retries_max: usize, retry_timeout: Duration) -> RetryConfig {
    let backoff = BackoffConfig { init_backoff: BACKOFF_FIRST, max_backoff: BACKOFF_MAX, base: 2.0 };
    RetryConfig { backoff, max_retries: retries_max, retry_timeout }
}

/// A remote store with creates that may be repeated.
#[derive(Debug)]
pub(super) struct Remote {
    objects: Arc<dyn ObjectStore>,
    retry_timeout: Duration,
    storage_class: Option<String>,
}

impl Remote {
    pub(super) fn new(objects: Arc<dyn ObjectStore>, retry_timeout: Duration) -> Self {
        Self { objects, retry_timeout, storage_class: None }
    }

    /// Segments go to this class; the catalog's objects are small, short-lived and stay in the bucket's own.
    pub(super) fn with_storage_class(self, class: &str) -> Self {
        Self { storage_class: (!class.is_empty()).then(|| class.to_owned()), ..self }
    }

    /// Creates until an answer is certain.
    async fn create(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let started = Instant::now();
        let mut pause = BACKOFF_FIRST;
        loop {
            let cause = match self.objects.put_opts(location, payload.clone(), options.clone()).await {
                Err(Error::AlreadyExists { path, source }) => {
                    return match self.is_ours(location, &payload).await {
                        Some(result) => Ok(result),
                        None => Err(Error::AlreadyExists { path, source }),
                    };
                }
                Err(cause @ Error::Generic { .. }) => cause,
                other => return other,
            };
            if started.elapsed() + pause >= self.retry_timeout {
                return Err(cause);
            }
            tracing::debug!(%location, %cause, "repeating a put");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(BACKOFF_MAX);
        }
    }

    /// Whether an object holds just this: an earlier try made it and its answer was lost. Nobody else writes the same bytes,
    /// because every object of ours names its writer.
    async fn is_ours(&self, location: &Path, payload: &PutPayload) -> Option<PutResult> {
        let found = self.objects.get(location).await.ok()?;
        let (size, tag, version) = (found.meta.size, found.meta.e_tag.clone(), found.meta.version.clone());
        if size != payload.content_length() as u64 {
            return None;
        }
        let content = found.bytes().await.ok()?;
        let mut rest = &content[..];
        for chunk in payload {
            rest = rest.strip_prefix(&chunk[..])?;
        }
        rest.is_empty().then_some(PutResult { e_tag: tag, version, extensions: Default::default() })
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.objects.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for Remote {
    async fn put_opts(&self, location: &Path, payload: PutPayload, mut opts: PutOptions) -> Result<PutResult> {
        if let Some(class) = &self.storage_class
            && location.as_ref().ends_with(".seg")
        {
            opts.attributes.insert(Attribute::StorageClass, AttributeValue::from(class.clone()));
        }
        match opts.mode {
            PutMode::Create => self.create(location, payload, opts).await,
            _ => self.objects.put_opts(location, payload, opts).await,
        }
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.objects.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.objects.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let fetch = |range: Range<u64>| async move {
            let wanted = range.end - range.start;
            let bytes = self.objects.get_range(location, range).await?;
            if bytes.len() as u64 == wanted {
                return Ok(bytes);
            }
            let reason = format!("{} of {wanted} bytes were there", bytes.len());
            Err(Error::Generic { store: "remote", source: reason.into() })
        };
        object_store::coalesce_ranges(ranges, fetch, COALESCE).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.objects.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.objects.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.objects.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.objects.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.objects.copy_opts(from, to, options).await
    }
}
