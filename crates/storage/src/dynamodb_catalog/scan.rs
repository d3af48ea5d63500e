//! Finding parts: one query per day, side by side, every page of each.
//!
//! Reads are strongly consistent whatever the day: a late line may have been published into an old hour a moment ago.
//! Compacted days are small (24 hours of few rows), so exactness costs a few read units.

use std::collections::HashSet;
use std::sync::Arc;

use aws_sdk_dynamodb::types::ReturnConsumedCapacity;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use sigyn_model::{PartMeta, TenantId, TimeRange, Timestamp, Window};

use super::{CONCURRENCY, DynamoDbCatalog, items, keys};
use crate::Result;
use crate::metrics::CatalogOp;
use crate::object_catalog::messages::tenant_from;

/// Ranges of that many days are asked for day by day; longer ones look up first which days there are.
const DAYS_UNCHECKED_MAX: i64 = 4;

/// A query of one partition.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) op: CatalogOp,
    pub(super) action: &'static str,
    pub(super) pk: String,
    /// First and last sort key, both inclusive. `None`: all of the partition.
    pub(super) between: Option<(String, String)>,
    pub(super) strong: bool,
    /// Keys alone, without what they hold.
    pub(super) keys_only: bool,
}

impl DynamoDbCatalog {
    /// All items that a query finds, page after page.
    pub(super) async fn query(&self, question: Question) -> Result<Vec<items::Item>> {
        let mut request = self
            .table
            .client
            .query()
            .table_name(&*self.table.name)
            .consistent_read(question.strong)
            .expression_attribute_values(":pk", items::text(&question.pk))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        request = match &question.between {
            None => request.key_condition_expression("pk = :pk"),
            Some((from, to)) => request
                .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
                .expression_attribute_values(":from", items::text(from))
                .expression_attribute_values(":to", items::text(to)),
        };
        if question.keys_only {
            request = request.projection_expression("sk");
        }
        let (mut found, mut from) = (Vec::new(), None);
        loop {
            let page = request.clone().set_exclusive_start_key(from);
            let page = self.table.ask(question.op, question.action, || page.clone().send()).await?;
            found.extend(page.items.unwrap_or_default());
            from = page.last_evaluated_key.filter(|key| !key.is_empty());
            if from.is_none() {
                return Ok(found);
            }
        }
    }

    /// Every item of one hour in a partition whose sort keys begin with the hour.
    pub(super) async fn hour_of(&self, op: CatalogOp, pk: String, window: Window) -> Result<Vec<items::Item>> {
        let between = Some((keys::hour_start(window), keys::hour_end(window)));
        self.query(Question { op, action: "reading an hour", pk, between, strong: true, keys_only: false }).await
    }

    pub(super) async fn scan_range(&self, tenant: &TenantId, range: TimeRange) -> Result<Vec<Arc<PartMeta>>> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let (first, last) = (Window::of(range.start), Window::of(Timestamp(range.end.nanos() - 1)));
        let days = self.days_between(tenant, first, last).await?;
        let found = days.into_iter().map(|day| self.scan_day(tenant, day, first, last));
        let found: Vec<Vec<items::Item>> = stream::iter(found).buffer_unordered(CONCURRENCY).try_collect().await?;
        let mut parts = Vec::with_capacity(found.iter().map(Vec::len).sum());
        for item in found.iter().flatten() {
            let part = items::part(item, tenant)?;
            if range.overlaps(part.min_time, part.max_time) {
                parts.push(Arc::new(part));
            }
        }
        Ok(parts)
    }

    /// The days that may hold parts.
    async fn days_between(&self, tenant: &TenantId, first: Window, last: Window) -> Result<Vec<String>> {
        let (first_day, last_day) = (first.0.div_euclid(24), last.0.div_euclid(24));
        if last_day - first_day < DAYS_UNCHECKED_MAX {
            return Ok((first_day..=last_day).map(|day| keys::day(Window(day * 24))).collect());
        }
        let between = Some((keys::day(first), keys::day(last)));
        let pk = keys::days(tenant);
        let question = Question {
            op: CatalogOp::scan,
            action: "reading the days of a tenant",
            pk,
            between,
            strong: true,
            keys_only: true,
        };
        let days = self.query(question).await?;
        days.iter().map(|item| items::text_of(item, keys::SK).map(str::to_owned)).collect()
    }

    async fn scan_day(&self, tenant: &TenantId, day: String, first: Window, last: Window) -> Result<Vec<items::Item>> {
        // The first and the last day of the range end at its hours.
        let from = if day == keys::day(first) { keys::hour_start(first) } else { "00".to_owned() };
        let to = if day == keys::day(last) { keys::hour_end(last) } else { "24".to_owned() };
        let pk = keys::parts(tenant, &day);
        let between = Some((from, to));
        self.query(Question {
            op: CatalogOp::scan,
            action: "reading parts",
            pk,
            between,
            strong: true,
            keys_only: false,
        })
        .await
    }

    pub(super) async fn known_tenants(&self) -> Result<Vec<TenantId>> {
        let pk = keys::TENANTS.to_owned();
        let question = Question {
            op: CatalogOp::tenants,
            action: "reading the tenants",
            pk,
            between: None,
            strong: true,
            keys_only: true,
        };
        let found = self.query(question).await?;
        found.iter().map(|item| tenant_from("the tenants", items::text_of(item, keys::SK)?)).collect()
    }

    /// The objects of all parts, by way of every tenant's days.
    ///
    /// Eventually consistent: an object is garbage only when it is an hour old, and a row is read as it was within a second.
    pub(super) async fn all_objects(&self) -> Result<HashSet<String>> {
        let mut objects = HashSet::new();
        for tenant in self.known_tenants().await? {
            let (first, last) = (Window::of(Timestamp::MIN), Window::of(Timestamp::MAX));
            let days = self.days_between(&tenant, first, last).await?;
            let found = days.into_iter().map(|day| {
                let pk = keys::parts(&tenant, &day);
                let action = "listing the objects of a day";
                self.query(Question {
                    op: CatalogOp::objects,
                    action,
                    pk,
                    between: None,
                    strong: false,
                    keys_only: true,
                })
            });
            let found: Vec<Vec<items::Item>> = stream::iter(found).buffer_unordered(CONCURRENCY).try_collect().await?;
            for item in found.iter().flatten() {
                let sk = items::text_of(item, keys::SK)?;
                // hour#object#index
                let object = sk.split_once('#').and_then(|(_, rest)| rest.rsplit_once('#')).map(|(object, _)| object);
                objects.extend(object.map(str::to_owned));
            }
        }
        Ok(objects)
    }
}
