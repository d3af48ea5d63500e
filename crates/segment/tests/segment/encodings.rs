//! Size and speed of the encodings of lines; run it alone:
//! `CARGO_PROFILE_DEV_OPT_LEVEL=3 cargo test -p sigyn-segment --test segment encodings -- --ignored --nocapture`.
//!
//! On `MB` (60) of lines of `xtask bench`, by application (`APP`: only those whose name holds it), or on every file of the directory
//! `CORPUS`. Blocks hold `BLOCK_KIB` and `BLOCK_ROWS`. Build without debug assertions for true figures.

#[path = "../../../../xtask/src/bench/fleet.rs"]
#[expect(dead_code, reason = "the benchmark uses the rest")]
mod fleet;
#[path = "../../../../xtask/src/bench/random.rs"]
mod random;
#[path = "../../../../xtask/src/bench/templates.rs"]
mod templates;

use sigyn_model::Timestamp;
use sigyn_segment::{
    BlockBuilder, BlockLimits, Codec, ColumnKind, EncodedBlock, RawBlock, Row, decode_line_lengths, decode_lines,
    decode_timestamps,
};
use std::collections::BTreeMap;

use random::Random;
use templates::{Moment, Subject, write_line};

const NANOS: u64 = 1_000_000_000;
const START: u64 = 1_795_424_400 * NANOS;

fn megabytes() -> u64 {
    std::env::var("MB").ok().and_then(|text| text.parse().ok()).unwrap_or(60)
}

/// Rows of one stream, by time.
type Rows = Vec<(i64, Vec<u8>)>;

/// The benchmark's lines of 50 minutes, by application and stream.
fn benchmark() -> BTreeMap<&'static str, Vec<Rows>> {
    let streams = fleet::streams(1);
    let weights: u64 = streams.iter().map(|stream| stream.weight).sum();
    let lines = megabytes() * 1_000_000 / 163;
    let mut apps: BTreeMap<&str, Vec<Rows>> = BTreeMap::new();
    for (lane, stream) in (0..).zip(&streams) {
        let mut random = Random::new(1, lane);
        let count = lines * stream.weight / weights;
        let mut rows = Rows::new();
        for at in 0..count {
            let step = 3000 * NANOS / count;
            let nanos = START + at * step + random.below(step);
            let nanos = nanos - nanos % stream.kind.time_resolution();
            let mut line = String::new();
            let subject = Subject { app: stream.app, pod: &stream.pod, moment: Moment { nanos } };
            write_line(stream.kind, &mut line, subject, &mut random);
            rows.push((nanos as i64, line.into_bytes()));
        }
        apps.entry(stream.app).or_default().push(rows);
    }
    apps
}

fn blocks(streams: &[Rows], limits: BlockLimits) -> Vec<RawBlock> {
    let mut builder = BlockBuilder::new(limits);
    let mut blocks = Vec::new();
    for (ordinal, rows) in (0..).zip(streams) {
        for (time, line) in rows {
            builder.push(ordinal, &Row { time: Timestamp(*time), line, metadata: &[] });
            if builder.is_full() {
                blocks.push(builder.take());
            }
        }
    }
    if !builder.is_empty() {
        blocks.push(builder.take());
    }
    blocks
}

#[derive(Debug, Default, Clone, Copy)]
struct Total {
    raw: usize,
    lines: usize,
    lengths: usize,
    times: usize,
    encode: f64,
    decode: f64,
}

impl Total {
    fn add(&mut self, other: Self) {
        self.raw += other.raw;
        self.lines += other.lines;
        self.lengths += other.lengths;
        self.times += other.times;
        self.encode += other.encode;
        self.decode += other.decode;
    }

    fn print(&self, name: &str, codec: Codec) {
        let raw = self.raw as f64;
        println!(
            "{name:14} {codec:9?} {:7.2} MB lines {:7.3} MB ({:5.2} %) lengths {:6.3} times {:6.3}  encode {:5.0} decode {:5.0} MB/s",
            raw / 1e6,
            self.lines as f64 / 1e6,
            self.lines as f64 * 100.0 / raw,
            self.lengths as f64 / 1e6,
            self.times as f64 / 1e6,
            raw / self.encode / 1e6,
            raw / self.decode / 1e6,
        );
    }
}

/// Processor time of this thread in seconds: others may be busy, too.
fn now() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("this is measured on Linux");
    text.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()).expect("nanoseconds first") / 1e9
}

fn measure(blocks: &[RawBlock], codec: Codec) -> Total {
    let start = now();
    let encoded: Vec<EncodedBlock> = blocks.iter().map(|block| block.encode(codec).expect("small")).collect();
    let encode = now() - start;
    let mut total = Total { encode, ..Total::default() };
    for block in &encoded {
        for column in &block.columns {
            match column.meta.kind {
                ColumnKind::Timestamps => total.times += column.bytes.len(),
                ColumnKind::LineLengths => total.lengths += column.bytes.len(),
                ColumnKind::Lines => {
                    total.raw += column.meta.raw_length as usize;
                    total.lines += column.bytes.len();
                }
                ColumnKind::Metadata(_) => {}
            }
        }
    }
    const TURNS: usize = 10;
    let start = now();
    for _ in 0..TURNS {
        for block in &encoded {
            let (mut times, mut lengths) = (Vec::new(), Vec::new());
            let [time, length, line] = &block.columns[..] else { panic!("three columns") };
            decode_timestamps(&time.bytes, &time.meta, block.rows, &mut times).expect("sound");
            decode_line_lengths(&length.bytes, &length.meta, block.rows, &mut lengths).expect("sound");
            decode_lines(&line.bytes, &line.meta, &lengths, &times).expect("sound");
        }
    }
    total.decode = (now() - start) / TURNS as f64;
    for (block, encoded) in blocks.iter().zip(&encoded) {
        block.verify(encoded).expect("what was encoded decodes");
    }
    total
}

fn report(name: &str, streams: &[Rows], totals: &mut BTreeMap<String, Total>) {
    let kib = |name: &str, default| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let large = BlockLimits { raw_bytes_max: kib("BLOCK_KIB", 8 << 10) << 10, rows_max: kib("BLOCK_ROWS", 65_536) };
    for (codec, limits) in [(Codec::L1, BlockLimits::compacted()), (Codec::L2, large)] {
        let total = measure(&blocks(streams, limits), codec);
        total.print(name, codec);
        totals.entry(format!("{codec:?}")).or_default().add(total);
    }
}

#[test]
#[ignore = "prints sizes and speed, proves nothing; see the module's first lines"]
fn encodings() {
    let mut totals = BTreeMap::new();
    match std::env::var_os("CORPUS") {
        None => {
            let only = std::env::var("APP").unwrap_or_default();
            let apps = benchmark();
            apps.iter().filter(|(app, _)| app.contains(&only)).for_each(|(app, rows)| report(app, rows, &mut totals));
        }
        Some(directory) => {
            let mut files: Vec<_> =
                std::fs::read_dir(directory).expect("a directory").map(|file| file.expect("a file").path()).collect();
            files.sort();
            for file in files {
                let bytes = std::fs::read(&file).expect("a file");
                let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
                let rows: Rows =
                    (0..).zip(lines).map(|(at, line)| (START as i64 + at * 7_000_003, line.to_vec())).collect();
                report(&file.file_name().unwrap_or_default().to_string_lossy(), &[rows], &mut totals);
            }
        }
    }
    for codec in [Codec::L1, Codec::L2] {
        totals[&format!("{codec:?}")].print("all", codec);
    }
}
