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
/// Raw bytes from which a merge makes a final part at once.
const FINAL_RAW_BYTES_MIN: u64 = 64 << 20;
/// Flushed parts that are merged without waiting for them to age.
const FLUSHED_PARTS_ENOUGH: usize = 8;
/// Merged parts of an hour that are left alone.
const MERGED_PARTS_MAX: usize = 6;
/// Final parts of an hour that are left alone although they are small.
const FINAL_PARTS_MAX: usize = 3;
/// Most merged parts taken together.
const MERGED_PARTS_WIDTH: usize = 8;

/// Parts of one tenant and hour to merge, in arrival order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) inputs: Vec<Arc<PartMeta>>,
    /// Of the part that they become: L1 to be merged again, L2 for good.
    pub(crate) level: Level,
    /// More parts are due than one merge takes.
    pub(crate) more: bool,
}

/// What time it is, as sequences: a part with a lower one came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    /// Flushed parts from before have aged enough.
    pub(crate) flushed_before: u64,
    /// An hour whose parts are all from before gets no more of them, or few.
    pub(crate) quiet_before: u64,
}

/// What merging has left to do in an hour, in parts, due or not.
pub(crate) fn pending(parts: &[Arc<PartMeta>]) -> usize {
    let flushed = parts.iter().filter(|part| part.level == Level::L0).count();
    let merged = parts.iter().filter(|part| part.level == Level::L1).count();
    let small = parts.iter().filter(|part| is_small(part, Level::L2)).count();
    let flushed = if flushed >= 2 { flushed } else { 0 };
    flushed + merged + if small > FINAL_PARTS_MAX { small } else { 0 }
}

/// The next merge of an hour, if one is due.
///
/// Flushed parts first: all of them that fit. Then merged parts that are enough for a final one, or that nothing will be added to.
/// Then, when many parts of a level have gathered, the cheapest neighbours among them.
/// Inputs are neighbours in arrival order, so that the output's one sequence stands for all of its rows.
pub(crate) fn plan(parts: &[Arc<PartMeta>], due: Due) -> Option<Plan> {
    let mut parts = parts.to_vec();
    parts.sort_by(|a, b| a.sequence.cmp(&b.sequence).then_with(|| a.id.cmp(&b.id)));
    let quiet = parts.last().is_some_and(|part| part.sequence < due.quiet_before);
    plan_flushed(&parts, due.flushed_before)
        .or_else(|| plan_final(&parts, quiet))
        .or_else(|| plan_small(&parts, Level::L1, MERGED_PARTS_MAX))
        .or_else(|| if quiet { plan_small(&parts, Level::L2, FINAL_PARTS_MAX) } else { None })
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
            let inputs = &flushed[from..from + fitting];
            let level = if raw_bytes(inputs) >= FINAL_RAW_BYTES_MIN { Level::L2 } else { Level::L1 };
            return Some(planned(inputs, level, from + fitting < flushed.len()));
        }
        from += fitting.max(1);
    }
    None
}

/// Merged parts become final once they are large enough together, or nothing is added to the hour any more.
fn plan_final(parts: &[Arc<PartMeta>], quiet: bool) -> Option<Plan> {
    let merged: Vec<_> = parts.iter().filter(|part| part.level == Level::L1).collect();
    if merged.is_empty() || (!quiet && raw_bytes(&merged) < OUTPUT_RAW_BYTES_MAX / 2) {
        return None;
    }
    // One that is too large for a merge is still rewritten, alone.
    let fitting = fitting(&merged).max(1);
    Some(planned(&merged[..fitting], Level::L2, fitting < merged.len()))
}

fn planned(inputs: &[&Arc<PartMeta>], level: Level, more: bool) -> Plan {
    Plan { inputs: inputs.iter().copied().map(Arc::clone).collect(), level, more }
}

fn raw_bytes(parts: &[&Arc<PartMeta>]) -> u64 {
    parts.iter().map(|part| part.raw_bytes).fold(0, u64::saturating_add)
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
fn is_small(part: &PartMeta, level: Level) -> bool {
    part.level == level && part.raw_bytes <= OUTPUT_RAW_BYTES_MAX / 2 && part.length <= INPUT_BYTES_MAX / 2
}

/// When more than `allowed` small parts of a level have gathered: the cheapest neighbours among its parts.
fn plan_small(parts: &[Arc<PartMeta>], level: Level, allowed: usize) -> Option<Plan> {
    let merged: Vec<_> = parts.iter().filter(|part| part.level == level).collect();
    let small = merged.iter().filter(|part| is_small(part, level)).count();
    if small <= allowed {
        return None;
    }
    let groups = (2..=MERGED_PARTS_WIDTH).flat_map(|width| merged.windows(width));
    let cheapest = groups.filter(|group| fitting(group) == group.len()).min_by_key(|group| price(group))?;
    Some(planned(cheapest, level, small > 2 * allowed))
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
