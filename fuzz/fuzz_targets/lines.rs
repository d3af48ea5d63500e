//! Bytes as a lines column of templates: `Corrupt` or `Damaged`, never a panic or a huge allocation; and all ways to the lines agree.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use sigyn_model::{EncodedLines as _, Lines, Needle};
use sigyn_segment::{ColumnKind, ColumnMeta, TemplateLines};

/// Rows (2 bytes), raw length (3 bytes), the column.
fuzz_target!(|bytes: &[u8]| {
    let [a, b, c, d, e, column @ ..] = bytes else { return };
    let (rows, raw_length) = (usize::from(*a) | usize::from(*b) << 8, u32::from_le_bytes([*c, *d, *e, 0]));
    let crc = crc_fast::crc32_iscsi(column);
    let meta = ColumnMeta { kind: ColumnKind::Lines, offset: 0, length: column.len() as u32, raw_length, crc };
    let times: Arc<[i64]> = (0..rows as i64).map(|row| 1_795_424_400_000_000_000 + row * 1_234_567_891).collect();
    let Ok(Some(lines)) = TemplateLines::open(column.to_vec().into(), &meta, times) else { return };
    for shape in 0..lines.shapes().min(64) {
        for slot in 0..lines.pieces(shape).len() as u32 {
            let _ = lines.values(shape, slot);
        }
    }
    for (needle, folded) in [(&b"a"[..], true), (b"0", false), (b"info", false), (b"\" 1", false)] {
        let needle = Needle { bytes: needle.to_vec(), folded };
        let mut hits = Vec::new();
        let found = lines.find(&needle, 0..lines.rows(), &mut hits);
        let Ok(all) = lines.decode() else { continue };
        assert!(found.is_ok());
        let holds = |line: &[u8]| {
            let line = if folded { line.to_ascii_lowercase() } else { line.to_vec() };
            line.windows(needle.bytes.len()).any(|window| window == needle.bytes)
        };
        let expected: Vec<u32> = (0..lines.rows()).filter(|row| holds(all.get(*row as usize))).collect();
        assert_eq!(hits, expected);
    }
    if let Ok(all) = lines.decode() {
        let some: Vec<u32> = (0..lines.rows()).step_by(3).collect();
        let mut picked = Lines::default();
        lines.decode_rows(&some, &mut picked).expect("all rows decode");
        assert!(some.iter().enumerate().all(|(at, row)| picked.get(at) == all.get(*row as usize)));
    }
});
