//! Which parts of a tenant's hour to merge next. Pure: part rows in, a choice out.

use std::cmp::Reverse;
use std::sync::Arc;

use sigyn_model::{Level, PartMeta};

/// Most inputs of one merge: a swap must fit one catalog transaction.
pub(crate) const INPUTS_MAX: usize = 64;
/// Largest part that merging makes, in raw bytes.
pub(crate) const OUTPUT_RAW_BYTES_MAX: u64 = 256 << 20;
/// Stored bytes of one merge's inputs: they and the output are held in memory.
pub(crate) const INPUT_BYTES_MAX: u64 = 48 << 20;
/// Flushed parts that are merged without waiting for them to age.
const FLUSHED_PARTS_ENOUGH: usize = 8;
/// Merged parts of an hour that are left alone.
const MERGED_PARTS_MAX: usize = 6;
/// Most merged parts taken together.
const MERGED_PARTS_WIDTH: usize = 8;

/// Parts of one tenant and hour to merge, in arrival order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) inputs: Vec<Arc<PartMeta>>,
    /// More parts are due than one merge takes.
    pub(crate) more: bool,
}

/// What merging has left to do in an hour, in parts, due or not.
pub(crate) fn pending(parts: &[Arc<PartMeta>]) -> usize {
    let flushed = parts.iter().filter(|part| part.level == Level::L0).count();
    let merged = parts.iter().filter(|part| is_small_merged(part)).count();
    let flushed = if flushed >= 2 { flushed } else { 0 };
    if merged > MERGED_PARTS_MAX { flushed + merged } else { flushed }
}

/// The next merge of an hour, if one is due. `flushed_before`: flushed parts with a lower sequence have aged enough.
///
/// Flushed parts first: all of them that fit. Then, when many merged parts have gathered, the cheapest neighbours among them.
/// Inputs are neighbours in arrival order, so that the output's one sequence stands for all of its rows.
pub(crate) fn plan(parts: &[Arc<PartMeta>], flushed_before: u64) -> Option<Plan> {
    let mut parts = parts.to_vec();
    parts.sort_by(|a, b| a.sequence.cmp(&b.sequence).then_with(|| a.id.cmp(&b.id)));
    plan_flushed(&parts, flushed_before).or_else(|| plan_merged(&parts))
}

fn plan_flushed(parts: &[Arc<PartMeta>], flushed_before: u64) -> Option<Plan> {
    let flushed: Vec<_> = parts.iter().filter(|part| part.level == Level::L0).collect();
    let oldest = flushed.first()?;
    if flushed.len() < FLUSHED_PARTS_ENOUGH && oldest.sequence >= flushed_before {
        return None;
    }
    // A part that fits nowhere stays as it is; what comes after it may still be merged.
    let mut from = 0;
    while from < flushed.len() {
        let fitting = fitting(&flushed[from..]);
        if fitting >= 2 {
            let inputs: Vec<_> = flushed[from..from + fitting].iter().copied().map(Arc::clone).collect();
            return Some(Plan { more: from + fitting < flushed.len(), inputs });
        }
        from += fitting.max(1);
    }
    None
}

/// How many of the first parts one merge can take.
fn fitting(parts: &[&Arc<PartMeta>]) -> usize {
    let (mut raw, mut stored) = (0_u64, 0_u64);
    let fits = |part: &&&Arc<PartMeta>| {
        raw = raw.saturating_add(part.raw_bytes);
        stored = stored.saturating_add(part.length);
        raw <= OUTPUT_RAW_BYTES_MAX && stored <= INPUT_BYTES_MAX
    };
    parts.iter().take(INPUTS_MAX).take_while(fits).count()
}

/// Merged parts above half of the largest size are done.
fn is_small_merged(part: &PartMeta) -> bool {
    part.level == Level::L1 && part.raw_bytes <= OUTPUT_RAW_BYTES_MAX / 2 && part.length <= INPUT_BYTES_MAX / 2
}

fn plan_merged(parts: &[Arc<PartMeta>]) -> Option<Plan> {
    let merged: Vec<_> = parts.iter().filter(|part| part.level == Level::L1).collect();
    let small = merged.iter().filter(|part| is_small_merged(part)).count();
    if small <= MERGED_PARTS_MAX {
        return None;
    }
    let groups = (2..=MERGED_PARTS_WIDTH).flat_map(|width| merged.windows(width));
    let cheapest = groups.filter(|group| fitting(group) == group.len()).min_by_key(|group| price(group))?;
    let inputs = cheapest.iter().copied().map(Arc::clone).collect();
    Some(Plan { inputs, more: small > 2 * MERGED_PARTS_MAX })
}

/// What merging neighbours costs, to be compared: first whether one part is larger than all others together, because its rows
/// would be rewritten for little; then bytes rewritten per part that goes away; then the larger group.
///
/// In a simulated hour this rewrites each byte 2 to 5 times, down from 12 to 50 without the first rule.
fn price(group: &[&Arc<PartMeta>]) -> (bool, u64, Reverse<usize>) {
    let raw = || group.iter().map(|part| part.raw_bytes);
    let (total, largest) = (raw().sum::<u64>(), raw().max().unwrap_or(0));
    (largest > total / 2, total / (group.len() as u64 - 1), Reverse(group.len()))
}

#[cfg(test)]
mod tests;
