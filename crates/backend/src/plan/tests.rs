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
    assert_eq!(sequences(plan(&parts, 100)), Vec::from_iter(0..7), "a large group removes most for its bytes");
    parts.extend((7..14).map(|sequence| part(Level::L1, sequence, 200)));
    assert_eq!(sequences(plan(&parts, 100)), Vec::from_iter(0..7));
    let sizes = [100, 30, 9, 3, 1, 1, 1];
    let uneven: Vec<_> = (0..).zip(sizes).map(|(sequence, raw_mib)| part(Level::L1, sequence, raw_mib)).collect();
    assert_eq!(sequences(plan(&uneven, 100)), [4, 5, 6], "large parts are not rewritten for small ones");
    let full: Vec<_> = (0..20).map(|sequence| part(Level::L1, sequence, 200)).collect();
    assert_eq!(plan(&full, 100), None, "full parts are done");
}

/// An hour of flushes, one every second: how many parts are left and how often was each byte rewritten?
#[test]
fn a_long_ingest_ends_with_few_parts_and_few_rewrites() {
    for raw_mib in [1, 8, 40] {
        let mut parts: Vec<Arc<PartMeta>> = Vec::new();
        let mut rewritten = 0;
        let mut merge = |parts: &mut Vec<Arc<PartMeta>>, flushed_before: u64| {
            let Some(plan) = plan(parts, flushed_before) else { return false };
            let raw_mib = plan.inputs.iter().map(|part| part.raw_bytes >> 20).sum();
            let sequence = plan.inputs.iter().map(|part| part.sequence).max().expect("a plan has inputs");
            parts.retain(|part| !plan.inputs.contains(part));
            parts.push(part(Level::L1, sequence, raw_mib));
            rewritten += raw_mib;
            true
        };
        for second in 0..3600 {
            parts.push(part(Level::L0, second, raw_mib));
            if second % 2 == 0 {
                merge(&mut parts, second.saturating_sub(10));
            }
        }
        while merge(&mut parts, u64::MAX) {}
        let full = 3600 * raw_mib * (1 << 20) / (OUTPUT_RAW_BYTES_MAX / 2);
        assert!(parts.len() as u64 <= 8 + full, "{raw_mib} MiB: {} parts", parts.len());
        assert!(rewritten <= 6 * 3600 * raw_mib, "{raw_mib} MiB: {rewritten} MiB rewritten");
    }
}
