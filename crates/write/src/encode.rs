//! Turns grouped rows into one object and the catalog rows of its parts. CPU work only.

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use sigyn_model::{Labels, Level, PartMeta, TenantId, Timestamp, Window};
use sigyn_segment::{BlockBuilder, BlockLimits, Codec, EncodedBlock, ObjectWriter, PartWriter, RawBlock, Row};

use crate::group::{Group, RowRef, TenantPush, group, row};

/// The name and rank of a flush, given when it starts so that both follow the order of arrival.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// Object key.
    pub(crate) key: String,
    /// See `PartMeta::sequence`.
    pub(crate) sequence: u64,
}

/// An object ready to be stored and the rows that make it visible.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) object: Vec<u8>,
    pub(crate) parts: Vec<PartMeta>,
    /// Rows stored, exact duplicates not counted.
    pub(crate) rows: u64,
}

/// A part whose blocks are gathered and not yet compressed.
struct RawPart {
    tenant: TenantId,
    window: Window,
    streams: Vec<Labels>,
    blocks: Vec<RawBlock>,
}

/// Builds the object of one flush. `parallel`: spread the compression over the rayon pool this runs on.
pub(crate) fn build(
    pushes: Vec<TenantPush>,
    ticket: &Ticket,
    codec: Codec,
    parallel: bool,
) -> sigyn_segment::Result<Built> {
    let raw: Vec<RawPart> = group(&pushes).into_iter().map(|group| gather(group, &pushes)).collect();
    // The lines are in the blocks now; their arenas can go before compression asks for memory.
    drop(pushes);
    let blocks: Vec<&RawBlock> = raw.iter().flat_map(|part| &part.blocks).collect();
    let encoded: Vec<EncodedBlock> = if parallel && blocks.len() > 1 {
        blocks.par_iter().map(|block| block.encode(codec)).collect::<Result<_, _>>()?
    } else {
        blocks.iter().map(|block| block.encode(codec)).collect::<Result<_, _>>()?
    };
    drop(blocks);
    assemble(raw, encoded, ticket)
}

fn gather(group: Group<'_>, pushes: &[TenantPush]) -> RawPart {
    let mut builder = BlockBuilder::new(BlockLimits::default());
    let mut blocks = Vec::new();
    let mut pairs = Pairs::default();
    for (stream, rows) in group.runs() {
        for at in rows {
            let (accepted, found) = row(pushes, *at);
            pairs.load(*at, accepted, found);
            builder.push(stream, &Row { time: Timestamp(at.ts), line: accepted.line(found), metadata: &pairs.pairs });
            if builder.is_full() {
                blocks.push(builder.take());
            }
        }
    }
    if !builder.is_empty() {
        blocks.push(builder.take());
    }
    RawPart { tenant: group.tenant.clone(), window: group.window, streams: group.streams, blocks }
}

/// The current row's structured metadata as text; rows that share theirs with the row before are not decoded again.
#[derive(Default)]
struct Pairs<'a> {
    pairs: Vec<(&'a str, &'a str)>,
    of: Option<(u32, std::ops::Range<u32>)>,
}

impl<'a> Pairs<'a> {
    fn load(&mut self, at: RowRef, accepted: &'a crate::accepted::Accepted, row: &crate::accepted::AcceptedRow) {
        let of = (at.push(), row.metadata.clone());
        if self.of.as_ref() == Some(&of) {
            return;
        }
        let text = |bytes| std::str::from_utf8(bytes).expect("structured metadata was made UTF-8 when it was accepted");
        self.pairs.clear();
        self.pairs.extend(accepted.metadata(row).map(|(name, value)| (text(name), text(value))));
        self.of = Some(of);
    }
}

fn assemble(raw: Vec<RawPart>, encoded: Vec<EncodedBlock>, ticket: &Ticket) -> sigyn_segment::Result<Built> {
    let mut encoded = encoded.into_iter();
    let mut object = ObjectWriter::new();
    let mut parts = Vec::with_capacity(raw.len());
    let mut rows = 0;
    for RawPart { tenant, window, streams, blocks } in raw {
        let mut writer = PartWriter::new(Level::L0, streams);
        for block in encoded.by_ref().take(blocks.len()) {
            writer.push(block);
        }
        let part = writer.finish()?;
        rows += part.rows;
        parts.push(object.push_named(&ticket.key, &tenant, window, Level::L0, ticket.sequence, part));
    }
    Ok(Built { object: object.finish(), parts, rows })
}
