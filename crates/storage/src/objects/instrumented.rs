//! An object store that counts requests and bytes.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use crate::metrics::{Metrics, Op, Outcome, Request, Transfer};

/// Counts every request to `objects`.
pub(crate) fn instrumented(objects: Arc<dyn ObjectStore>, metrics: Metrics) -> Arc<dyn ObjectStore> {
    Arc::new(Instrumented { objects, metrics })
}

#[derive(Debug)]
struct Instrumented {
    objects: Arc<dyn ObjectStore>,
    metrics: Metrics,
}

impl Metrics {
    fn count<T>(&self, op: Op, result: &Result<T>) {
        let outcome = match result {
            Ok(_) => Outcome::ok,
            Err(Error::NotFound { .. }) => Outcome::not_found,
            Err(Error::AlreadyExists { .. }) => Outcome::exists,
            Err(_) => Outcome::error,
        };
        self.object_requests.get_or_create(&Request { op, outcome }).inc();
    }

    fn moved(&self, op: Op, bytes: u64) {
        self.object_bytes.get_or_create(&Transfer { op }).inc_by(bytes);
    }
}

impl fmt::Display for Instrumented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.objects.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for Instrumented {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let bytes = payload.content_length() as u64;
        let result = self.objects.put_opts(location, payload, opts).await;
        self.metrics.count(Op::put, &result);
        if result.is_ok() {
            self.metrics.moved(Op::put, bytes);
        }
        result
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let result = self.objects.put_multipart_opts(location, opts).await;
        self.metrics.count(Op::put, &result);
        result
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let head = options.head;
        let result = self.objects.get_opts(location, options).await;
        self.metrics.count(Op::get, &result);
        if let Ok(got) = &result
            && !head
        {
            self.metrics.moved(Op::get, got.range.end - got.range.start);
        }
        result
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let result = self.objects.get_ranges(location, ranges).await;
        self.metrics.count(Op::get, &result);
        if let Ok(fetched) = &result {
            self.metrics.moved(Op::get, fetched.iter().map(|bytes| bytes.len() as u64).sum());
        }
        result
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let metrics = self.metrics.clone();
        self.objects.delete_stream(locations).inspect(move |result| metrics.count(Op::delete, result)).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.metrics.count(Op::list, &Ok(()));
        self.objects.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.metrics.count(Op::list, &Ok(()));
        self.objects.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let result = self.objects.list_with_delimiter(prefix).await;
        self.metrics.count(Op::list, &result);
        result
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let result = self.objects.copy_opts(from, to, options).await;
        self.metrics.count(Op::copy, &result);
        result
    }
}
