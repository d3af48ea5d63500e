//! Leases and members: single items with conditions.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use sigyn_model::Timestamp;

use super::scan::Question;
use super::table::Refusal;
use super::{DynamoDbCatalog, items, keys};
use crate::clock::nanos;
use crate::metrics::CatalogOp::{lease, member};
use crate::object_catalog::messages::MemberMessage;
use crate::{Error, Lease, Member, Result};

/// How long an unused lease is remembered. Its next epoch is above the clock in any case, so epochs do not go back.
const LEASE_KEEP: Duration = Duration::from_secs(7 * 24 * 3_600);
/// How long a silent member is remembered.
const MEMBER_KEEP: Duration = Duration::from_secs(3_600);

/// A lease as the table has it.
#[derive(Debug)]
struct Held {
    owner: String,
    epoch: u64,
    expires: Timestamp,
    released: bool,
}

impl DynamoDbCatalog {
    pub(super) async fn take(&self, name: &str, owner: &str, ttl: Duration) -> Result<Option<Lease>> {
        let now = self.clock.now();
        let held = self.held(name).await?;
        let epoch = match &held {
            Some(held) if !held.released && held.owner == owner && held.expires > now => held.epoch,
            Some(held) if !held.released && held.expires > now => return Ok(None),
            // Above every epoch before, and above those of a lease that was forgotten.
            held => {
                held.as_ref().map_or(0, |held| held.epoch + 1).max(u64::try_from(now.nanos() / 1_000_000).unwrap_or(0))
            }
        };
        let taken = Lease { name: name.to_owned(), owner: owner.to_owned(), epoch, expires: now + nanos(ttl) };
        let put = self
            .table
            .client
            .put_item()
            .table_name(&*self.table.name)
            .set_item(Some(lease_item(&taken, false)))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let put = match &held {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(held) => put
                .condition_expression("#epoch = :epoch AND #expires = :expires AND #released = :released")
                .expression_attribute_names("#epoch", keys::EPOCH)
                .expression_attribute_names("#expires", keys::EXPIRES)
                .expression_attribute_names("#released", keys::RELEASED)
                .expression_attribute_values(":epoch", items::number(held.epoch))
                .expression_attribute_values(":expires", items::number(held.expires.nanos()))
                .expression_attribute_values(":released", AttributeValue::Bool(held.released)),
        };
        match self.table.send(lease, || put.clone().send()).await {
            Ok(_) => Ok(Some(taken)),
            // Somebody was faster: this caller itself, when the answer of an earlier try was lost.
            Err(Refusal::Condition) => {
                let now_held = self.held(name).await?;
                let is_ours = now_held.is_some_and(|held| {
                    held.owner == taken.owner
                        && held.epoch == taken.epoch
                        && held.expires == taken.expires
                        && !held.released
                });
                Ok(is_ours.then_some(taken))
            }
            Err(refusal) => Err(self.table.error("taking a lease", &refusal)),
        }
    }

    async fn held(&self, name: &str) -> Result<Option<Held>> {
        let get = self
            .table
            .client
            .get_item()
            .table_name(&*self.table.name)
            .set_key(Some(items::key(keys::LEASES, name)))
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let Some(item) = self.table.ask(lease, "reading a lease", || get.clone().send()).await?.item else {
            return Ok(None);
        };
        Ok(Some(Held {
            owner: items::text_of(&item, keys::OWNER)?.to_owned(),
            epoch: items::number_of(&item, keys::EPOCH)?,
            expires: Timestamp(items::number_of(&item, keys::EXPIRES)?),
            released: matches!(item.get(keys::RELEASED), Some(AttributeValue::Bool(true))),
        }))
    }

    pub(super) async fn prolong(&self, held: &Lease, ttl: Duration) -> Result<Lease> {
        let renewed = Lease { expires: self.clock.now() + nanos(ttl), ..held.clone() };
        match self.put_if_held(&renewed, false).await {
            Ok(()) => Ok(renewed),
            Err(Refusal::Condition) => Err(Error::LeaseLost { name: held.name.clone(), epoch: held.epoch }),
            Err(refusal) => Err(self.table.error("renewing a lease", &refusal)),
        }
    }

    pub(super) async fn give_up(&self, held: &Lease) -> Result<()> {
        match self.put_if_held(held, true).await {
            Ok(()) | Err(Refusal::Condition) => Ok(()),
            Err(refusal) => Err(self.table.error("giving up a lease", &refusal)),
        }
    }

    /// Writes the lease anew, unless it has passed on or was given up.
    async fn put_if_held(&self, held: &Lease, released: bool) -> std::result::Result<(), Refusal> {
        let put = self
            .table
            .client
            .put_item()
            .table_name(&*self.table.name)
            .set_item(Some(lease_item(held, released)))
            .condition_expression("#epoch = :epoch AND #released = :no")
            .expression_attribute_names("#epoch", keys::EPOCH)
            .expression_attribute_names("#released", keys::RELEASED)
            .expression_attribute_values(":epoch", items::number(held.epoch))
            .expression_attribute_values(":no", AttributeValue::Bool(false))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        self.table.send(lease, || put.clone().send()).await.map(|_| ())
    }

    pub(super) async fn beat(&self, alive: &Member, ttl: Duration) -> Result<()> {
        let expires = self.clock.now() + nanos(ttl);
        let item = items::item(keys::MEMBERS, &alive.node, &MemberMessage::new(alive, expires));
        let forget = (expires + nanos(MEMBER_KEEP)).nanos() / 1_000_000_000;
        self.put("saying that this process is alive", member, items::expiring(item, forget)).await
    }

    pub(super) async fn living(&self) -> Result<Vec<Member>> {
        let action = "reading the members";
        let pk = keys::MEMBERS.to_owned();
        let found =
            self.query(Question { op: member, action, pk, between: None, strong: true, keys_only: false }).await?;
        let now = self.clock.now();
        let mut members = Vec::new();
        for item in &found {
            // DynamoDB removes expired items when it finds the time, so the message decides.
            let (found, expires) = items::body::<MemberMessage>(item)?.into_member();
            if expires > now {
                members.push(found);
            }
        }
        Ok(members)
    }
}

fn lease_item(held: &Lease, released: bool) -> items::Item {
    let mut item = items::key(keys::LEASES, &held.name);
    item.insert(keys::OWNER.to_owned(), items::text(&held.owner));
    item.insert(keys::EPOCH.to_owned(), items::number(held.epoch));
    item.insert(keys::EXPIRES.to_owned(), items::number(held.expires.nanos()));
    item.insert(keys::RELEASED.to_owned(), AttributeValue::Bool(released));
    items::expiring(item, (held.expires + nanos(LEASE_KEEP)).nanos() / 1_000_000_000)
}
