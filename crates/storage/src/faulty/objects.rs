//! An object store that fails on purpose.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::{Fate, Faults};

/// Passes operations on to `objects`, unless [`Faults`] say otherwise.
#[derive(Debug)]
pub struct FaultyObjects {
    objects: Arc<dyn ObjectStore>,
    faults: Arc<Faults>,
}

impl FaultyObjects {
    #[must_use]
    pub fn new(objects: Arc<dyn ObjectStore>, faults: Arc<Faults>) -> Self {
        Self { objects, faults }
    }

    /// An operation other than a put.
    async fn run<T>(&self, what: &str, operation: impl Future<Output = Result<T>>) -> Result<T> {
        run(&self.faults, what, operation).await
    }
}

async fn run<T>(faults: &Faults, what: &str, operation: impl Future<Output = Result<T>>) -> Result<T> {
    match faults.decide(false).await {
        Fate::FailBefore => Err(injected(what)),
        Fate::FailAfter | Fate::ApplyLate(_) => {
            operation.await?;
            Err(injected(what))
        }
        Fate::Succeed => operation.await,
    }
}

fn injected(what: &str) -> Error {
    Error::Generic { store: "faulty", source: format!("injected fault in {what}").into() }
}

fn no_space() -> Error {
    Error::Generic { store: "faulty", source: Box::new(io::Error::from(io::ErrorKind::StorageFull)) }
}

impl fmt::Display for FaultyObjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty {}", self.objects)
    }
}

#[async_trait]
impl ObjectStore for FaultyObjects {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        if self.faults.is_disk_full() {
            return Err(no_space());
        }
        match self.faults.decide(true).await {
            Fate::FailBefore => Err(injected("put")),
            Fate::FailAfter => {
                self.objects.put_opts(location, payload, opts).await?;
                Err(injected("put"))
            }
            Fate::ApplyLate(delay) => {
                let (objects, location) = (Arc::clone(&self.objects), location.clone());
                // Detached: the request is on the wire, and outlives the node that sent it.
                tokio::spawn(async move {
                    tokio::time::sleep(delay).await;
                    // Nobody is there to hear whether it worked.
                    let _ = objects.put_opts(&location, payload, opts).await;
                });
                Err(injected("put"))
            }
            Fate::Succeed => self.objects.put_opts(location, payload, opts).await,
        }
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        if self.faults.is_disk_full() {
            return Err(no_space());
        }
        self.run("put_multipart", self.objects.put_multipart_opts(location, opts)).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.run("get", self.objects.get_opts(location, options)).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.run("get_ranges", self.objects.get_ranges(location, ranges)).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let (objects, faults) = (Arc::clone(&self.objects), Arc::clone(&self.faults));
        let delete = move |location: Result<Path>| {
            let (objects, faults) = (Arc::clone(&objects), Arc::clone(&faults));
            async move {
                let location = location?;
                run(&faults, "delete", objects.delete(&location)).await?;
                Ok(location)
            }
        };
        locations.then(delete).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        // A listing fails as a whole, before its first object.
        let (objects, faults, prefix) = (Arc::clone(&self.objects), Arc::clone(&self.faults), prefix.cloned());
        let listing = async move {
            match faults.decide(false).await {
                Fate::Succeed => objects.list(prefix.as_ref()),
                _ => futures::stream::once(async { Err(injected("list")) }).boxed(),
            }
        };
        futures::stream::once(listing).flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.run("list", self.objects.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.run("copy", self.objects.copy_opts(from, to, options)).await
    }
}
