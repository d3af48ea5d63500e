use sigyn_model::{PartId, TenantId, Timestamp, Window};

use super::*;

fn part(level: Level, sequence: u64, raw_mib: u64) -> Arc<PartMeta> {
    Arc::new(PartMeta {
        id: PartId { object: format!("data/{sequence:06}.seg"), index: 0 },
        tenant: TenantId::single(),
        window: Window(0),
        level,
        offset: 8,
        length: (raw_mib << 20) / 6,
        footer_length: 100,
        min_time: Timestamp(0),
        max_time: Timestamp(1),
        rows: 1,
        streams: 1,
        raw_bytes: raw_mib << 20,
        sequence,
        label_filter: Vec::new(),
    })
}

fn flushed(sequences: std::ops::Range<u64>, raw_mib: u64) -> Vec<Arc<PartMeta>> {
    sequences.map(|sequence| part(Level::L0, sequence, raw_mib)).collect()
}

fn sequences(plan: Option<Plan>) -> Vec<u64> {
    plan.map(|plan| plan.inputs.iter().map(|part| part.sequence).collect()).unwrap_or_default()
}

/// Nothing is quiet; flushed parts from before `flushed_before` are due.
fn plan(parts: &[Arc<PartMeta>], flushed_before: u64) -> Option<Plan> {
    super::plan(parts, Due { flushed_before, quiet_before: 0 })
}

fn plan_quiet(parts: &[Arc<PartMeta>]) -> Option<Plan> {
    super::plan(parts, Due { flushed_before: u64::MAX, quiet_before: u64::MAX })
}

#[test]
fn flushed_parts_wait_until_they_are_many_or_old() {
    assert_eq!(plan(&[], 0), None);
    assert_eq!(plan(&flushed(0..7, 1), 0), None);
    assert_eq!(sequences(plan(&flushed(0..8, 1), 0)), Vec::from_iter(0..8));
    assert_eq!(sequences(plan(&flushed(0..3, 1), 1)), [0, 1, 2]);
    assert_eq!(plan(&flushed(0..1, 1), 9), None, "one part gains nothing");
}

#[test]
fn a_merge_is_bounded_in_inputs_and_bytes() {
    let many = plan(&flushed(0..100, 1), 0).expect("due");
    assert_eq!((many.inputs.len(), many.more), (INPUTS_MAX, true));
    let large = plan(&flushed(0..20, 60), 0).expect("due");
    assert_eq!((large.inputs.len(), large.more), (4, true));
    let mut with_giant = flushed(1..3, 1);
    with_giant.push(part(Level::L0, 0, 300));
    assert_eq!(sequences(plan(&with_giant, 9)), [1, 2], "what fits nowhere is stepped over");
}

#[test]
fn merged_parts_are_left_alone_until_they_are_many() {
    let mut parts: Vec<_> = (0..6).map(|sequence| part(Level::L1, sequence, 10)).collect();
    assert_eq!(plan(&parts, 100), None);
    parts.push(part(Level::L1, 6, 1));
    let merge = plan(&parts, 100).expect("seven are many");
    assert_eq!(merge.level, Level::L1);
    assert_eq!(sequences(Some(merge)), Vec::from_iter(0..7), "a large group removes most for its bytes");
    let sizes = [60, 30, 9, 3, 1, 1, 1];
    let uneven: Vec<_> = (0..).zip(sizes).map(|(sequence, raw_mib)| part(Level::L1, sequence, raw_mib)).collect();
    assert_eq!(sequences(plan(&uneven, 100)), [4, 5, 6], "large parts are not rewritten for small ones");
}

#[test]
fn large_merges_are_final() {
    let level = |plan: Option<Plan>| plan.map(|plan| plan.level);
    assert_eq!(level(plan(&flushed(0..8, 7), 0)), Some(Level::L1));
    assert_eq!(level(plan(&flushed(0..8, 8), 0)), Some(Level::L2));
    let mut merged: Vec<_> = (0..3).map(|sequence| part(Level::L1, sequence, 40)).collect();
    assert_eq!(plan(&merged, 100), None, "not enough yet");
    merged.push(part(Level::L1, 3, 8));
    let last = plan(&merged, 100).expect("128 MiB are enough");
    assert_eq!((last.inputs.len(), last.level, last.more), (4, Level::L2, false));
    let full: Vec<_> = (0..20).map(|sequence| part(Level::L2, sequence, 200)).collect();
    assert_eq!(plan_quiet(&full), None, "full parts are done");
    assert_eq!(level(plan(&[part(Level::L1, 0, 300)], 100)), Some(Level::L2), "one too large is rewritten alone");
}

#[test]
fn a_quiet_hour_is_finished() {
    let small: Vec<_> = (0..2).map(|sequence| part(Level::L1, sequence, 1)).collect();
    assert_eq!((plan(&small, 100), pending(&small)), (None, 2));
    let last = plan_quiet(&small).expect("nothing more comes");
    assert_eq!((sequences(Some(last.clone())), last.level), (vec![0, 1], Level::L2));
    let mut done: Vec<_> = (0..3).map(|sequence| part(Level::L2, sequence, 1)).collect();
    assert_eq!((plan_quiet(&done), pending(&done)), (None, 0));
    done.push(part(Level::L2, 3, 1));
    assert_eq!(plan(&done, 100), None, "an hour that still grows has other work");
    let again = plan_quiet(&done).expect("late parts gather");
    assert_eq!((again.inputs.len(), again.level), (4, Level::L2));
}

/// An hour of flushes, one every second: how many parts are left and how often was each byte rewritten?
#[test]
fn a_long_ingest_ends_with_few_parts_and_few_rewrites() {
    for raw_mib in [1, 8, 40] {
        let mut parts: Vec<Arc<PartMeta>> = Vec::new();
        let (mut rewritten, mut finished) = (0, 0);
        let mut merge = |parts: &mut Vec<Arc<PartMeta>>, due: Due| {
            let Some(plan) = super::plan(parts, due) else { return false };
            let raw_mib = plan.inputs.iter().map(|part| part.raw_bytes >> 20).sum();
            let sequence = plan.inputs.iter().map(|part| part.sequence).max().expect("a plan has inputs");
            parts.retain(|part| !plan.inputs.contains(part));
            parts.push(part(plan.level, sequence, raw_mib));
            *if plan.level == Level::L2 { &mut finished } else { &mut rewritten } += raw_mib;
            true
        };
        for second in 0..3600 {
            parts.push(part(Level::L0, second, raw_mib));
            if second % 2 == 0 {
                let due = Due { flushed_before: second.saturating_sub(10), quiet_before: second.saturating_sub(30) };
                merge(&mut parts, due);
            }
        }
        while merge(&mut parts, Due { flushed_before: u64::MAX, quiet_before: u64::MAX }) {}
        assert!(parts.iter().all(|part| part.level == Level::L2), "{raw_mib} MiB: {parts:?}");
        let full = 3600 * raw_mib * (1 << 20) / (OUTPUT_RAW_BYTES_MAX / 2);
        assert!(parts.len() as u64 <= 8 + full, "{raw_mib} MiB: {} parts", parts.len());
        assert!(rewritten <= 3 * 3600 * raw_mib, "{raw_mib} MiB: {rewritten} MiB rewritten");
        assert!(finished <= 2 * 3600 * raw_mib, "{raw_mib} MiB: {finished} MiB finished");
    }
}
