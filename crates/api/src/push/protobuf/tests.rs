use proptest::prelude::*;
use prost::Message as _;

use super::*;

/// The messages as any other implementation has them.
#[derive(Clone, PartialEq, prost::Message)]
struct PushRequest {
    #[prost(message, repeated, tag = "1")]
    streams: Vec<Stream>,
    #[prost(string, tag = "2")]
    format: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Stream {
    #[prost(string, tag = "1")]
    labels: String,
    #[prost(message, repeated, tag = "2")]
    entries: Vec<Entry>,
    #[prost(uint64, tag = "3")]
    hash: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Entry {
    #[prost(message, optional, tag = "1")]
    timestamp: Option<Time>,
    #[prost(bytes = "vec", tag = "2")]
    line: Vec<u8>,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<Pair>,
    #[prost(message, repeated, tag = "4")]
    parsed: Vec<Pair>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Time {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Pair {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

prop_compose! {
    fn pair()(name in "[a-z]{0,5}", value in ".{0,5}") -> Pair {
        Pair { name, value }
    }
}

prop_compose! {
    fn entry()(
        ts in any::<i64>(),
        line in proptest::collection::vec(any::<u8>(), 0..40),
        metadata in proptest::collection::vec(pair(), 0..4),
        parsed in proptest::collection::vec(pair(), 0..2),
    ) -> (i64, Entry) {
        let timestamp = Some(Time {
            seconds: ts.div_euclid(1_000_000_000),
            nanos: ts.rem_euclid(1_000_000_000) as i32,
        });
        (ts, Entry { timestamp, line, metadata, parsed })
    }
}

proptest! {
    #[test]
    fn decodes_what_others_encode(
        streams in proptest::collection::vec((0..3_u8, proptest::collection::vec(entry(), 0..5)), 0..4),
        hash in any::<u64>(),
    ) {
        let request = PushRequest {
            streams: streams
                .iter()
                .map(|(app, entries)| Stream {
                    labels: format!("{{app=\"{app}\"}}"),
                    entries: entries.iter().map(|(_, entry)| entry.clone()).collect(),
                    hash,
                })
                .collect(),
            format: "loki".to_owned(),
        };
        let batch = decode(request.encode_to_vec().into()).map_err(|error| TestCaseError::fail(error.message))?;
        prop_assert_eq!(batch.streams.len(), streams.len());
        for (found, (app, sent)) in batch.streams.iter().zip(&streams) {
            prop_assert_eq!(found.labels.to_string(), format!("{{app=\"{app}\"}}"));
            let entries = &batch.entries[found.entries.start as usize..found.entries.end as usize];
            prop_assert_eq!(entries.len(), sent.len());
            for (found, (ts, sent)) in entries.iter().zip(sent) {
                prop_assert_eq!(found.ts, *ts);
                prop_assert_eq!(batch.slice(found.line), &sent.line[..]);
                let pairs = &batch.metadata[found.metadata.start as usize..found.metadata.end as usize];
                let pairs: Vec<_> = pairs.iter().map(|(name, value)| (batch.slice(*name), batch.slice(*value))).collect();
                let sent: Vec<_> = sent.metadata.iter().map(|pair| (pair.name.as_bytes(), pair.value.as_bytes())).collect();
                prop_assert_eq!(pairs, sent);
            }
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(bytes.into());
    }

    #[test]
    fn damaged_messages_never_panic(at in 0..60_usize, byte in any::<u8>(), cut in 0..80_usize) {
        let mut bytes = sample().encode_to_vec();
        if let Some(place) = bytes.get_mut(at) {
            *place = byte;
        }
        bytes.truncate(bytes.len().saturating_sub(cut));
        if let Ok(batch) = decode(bytes.into()) {
            for entry in &batch.entries {
                let _ = batch.slice(entry.line);
            }
        }
    }
}

fn sample() -> PushRequest {
    let pair = Pair { name: "trace_id".to_owned(), value: "abc".to_owned() };
    let timestamp = Some(Time { seconds: 1_795_305_600, nanos: 7 });
    let entry = Entry { timestamp, line: b"hello \xff".to_vec(), metadata: vec![pair], parsed: Vec::new() };
    let stream = Stream { labels: "{app=\"x\"}".to_owned(), entries: vec![entry], hash: 9 };
    PushRequest { streams: vec![stream], format: String::new() }
}

#[test]
fn malformed_bodies_say_what_is_wrong() {
    let cases: [(&[u8], &str); 10] = [
        (&[0x0a], "unexpected EOF"),
        (&[0x0a, 5, 1], "unexpected EOF"),
        (&[0x08, 1], "proto: wrong wireType = 0 for field streams"),
        (&[0x0a, 2, 0x08, 1], "proto: wrong wireType = 0 for field labels"),
        (&[0x1b, 0x1c], "proto: illegal wireType 3"),
        (&[0x00], "proto: illegal tag 0"),
        (&[0xff; 11], "proto: integer overflow"),
        (&[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], "unexpected EOF"),
        (&[0x0a, 0], "couldn't parse labels: 1:1: parse error: unexpected end of input"),
        (&[0x19, 1, 2, 3], "unexpected EOF"),
    ];
    for (bytes, message) in cases {
        let error = decode(Bytes::copy_from_slice(bytes)).expect_err(message);
        assert_eq!((error.status, error.message.as_str()), (400, message), "{bytes:x?}");
    }
    assert!(decode(Bytes::new()).is_ok_and(|batch| batch.streams.is_empty()));
    assert!(decode(Bytes::from_static(&[0x19, 1, 2, 3, 4, 5, 6, 7, 8, 0x20, 3, 0x2d, 1, 2, 3, 4])).is_ok());
}

#[test]
fn odd_timestamps_are_read_or_refused() {
    let decoded = |timestamp: Option<Time>| {
        let mut request = sample();
        request.streams[0].entries[0].timestamp = timestamp;
        decode(request.encode_to_vec().into()).map(|batch| batch.entries[0].ts)
    };
    assert_eq!(decoded(None), Ok(i64::MIN));
    assert_eq!(decoded(Some(Time { seconds: 0, nanos: 0 })), Ok(0));
    assert_eq!(decoded(Some(Time { seconds: -62_135_596_800, nanos: 0 })), Ok(i64::MIN));
    assert_eq!(decoded(Some(Time { seconds: 253_402_300_799, nanos: 0 })), Ok(i64::MAX));
    for bad in [
        Time { seconds: i64::MAX, nanos: 0 },
        Time { seconds: i64::MIN, nanos: 0 },
        Time { seconds: 0, nanos: -1 },
        Time { seconds: 0, nanos: 1_000_000_000 },
    ] {
        assert!(decoded(Some(bad)).is_err_and(|error| error.status == 400));
    }
}
