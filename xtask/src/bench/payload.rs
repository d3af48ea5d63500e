//! Push bodies, ready to send: snappy-compressed protobuf of about 1 MB of lines, as one node's agent would send them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::fleet::{NODES, Stream, streams};
use super::random::Random;
use super::templates::{Moment, Subject, write_line};
use crate::progress::Progress;

/// In exactly one line of a load, whatever the seed.
pub(crate) const NEEDLE: &str = "needle-5b1dc0de-sigyn";
/// No entry has it.
pub(crate) const ABSENT_TRACE: &str = "0123456789abcdef0123456789abcdef";

const PAYLOAD_BYTES: usize = 1_000_000;
/// Lines are at least 60 bytes or so; the time of a payload is divided by this, so that it is never used up.
const PAYLOAD_LINES_MAX: u64 = 9_000;
const NANOS: u64 = 1_000_000_000;

/// What is to be generated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub megabytes: usize,
    pub seed: u64,
    /// Timestamps lie in `start..end`, Unix nanoseconds.
    pub start: u64,
    pub end: u64,
}

impl Plan {
    /// `minutes` of logs that end a minute before `now` (Unix seconds).
    pub(crate) fn new(megabytes: usize, minutes: u64, seed: u64, now: u64) -> Self {
        let end = (now / 60 - 1) * 60;
        Self { megabytes: megabytes.max(1), seed, start: (end - minutes.max(1) * 60) * NANOS, end: end * NANOS }
    }
}

/// Everything to push, in the order of its time.
#[derive(Debug)]
pub(crate) struct Load {
    pub payloads: Vec<Payload>,
    pub streams: usize,
    pub lines: u64,
    /// Bytes of the lines alone.
    pub raw_bytes: u64,
}

impl Load {
    pub(crate) fn sent_bytes(&self) -> u64 {
        self.payloads.iter().map(|payload| payload.body.len() as u64).sum()
    }
}

#[derive(Debug)]
pub(crate) struct Payload {
    start: u64,
    pub body: Vec<u8>,
    pub lines: u64,
    pub raw_bytes: u64,
}

/// One payload's place: whose lines, of which time.
#[derive(Debug, Clone, Copy)]
struct Slice {
    node: usize,
    number: usize,
    start: u64,
    end: u64,
    holds_needle: bool,
}

/// Generates and encodes on all processors.
pub(crate) fn build(plan: &Plan) -> Load {
    let streams = streams(plan.seed);
    let slices = slices(plan, &streams);
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<Payload>> = Mutex::new(Vec::with_capacity(slices.len()));
    let progress = Progress::new();
    let workers = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(slice) = slices.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let payload = build_payload(plan, &streams, *slice);
                    let mut done = done.lock().expect("no worker panics while it holds the lock");
                    done.push(payload);
                    progress.show(|| format!("generating {} of {} payloads", done.len(), slices.len()));
                }
            });
        }
    });
    progress.clear();
    let mut payloads = done.into_inner().expect("no worker panics while it holds the lock");
    // Ties are broken by size, so that a seed gives one order whichever worker was first.
    payloads.sort_by_key(|payload| (payload.start, payload.raw_bytes, payload.body.len()));
    let lines = payloads.iter().map(|payload| payload.lines).sum();
    let raw_bytes = payloads.iter().map(|payload| payload.raw_bytes).sum();
    Load { payloads, streams: streams.len(), lines, raw_bytes }
}

/// Every node gets payloads by the weight of its streams, and cuts the whole time evenly among them.
fn slices(plan: &Plan, streams: &[Stream]) -> Vec<Slice> {
    let mut weights = [0_u64; NODES];
    for stream in streams {
        weights[stream.node] += stream.weight;
    }
    let all: u64 = weights.iter().sum();
    let (mut slices, mut seen) = (Vec::new(), 0);
    for (node, weight) in weights.iter().enumerate() {
        // Rounding the running sum, not each share, makes the shares add up.
        let share = |sum: u64| (sum * plan.megabytes as u64 / all) as usize;
        let count = share(seen + weight) - share(seen);
        seen += weight;
        for number in 0..count {
            let at = |i: usize| plan.start + (plan.end - plan.start) * i as u64 / count as u64;
            slices.push(Slice { node, number, start: at(number), end: at(number + 1), holds_needle: false });
        }
    }
    let middle = slices.len() / 2;
    slices[middle].holds_needle = true;
    slices
}

fn build_payload(plan: &Plan, streams: &[Stream], slice: Slice) -> Payload {
    let mut random = Random::new(plan.seed, (slice.node * 1_000_000 + slice.number) as u64);
    let mine: Vec<&Stream> = streams.iter().filter(|stream| stream.node == slice.node).collect();
    let weights: u64 = mine.iter().map(|stream| stream.weight).sum();
    let mut encoded: Vec<Vec<u8>> = vec![Vec::new(); mine.len()];
    let step = (slice.end - slice.start) / PAYLOAD_LINES_MAX;
    let (mut lines, mut raw_bytes, mut line) = (0, 0, String::new());
    while raw_bytes < PAYLOAD_BYTES && lines < PAYLOAD_LINES_MAX {
        let chosen = choose(&mine, random.below(weights));
        let stream = mine[chosen];
        let nanos = slice.start + lines * step + random.below(step.max(1));
        let nanos = nanos - nanos % stream.kind.time_resolution();
        line.clear();
        let subject = Subject { app: stream.app, pod: &stream.pod, moment: Moment { nanos } };
        let level = write_line(stream.kind, &mut line, subject, &mut random);
        if slice.holds_needle && lines == 1000 {
            line.push(' ');
            line.push_str(NEEDLE);
        }
        let trace = stream.has_metadata.then(|| format!("{:016x}{:016x}", random.next(), random.next()));
        let metadata = trace.as_deref().map(|trace| [("trace_id", trace), ("level", level)]);
        encode_entry(&mut encoded[chosen], nanos, &line, metadata.as_ref().map_or(&[], |pairs| pairs.as_slice()));
        lines += 1;
        raw_bytes += line.len();
    }
    let request = encode_request(&mine, &encoded);
    let body = snap::raw::Encoder::new().compress_vec(&request).expect("a payload is far below snappy's 4 GiB");
    Payload { start: slice.start, body, lines, raw_bytes: raw_bytes as u64 }
}

/// The stream that `ticket`, below the sum of all weights, falls to.
fn choose(streams: &[&Stream], mut ticket: u64) -> usize {
    for (i, stream) in streams.iter().enumerate() {
        if ticket < stream.weight {
            return i;
        }
        ticket -= stream.weight;
    }
    streams.len() - 1
}

/// `PushRequest { repeated Stream streams = 1 }`, `Stream { string labels = 1; repeated Entry entries = 2 }`;
/// `entries` are encoded with their tags already.
fn encode_request(streams: &[&Stream], entries: &[Vec<u8>]) -> Vec<u8> {
    let (mut request, mut body) = (Vec::new(), Vec::new());
    for (stream, entries) in streams.iter().zip(entries).filter(|(_, entries)| !entries.is_empty()) {
        body.clear();
        write_field(&mut body, 1, stream.labels.as_bytes());
        body.extend_from_slice(entries);
        write_field(&mut request, 1, &body);
    }
    request
}

/// `Entry { Timestamp timestamp = 1; string line = 2; repeated LabelPair structuredMetadata = 3 }`.
fn encode_entry(out: &mut Vec<u8>, nanos: u64, line: &str, metadata: &[(&str, &str)]) {
    let (mut time, mut entry, mut pair) = (Vec::new(), Vec::new(), Vec::new());
    time.push(1 << 3);
    write_varint(&mut time, nanos / NANOS);
    time.push(2 << 3);
    write_varint(&mut time, nanos % NANOS);
    write_field(&mut entry, 1, &time);
    write_field(&mut entry, 2, line.as_bytes());
    for (name, value) in metadata {
        pair.clear();
        write_field(&mut pair, 1, name.as_bytes());
        write_field(&mut pair, 2, value.as_bytes());
        write_field(&mut entry, 3, &pair);
    }
    write_field(out, 2, &entry);
}

fn write_field(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    out.push(number << 3 | 2);
    write_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_load_and_one_needle() {
        let plan = Plan::new(3, 50, 1, 1_795_424_400);
        let (one, two) = (build(&plan), build(&plan));
        assert_eq!(one.payloads.len(), 3);
        assert!((2_900_000..3_100_000).contains(&one.raw_bytes), "{}", one.raw_bytes);
        let bodies = |load: &Load| load.payloads.iter().map(|payload| payload.body.clone()).collect::<Vec<_>>();
        assert_eq!(bodies(&one), bodies(&two));
        let mut needles = 0;
        for payload in &one.payloads {
            let raw = snap::raw::Decoder::new().decompress_vec(&payload.body).expect("our own bytes");
            needles += raw.windows(NEEDLE.len()).filter(|window| *window == NEEDLE.as_bytes()).count();
        }
        assert_eq!(needles, 1);
    }

    #[test]
    fn an_entry_is_the_protobuf_of_the_push_api() {
        let mut out = Vec::new();
        encode_entry(&mut out, 3 * NANOS + 300, "hi", &[("k", "v")]);
        let time = [0x0a, 5, 0x08, 3, 0x10, 0xac, 0x02];
        let line = [0x12, 2, b'h', b'i'];
        let pair = [0x1a, 6, 0x0a, 1, b'k', 0x12, 1, b'v'];
        let expected: Vec<u8> = [0x12, 19].into_iter().chain(time).chain(line).chain(pair).collect();
        assert_eq!(out, expected);
    }
}
