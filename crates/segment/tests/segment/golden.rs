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

/// Every kind of column of texts and of numbers that templates know, by way of lines that need it.
fn templated() -> Streams {
    let time = |at: i64| 1_795_305_600_000_000_000 + at * 1_234_567_891;
    let mixed = |at: i64| (at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let clock = |at: i64| {
        let millis = time(at) / 1_000_000 - 1_795_305_600_000;
        format!("{:02}:{:02}:{:02}.{:03}", millis / 3_600_000, millis / 60_000 % 60, millis / 1000 % 60, millis % 1000)
    };
    let json = |at: i64| {
        let id = mixed(at);
        format!(
            "{{\"ts\":\"2026-11-22T{}Z\",\"level\":\"{}\",\"id\":\"{id:016x}\",\"user\":\"u{}\",\"took\":{}.{:03},\"code\":{},\"note\":\"{}\"}}",
            clock(at),
            ["info", "warn"][(id >> 40) as usize % 2],
            id >> (id & 63),
            id % 9,
            id >> 50 & 0x1ff,
            [200, 404, 70_000][(id >> 30) as usize % 3],
            ["a b", "c", "Ünï"][(id >> 20) as usize % 3],
        )
    };
    let text = |at: i64| {
        let id = mixed(at);
        let word = ["alpha", "beta", "gamma", "delta", "omega"][(id >> 33) as usize % 5];
        format!(
            "{} {word} [{}] 10.0.{}.{} sent {id:X} at {}",
            clock(at),
            at / 3,
            id >> 60,
            id >> 56 & 15,
            time(at) / 1_000_000
        )
    };
    let lines = |write: &dyn Fn(i64) -> String, odd: &[u8]| {
        let mut rows: Vec<_> = (0..300).map(|at| row(time(at), &write(at), &[])).collect();
        rows[123].line = odd.to_vec();
        rows
    };
    vec![
        (Labels::from_pairs([("app", "json")]), lines(&json, b"")),
        (Labels::from_pairs([("app", "text")]), lines(&text, b"\x00\xff\n")),
    ]
}

fn object() -> Vec<u8> {
    let [tiny, large] = parts();
    let mut object = ObjectWriter::new();
    let window = Window(1_795_305_600 / 3600);
    object.push(&TenantId::single(), window, write_part(&tiny, BlockLimits::default(), Codec::L0));
    let limits = BlockLimits { raw_bytes_max: 16 << 10, rows_max: 300 };
    object.push(&TenantId::single(), window, write_part(&large, limits, Codec::L1));
    object.push(&TenantId::single(), window, write_part(&templated(), BlockLimits::last(), Codec::Templates));
    object.finish()
}

fn check_rows(golden: &[u8], all: &[Streams]) {
    let directory = Directory::parse(golden).expect("sound");
    assert_eq!(directory.entries.len(), all.len());
    for (entry, expected) in directory.entries.iter().zip(all) {
        let bytes = golden[entry.offset as usize..(entry.offset + entry.length) as usize].to_vec();
        Footer::parse(&bytes, entry.length).expect("sound");
        let template = write_part(expected, BlockLimits::default(), Codec::L0);
        let part = EncodedPart { bytes, footer_length: entry.footer_length, ..template };
        assert_eq!(read_part(&part).expect("sound"), *expected);
    }
}

fn golden(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).expect("the golden file is part of the repository")
}

#[test]
fn version_0_still_reads() {
    check_rows(&golden("v0.seg"), &parts());
}

#[test]
fn version_1_reads_and_is_still_written() {
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path("")).expect("testdata is writable");
        std::fs::write(path("v1.seg"), object()).expect("testdata is writable");
    }
    let [tiny, large] = parts();
    let golden = golden("v1.seg");
    check_rows(&golden, &[tiny, large, templated()]);
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

/// A reader in another language, written from the page alone, reads the golden files. It needs python3 and something that
/// decompresses zstd; where one of them is missing, there is nothing to test with.
#[test]
fn python_reads_what_the_page_describes() {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/formats/read_segment.py");
    let [tiny, large] = parts();
    for (name, all) in [("v0.seg", vec![tiny.clone(), large.clone()]), ("v1.seg", vec![tiny, large, templated()])] {
        let Ok(output) = std::process::Command::new("python3").arg(&script).arg(path(name)).output() else { return };
        if output.status.code() == Some(NO_ZSTD) {
            return;
        }
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("JSON is UTF-8");
        let mut found = text.lines();
        for (labels, rows) in all.iter().flatten() {
            for row in rows {
                let labels: std::collections::BTreeMap<&str, &str> = labels.iter().collect();
                let line: String = row.line.iter().map(|byte| format!("{byte:02x}")).collect();
                let metadata: std::collections::BTreeMap<_, _> = row.metadata.iter().cloned().collect();
                let expected = serde_json::json!(["fake", labels, row.time, line, metadata]);
                let found = serde_json::from_str::<serde_json::Value>(found.next().expect("a row"));
                assert_eq!(found.expect("JSON"), expected);
            }
        }
        assert_eq!(found.next(), None);
    }
}

/// Exit status of the reader when nothing decompresses zstd.
const NO_ZSTD: i32 = 77;
