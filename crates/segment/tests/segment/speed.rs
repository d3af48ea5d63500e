//! Throughput of the codecs on lines of our own making; run it alone, in release:
//! `cargo test -p sigyn-segment --release --test segment speed -- --ignored --nocapture`.

use std::time::Instant;

use sigyn_model::{Labels, Level};
use sigyn_segment::{
    BlockLimits, Codec, Footer, Merger, decode_line_lengths, decode_lines, decode_metadata, decode_timestamps,
};

use crate::support::{OwnedRow, Streams, write_part};

const STREAMS: u64 = 40;
const ROWS: u64 = 160_000;

/// A small generator with a fixed start, so that runs compare.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

fn line(numbers: &mut Numbers, stream: u64) -> String {
    let (path, user, took) = (numbers.next(40), numbers.next(5000), numbers.next(2000));
    let status = [200, 200, 200, 200, 201, 204, 301, 404, 500][numbers.next(9) as usize];
    match stream % 3 {
        0 => format!(
            r#"{{"level":"info","msg":"request served","method":"GET","path":"/api/v1/items/{path}","status":{status},"user_id":{user},"duration_ms":{took},"bytes":{}}}"#,
            numbers.next(100_000)
        ),
        1 => format!(
            r#"10.0.{}.{} - - [22/Nov/2026:00:00:00 +0000] "GET /static/{path}.js HTTP/1.1" {status} {} "-" "Mozilla/5.0 (X11; Linux x86_64)""#,
            numbers.next(255),
            numbers.next(255),
            numbers.next(100_000)
        ),
        _ => format!("level=info component=worker-{path} msg=\"job finished\" user={user} took={took}ms attempt=1"),
    }
}

fn part_of(numbers: &mut Numbers, start: i64) -> Streams {
    let stream = |at: u64| Labels::from_pairs([("app", format!("app-{:02}", at / 4)), ("pod", format!("pod-{at:02}"))]);
    (0..STREAMS)
        .map(|at| {
            let mut time = start;
            let rows = (0..ROWS / STREAMS)
                .map(|_| {
                    time += 1_000_000 * (1 + numbers.next(50) as i64);
                    let id = format!(
                        "{:016x}{:016x}",
                        numbers.next(u64::MAX) << 31 ^ numbers.next(1 << 40),
                        numbers.next(1 << 31) << 33 ^ numbers.next(1 << 34)
                    );
                    let metadata = vec![("detected_level".to_owned(), "info".to_owned()), ("trace_id".to_owned(), id)];
                    OwnedRow { time, line: line(numbers, at).into_bytes(), metadata }
                })
                .collect();
            (stream(at), rows)
        })
        .collect()
}

fn report(what: &str, bytes: usize, rows: usize, run: impl Fn()) {
    let best = (0..5)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min);
    println!("{what:28} {:8.0} MB/s {:8.1} ns/row", bytes as f64 / best / 1e6, best * 1e9 / rows as f64);
}

#[test]
#[ignore = "prints speed, proves nothing; see the module's first lines"]
fn codecs() {
    let mut numbers = Numbers(7);
    let inputs: Vec<Streams> =
        (0..4).map(|at| part_of(&mut numbers, 1_795_305_600_000_000_000 + at * 100_000_000_000)).collect();
    let rows = inputs[0].iter().map(|(_, rows)| rows.len()).sum::<usize>();
    let bytes = inputs[0].iter().flat_map(|(_, rows)| rows).map(|row| row.line.len()).sum::<usize>();
    println!("{rows} rows, {bytes} line bytes, {} a row", bytes / rows);
    let limits = BlockLimits::default();
    for codec in [Codec::L0, Codec::L1] {
        let part = write_part(&inputs[0], limits, codec);
        println!("{codec:?}: {} stored bytes, footer {}", part.bytes.len(), part.footer_length);
        let blocks = crate::support::raw_blocks(&inputs[0], limits);
        report("  encode", bytes, rows, || blocks.iter().for_each(|block| drop(block.encode(codec))));
        let footer = Footer::parse(&part.bytes, part.bytes.len() as u64).expect("sound");
        for kind in ["timestamps", "line_lengths", "lines", "detected_level", "trace_id"] {
            let stored: usize = footer
                .blocks
                .iter()
                .filter_map(|block| match kind {
                    "timestamps" => Some(block.timestamps()),
                    "line_lengths" => Some(block.line_lengths()),
                    "lines" => Some(block.lines()),
                    name => block.metadata(name),
                })
                .map(|column| column.length as usize)
                .sum();
            println!("  {kind}: {stored} bytes, {:.2} a row", stored as f64 / rows as f64);
        }
        let column = |meta: &sigyn_segment::ColumnMeta| {
            &part.bytes[meta.offset as usize..meta.offset as usize + meta.length as usize]
        };
        report("  decode timestamps", rows * 8, rows, || {
            for block in &footer.blocks {
                let meta = block.timestamps();
                decode_timestamps(column(meta), meta, block.rows, &mut Vec::new()).expect("sound");
            }
        });
        report("  decode lines", bytes, rows, || {
            for block in &footer.blocks {
                let mut lengths = Vec::new();
                let meta = block.line_lengths();
                decode_line_lengths(column(meta), meta, block.rows, &mut lengths).expect("sound");
                decode_lines(column(block.lines()), block.lines(), &lengths, &[]).expect("sound");
            }
        });
        report("  decode metadata", rows * 50, rows, || {
            for block in &footer.blocks {
                for meta in block.all_metadata() {
                    decode_metadata(column(meta), meta, block.rows).expect("sound");
                }
            }
        });
    }
    let parts: Vec<Vec<u8>> = inputs.iter().map(|input| write_part(input, limits, Codec::L0).bytes).collect();
    for codec in [Codec::L0, Codec::L1] {
        report(&format!("merge to {codec:?}"), bytes * 4, rows * 4, || {
            let mut merger = Merger::new(&parts, Level::L1, codec, limits).expect("sound");
            while merger.step().expect("sound") {}
            println!("  {} stored bytes", merger.finish().expect("sound").part.bytes.len());
        });
    }
}

#[test]
#[ignore = "prints speed, proves nothing; see the module's first lines"]
fn many_streams() {
    let stream = |at: u64| {
        Labels::from_pairs([
            ("namespace", format!("team-{}", at / 1000)),
            ("app", format!("app-{}", at / 100)),
            ("pod", format!("app-{}-{:08x}", at / 100, at.wrapping_mul(0x9e37_79b9) as u32)),
            ("cluster", "eu-1".to_owned()),
            ("container", "main".to_owned()),
        ])
    };
    let mut streams: Streams = (0..100_000)
        .map(|at| (stream(at), vec![OwnedRow { time: at as i64, line: b"x".to_vec(), metadata: Vec::new() }]))
        .collect();
    streams.sort_by(|(a, _), (b, _)| a.cmp(b));
    let part = write_part(&streams, BlockLimits::default(), Codec::L0);
    println!("footer of 100000 streams: {} bytes", part.footer_length);
    report("parse footer", part.footer_length as usize, streams.len(), || {
        Footer::parse(&part.bytes, part.bytes.len() as u64).expect("sound");
    });
}
