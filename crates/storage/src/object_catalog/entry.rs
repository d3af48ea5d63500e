//! A log entry: who wrote it, when, and the operations it carries.

use std::sync::Arc;

use prost::Message;
use sigyn_model::{PartMeta, TenantId, Timestamp};

use super::format::{self, Kind};
use super::messages::{
    Entry, LeaseMessage, MemberMessage, OperationKind, OperationMessage, PartMessage, Publish, Replace, decode,
    senseless, tenant_from,
};
use crate::{Error, Lease, Member, Result, Swap};

/// A random number that tells a writer its own entry from a rival's.
pub(super) type WriterNonce = [u8; 16];

/// One object `catalog/log/{sequence}`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LogEntry {
    pub(super) sequence: u64,
    /// The writer's wall clock.
    pub(super) time: Timestamp,
    pub(super) writer: WriterNonce,
    /// Applied in order; each succeeds or is void on its own.
    pub(super) operations: Vec<Operation>,
}

/// One change of the catalog.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operation {
    Publish(Vec<Arc<PartMeta>>),
    Replace(Arc<Swap>),
    /// The lease wanted; its epoch is not known yet and 0.
    Acquire(Lease),
    /// The lease held, with the expiry wanted.
    Renew(Lease),
    Release(Lease),
    Heartbeat(Member, Timestamp),
}

impl LogEntry {
    pub(super) fn encode(&self) -> Vec<u8> {
        let message = Entry {
            sequence: self.sequence,
            time: self.time.nanos(),
            writer: self.writer.to_vec(),
            operations: self.operations.iter().map(OperationMessage::from).collect(),
        };
        let mut object = format::begin(Kind::LogEntry);
        object.extend_from_slice(&message.encode_to_vec());
        format::seal(object)
    }

    /// Reads the object that should be entry `sequence`.
    pub(super) fn decode(sequence: u64, object: &[u8]) -> Result<Self> {
        let key = &format::log_key(sequence);
        let message: Entry = decode(key, format::open(key, Kind::LogEntry, object)?)?;
        if message.sequence != sequence {
            return Err(senseless(key, format!("it says that it is entry {}", message.sequence)));
        }
        let writer = message.writer.try_into().map_err(|_| senseless(key, "its writer is not 16 bytes"))?;
        let operations = message.operations.into_iter().map(|operation| operation.into_operation(key));
        Ok(Self { sequence, time: Timestamp(message.time), writer, operations: operations.collect::<Result<_>>()? })
    }
}

impl From<&Operation> for OperationMessage {
    fn from(operation: &Operation) -> Self {
        let kind = match operation {
            Operation::Publish(parts) => OperationKind::Publish(Publish {
                parts: parts.iter().map(|part| PartMessage::with_tenant(part)).collect(),
            }),
            Operation::Replace(swap) => OperationKind::Replace(Replace::from(&**swap)),
            Operation::Acquire(lease) => OperationKind::Acquire(LeaseMessage::from(lease)),
            Operation::Renew(lease) => OperationKind::Renew(LeaseMessage::from(lease)),
            Operation::Release(lease) => OperationKind::Release(LeaseMessage::from(lease)),
            Operation::Heartbeat(member, expires) => OperationKind::Heartbeat(MemberMessage::new(member, *expires)),
        };
        Self { kind: Some(kind) }
    }
}

impl OperationMessage {
    fn into_operation(self, key: &str) -> Result<Operation> {
        // Skipping an operation would make this process see another catalog than its peers.
        let unknown = || Error::Newer { key: key.to_owned(), reason: "it holds an unknown operation".to_owned() };
        Ok(match self.kind.ok_or_else(unknown)? {
            OperationKind::Publish(publish) => Operation::Publish(parts_from(key, publish.parts)?),
            OperationKind::Replace(replace) => Operation::Replace(Arc::new(replace.into_swap(key)?)),
            OperationKind::Acquire(lease) => Operation::Acquire(lease.into()),
            OperationKind::Renew(lease) => Operation::Renew(lease.into()),
            OperationKind::Release(lease) => Operation::Release(lease.into()),
            OperationKind::Heartbeat(member) => {
                let (member, expires) = member.into_member();
                Operation::Heartbeat(member, expires)
            }
        })
    }
}

fn parts_from(key: &str, messages: Vec<PartMessage>) -> Result<Vec<Arc<PartMeta>>> {
    let mut last: Option<TenantId> = None;
    let mut parts = Vec::with_capacity(messages.len());
    for message in messages {
        let tenant = match last.take() {
            Some(tenant) if tenant.as_str() == message.tenant => tenant,
            _ => tenant_from(key, &message.tenant)?,
        };
        last = Some(tenant.clone());
        parts.push(Arc::new(message.into_part(key, tenant)?));
    }
    Ok(parts)
}
