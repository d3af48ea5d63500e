//! Released bytes: the file in `testdata/segment/` reads for ever, and this version still writes it.

use std::path::PathBuf;

use sigyn_model::{Labels, TenantId, Window};
use sigyn_segment::{BlockLimits, Codec, Directory, EncodedPart, Footer, ObjectWriter};

use crate::support::{Streams, read_part, row, write_part};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/segment").join(name)
}

/// One part of every kind of column, and a tiny part whose bytes `docs/formats/segment.md` explains.
fn parts() -> [Streams; 2] {
    let time = |at: i64| 1_795_305_600_000_000_000 + at * 20_000_000;
    let id = |at: i64| format!("{:032x}", (at as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
    let line = |at: i64| format!("level=info msg=\"request served\" path=/api/v1/items/{} took={}ms", at % 17, at % 90);
    let checkout = (0..400)
        .map(|at| match at % 4 {
            3 => row(time(at), &line(at), &[("level", "info")]),
            _ => row(
                time(at),
                &line(at),
                &[("level", "info"), ("pod", ["a", "b"][at as usize % 2]), ("trace_id", &id(at))],
            ),
        })
        .collect();
    let odd = vec![row(time(0) + 1, "", &[]), row(time(0) + 1, "two\nlines", &[("note", "é")])];
    let large: Streams = vec![
        (Labels::from_pairs([("app", "checkout"), ("env", "prod")]), checkout),
        (Labels::from_pairs([("app", "odd"), ("env", "prod")]), odd),
    ];
    let tiny: Streams = vec![(Labels::from_pairs([("app", "a")]), vec![row(time(0), "hi", &[("k", "v")])])];
    [tiny, large]
}

fn object() -> Vec<u8> {
    let [tiny, large] = parts();
    let mut object = ObjectWriter::new();
    let window = Window(1_795_305_600 / 3600);
    object.push(&TenantId::single(), window, write_part(&tiny, BlockLimits::default(), Codec::L0));
    let limits = BlockLimits { raw_bytes_max: 16 << 10, rows_max: 300 };
    object.push(&TenantId::single(), window, write_part(&large, limits, Codec::L1));
    object.finish()
}

#[test]
fn version_0_reads_and_is_still_written() {
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path("")).expect("testdata is writable");
        std::fs::write(path("v0.seg"), object()).expect("testdata is writable");
    }
    let golden = std::fs::read(path("v0.seg")).expect("the golden file is part of the repository");
    let directory = Directory::parse(&golden).expect("sound");
    for (entry, expected) in directory.entries.iter().zip(parts()) {
        let bytes = golden[entry.offset as usize..(entry.offset + entry.length) as usize].to_vec();
        Footer::parse(&bytes, entry.length).expect("sound");
        let template = write_part(&expected, BlockLimits::default(), Codec::L0);
        let part = EncodedPart { bytes, footer_length: entry.footer_length, ..template };
        assert_eq!(read_part(&part).expect("sound"), expected);
    }
    assert!(
        golden == object(),
        "this version writes other bytes: is the format page still right? UPDATE=1 rewrites the file"
    );
}

/// The hex dump in the format page is that of the golden file's first part, framed as an object of its own.
#[test]
fn the_format_page_shows_true_bytes() {
    let [tiny, _] = parts();
    let mut object = ObjectWriter::new();
    let part = write_part(&tiny, BlockLimits::default(), Codec::L0);
    object.push(&TenantId::single(), Window(1_795_305_600 / 3600), part);
    let dump: Vec<String> = (0..)
        .zip(object.finish().chunks(16))
        .map(|(at, chunk)| {
            let bytes: Vec<String> = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{:04x}  {}", at * 16, bytes.join(" "))
        })
        .collect();
    let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/formats/segment.md");
    let text = std::fs::read_to_string(&page).expect("the page is part of the repository");
    let dump = dump.join("\n");
    assert!(text.contains(&dump), "{} must show these bytes:\n{dump}", page.display());
}
