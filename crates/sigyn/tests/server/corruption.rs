//! A segment whose bytes changed on disk: a query says so and never answers with wrong data.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::support::{JSON, PUSH, QUERY_RANGE, Server, entries, get, json_push, now, post};

fn segments(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir.join("data/data")).expect("the segments' directory");
    entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "seg")).collect()
}

#[test]
fn a_corrupt_segment_is_named_and_never_read_wrongly() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut server = Server::start(dir.path());
    let t = now() - 60_000_000_000;
    let line = |i: i64| format!("line {i} {:016x}", (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_u64.cast_signed()));
    let sent: Vec<_> = (0..500).map(|i| (t + i, line(i), json!({}))).collect();
    let answer = post(&server, PUSH, &[JSON], &json_push(&json!({ "app": "x" }), &sent)).expect("push");
    assert_eq!(answer.status, 204, "{}", answer.text());
    server.stop();

    let path = segments(dir.path()).pop().expect("one segment");
    let whole = fs::read(&path).expect("read the segment");
    let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
    // One changed byte at many places, and a file cut short.
    let mut damaged: Vec<Vec<u8>> = (1..12).map(|i| flipped(&whole, whole.len() * i / 12)).collect();
    damaged.push(whole[..whole.len() / 2].to_vec());
    for bytes in damaged {
        fs::write(&path, &bytes).expect("damage the segment");
        let mut server = Server::start(dir.path());
        let parameters = [("query", r#"{app="x"}"#), ("start", &t.to_string()), ("limit", "1000")];
        let answer = get(&server, QUERY_RANGE, &parameters).expect("an answer");
        if answer.status == 200 {
            let body = answer.json();
            let read = entries(&body["data"]);
            assert!(read.iter().all(|(time, text)| *text == line(time - t)), "wrong data");
            let warned = body["warnings"].to_string().contains(&name);
            assert!(warned || read.len() == sent.len(), "{} of {} entries without a warning", read.len(), sent.len());
        } else {
            assert!(answer.status >= 500 && answer.text().contains(&name), "{}: {}", answer.status, answer.text());
        }
        assert!(server.is_running());
    }
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut copy = bytes.to_vec();
    copy[at] ^= 0x20;
    copy
}
