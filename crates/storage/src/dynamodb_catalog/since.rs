//! What was published since a tail last asked.
//!
//! Flushed parts of the present hours sort by the time at which their objects were named, so a tail reads the newest names,
//! [`OVERLAP`] back from its last look, and leaves out what it has seen. Parts that it would miss so are announced by notices: those
//! of older hours, and those that were published later than [`super::publish`] calls prompt. Compaction leaves flushed parts
//! alone for some seconds; a tail that comes later than that also takes merged parts, whose rows it may have had.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;
use sigyn_model::{Level, PartId, PartMeta, TenantId, Timestamp, Window};

use super::scan::Question;
use super::{DynamoDbCatalog, L0_REST, items, keys};
use crate::clock::nanos;
use crate::metrics::CatalogOp::since;
use crate::object_catalog::messages::Publish;
use crate::{Cursor, Error, Result};

/// How far back a tail looks: more than a publish takes from naming its object, and than clocks of processes may differ.
const OVERLAP: Duration = Duration::from_secs(60);
/// What a cursor begins with.
const PREFIX: &str = "d1:";

/// When a tail last looked, and the parts it has seen since [`OVERLAP`] before.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Position {
    milliseconds: i64,
    seen: HashSet<u64>,
}

impl DynamoDbCatalog {
    pub(super) async fn published_since(
        &self,
        tenant: &TenantId,
        cursor: &Cursor,
    ) -> Result<(Vec<Arc<PartMeta>>, Cursor)> {
        let now = self.clock.now().nanos().div_euclid(1_000_000);
        let before = cursor.0.as_deref().map(Position::parse).transpose()?;
        let looked = before.as_ref().map_or(now, |before| before.milliseconds.min(now));
        let from = Timestamp(looked.saturating_mul(1_000_000)) - nanos(OVERLAP);
        // A tail that starts must know all that there is; later on what one look misses the next one finds.
        let found = self.newest(tenant, from, before.is_none()).await?;
        let seen: HashSet<u64> = found.values().map(|part| hash(&part.id)).collect();
        let next = Position { milliseconds: now.max(looked), seen };
        let Some(before) = before else {
            return Ok((Vec::new(), next.cursor()));
        };
        let late = Duration::from_millis(u64::try_from(now - before.milliseconds).unwrap_or(0)) > L0_REST / 2;
        let is_news = |part: &PartMeta| {
            (part.level == Level::L0 || (late && merged_since(part, looked))) && !before.seen.contains(&hash(&part.id))
        };
        let parts = found.into_values().filter(|part| is_news(part)).collect();
        Ok((parts, next.cursor()))
    }

    /// Parts named or announced since, by that time and their name.
    async fn newest(
        &self,
        tenant: &TenantId,
        from: Timestamp,
        strong: bool,
    ) -> Result<BTreeMap<(String, PartId), Arc<PartMeta>>> {
        let now = Window::of(self.clock.now());
        let action = "reading new parts";
        let parts = (now.0 - 1..=now.0 + 1).map(|window| {
            let window = Window(window);
            let pk = keys::parts(tenant, &keys::day(window));
            let between = Some((keys::named_since(window, from), keys::hour_end(window)));
            self.query(Question { op: since, action, pk, between, strong, keys_only: false })
        });
        let notices = (Window::of(from).0..=now.0).map(|published| {
            let pk = keys::notices(tenant, Window(published));
            let between = Some((keys::milliseconds(from), "9".repeat(14)));
            self.query(Question { op: since, action, pk, between, strong, keys_only: false })
        });
        let (parts, notices) = futures::try_join!(try_join_all(parts), try_join_all(notices))?;
        let mut found = BTreeMap::new();
        for item in parts.iter().flatten() {
            let part = items::part(item, tenant)?;
            let named = keys::named_at(&part.id.object).map(keys::milliseconds).unwrap_or_default();
            found.insert((named, part.id.clone()), Arc::new(part));
        }
        for item in notices.iter().flatten() {
            let published = items::text_of(item, keys::SK)?.split('#').next().unwrap_or_default().to_owned();
            for message in items::body::<Publish>(item)?.parts {
                let part = message.into_part(&items::name(item), tenant.clone())?;
                let is_known = found.values().any(|known: &Arc<PartMeta>| known.id == part.id);
                if !is_known {
                    found.insert((published.clone(), part.id.clone()), Arc::new(part));
                }
            }
        }
        Ok(found)
    }
}

/// Whether a merged part may hold rows that were flushed after that instant. A part's sequence begins with its newest flush.
fn merged_since(part: &PartMeta, milliseconds: i64) -> bool {
    let flushed = i64::try_from(part.sequence >> 16).unwrap_or(i64::MAX);
    flushed >= milliseconds.saturating_sub(i64::try_from(L0_REST.as_millis()).unwrap_or(0))
}

fn hash(id: &PartId) -> u64 {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, id.to_string().as_bytes())
}

impl Position {
    fn cursor(&self) -> Cursor {
        let mut seen: Vec<String> = self.seen.iter().map(|hash| format!("{hash:x}")).collect();
        seen.sort_unstable();
        Cursor(Some(format!("{PREFIX}{}:{}", self.milliseconds, seen.join(","))))
    }

    fn parse(text: &str) -> Result<Self> {
        let invalid = || Error::InvalidCursor { cursor: text.chars().take(64).collect() };
        let (milliseconds, seen) =
            text.strip_prefix(PREFIX).and_then(|rest| rest.split_once(':')).ok_or_else(invalid)?;
        let milliseconds = milliseconds.parse().map_err(|_| invalid())?;
        let hashes = seen.split(',').filter(|hash| !hash.is_empty());
        let seen = hashes.map(|hash| u64::from_str_radix(hash, 16).map_err(|_| invalid())).collect::<Result<_>>()?;
        Ok(Self { milliseconds, seen })
    }
}
