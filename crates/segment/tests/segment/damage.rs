//! Damaged bytes are reported as corrupt, with what and where; never a panic, never other rows.

use crate::support::{read_part, row, write_part};
use sigyn_model::{ErrorKind, Labels, TenantId, Window};
use sigyn_segment::{
    BlockLimits, Codec, ColumnKind, ColumnMeta, Directory, EncodedPart, Footer, ObjectWriter, check_part,
    decode_line_lengths, decode_lines, decode_metadata, decode_timestamps,
};

fn small_part() -> EncodedPart {
    small_part_of(Codec::L0)
}

fn small_part_of(codec: Codec) -> EncodedPart {
    let line = "the quick brown fox jumps over the lazy dog. the quick brown fox";
    let id = "0af7651916cd43dd8448eb211c80319c";
    let rows = |start: i64| (start..start + 12).map(|at| row(at, line, &[("id", id), ("level", "info")])).collect();
    let streams = vec![
        (Labels::from_pairs([("app", "a"), ("env", "prod")]), rows(0)),
        (Labels::from_pairs([("app", "b"), ("env", "prod")]), rows(1_000_000)),
    ];
    write_part(&streams, BlockLimits { raw_bytes_max: 1 << 20, rows_max: 10 }, codec)
}

#[test]
fn every_flipped_bit_of_a_part_is_found() {
    for part in [small_part(), small_part_of(Codec::Templates)] {
        assert_eq!(check_part(&part.bytes), Ok(()));
        for at in 0..part.bytes.len() {
            for bit in [0, 3, 7] {
                let mut damaged = part.clone();
                damaged.bytes[at] ^= 1 << bit;
                let error = read_part(&damaged).expect_err("a flipped bit went unseen");
                assert_eq!(error.kind(), ErrorKind::Corrupt, "byte {at}: {error}");
                assert!(check_part(&damaged.bytes).is_err());
            }
        }
    }
}

#[test]
fn every_truncation_and_any_addition_is_found() {
    let part = small_part();
    let length = part.bytes.len() as u64;
    for end in 0..part.bytes.len() {
        let cut = &part.bytes[..end];
        for claimed in [length, end as u64] {
            let error = Footer::parse(cut, claimed).expect_err("a cut went unseen");
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{end} bytes: {error}");
        }
    }
    for extra in [&b"\0"[..], b"garbage", &part.bytes] {
        let longer = [&part.bytes, extra].concat();
        let error = Footer::parse(&longer, longer.len() as u64).expect_err("trailing garbage went unseen");
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    }
    assert!(Footer::parse(&part.bytes, length).is_ok(), "a tail longer than the footer is fine");
}

#[test]
fn a_part_of_another_length_names_both_lengths() {
    let part = small_part();
    let error = Footer::parse(&part.bytes, 7).expect_err("wrong length");
    assert!(error.to_string().contains("not of 7"), "{error}");
}

#[test]
fn damaged_objects_are_found() {
    let mut object = ObjectWriter::new();
    let placement = object.push(&TenantId::single(), Window(5), small_part());
    object.push(&TenantId::new("other").expect("valid"), Window(-1), small_part());
    let bytes = object.finish();
    let directory = Directory::parse(&bytes).expect("sound");
    assert_eq!((directory.entries.len(), directory.entries[0].offset), (2, placement.offset));
    assert_eq!((directory.entries[1].tenant.as_str(), directory.entries[1].window), ("other", Window(-1)));
    let parts_end = (directory.entries[1].offset + directory.entries[1].length) as usize;
    for at in (0..8).chain(parts_end..bytes.len()) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        assert!(Directory::parse(&damaged).is_err(), "byte {at}");
    }
    for end in 0..bytes.len() {
        assert!(Directory::parse(&bytes[..end]).is_err(), "{end} bytes");
    }
    assert_eq!(Directory::parse(&ObjectWriter::new().finish()), Ok(Directory { entries: vec![] }));
}

/// Bytes that pass every checksum but lie: a writer's bug or an attacker.
#[test]
fn random_footers_with_right_checksums_do_not_panic() {
    let part = small_part();
    let tail_at = part.bytes.len() - part.footer_length as usize;
    let tail = &part.bytes[tail_at..];
    let frame_length = tail.len() - sigyn_segment::format::PART_TRAILER_LENGTH;
    let raw = zstd::bulk::decompress(&tail[..frame_length], 1 << 20).expect("a frame");
    let mut outcomes = [0, 0];
    for at in 0..raw.len() {
        for change in [1_u8, 0x7f, 0x80, 0xff] {
            let mut changed = raw.clone();
            changed[at] = changed[at].wrapping_add(change);
            let lying = reseal(&part.bytes[..tail_at], &changed);
            let length = lying.bytes.len() as u64;
            let parsed = Footer::parse(&lying.bytes[tail_at..], length);
            outcomes[usize::from(parsed.is_ok())] += 1;
            if let Ok(footer) = parsed {
                // Decoding may fail or give the rows of a lying index; it must not panic.
                for block in &footer.blocks {
                    let _ = sigyn_segment::DecodedBlock::decode(&lying.bytes, block);
                }
            }
        }
    }
    assert!(outcomes[0] > 100 && outcomes[1] > 10, "{outcomes:?}");
}

/// The same for columns: any byte may be any other, and the index may promise other rows and sizes.
#[test]
fn lying_columns_with_right_checksums_do_not_panic() {
    let part = small_part();
    let footer = Footer::parse(&part.bytes, part.bytes.len() as u64).expect("sound");
    let mut refused = 0;
    for block in &footer.blocks {
        for meta in &block.columns {
            let sound = &part.bytes[meta.offset as usize..meta.offset as usize + meta.length as usize];
            for at in 0..sound.len() {
                for change in [1_u8, 0x0f, 0x80, 0xff] {
                    let mut bytes = sound.to_vec();
                    bytes[at] = bytes[at].wrapping_add(change);
                    for rows in [block.rows, 0, 1, block.rows + 1, 4096] {
                        let meta = ColumnMeta { crc: crc_fast::crc32_iscsi(&bytes), ..meta.clone() };
                        refused += usize::from(decode(&bytes, &meta, rows).is_err());
                    }
                }
            }
        }
    }
    assert!(refused > 1000, "{refused}");
}

fn decode(bytes: &[u8], meta: &ColumnMeta, rows: u32) -> sigyn_segment::Result<()> {
    match meta.kind {
        ColumnKind::Timestamps => decode_timestamps(bytes, meta, rows, &mut Vec::new()),
        ColumnKind::LineLengths => decode_line_lengths(bytes, meta, rows, &mut Vec::new()),
        ColumnKind::Lines => decode_lines(bytes, meta, &vec![64; rows as usize], &[]).map(drop),
        ColumnKind::Metadata(_) => decode_metadata(bytes, meta, rows).map(|column| {
            assert!((0..column.ids.len()).all(|row| column.get(row).is_none_or(|value| value.len() < 1 << 20)));
        }),
    }
}

fn reseal(columns: &[u8], footer: &[u8]) -> EncodedPart {
    let frame = zstd::bulk::compress(footer, 1).expect("small");
    let mut bytes = [columns, &frame].concat();
    let length = bytes.len() + sigyn_segment::format::PART_TRAILER_LENGTH;
    bytes.extend_from_slice(&(frame.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&(footer.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&(length as u64).to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    let crc = crc_fast::crc32_iscsi(&bytes[columns.len()..]);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes.extend_from_slice(&sigyn_segment::format::PART_MAGIC);
    EncodedPart { footer_length: (length - columns.len()) as u32, bytes, ..small_part() }
}
