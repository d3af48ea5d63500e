//! Checkpoints: the whole state in one object, so that a process starts without the whole log.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::Arc;

use prost::Message;
use sigyn_model::{PartMeta, TenantId, Timestamp};

use super::format::{self, Kind};
use super::messages::{
    Checkpoint, LeaseMessage, MemberMessage, PartIdMessage, PartMessage, RemovalMessage, RowMessage, TenantMessage,
    decode, senseless, tenant_from,
};
use super::state::{LeaseRecord, PartRow, Removal, State};
use crate::{Error, Lease, Result};

/// Parts encoded at a time, so that a checkpoint needs memory for its compressed bytes only.
const CHUNK_ROWS: usize = 1024;

/// Level 1: label filters do not shrink anyway, and names do at any level.
const ZSTD_LEVEL: i32 = 1;

/// What a checkpoint is made of, taken while the state is locked and encoded after.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) sequence: u64,
    head: Checkpoint,
    tenants: Vec<(TenantId, Vec<PartRow>)>,
    pub(super) parts: usize,
}

impl Snapshot {
    pub(super) fn of(state: &State) -> Self {
        let leases = state.leases.records.values();
        let head = Checkpoint {
            sequence: state.sequence,
            time: state.time.nanos(),
            last_epoch: state.leases.last_epoch,
            leases: leases
                .map(|record| LeaseMessage { released: record.released, ..LeaseMessage::from(&record.lease) })
                .collect(),
            members: state.members.values().map(|(member, expires)| MemberMessage::new(member, *expires)).collect(),
            removals: state.removals.iter().map(RemovalMessage::from).collect(),
            tenants: Vec::new(),
        };
        let tenants = state.parts.tenants().map(|(tenant, rows)| (tenant.clone(), rows.collect())).collect();
        Self { sequence: state.sequence, head, tenants, parts: state.parts.len() }
    }

    /// The object's bytes.
    pub(super) fn encode(self) -> Result<Vec<u8>> {
        let key = format::checkpoint_key(self.sequence);
        let failed = |error: std::io::Error| Error::Corrupt { key: key.clone(), reason: error.to_string() };
        let mut encoder = zstd::Encoder::new(format::begin(Kind::Checkpoint), ZSTD_LEVEL).map_err(failed)?;
        encoder.write_all(&self.head.encode_to_vec()).map_err(failed)?;
        for (tenant, rows) in self.tenants {
            // Messages put end to end merge: repeated fields grow. A tenant without parts is written once, empty.
            let chunks = rows.chunks(CHUNK_ROWS).map(Some).chain(rows.is_empty().then_some(None));
            for chunk in chunks {
                let rows = chunk.unwrap_or_default().iter().map(RowMessage::from).collect();
                let tenants = vec![TenantMessage { tenant: tenant.as_str().to_owned(), rows }];
                let piece = Checkpoint { tenants, ..Checkpoint::default() };
                encoder.write_all(&piece.encode_to_vec()).map_err(failed)?;
            }
        }
        Ok(format::seal(encoder.finish().map_err(failed)?))
    }
}

impl From<&Removal> for RemovalMessage {
    fn from(removal: &Removal) -> Self {
        Self {
            sequence: removal.sequence,
            time: removal.time.nanos(),
            parts: removal.parts.iter().map(PartIdMessage::from).collect(),
        }
    }
}

impl From<&PartRow> for RowMessage {
    fn from(row: &PartRow) -> Self {
        Self { part: Some(PartMessage::new(&row.part)), published: row.published }
    }
}

/// Reads the object that should be checkpoint `sequence`.
pub(super) fn decode_checkpoint(sequence: u64, object: &[u8]) -> Result<State> {
    let key = &format::checkpoint_key(sequence);
    let compressed = format::open(key, Kind::Checkpoint, object)?;
    let mut body = Vec::new();
    zstd::Decoder::new(compressed)
        .and_then(|mut decoder| decoder.read_to_end(&mut body))
        .map_err(|error| senseless(key, error))?;
    let message: Checkpoint = decode(key, &body)?;
    drop(body);
    if message.sequence != sequence {
        return Err(senseless(key, format!("it says that it is checkpoint {}", message.sequence)));
    }
    state_from(key, message)
}

fn state_from(key: &str, message: Checkpoint) -> Result<State> {
    let mut state = State::after(message.sequence, Timestamp(message.time));
    state.leases.last_epoch = message.last_epoch;
    for record in message.leases {
        let released = record.released;
        let lease = Lease::from(record);
        state.leases.records.insert(lease.name.clone(), LeaseRecord { lease, released });
    }
    let members = message.members.into_iter().map(MemberMessage::into_member);
    state.members =
        members.map(|(member, expires)| (member.node.clone(), (member, expires))).collect::<BTreeMap<_, _>>();
    for removal in message.removals {
        state.removals.record(Removal {
            sequence: removal.sequence,
            time: Timestamp(removal.time),
            parts: removal.parts.into_iter().map(Into::into).collect(),
        });
    }
    for tenant_message in message.tenants {
        let tenant = tenant_from(key, &tenant_message.tenant)?;
        state.parts.add_tenant(&tenant);
        for row in tenant_message.rows {
            let part = row.part.ok_or_else(|| senseless(key, "a row has no part"))?;
            let part: PartMeta = part.into_part(key, tenant.clone())?;
            state.parts.insert(Arc::new(part), row.published);
        }
    }
    Ok(state)
}
