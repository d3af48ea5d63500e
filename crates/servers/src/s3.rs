//! An object store in memory behind the S3 API.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use futures::TryStreamExt as _;
use s3s::auth::SimpleAuth;
use s3s::dto::{
    CommonPrefix, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETag,
    ETagCondition, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, ListObjectsV2Input,
    ListObjectsV2Output, Object, PutObjectInput, PutObjectOutput, StreamingBlob, Timestamp,
};
use s3s::service::S3ServiceBuilder;
use s3s::{Body, S3, S3Request, S3Response, S3Result, s3_error};

use crate::serving::{BoxError, Serving};
use crate::{ACCESS_KEY_ID, SECRET_ACCESS_KEY};

/// An S3 server with one bucket, empty at first. Requests must be signed with [`ACCESS_KEY_ID`].
#[derive(Debug)]
pub struct S3Server {
    serving: Serving,
    bucket: Arc<Bucket>,
}

/// Requests a server has answered, and what they carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct S3Usage {
    pub puts: u64,
    pub gets: u64,
    pub lists: u64,
    pub deletes: u64,
    pub bytes_put: u64,
    pub bytes_got: u64,
}

impl S3Server {
    /// Starts it with an empty bucket of this name.
    ///
    /// Errors: no port is free.
    pub async fn start(bucket: &str) -> Result<Self, BoxError> {
        let bucket = Arc::new(Bucket { name: bucket.to_owned(), ..Bucket::default() });
        let mut builder = S3ServiceBuilder::new(Arc::clone(&bucket).served());
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY_ID, SECRET_ACCESS_KEY));
        let serving = Serving::start(builder.build()).await?;
        Ok(Self { serving, bucket })
    }

    /// Its address: `http://127.0.0.1:port`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.serving.address)
    }

    /// Keys in the bucket that begin with `prefix`, sorted.
    #[must_use]
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        self.bucket.objects().keys().filter(|key| key.starts_with(prefix)).cloned().collect()
    }

    /// Bytes of all objects in the bucket.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bucket.objects().values().map(|object| object.content.len() as u64).sum()
    }

    /// What was asked of it until now.
    #[must_use]
    pub fn usage(&self) -> S3Usage {
        *self.bucket.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Bucket {
    name: String,
    objects: Mutex<BTreeMap<String, Stored>>,
    usage: Mutex<S3Usage>,
    versions: AtomicU64,
}

#[derive(Debug, Clone)]
struct Stored {
    content: Bytes,
    tag: String,
    written: Timestamp,
}

impl Stored {
    fn etag(&self) -> ETag {
        ETag::Strong(self.tag.clone())
    }
}

/// [`Bucket`] as the S3 API sees it.
struct Served(Arc<Bucket>);

impl Bucket {
    fn served(self: Arc<Self>) -> Served {
        Served(self)
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, Stored>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, change: impl FnOnce(&mut S3Usage)) {
        change(&mut self.usage.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn check(&self, bucket: &str) -> S3Result<()> {
        if bucket == self.name { Ok(()) } else { Err(s3_error!(NoSuchBucket, "there is no bucket {bucket}")) }
    }

    fn get(&self, bucket: &str, key: &str) -> S3Result<Stored> {
        self.check(bucket)?;
        self.objects().get(key).cloned().ok_or_else(|| s3_error!(NoSuchKey, "there is no object {key}"))
    }
}

/// Whether a write's condition holds for what is there now.
fn check_condition(input: &PutObjectInput, now: Option<&Stored>) -> S3Result<()> {
    let matches = |condition: &ETagCondition, stored: &Stored| match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(tag) => tag.value() == stored.tag,
    };
    let exists = input.if_none_match.as_ref().is_some_and(|condition| now.is_some_and(|now| matches(condition, now)));
    let changed = input.if_match.as_ref().is_some_and(|condition| !now.is_some_and(|now| matches(condition, now)));
    if exists || changed {
        return Err(s3_error!(PreconditionFailed, "the condition of this write does not hold"));
    }
    Ok(())
}

#[async_trait::async_trait]
impl S3 for Served {
    async fn put_object(&self, mut request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        self.0.check(&request.input.bucket)?;
        let content = match request.input.body.take() {
            None => Bytes::new(),
            Some(body) => body
                .try_fold(BytesMut::new(), async |mut whole, chunk| {
                    whole.extend_from_slice(&chunk);
                    Ok(whole)
                })
                .await
                .map_err(|error| s3_error!(IncompleteBody, "{error}"))?
                .freeze(),
        };
        let input = request.input;
        self.0.count(|usage| {
            usage.puts += 1;
            usage.bytes_put += content.len() as u64;
        });
        let now = SystemTime::from(jiff::Timestamp::now());
        let version = self.0.versions.fetch_add(1, Ordering::Relaxed);
        let stored = Stored { content, tag: format!("{version:032x}"), written: Timestamp::from(now) };
        let mut objects = self.0.objects();
        check_condition(&input, objects.get(&input.key))?;
        let tag = stored.etag();
        objects.insert(input.key, stored);
        Ok(S3Response::new(PutObjectOutput { e_tag: Some(tag), ..PutObjectOutput::default() }))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        let stored = self.0.get(&input.bucket, &input.key)?;
        let size = stored.content.len() as u64;
        let range = match input.range {
            None => 0..size,
            Some(range) => range.check(size)?,
        };
        self.0.count(|usage| {
            usage.gets += 1;
            usage.bytes_got += range.end - range.start;
        });
        let (start, end) = (usize::try_from(range.start).unwrap_or(0), usize::try_from(range.end).unwrap_or(0));
        let content = stored.content.slice(start..end);
        let length = i64::try_from(content.len()).ok();
        let mut response = S3Response::new(GetObjectOutput {
            content_length: length,
            content_range: input.range.map(|_| format!("bytes {start}-{}/{size}", end.saturating_sub(1))),
            e_tag: Some(stored.etag()),
            last_modified: Some(stored.written.clone()),
            body: Some(StreamingBlob::from(Body::from(content))),
            ..GetObjectOutput::default()
        });
        if input.range.is_some() {
            response.status = Some(hyper::StatusCode::PARTIAL_CONTENT);
        }
        Ok(response)
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let stored = self.0.get(&request.input.bucket, &request.input.key)?;
        self.0.count(|usage| usage.gets += 1);
        Ok(S3Response::new(HeadObjectOutput {
            content_length: i64::try_from(stored.content.len()).ok(),
            e_tag: Some(stored.etag()),
            last_modified: Some(stored.written),
            ..HeadObjectOutput::default()
        }))
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.0.check(&request.input.bucket)?;
        self.0.count(|usage| usage.deletes += 1);
        self.0.objects().remove(&request.input.key);
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        self.0.check(&request.input.bucket)?;
        self.0.count(|usage| usage.deletes += 1);
        let mut objects = self.0.objects();
        let mut deleted = Vec::new();
        for object in request.input.delete.objects {
            objects.remove(&object.key);
            deleted.push(DeletedObject { key: Some(object.key), ..DeletedObject::default() });
        }
        Ok(S3Response::new(DeleteObjectsOutput { deleted: Some(deleted), ..DeleteObjectsOutput::default() }))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        self.0.check(&input.bucket)?;
        self.0.count(|usage| usage.lists += 1);
        Ok(S3Response::new(list(&self.0.objects(), input)))
    }
}

/// One page of a listing; its token is the last key seen.
fn list(objects: &BTreeMap<String, Stored>, input: ListObjectsV2Input) -> ListObjectsV2Output {
    let prefix = input.prefix.clone().unwrap_or_default();
    let after = input.continuation_token.clone().or(input.start_after.clone()).unwrap_or_default();
    let page = usize::try_from(input.max_keys.unwrap_or(1_000)).unwrap_or(1_000).min(1_000);
    let (mut contents, mut groups, mut next) = (Vec::new(), BTreeSet::new(), None);
    let mut last = String::new();
    for (key, stored) in objects.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix)) {
        if *key <= after {
            continue;
        }
        if contents.len() + groups.len() >= page {
            next = Some(last);
            break;
        }
        last.clone_from(key);
        let group = input.delimiter.as_deref().and_then(|delimiter| {
            let end = key[prefix.len()..].find(delimiter)? + delimiter.len();
            Some(key[..prefix.len() + end].to_owned())
        });
        if let Some(group) = group {
            groups.insert(group);
            continue;
        }
        contents.push(Object {
            key: Some(key.clone()),
            size: i64::try_from(stored.content.len()).ok(),
            e_tag: Some(stored.etag()),
            last_modified: Some(stored.written.clone()),
            ..Object::default()
        });
    }
    ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(prefix),
        delimiter: input.delimiter,
        key_count: i32::try_from(contents.len() + groups.len()).ok(),
        contents: Some(contents),
        common_prefixes: Some(groups.into_iter().map(|prefix| CommonPrefix { prefix: Some(prefix) }).collect()),
        is_truncated: Some(next.is_some()),
        next_continuation_token: next,
        ..ListObjectsV2Output::default()
    }
}
