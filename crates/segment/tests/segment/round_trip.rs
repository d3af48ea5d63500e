//! Whatever is written comes back: hand-picked extremes, then arbitrary rows.

use crate::support::{OwnedRow, Streams, read_part, row, write_part};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use sigyn_model::Labels;
use sigyn_segment::{BlockLimits, Codec, label_filter_may_contain};

fn check(streams: Streams) {
    for codec in [Codec::L0, Codec::L1, Codec::L2, Codec::Templates] {
        for limits in [BlockLimits::default(), BlockLimits { raw_bytes_max: 64, rows_max: 5 }] {
            let part = write_part(&streams, limits, codec);
            assert_eq!(part.rows as usize, streams.iter().map(|(_, rows)| rows.len()).sum::<usize>());
            for (name, value) in streams.iter().flat_map(|(labels, _)| labels.iter()) {
                assert!(label_filter_may_contain(&part.label_filter, name, value));
            }
            assert_eq!(read_part(&part).expect("sound"), streams);
        }
    }
}

fn labels(app: &str) -> Labels {
    Labels::from_pairs([("app", app)])
}

#[test]
fn extremes_come_back() {
    check(vec![(Labels::default(), vec![row(0, "", &[])])]);
    check(vec![(labels("ends of time"), vec![row(i64::MIN, "a", &[]), row(0, "b", &[]), row(i64::MAX, "c", &[])])]);
    check(vec![(labels("newlines"), vec![row(1, "\n", &[]), row(1, "a\nb\n", &[]), row(2, "\r\n\0", &[])])]);
    check(vec![
        (labels("a"), vec![row(5, "x", &[("k", "")]), row(5, "y", &[])]),
        (labels("b"), vec![row(-5_000_000_000, "x", &[("k", "é"), ("l", "0")])]),
        (Labels::from_pairs([("app", "b"), ("z", "1")]), vec![row(-4_000_000_000, "x", &[])]),
    ]);
}

#[test]
fn one_huge_line_makes_a_block_of_its_own() {
    let huge = "0123456789abcdef".repeat(100_000);
    let rows = vec![row(1, "small", &[]), row(2, &huge, &[("k", &huge)]), row(3, "small", &[])];
    check(vec![(labels("huge"), rows)]);
}

#[test]
fn every_shape_of_metadata_comes_back() {
    let hex = |at: u64| format!("{:032x}", u128::from(at).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
    let value: [fn(u64) -> String; 6] = [
        |_| "same".to_owned(),
        |at| format!("v{}", at % 7),
        |at| format!("v{}", at % 900),
        |at| format!("unique-{at}-{}", "x".repeat((at % 40) as usize)),
        |at| format!("{:08X}", at.wrapping_mul(0x9e37_79b9)),
        |at| if at % 2 == 0 { "ab".to_owned() } else { "0123abc".to_owned() },
    ];
    let rows = |make: &dyn Fn(u64) -> String, sparse: u64| -> Vec<OwnedRow> {
        let pair = |at: u64| if at.is_multiple_of(sparse) { vec![("k".to_owned(), make(at))] } else { vec![] };
        (0..3000).map(|at| OwnedRow { time: at as i64, line: b"l".to_vec(), metadata: pair(at) }).collect()
    };
    for sparse in [1, 3, 2999] {
        for make in value {
            check(vec![(labels("m"), rows(&make, sparse))]);
        }
        check(vec![(labels("hex"), rows(&hex, sparse))]);
        check(vec![(labels("few hex"), rows(&|at| hex(at % 50), sparse))]);
    }
}

#[test]
fn very_many_names_spread_over_blocks() {
    let rows = (0..2000).map(|at| row(at, "", &[(&format!("name{at}"), "v")])).collect();
    check(vec![(labels("names"), rows)]);
}

#[test]
fn a_stream_of_a_hundred_thousand_labels_comes_back() {
    let many = Labels::from_pairs((0..100_000).map(|at| (format!("name_{at:06}"), format!("{at}"))));
    let streams = vec![(many, vec![row(1, "x", &[])])];
    let part = write_part(&streams, BlockLimits::default(), Codec::L0);
    assert!(part.label_filter.is_empty());
    assert_eq!(read_part(&part).expect("sound"), streams);
}

#[test]
fn random_ids_are_stored_as_bytes() {
    let id = |at: u128| format!("{:032x}", at.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
    let rows = (1..5000).map(|at| row(0, "", &[("trace_id", &id(at))])).collect();
    let part = write_part(&vec![(labels("t"), rows)], BlockLimits::default(), Codec::L0);
    assert!(part.bytes.len() < 5000 * 16 + 1000, "{} bytes", part.bytes.len());
}

fn any_row() -> impl Strategy<Value = OwnedRow> {
    let time = prop_oneof![
        4 => 0_i64..1_000_000,
        1 => any::<i64>(),
        1 => (-1000_i64..1000).prop_map(|at| at * 1_000_000_000),
        1 => prop_oneof![Just(i64::MIN), Just(i64::MAX)],
    ];
    let line = prop_oneof![vec(any::<u8>(), 0..40), Just(Vec::new()), "[a-c\n]{0,30}".prop_map(String::into_bytes)];
    let value = prop_oneof!["[0-9a-f]{16}", "\\PC{0,8}", "[ab]", Just(String::new())];
    (time, line, btree_map("[a-d]", value, 0..4)).prop_map(|(time, line, metadata)| OwnedRow {
        time,
        line,
        metadata: metadata.into_iter().collect(),
    })
}

fn any_streams() -> impl Strategy<Value = Streams> {
    let labels = btree_map("[a-z]{1,4}", "\\PC{1,6}", 0..4).prop_map(Labels::from_pairs);
    btree_map(labels, vec(any_row(), 1..30), 1..12).prop_map(|streams| streams.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_rows_come_back(streams in any_streams()) {
        check(streams);
    }
}
