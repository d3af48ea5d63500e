//! Merging gives what sorting all rows and dropping duplicates gives.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use sigyn_model::{ErrorKind, Labels, Level};
use sigyn_segment::{BlockLimits, Codec, Merged, Merger};

use crate::support::{OwnedRow, Streams, read_part, row, write_part};

fn labels(app: &str) -> Labels {
    Labels::from_pairs([("app", app)])
}

/// `codecs` are of the inputs and of the output.
fn merge(inputs: &[Streams], limits: BlockLimits, codecs: [Codec; 2]) -> sigyn_segment::Result<Merged> {
    let parts = inputs.iter().map(|input| write_part(input, limits, codecs[0]).bytes);
    let mut merger = Merger::new(parts, Level::L1, codecs[1], limits)?;
    while merger.step()? {}
    merger.finish()
}

/// Sorts by (stream, time, input, row) and keeps the first of equal rows.
fn naive(inputs: &[Streams]) -> Streams {
    let mut all: BTreeMap<Labels, Vec<OwnedRow>> = BTreeMap::new();
    for (labels, rows) in inputs.iter().flatten() {
        all.entry(labels.clone()).or_default().extend(rows.iter().cloned());
    }
    for rows in all.values_mut() {
        rows.sort_by_key(|row| row.time);
        let mut kept: Vec<OwnedRow> = Vec::new();
        for row in rows.drain(..) {
            if !kept.contains(&row) {
                kept.push(row);
            }
        }
        *rows = kept;
    }
    all.into_iter().collect()
}

fn check(inputs: &[Streams]) {
    let expected = naive(inputs);
    let tiny = BlockLimits { raw_bytes_max: 40, rows_max: 3 };
    let ways = [
        (BlockLimits::default(), [Codec::L0, Codec::L1]),
        (BlockLimits::last(), [Codec::L1, Codec::L2]),
        (tiny, [Codec::L0, Codec::Templates]),
        (tiny, [Codec::Templates, Codec::L0]),
    ];
    for (limits, codecs) in ways {
        let merged = merge(inputs, limits, codecs).expect("inputs are sound");
        let rows_in: usize = inputs.iter().flatten().map(|(_, rows)| rows.len()).sum();
        assert_eq!(merged.part.rows + merged.duplicates, rows_in as u64);
        assert_eq!(read_part(&merged.part).expect("sound"), expected);
    }
}

#[test]
fn merges_disjoint_overlapping_and_equal_parts() {
    let a = vec![(labels("a"), vec![row(1, "1", &[]), row(3, "3", &[]), row(3, "3b", &[])])];
    let b = vec![(labels("a"), vec![row(2, "2", &[]), row(3, "3", &[("k", "v")]), row(3, "3b", &[]), row(9, "", &[])])];
    let c = vec![(labels("0"), vec![row(7, "z", &[])]), (labels("b"), vec![row(0, "y", &[("k", "")])])];
    check(std::slice::from_ref(&a));
    check(&[a.clone(), b.clone()]);
    check(&[b.clone(), a.clone()]);
    check(&[c.clone(), b.clone(), a.clone(), c]);
    check(&[a.clone(), a.clone(), a]);
}

#[test]
fn a_damaged_input_is_corrupt() {
    let input = vec![(labels("a"), (0..50).map(|at| row(at, "some line", &[])).collect())];
    let part = write_part(&input, BlockLimits::default(), Codec::L0);
    for at in [3, part.bytes.len() / 2, part.bytes.len() - 1] {
        let mut bytes = part.bytes.clone();
        bytes[at] ^= 1;
        let inputs = [part.bytes.clone(), bytes];
        let merged = Merger::new(inputs, Level::L1, Codec::L1, BlockLimits::default()).and_then(|mut merger| {
            while merger.step()? {}
            merger.finish()
        });
        assert_eq!(merged.expect_err("damage went unseen").kind(), ErrorKind::Corrupt);
    }
}

/// Few streams, times and lines, so that ties and duplicates abound. Rows are sorted and distinct, as in every part.
fn any_part() -> impl Strategy<Value = Streams> {
    let metadata = btree_map("[kl]", "[xy]", 0..2).prop_map(|pairs| pairs.into_iter().collect());
    let row = (0_i64..6, "[ab]{0,2}", metadata);
    let rows = vec(row, 1..12).prop_map(|rows| {
        let rows: Vec<OwnedRow> = rows
            .into_iter()
            .map(|(time, line, metadata)| OwnedRow { time, line: line.into_bytes(), metadata })
            .collect();
        naive(&[vec![(Labels::default(), rows)]]).remove(0).1
    });
    btree_map("[a-d]", rows, 1..4)
        .prop_map(|streams| streams.into_iter().map(|(app, rows)| (labels(&app), rows)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn merging_equals_sorting(inputs in vec(any_part(), 1..6)) {
        check(&inputs);
    }
}
