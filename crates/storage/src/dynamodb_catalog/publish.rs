//! Publishing parts: one conditional put for a part, one transaction for several of a tenant.
//!
//! A process names an object moments before it publishes its parts, and nobody else publishes them. So the first publish of a
//! newly named object cannot meet an older one of itself, and one put is enough: one write unit. Every other publish is a
//! repetition, perhaps of parts that were replaced since, and looks for them first ([`DynamoDbCatalog::unpublished`]).

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::Duration;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, Put, ReturnConsumedCapacity, TransactWriteItem};
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use sigyn_model::{Level, PartMeta, TenantId, Timestamp, Window};

use super::table::Refusal;
use super::{CONCURRENCY, DynamoDbCatalog, items, keys};
use crate::Result;
use crate::catalog::check_part;
use crate::clock::nanos;
use crate::metrics::CatalogOp::publish;
use crate::object_catalog::messages::{PartMessage, Publish, Replace};

/// How long after it was named an object counts as new.
const NEW_FOR: Duration = Duration::from_secs(60);
/// How long after it was named a part is found by its name alone; see [`super::since`].
const PROMPT: Duration = Duration::from_secs(2);
/// How long a notice is kept.
const NOTICE_KEEP: Duration = Duration::from_secs(3_600);
/// Actions of one transaction; DynamoDB's limit.
pub(super) const ACTIONS_MAX: usize = 100;
/// Names of objects, tenants and days that a process remembers.
const REMEMBERED_MAX: usize = 8_192;

/// The last names of some kind; the oldest is forgotten first.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    names: HashSet<String>,
    order: VecDeque<String>,
}

impl Remembered {
    fn contains(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Whether it is new.
    fn insert(&mut self, name: String) -> bool {
        if !self.names.insert(name.clone()) {
            return false;
        }
        self.order.push_back(name);
        if self.order.len() > REMEMBERED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.names.remove(&oldest);
        }
        true
    }
}

impl DynamoDbCatalog {
    pub(super) async fn publish_all(&self, parts: &[PartMeta]) -> Result<()> {
        let mut tenants: BTreeMap<&str, Vec<&PartMeta>> = BTreeMap::new();
        for part in parts {
            check_part(part)?;
            tenants.entry(part.tenant.as_str()).or_default().push(part);
        }
        let tenants: Vec<_> = tenants.into_values().map(|parts| self.publish_of_tenant(parts).boxed()).collect();
        stream::iter(tenants).buffer_unordered(CONCURRENCY).try_collect().await
    }

    async fn publish_of_tenant(&self, parts: Vec<&PartMeta>) -> Result<()> {
        let Some(tenant) = parts.first().map(|part| &part.tenant) else { return Ok(()) };
        self.make_known(tenant, &parts).await?;
        let now = self.clock.now();
        let mut seen = HashSet::new();
        let parts: Vec<&PartMeta> = parts.into_iter().filter(|part| seen.insert(&part.id)).collect();
        let (new, repeated): (Vec<&PartMeta>, Vec<&PartMeta>) =
            parts.into_iter().partition(|part| self.is_first_publish(part, now));
        let mut due = new;
        let mut news = due.clone();
        for part in repeated {
            match self.unpublished(part).await? {
                Earlier::Never => {
                    due.push(part);
                    news.push(part);
                }
                Earlier::There => news.push(part),
                Earlier::Replaced => {}
            }
        }
        for chunk in due.chunks(ACTIONS_MAX) {
            self.put_parts(chunk).await?;
        }
        self.notify(tenant, &news, now).await
    }

    /// Whether this process names the part for the first time, and has just named its object.
    fn is_first_publish(&self, part: &PartMeta, now: Timestamp) -> bool {
        let first = self.remember(&self.published, part.id.to_string());
        let named = keys::named_at(&part.id.object);
        first && named.is_some_and(|named| (now - nanos(NEW_FOR)..=now + nanos(NEW_FOR)).contains(&named))
    }

    /// What became of an earlier publish of the part.
    async fn unpublished(&self, part: &PartMeta) -> Result<Earlier> {
        let day = keys::day(part.window);
        let key = items::key(keys::parts(&part.tenant, &day), keys::part(part.window, &part.id));
        let get = self
            .table
            .client
            .get_item()
            .table_name(&*self.table.name)
            .set_key(Some(key))
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        if self.table.ask(publish, "looking for a part", || get.clone().send()).await?.item.is_some() {
            return Ok(Earlier::There);
        }
        // Swaps keep the names of what they removed.
        let swaps = self.hour_of(publish, keys::swaps(&part.tenant, &day), part.window).await?;
        for item in &swaps {
            let swap: Replace = items::body(item)?;
            let is_it = |id: &crate::object_catalog::messages::PartIdMessage| {
                id.object == part.id.object && id.index == part.id.index
            };
            if swap.remove.iter().any(is_it) {
                return Ok(Earlier::Replaced);
            }
        }
        Ok(Earlier::Never)
    }

    /// Puts rows that are not there yet; those that are stay as they are.
    async fn put_parts(&self, parts: &[&PartMeta]) -> Result<()> {
        let mut missing: Vec<&PartMeta> = parts.to_vec();
        let mut retries = self.table.retries();
        loop {
            let refusal = match missing.as_slice() {
                [] => return Ok(()),
                [one] => match self.put_part(one).await {
                    // Already there: by a try whose answer was lost.
                    Ok(()) | Err(Refusal::Condition) => return Ok(()),
                    Err(refusal) => refusal,
                },
                several => match self.put_together(several).await? {
                    Together::Done => return Ok(()),
                    Together::Refused(refusal) => refusal,
                    Together::There(there) => {
                        let mut there = there.into_iter();
                        missing.retain(|_| !there.next().unwrap_or(false));
                        continue;
                    }
                },
            };
            if !refusal.may_pass() || !retries.pause(&refusal).await {
                return Err(self.table.error("publishing parts", &refusal));
            }
            if retries.is_doubtful() {
                missing = self.still_missing(missing).await?;
            }
        }
    }

    /// Without the parts that a try whose answer was lost has published, and that may have been replaced since.
    async fn still_missing<'a>(&self, parts: Vec<&'a PartMeta>) -> Result<Vec<&'a PartMeta>> {
        let mut missing = Vec::new();
        for part in parts {
            if self.unpublished(part).await? == Earlier::Never {
                missing.push(part);
            }
        }
        Ok(missing)
    }

    /// One put, tried once.
    async fn put_part(&self, part: &PartMeta) -> std::result::Result<(), Refusal> {
        let put = self
            .table
            .client
            .put_item()
            .table_name(&*self.table.name)
            .set_item(Some(row(part)))
            .condition_expression("attribute_not_exists(pk)")
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        self.table.once(publish, put.send()).await.map(|_| ())
    }

    async fn put_together(&self, parts: &[&PartMeta]) -> Result<Together> {
        let puts = parts.iter().map(|part| self.put_of(row(part))).collect::<Result<Vec<_>>>()?;
        match self.transact(publish, puts).await {
            Ok(()) => Ok(Together::Done),
            Err(Cancelled::Refused(refusal)) => Ok(Together::Refused(refusal)),
            Err(Cancelled::Conditions(failed)) if failed.iter().any(|failed| *failed) => Ok(Together::There(failed)),
            // Another transaction was at one of the rows.
            Err(Cancelled::Conditions(_)) => {
                Ok(Together::Refused(Refusal::Away("a concurrent transaction".to_owned())))
            }
        }
    }

    /// A put that must not meet an item of its key.
    pub(super) fn put_of(&self, item: items::Item) -> Result<TransactWriteItem> {
        let put = Put::builder()
            .table_name(&*self.table.name)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(|error| self.malformed("publishing parts", &error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// One transaction, tried once.
    pub(super) async fn transact(
        &self,
        op: crate::metrics::CatalogOp,
        actions: Vec<TransactWriteItem>,
    ) -> std::result::Result<(), Cancelled> {
        let request = self
            .table
            .client
            .transact_write_items()
            .set_transact_items(Some(actions))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let error = match request.send().await {
            Ok(answer) => {
                self.table.count(op, crate::metrics::CatalogOutcome::ok);
                self.table.consumed(op, &answer);
                return Ok(());
            }
            Err(error) => error,
        };
        if let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() {
            self.table.count(op, crate::metrics::CatalogOutcome::conflict);
            return Err(cancellation(cancelled.cancellation_reasons()));
        }
        self.table.count(op, crate::metrics::CatalogOutcome::error);
        Err(Cancelled::Refused(Refusal::of(&error)))
    }

    /// Tells tails of parts that they would not find by looking at the newest names of the present hours.
    async fn notify(&self, tenant: &TenantId, parts: &[&PartMeta], now: Timestamp) -> Result<()> {
        let present = Window(Window::of(now).0 - 1)..=Window(Window::of(now).0 + 1);
        let is_prompt = |part: &PartMeta| {
            let named = keys::named_at(&part.id.object);
            let soon = named.is_some_and(|named| (now - nanos(PROMPT)..=now + nanos(PROMPT)).contains(&named));
            soon && present.contains(&part.window)
        };
        let late: Vec<&PartMeta> =
            parts.iter().copied().filter(|part| part.level == Level::L0 && !is_prompt(part)).collect();
        for chunk in late.chunks(ACTIONS_MAX) {
            let published = self.clock.now();
            let message = Publish { parts: chunk.iter().map(|part| PartMessage::new(part)).collect() };
            let pk = keys::notices(tenant, Window::of(published));
            let item = items::item(pk, keys::notice(published, &chunk[0].id), &message);
            let seconds = (published + nanos(NOTICE_KEEP)).nanos() / 1_000_000_000;
            self.put("publishing parts", publish, items::expiring(item, seconds)).await?;
        }
        Ok(())
    }

    /// Records the tenant and its days before the first of their parts, so that whoever lists them finds every part.
    async fn make_known(&self, tenant: &TenantId, parts: &[&PartMeta]) -> Result<()> {
        let mut known = vec![(keys::TENANTS.to_owned(), tenant.to_string())];
        known.extend(parts.iter().map(|part| (keys::days(tenant), keys::day(part.window))));
        known.dedup();
        for (pk, sk) in known {
            let name = format!("{pk}/{sk}");
            let is_known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner).contains(&name);
            if !is_known {
                self.put("recording a tenant and its days", publish, items::key(pk, sk)).await?;
                self.remember(&self.known, name);
            }
        }
        Ok(())
    }

    /// Puts an item whatever is there.
    pub(super) async fn put(
        &self,
        action: &'static str,
        op: crate::metrics::CatalogOp,
        item: items::Item,
    ) -> Result<()> {
        let put = self
            .table
            .client
            .put_item()
            .table_name(&*self.table.name)
            .set_item(Some(item))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        self.table.ask(op, action, || put.clone().send()).await.map(|_| ())
    }

    fn remember(&self, names: &std::sync::Mutex<Remembered>, name: String) -> bool {
        names.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(name)
    }
}

/// What became of an earlier publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Earlier {
    Never,
    There,
    Replaced,
}

/// How a transaction of puts ended.
enum Together {
    Done,
    /// Of each part, whether its row is there already.
    There(Vec<bool>),
    Refused(Refusal),
}

/// Why a transaction was not done.
#[derive(Debug)]
pub(super) enum Cancelled {
    /// Of each action, whether its condition failed. None did: another transaction was in the way.
    Conditions(Vec<bool>),
    Refused(Refusal),
}

fn cancellation(reasons: &[CancellationReason]) -> Cancelled {
    let codes = || reasons.iter().map(|reason| reason.code().unwrap_or("None"));
    let failed: Vec<bool> = codes().map(|code| code == "ConditionalCheckFailed").collect();
    if failed.iter().any(|failed| *failed) {
        return Cancelled::Conditions(failed);
    }
    let said = |reason: &CancellationReason| reason.message().unwrap_or("no message").to_owned();
    for reason in reasons {
        match reason.code().unwrap_or("None") {
            "ThrottlingError" | "ProvisionedThroughputExceeded" => {
                return Cancelled::Refused(Refusal::Throttled(said(reason)));
            }
            "None" | "TransactionConflict" => {}
            code => return Cancelled::Refused(Refusal::Other { code: code.to_owned(), message: said(reason) }),
        }
    }
    Cancelled::Conditions(failed)
}

/// The row of a part.
pub(super) fn row(part: &PartMeta) -> items::Item {
    let pk = keys::parts(&part.tenant, &keys::day(part.window));
    items::item(pk, keys::part(part.window, &part.id), &PartMessage::new(part))
}
