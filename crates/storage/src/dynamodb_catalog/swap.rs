//! Swaps: one transaction that takes rows away, puts rows in, checks the lease, and leaves a record of itself.
//!
//! The record's key is made from what the swap removes and adds, so a repeated swap meets its own record and is done;
//! and it keeps the removed names, so that a late publish of one of them does not bring it back.

use std::time::Duration;

use aws_sdk_dynamodb::types::{ConditionCheck, Delete, TransactWriteItem};
use prost::Message as _;
use sigyn_model::ErrorKind;

use super::publish::{ACTIONS_MAX, Cancelled, row};
use super::table::Refusal;
use super::{DynamoDbCatalog, items, keys};
use crate::catalog::check_swap;
use crate::clock::nanos;
use crate::metrics::CatalogOp::replace;
use crate::object_catalog::messages::{PartIdMessage, Replace};
use crate::{Error, Lease, Result, Swap};

/// How long a record of a swap is kept; far longer than any publish or swap is repeated.
const RECORD_KEEP: Duration = Duration::from_secs(24 * 3_600);

impl DynamoDbCatalog {
    pub(super) async fn swap(&self, swap: &Swap) -> Result<()> {
        check_swap(swap)?;
        let actions = self.actions(swap)?;
        if actions.len() > ACTIONS_MAX {
            let reason = format!(
                "a swap of {} parts for {} is more than the {ACTIONS_MAX} actions of a transaction; swap fewer at a time",
                swap.remove.len(),
                swap.add.len()
            );
            return Err(Error::Table {
                action: "replacing parts",
                table: self.table.name.to_string(),
                reason,
                kind: ErrorKind::Invalid,
            });
        }
        let mut retries = self.table.retries();
        loop {
            let refusal = match self.transact(replace, actions.clone()).await {
                Ok(()) => return Ok(()),
                // The first action is the record: this very swap is done.
                Err(Cancelled::Conditions(failed)) if failed.first() == Some(&true) => return Ok(()),
                Err(Cancelled::Conditions(failed)) => match failed.iter().position(|failed| *failed) {
                    Some(at) => return Err(conflict(swap, at)),
                    None => Refusal::Away("a concurrent transaction".to_owned()),
                },
                Err(Cancelled::Refused(refusal)) => refusal,
            };
            if !refusal.may_pass() || !retries.pause(&refusal).await {
                return Err(self.table.error("replacing parts", &refusal));
            }
        }
    }

    /// The record, the rows to remove, the rows to add, the lease.
    fn actions(&self, swap: &Swap) -> Result<Vec<TransactWriteItem>> {
        let mut actions = vec![self.put_of(self.record(swap))?];
        let day = keys::day(swap.window);
        for id in &swap.remove {
            let delete = Delete::builder()
                .table_name(&*self.table.name)
                .set_key(Some(items::key(keys::parts(&swap.tenant, &day), keys::part(swap.window, id))))
                .condition_expression("attribute_exists(pk)")
                .build()
                .map_err(|error| self.malformed("replacing parts", &error))?;
            actions.push(TransactWriteItem::builder().delete(delete).build());
        }
        for part in &swap.add {
            actions.push(self.put_of(row(part))?);
        }
        if let Some(fence) = &swap.fence {
            actions.push(self.holds(fence)?);
        }
        Ok(actions)
    }

    /// A check that nobody took the lease since.
    fn holds(&self, fence: &Lease) -> Result<TransactWriteItem> {
        let check = ConditionCheck::builder()
            .table_name(&*self.table.name)
            .set_key(Some(items::key(keys::LEASES, &fence.name)))
            .condition_expression("#epoch = :epoch AND #released = :no")
            .expression_attribute_names("#epoch", keys::EPOCH)
            .expression_attribute_names("#released", keys::RELEASED)
            .expression_attribute_values(":epoch", items::number(fence.epoch))
            .expression_attribute_values(":no", aws_sdk_dynamodb::types::AttributeValue::Bool(false))
            .build()
            .map_err(|error| self.malformed("replacing parts", &error))?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    fn record(&self, swap: &Swap) -> items::Item {
        let names = Replace { remove: swap.remove.iter().map(PartIdMessage::from).collect(), ..Replace::default() };
        let all = Replace::from(&Swap { fence: None, ..swap.clone() });
        let hash = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, &all.encode_to_vec());
        let first = swap.remove.first().or(swap.add.first().map(|part| &part.id));
        let first = first.map(ToString::to_string).unwrap_or_default();
        let sk = format!("{}#{hash:016x}#{first}", keys::hour(swap.window));
        let item = items::item(keys::swaps(&swap.tenant, &keys::day(swap.window)), sk, &names);
        items::expiring(item, (self.clock.now() + nanos(RECORD_KEEP)).nanos() / 1_000_000_000)
    }
}

/// What the failed condition of an action means; the order is that of [`DynamoDbCatalog::actions`].
fn conflict(swap: &Swap, action: usize) -> Error {
    let at = action - 1;
    let reason = if let Some(gone) = swap.remove.get(at) {
        format!("part {gone} is gone")
    } else if let Some(known) = swap.add.get(at - swap.remove.len()) {
        format!("part {} exists already", known.id)
    } else {
        let fence = swap.fence.as_ref().map(|fence| format!("lease {} of epoch {} is lost", fence.name, fence.epoch));
        fence.unwrap_or_default()
    };
    Error::SwapConflict { tenant: swap.tenant.clone(), window: swap.window, reason }
}
