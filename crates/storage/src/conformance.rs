//! What every catalog must do, as a suite that each implementation's tests call.
//!
//! The suite opens several handles on one store, as several processes would. Calls that answer `Unavailable` are repeated, so
//! it also runs over stores that fail on purpose. It panics at the first thing that is not as it should be.

mod leases;
mod parts;
mod swaps;

use std::sync::Arc;
use std::time::Duration;

use sigyn_model::{ErrorKind, Level, PartId, PartMeta, TenantId, TimeRange, Timestamp, Window};

pub use self::parts::check_many_parts;
use crate::{Catalog, ManualClock, Result};

/// Two processes on one store, and the clock they go by.
struct Pair<'a> {
    a: Arc<dyn Catalog>,
    b: Arc<dyn Catalog>,
    clock: &'a ManualClock,
}

/// Runs every check on the store that `open` opens a new handle on. `clock` is the one those handles go by.
pub async fn check_catalog<O, F>(open: O, clock: &ManualClock)
where
    O: Fn() -> F,
    F: Future<Output = Result<Arc<dyn Catalog>>>,
{
    let pair = Pair { a: open_patiently(&open).await, b: open_patiently(&open).await, clock };
    parts::check_publish(&pair).await;
    parts::check_publish_race(&pair).await;
    parts::check_invalid_parts(&pair).await;
    parts::check_scan_ranges(&pair).await;
    parts::check_since(&pair).await;
    parts::check_tenants_and_objects(&pair).await;
    swaps::check_replace(&pair).await;
    swaps::check_replace_race(&pair).await;
    swaps::check_fences(&pair).await;
    leases::check_leases(&pair).await;
    leases::check_lease_race(&pair).await;
    leases::check_members(&pair).await;
    check_restart(&pair, &*open_patiently(&open).await).await;
}

/// Opens a handle, however often the store is away.
async fn open_patiently<O, F>(open: &O) -> Arc<dyn Catalog>
where
    O: Fn() -> F,
    F: Future<Output = Result<Arc<dyn Catalog>>>,
{
    patiently(open).await.expect("the catalog opens")
}

/// A process that starts now sees what the others see.
async fn check_restart(pair: &Pair<'_>, fresh: &dyn Catalog) {
    let tenants = patiently(|| pair.a.tenants()).await.expect("tenants");
    assert_eq!(patiently(|| fresh.tenants()).await.expect("tenants"), tenants);
    for tenant in tenants {
        let (old, new) = (scan_all(&*pair.a, &tenant).await, scan_all(fresh, &tenant).await);
        assert_eq!(old, new, "tenant {tenant}");
    }
    let members = patiently(|| pair.a.members()).await.expect("members");
    assert_eq!(patiently(|| fresh.members()).await.expect("members"), members);
}

/// Repeats a call while it answers `Unavailable`, as a caller would.
async fn patiently<T, F>(call: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    const ATTEMPTS_MAX: u32 = 200;
    let mut attempt = 0;
    loop {
        match call().await {
            Err(error) if error.kind() == ErrorKind::Unavailable && attempt < ATTEMPTS_MAX => attempt += 1,
            result => return result,
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn scan_all(catalog: &dyn Catalog, tenant: &TenantId) -> Vec<PartMeta> {
    scan(catalog, tenant, TimeRange::all()).await
}

/// The scan's parts in a fixed order: the trait promises none.
async fn scan(catalog: &dyn Catalog, tenant: &TenantId, range: TimeRange) -> Vec<PartMeta> {
    let parts = patiently(|| catalog.scan(tenant, range)).await.expect("scan");
    let mut parts: Vec<PartMeta> = parts.iter().map(|part| (**part).clone()).collect();
    parts.sort_by(|a, b| a.id.cmp(&b.id));
    parts
}

async fn publish(catalog: &dyn Catalog, parts: &[PartMeta]) {
    patiently(|| catalog.publish(parts)).await.expect("publish");
}

fn tenant(name: &str) -> TenantId {
    TenantId::new(name).expect("test names are valid")
}

/// A plausible L0 part of `tenant` in `window`, spanning the whole hour, in an object of its own.
fn part(tenant: &TenantId, window: i64, object: &str) -> PartMeta {
    let window = Window(window);
    PartMeta {
        id: PartId { object: format!("data/{tenant}-{object}.seg"), index: 0 },
        tenant: tenant.clone(),
        window,
        level: Level::L0,
        offset: 16,
        length: 4_096,
        footer_length: 512,
        min_time: window.start(),
        max_time: window.end() - 1,
        rows: 10,
        streams: 2,
        raw_bytes: 1_000,
        sequence: 7,
        label_filter: vec![0b1010_0101; 16],
    }
}

fn spanning(part: PartMeta, min: i64, max: i64) -> PartMeta {
    PartMeta { min_time: Timestamp(min), max_time: Timestamp(max), ..part }
}
