//! Whatever lines hold, they come back; whatever bytes claim, nothing panics.

use proptest::collection::vec;
use proptest::prelude::*;
use sigyn_model::{EncodedLines as _, Found, Needle, Piece};

use super::*;

/// What lines are made of: log lines' parts, and what might be mistaken for them.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![
        "[a-z]{1,6}",
        "[0-9]{1,20}",
        "0[0-9]{0,4}",
        "[0-9a-f]{8}",
        "[0-9A-F]{12}",
        "[0-9a-fA-F]{5,7}",
        "[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}",
        "[a-z]=[a-z0-9]{0,4}",
        "[a-z]=\"[a-z \\\\\"]{0,4}\"",
        "\"[^\"]{0,5}\"",
        "[ =\",:{}\\[\\]()T/.+-]{1,3}",
        "é|k|\u{0}|\u{1}|\n|\t|",
        "-?[0-9]{1,4}\\.[0-9]{2}",
        (0..90_000_u32, 0..1000_u32).prop_map(|(at, ms)| format!(
            "{:02}:{:02}:{:02}.{ms:03}",
            at / 3600,
            at / 60 % 60,
            at % 60
        )),
        (0..86_400_u32).prop_map(|at| format!("2026-11-23T{:02}:{:02}:{:02}Z", at / 3600, at / 60 % 60, at % 60)),
        r#"\{"a":[0-9]{1,3},"b":\{"c":"[a-z]{0,3}"\},"d":\[1,"x"\]\}"#,
    ]
    .prop_map(String::into_bytes);
    prop_oneof![20 => text, 1 => vec(any::<u8>(), 0..6)]
}

/// Lines of a few kinds, each kind a sequence of parts of which some vary from line to line.
pub(super) fn lines() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let kind = vec((piece(), vec(piece(), 1..12), any::<bool>()), 0..7);
    let rows = vec((any::<prop::sample::Index>(), vec(any::<u8>(), 8)), 1..150);
    (vec(kind, 1..5), rows).prop_map(|(kinds, rows)| {
        rows.iter()
            .map(|(kind, choices)| {
                let parts = kind.get(&kinds).iter().zip(choices);
                let line =
                    parts.map(
                        |((same, others, varies), choice)| {
                            if *varies { others[usize::from(*choice) % others.len()].clone() } else { same.clone() }
                        },
                    );
                line.collect::<Vec<_>>().concat()
            })
            .collect()
    })
}

pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    pub(super) lengths: Vec<u32>,
    pub(super) times: Vec<i64>,
}

pub(super) fn block(lines: &[Vec<u8>]) -> Block {
    let bytes = lines.iter().flat_map(|line| [line, &b"\n"[..]].concat()).collect();
    let lengths: Vec<u32> = lines.iter().map(|line| line.len() as u32).collect();
    let times = (0..lines.len() as i64).map(|at| 1_795_424_400_000_000_000 + at * 1_234_567).collect();
    Block { bytes, lengths, times }
}

pub(super) fn encoded(block: &Block) -> Option<Vec<u8>> {
    encode(&block.bytes, &block.lengths, &block.times, Codec::Templates).expect("small")
}

fn decoded(block: &Block, bytes: &[u8]) -> Result<Lines> {
    decode(bytes, block.lengths.len(), &block.times, block.bytes.len() as u64)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn lines_come_back(lines in lines()) {
        let block = block(&lines);
        let bytes = encoded(&block).expect("so few lines always have templates");
        let found = decoded(&block, &bytes).expect("sound");
        prop_assert_eq!(&found.bytes, &block.bytes);
        prop_assert_eq!(found.rows(), lines.len());
        prop_assert_eq!(encoded(&block), Some(bytes));
    }

    #[test]
    fn damage_is_an_error_or_other_lines(
        lines in lines(),
        flips in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<Option<prop::sample::Index>>(),
    ) {
        let block = block(&lines);
        let mut bytes = encoded(&block).expect("so few lines always have templates");
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()).max(1));
        }
        if let Ok(found) = decoded(&block, &bytes) {
            prop_assert!(found.bytes.len() <= block.bytes.len());
        }
    }
}

#[test]
fn random_lines_are_left_alone() {
    let mut state = 7_u64;
    let lines: Vec<Vec<u8>> = (0..3000)
        .map(|_| {
            let word = |_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                b"abcdefghijklmnop \"=.,;[]"[(state >> 33) as usize % 24]
            };
            (0..60).map(word).collect()
        })
        .collect();
    assert_eq!(encoded(&block(&lines)), None);
}

#[test]
fn what_lines_have_in_common_is_stored_once() {
    let lines: Vec<Vec<u8>> = (0..2000_u32)
        .map(|at| {
            let time = 1_795_424_400_000 + u64::from(at) * 1_234_567 / 1_000_000;
            let (second, milli) = (time / 1000 % 60, time % 1000);
            format!(
                "2026-11-23T09:{:02}:{second:02}.{milli:03}Z level=info msg=\"request served\" status=200",
                time / 60_000 % 60
            )
            .into_bytes()
        })
        .collect();
    let bytes = encoded(&block(&lines)).expect("alike");
    assert!(bytes.len() < 250, "{} bytes", bytes.len());
}

fn opened(block: &Block) -> TemplateLines {
    let bytes = encoded(block).expect("so few lines always have templates");
    let (length, crc) = (bytes.len() as u32, crate::compression::crc32c(&bytes));
    let raw_length = block.bytes.len() as u32;
    let meta = crate::ColumnMeta { kind: crate::ColumnKind::Lines, offset: 0, length, raw_length, crc };
    let times = block.times.clone().into();
    TemplateLines::open(bytes.into(), &meta, times).expect("sound").expect("templates")
}

fn found(lines: &[Vec<u8>], needle: &Needle, rows: std::ops::Range<u32>) -> Vec<u32> {
    let holds = |line: &[u8]| {
        let line = if needle.folded { line.to_ascii_lowercase() } else { line.to_vec() };
        memchr::memmem::find(&line, &needle.bytes).is_some()
    };
    rows.filter(|row| holds(&lines[*row as usize])).collect()
}

fn check_needle(block: &TemplateLines, lines: &[Vec<u8>], bytes: &[u8], rows: std::ops::Range<u32>) {
    for folded in [false, true] {
        let bytes = if folded { bytes.to_ascii_lowercase() } else { bytes.to_vec() };
        let needle = Needle { bytes, folded };
        let mut hits = Vec::new();
        assert_eq!(block.find(&needle, rows.clone(), &mut hits), Ok(Found::Exact));
        assert_eq!(hits, found(lines, &needle, rows.clone()), "{:?}", String::from_utf8_lossy(&needle.bytes));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn needles_are_found_exactly(
        lines in lines(),
        cuts in vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1..90_usize), 1..25),
        others in vec(piece(), 1..6),
        range in any::<(prop::sample::Index, prop::sample::Index)>(),
    ) {
        let block = opened(&block(&lines));
        let rows = lines.len() as u32;
        let (from, to) = (range.0.index(lines.len()) as u32, range.1.index(lines.len()) as u32);
        for (line, start, length) in cuts {
            let line = line.get(&lines);
            if !line.is_empty() {
                let start = start.index(line.len());
                let cut = &line[start..(start + length).min(line.len())];
                check_needle(&block, &lines, cut, 0..rows);
                check_needle(&block, &lines, &[cut, b"0"].concat(), from.min(to)..from.max(to));
            }
        }
        for other in others.iter().filter(|other| !other.is_empty()) {
            check_needle(&block, &lines, other, 0..rows);
        }
    }

    #[test]
    fn pieces_and_values_make_the_lines(lines in lines(), picked in vec(any::<prop::sample::Index>(), 0..20)) {
        let block = opened(&block(&lines));
        prop_assert_eq!(block.rows() as usize, lines.len());
        let mut nth = vec![0; block.shapes() as usize];
        for (shape, line) in block.row_shapes().expect("sound").iter().zip(&lines) {
            let (shape, at) = (u32::from(*shape), nth[usize::from(*shape)]);
            nth[shape as usize] += 1;
            let pieces = block.pieces(shape);
            let text = |piece: &Piece| matches!(piece, Piece::Text(_));
            prop_assert!(pieces.windows(2).all(|pair| text(&pair[0]) != text(&pair[1])), "{:?}", pieces);
            let mut made = Vec::new();
            for piece in pieces {
                match piece {
                    Piece::Text(text) => made.extend_from_slice(text),
                    Piece::Slot(slot) => {
                        let column = block.values(shape, *slot).expect("sound");
                        let id = column.ids[at] as usize;
                        made.extend_from_slice(&column.bytes[column.offsets[id] as usize..column.offsets[id + 1] as usize]);
                    }
                }
            }
            prop_assert_eq!(&made, line);
        }
        let mut rows: Vec<u32> = picked.iter().map(|at| at.index(lines.len()) as u32).collect();
        rows.sort_unstable();
        rows.dedup();
        let mut some = Lines::default();
        block.decode_rows(&rows, &mut some).expect("sound");
        for (at, row) in rows.iter().enumerate() {
            prop_assert_eq!(some.get(at), &lines[*row as usize][..]);
        }
        let all = block.decode().expect("sound");
        prop_assert!(lines.iter().enumerate().all(|(at, line)| all.get(at) == line));
    }
}
