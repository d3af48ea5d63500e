//! The protobuf messages inside log entries and checkpoints, and their way from and to our own types.
//!
//! Field numbers are documented in docs/formats/catalog.md; they are never reused.

use prost::{Message, Oneof};
use sigyn_model::{Level, PartId, PartMeta, TenantId, Timestamp, Window};

use crate::{Error, Lease, Member, Result, Swap};

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Entry {
    #[prost(uint64, tag = "1")]
    pub(crate) sequence: u64,
    #[prost(sfixed64, tag = "2")]
    pub(crate) time: i64,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) writer: Vec<u8>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) operations: Vec<OperationMessage>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct OperationMessage {
    #[prost(oneof = "OperationKind", tags = "1, 2, 3, 4, 5, 6")]
    pub(crate) kind: Option<OperationKind>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum OperationKind {
    #[prost(message, tag = "1")]
    Publish(Publish),
    #[prost(message, tag = "2")]
    Replace(Replace),
    #[prost(message, tag = "3")]
    Acquire(LeaseMessage),
    #[prost(message, tag = "4")]
    Renew(LeaseMessage),
    #[prost(message, tag = "5")]
    Release(LeaseMessage),
    #[prost(message, tag = "6")]
    Heartbeat(MemberMessage),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Publish {
    #[prost(message, repeated, tag = "1")]
    pub(crate) parts: Vec<PartMessage>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Replace {
    #[prost(string, tag = "1")]
    pub(crate) tenant: String,
    #[prost(sint64, tag = "2")]
    pub(crate) window: i64,
    #[prost(message, repeated, tag = "3")]
    pub(crate) remove: Vec<PartIdMessage>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) add: Vec<PartMessage>,
    #[prost(message, optional, tag = "5")]
    pub(crate) fence: Option<LeaseMessage>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct PartIdMessage {
    #[prost(string, tag = "1")]
    pub(crate) object: String,
    #[prost(uint32, tag = "2")]
    pub(crate) index: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct PartMessage {
    #[prost(string, tag = "1")]
    pub(crate) object: String,
    #[prost(uint32, tag = "2")]
    pub(crate) index: u32,
    /// Empty in a checkpoint, where the enclosing message names the tenant.
    #[prost(string, tag = "3")]
    pub(crate) tenant: String,
    #[prost(sint64, tag = "4")]
    pub(crate) window: i64,
    #[prost(uint32, tag = "5")]
    pub(crate) level: u32,
    #[prost(uint64, tag = "6")]
    pub(crate) offset: u64,
    #[prost(uint64, tag = "7")]
    pub(crate) length: u64,
    #[prost(uint32, tag = "8")]
    pub(crate) footer_length: u32,
    #[prost(sfixed64, tag = "9")]
    pub(crate) min_time: i64,
    #[prost(sfixed64, tag = "10")]
    pub(crate) max_time: i64,
    #[prost(uint64, tag = "11")]
    pub(crate) rows: u64,
    #[prost(uint32, tag = "12")]
    pub(crate) streams: u32,
    #[prost(uint64, tag = "13")]
    pub(crate) raw_bytes: u64,
    #[prost(uint64, tag = "14")]
    pub(crate) sequence: u64,
    #[prost(bytes = "vec", tag = "15")]
    pub(crate) label_filter: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct LeaseMessage {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) owner: String,
    #[prost(uint64, tag = "3")]
    pub(crate) epoch: u64,
    #[prost(sfixed64, tag = "4")]
    pub(crate) expires: i64,
    /// In a checkpoint: the owner gave the lease up.
    #[prost(bool, tag = "5")]
    pub(crate) released: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct MemberMessage {
    #[prost(string, tag = "1")]
    pub(crate) node: String,
    #[prost(string, tag = "2")]
    pub(crate) address: String,
    #[prost(string, repeated, tag = "3")]
    pub(crate) targets: Vec<String>,
    #[prost(sfixed64, tag = "4")]
    pub(crate) expires: i64,
    #[prost(string, tag = "5")]
    pub(crate) version: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Checkpoint {
    #[prost(uint64, tag = "1")]
    pub(crate) sequence: u64,
    #[prost(sfixed64, tag = "2")]
    pub(crate) time: i64,
    #[prost(uint64, tag = "3")]
    pub(crate) last_epoch: u64,
    #[prost(message, repeated, tag = "4")]
    pub(crate) leases: Vec<LeaseMessage>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) members: Vec<MemberMessage>,
    #[prost(message, repeated, tag = "6")]
    pub(crate) removals: Vec<RemovalMessage>,
    /// One tenant may appear several times, with different parts.
    #[prost(message, repeated, tag = "7")]
    pub(crate) tenants: Vec<TenantMessage>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RemovalMessage {
    #[prost(uint64, tag = "1")]
    pub(crate) sequence: u64,
    #[prost(sfixed64, tag = "2")]
    pub(crate) time: i64,
    #[prost(message, repeated, tag = "3")]
    pub(crate) parts: Vec<PartIdMessage>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TenantMessage {
    #[prost(string, tag = "1")]
    pub(crate) tenant: String,
    #[prost(message, repeated, tag = "2")]
    pub(crate) rows: Vec<RowMessage>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RowMessage {
    #[prost(message, optional, tag = "1")]
    pub(crate) part: Option<PartMessage>,
    /// Number of the log entry that brought the part.
    #[prost(uint64, tag = "2")]
    pub(crate) published: u64,
}

/// A message that does not make sense, though its checksum holds.
pub(crate) fn senseless(key: &str, what: impl std::fmt::Display) -> Error {
    Error::Corrupt { key: key.to_owned(), reason: what.to_string() }
}

/// Decodes the body of the object at `key`.
pub(crate) fn decode<M: Message + Default>(key: &str, body: &[u8]) -> Result<M> {
    M::decode(body).map_err(|error| senseless(key, error))
}

pub(crate) fn tenant_from(key: &str, tenant: &str) -> Result<TenantId> {
    TenantId::new(tenant).map_err(|error| senseless(key, error))
}

impl PartMessage {
    /// Without the tenant, which the caller adds where it is not said elsewhere.
    pub(crate) fn new(part: &PartMeta) -> Self {
        Self {
            object: part.id.object.clone(),
            index: part.id.index,
            tenant: String::new(),
            window: part.window.0,
            level: part.level.0.into(),
            offset: part.offset,
            length: part.length,
            footer_length: part.footer_length,
            min_time: part.min_time.nanos(),
            max_time: part.max_time.nanos(),
            rows: part.rows,
            streams: part.streams,
            raw_bytes: part.raw_bytes,
            sequence: part.sequence,
            label_filter: part.label_filter.clone(),
        }
    }

    pub(crate) fn with_tenant(part: &PartMeta) -> Self {
        Self { tenant: part.tenant.as_str().to_owned(), ..Self::new(part) }
    }

    /// The part, as `tenant`'s.
    pub(crate) fn into_part(self, key: &str, tenant: TenantId) -> Result<PartMeta> {
        let level = u8::try_from(self.level).map_err(|_| senseless(key, format!("level {}", self.level)))?;
        Ok(PartMeta {
            id: PartId { object: self.object, index: self.index },
            tenant,
            window: Window(self.window),
            level: Level(level),
            offset: self.offset,
            length: self.length,
            footer_length: self.footer_length,
            min_time: Timestamp(self.min_time),
            max_time: Timestamp(self.max_time),
            rows: self.rows,
            streams: self.streams,
            raw_bytes: self.raw_bytes,
            sequence: self.sequence,
            label_filter: self.label_filter,
        })
    }
}

impl From<&PartId> for PartIdMessage {
    fn from(id: &PartId) -> Self {
        Self { object: id.object.clone(), index: id.index }
    }
}

impl From<PartIdMessage> for PartId {
    fn from(id: PartIdMessage) -> Self {
        Self { object: id.object, index: id.index }
    }
}

impl From<&Lease> for LeaseMessage {
    fn from(lease: &Lease) -> Self {
        Self {
            name: lease.name.clone(),
            owner: lease.owner.clone(),
            epoch: lease.epoch,
            expires: lease.expires.nanos(),
            released: false,
        }
    }
}

impl From<LeaseMessage> for Lease {
    fn from(lease: LeaseMessage) -> Self {
        Self { name: lease.name, owner: lease.owner, epoch: lease.epoch, expires: Timestamp(lease.expires) }
    }
}

impl MemberMessage {
    pub(crate) fn new(member: &Member, expires: Timestamp) -> Self {
        Self {
            node: member.node.clone(),
            address: member.address.clone(),
            targets: member.targets.clone(),
            expires: expires.nanos(),
            version: member.version.clone(),
        }
    }

    pub(crate) fn into_member(self) -> (Member, Timestamp) {
        let Self { node, address, targets, expires, version } = self;
        (Member { node, address, targets, version }, Timestamp(expires))
    }
}

impl From<&Swap> for Replace {
    fn from(swap: &Swap) -> Self {
        Self {
            tenant: swap.tenant.as_str().to_owned(),
            window: swap.window.0,
            remove: swap.remove.iter().map(PartIdMessage::from).collect(),
            // The tenant and the window of the swap are those of every part it adds.
            add: swap.add.iter().map(PartMessage::new).collect(),
            fence: swap.fence.as_ref().map(LeaseMessage::from),
        }
    }
}

impl Replace {
    pub(crate) fn into_swap(self, key: &str) -> Result<Swap> {
        let tenant = tenant_from(key, &self.tenant)?;
        let add = self.add.into_iter().map(|part| part.into_part(key, tenant.clone())).collect::<Result<_>>()?;
        Ok(Swap {
            tenant,
            window: Window(self.window),
            remove: self.remove.into_iter().map(PartId::from).collect(),
            add,
            fence: self.fence.map(Lease::from),
        })
    }
}
