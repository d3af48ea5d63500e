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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sigyn_model::{Level, PartId, TimeRange, Window};

    use super::super::checkpoint::{Snapshot, decode_checkpoint};
    use super::super::state::State;
    use super::*;
    use crate::clock::nanos;

    const PAGE: &str = include_str!("../../../../docs/formats/catalog.md");

    fn part() -> PartMeta {
        PartMeta {
            id: PartId { object: "data/01K0.seg".to_owned(), index: 1 },
            tenant: TenantId::single(),
            window: Window(500_000),
            level: Level::L0,
            offset: 16,
            length: 900,
            footer_length: 120,
            min_time: Timestamp(1_800_000_000_000_000_000),
            max_time: Timestamp(1_800_000_000_000_000_001),
            rows: 2,
            streams: 1,
            raw_bytes: 64,
            sequence: 9,
            label_filter: vec![0x0a, 0x0b],
        }
    }

    fn example() -> LogEntry {
        LogEntry {
            sequence: 1,
            time: Timestamp(1_800_000_000_500_000_000),
            writer: *b"0123456789abcdef",
            operations: vec![Operation::Publish(vec![Arc::new(part())])],
        }
    }

    /// The bytes of the page's hex dump below `heading`.
    fn dump(heading: &str) -> Vec<u8> {
        let (_, after) = PAGE.split_once(heading).expect("the page has this heading");
        let block = after.split("```").nth(1).expect("a dump follows it");
        let digits = block
            .lines()
            .filter_map(|line| line.split_once("  "))
            .flat_map(|(_, bytes)| bytes.split("  ").next().unwrap_or("").split(' ').filter(|byte| byte.len() == 2));
        digits.map(|byte| u8::from_str_radix(byte, 16).expect("hex digits")).collect()
    }

    fn hex(bytes: &[u8]) -> String {
        let lines = bytes.chunks(16).enumerate().map(|(n, line)| {
            let digits: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
            let text: String = line.iter().map(|b| if b.is_ascii_graphic() { char::from(*b) } else { '.' }).collect();
            format!("{:04x}  {:<47}  {text}\n", n * 16, digits.join(" "))
        });
        lines.collect()
    }

    #[test]
    fn the_page_shows_what_is_written() {
        let object = example().encode();
        assert!(dump("### A log entry") == object, "the page should say\n{}", hex(&object));
        assert_eq!(LogEntry::decode(1, &object).ok(), Some(example()));
    }

    #[test]
    fn the_pages_checkpoint_can_be_read() {
        let mut state = State::default();
        state.apply(&example());
        let object = Snapshot::of(&state).encode().expect("a small state encodes");
        let state = decode_checkpoint(1, &dump("### A checkpoint")).unwrap_or_else(|error| {
            panic!("{error}; the page should say\n{}", hex(&object));
        });
        let parts = state.parts.scan(&TenantId::single(), TimeRange::all());
        assert_eq!(parts, [Arc::new(part())]);
        assert_eq!((state.sequence, state.time), (1, example().time));
    }

    #[test]
    fn every_operation_and_every_record_comes_back() {
        let lease = Lease { name: "l".to_owned(), owner: "o".to_owned(), epoch: 0, expires: Timestamp(i64::MAX) };
        let member = Member {
            node: "n".to_owned(),
            address: "n:1".to_owned(),
            targets: vec!["read".to_owned(), String::new()],
            version: "1.0.0".to_owned(),
        };
        let merged = PartMeta { id: PartId { object: "data/m.seg".to_owned(), index: 0 }, level: Level::L2, ..part() };
        let swap = Swap {
            tenant: TenantId::single(),
            window: Window(500_000),
            remove: vec![part().id],
            add: vec![merged.clone()],
            fence: Some(Lease { epoch: 1, ..lease.clone() }),
        };
        let entry = LogEntry {
            operations: vec![
                Operation::Publish(vec![Arc::new(part())]),
                Operation::Acquire(lease.clone()),
                Operation::Renew(Lease { epoch: 1, ..lease.clone() }),
                Operation::Replace(Arc::new(swap)),
                Operation::Heartbeat(member.clone(), Timestamp(-5)),
                Operation::Release(Lease { epoch: 1, ..lease }),
            ],
            time: Timestamp(nanos(Duration::from_secs(10))),
            ..example()
        };
        assert_eq!(LogEntry::decode(1, &entry.encode()).ok().as_ref(), Some(&entry));

        let mut state = State::default();
        assert!(state.apply(&entry).iter().all(Result::is_ok));
        state.parts.add_tenant(&TenantId::new("empty").expect("a valid name"));
        let object = Snapshot::of(&state).encode().expect("a small state encodes");
        let again = decode_checkpoint(1, &object).expect("what was encoded decodes");
        assert_eq!(again.parts.scan(&TenantId::single(), TimeRange::all()), [Arc::new(merged)]);
        assert!(again.knows(&part()), "removals come back");
        assert_eq!(again.parts.tenants().count(), 2);
        assert_eq!(again.leases.last_epoch, 1);
        assert!(again.leases.records.values().all(|record| record.released && record.lease.epoch == 1));
        assert_eq!(again.members.get("n"), Some(&(member, Timestamp(-5))));
    }
}
