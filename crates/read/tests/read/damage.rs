//! Parts that vanish under a query, and parts that rot.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use object_store::ObjectStoreExt;
use sigyn_logql::{Direction, Steps};
use sigyn_model::{ErrorKind, Level, PartId, PartMeta, TenantId, TimeRange};
use sigyn_read::{LogRequest, MetricRequest};
use sigyn_segment::{ColumnKind, Footer};
use sigyn_storage::catalog::{Catalog, Cursor, Lease, Member, Swap};

use crate::harness::{BASE, Bucket, Pushed, SECOND, log, metric, tenant};
use crate::logs::ask;

/// A catalog whose first scans are slow, or out of date.
#[derive(Debug)]
pub(crate) struct SlyCatalog {
    inner: Arc<dyn Catalog>,
    /// Answers to give before the truth.
    pub(crate) stale: Mutex<Vec<Vec<Arc<PartMeta>>>>,
    pub(crate) delay: Duration,
    /// Questions for what is new.
    pub(crate) polls: AtomicUsize,
}

impl SlyCatalog {
    pub(crate) fn new(inner: Arc<dyn Catalog>) -> Self {
        Self { inner, stale: Mutex::default(), delay: Duration::ZERO, polls: AtomicUsize::new(0) }
    }
}

type StorageResult<T> = sigyn_storage::Result<T>;

#[async_trait]
impl Catalog for SlyCatalog {
    async fn publish(&self, parts: &[PartMeta]) -> StorageResult<()> {
        self.inner.publish(parts).await
    }
    async fn replace(&self, swap: &Swap) -> StorageResult<()> {
        self.inner.replace(swap).await
    }
    async fn scan(&self, tenant: &TenantId, range: TimeRange) -> StorageResult<Vec<Arc<PartMeta>>> {
        tokio::time::sleep(self.delay).await;
        let stale = self.stale.lock().expect("no panic").pop();
        match stale {
            Some(parts) => Ok(parts),
            None => self.inner.scan(tenant, range).await,
        }
    }
    async fn since(&self, tenant: &TenantId, cursor: &Cursor) -> StorageResult<(Vec<Arc<PartMeta>>, Cursor)> {
        self.polls.fetch_add(1, Ordering::Relaxed);
        self.inner.since(tenant, cursor).await
    }
    async fn tenants(&self) -> StorageResult<Vec<TenantId>> {
        self.inner.tenants().await
    }
    async fn referenced_objects(&self) -> StorageResult<std::collections::HashSet<String>> {
        self.inner.referenced_objects().await
    }
    async fn acquire(&self, name: &str, owner: &str, ttl: Duration) -> StorageResult<Option<Lease>> {
        self.inner.acquire(name, owner, ttl).await
    }
    async fn renew(&self, lease: &Lease, ttl: Duration) -> StorageResult<Lease> {
        self.inner.renew(lease, ttl).await
    }
    async fn release(&self, lease: &Lease) -> StorageResult<()> {
        self.inner.release(lease).await
    }
    async fn heartbeat(&self, member: &Member, ttl: Duration) -> StorageResult<()> {
        self.inner.heartbeat(member, ttl).await
    }
    async fn members(&self) -> StorageResult<Vec<Member>> {
        self.inner.members().await
    }
}

fn entries() -> Vec<Pushed> {
    (0..40).map(|n| Pushed::new(&[("app", "a")], BASE + n * SECOND, &format!("line {n}"), &[])).collect()
}

/// A bucket whose catalog first names a part whose object has been compacted away.
async fn compacted_under_a_query(stale_scans: usize) -> Bucket {
    let mut bucket = Bucket::new().await;
    let old = bucket.flush(&tenant("t"), &entries()).await;
    let new = bucket.put(&tenant("t"), &entries(), Level::L1).await;
    let remove: Vec<PartId> = old.iter().map(|part| part.id.clone()).collect();
    let swap = Swap { tenant: tenant("t"), window: old[0].window, remove, add: new, fence: None };
    bucket.catalog.replace(&swap).await.expect("nobody else swaps");
    bucket.objects.delete(&object_store::path::Path::from(old[0].id.object.as_str())).await.expect("it is there");
    let stale: Vec<Arc<PartMeta>> = old.into_iter().map(Arc::new).collect();
    let sly = SlyCatalog::new(Arc::clone(&bucket.catalog));
    *sly.stale.lock().expect("no panic") = vec![stale; stale_scans];
    bucket.catalog = Arc::new(sly);
    bucket
}

#[tokio::test]
async fn a_query_begins_anew_when_a_part_is_gone() {
    let bucket = compacted_under_a_query(1).await;
    let found = ask(&bucket.reader(), r#"{app="a"}"#, TimeRange::all(), 100, Direction::Forward).await;
    assert_eq!(found.values().flatten().count(), 40);
    let bucket = compacted_under_a_query(1).await;
    let answer = bucket.reader().log_query(&[tenant("t")], everything()).await.expect("from a fresh scan");
    assert_eq!((answer.stats.restarts, answer.stats.entries_returned), (1, 40));
}

fn everything() -> LogRequest {
    LogRequest {
        expr: log(r#"{app="a"}"#),
        range: TimeRange::all(),
        limit: 100,
        direction: Direction::Forward,
        interval_ns: 0,
    }
}

#[tokio::test]
async fn a_part_that_stays_gone_is_an_error_that_names_it() {
    let bucket = compacted_under_a_query(2).await;
    let error = bucket.reader().log_query(&[tenant("t")], everything()).await.expect_err("the object is lost");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("data/00000000000000000000000001.seg"), "{error}");
}

/// Changes one byte of the first block's column.
async fn rot(bucket: &Bucket, part: &PartMeta, kind: &ColumnKind) {
    let path = object_store::path::Path::from(part.id.object.as_str());
    let object = bucket.objects.get(&path).await.expect("it is there").bytes().await.expect("in memory");
    let mut object = object.to_vec();
    let (start, end) = (part.offset as usize, (part.offset + part.length) as usize);
    let tail = &object[end - part.footer_length as usize..end];
    let footer = Footer::parse(tail, part.length).expect("it is sound still");
    let columns = &footer.blocks[0].columns;
    let column = columns.iter().find(|column| column.kind == *kind).expect("it is there");
    object[start + column.offset as usize] ^= 0x40;
    bucket.objects.put(&path, object.into()).await.expect("in memory");
}

#[tokio::test]
async fn a_rotten_block_is_an_error_that_names_part_and_block() {
    for kind in [ColumnKind::Timestamps, ColumnKind::Lines, ColumnKind::LineLengths] {
        let mut bucket = Bucket::new().await;
        let parts = bucket.flush(&tenant("t"), &entries()).await;
        rot(&bucket, &parts[0], &kind).await;
        let request = LogRequest {
            expr: log(r#"{app="a"}"#),
            range: TimeRange::all(),
            limit: 100,
            direction: Direction::Forward,
            interval_ns: 0,
        };
        let reader = bucket.reader();
        let error = reader.log_query(&[tenant("t")], request).await.expect_err("it is rotten");
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        let expected = "block 0 of part data/00000000000000000000000001.seg#0 is not readable";
        assert!(error.to_string().starts_with(expected), "{error}");
        // What does not need the rotten column is still answered.
        let request = MetricRequest {
            expr: metric(r#"sum(count_over_time({app="a"}[1h]))"#),
            steps: Steps::instant(BASE + 3599 * SECOND),
        };
        reader.metric_query(&[tenant("t")], request).await.expect("from run summaries");
    }
}

#[tokio::test]
async fn a_rotten_footer_is_an_error_that_names_the_part() {
    let mut bucket = Bucket::new().await;
    let part = bucket.flush(&tenant("t"), &entries()).await.remove(0);
    let path = object_store::path::Path::from(part.id.object.as_str());
    let mut object = bucket.objects.get(&path).await.expect("there").bytes().await.expect("in memory").to_vec();
    object[(part.offset + part.length) as usize - part.footer_length as usize + 4] ^= 1;
    bucket.objects.put(&path, object.into()).await.expect("in memory");
    let error = bucket.reader().label_names(&[tenant("t")], None, TimeRange::all()).await.expect_err("it is rotten");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().starts_with("footer of part data/00000000000000000000000001.seg#0"), "{error}");
}
