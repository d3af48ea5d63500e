//! A disk without space: pushes are refused with 503, nothing acknowledged is lost, and space heals it.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::support::{Answer, JSON, PUSH, Random, Server, json_push, now, pause, post, read_all};

/// A small file system in memory; gone when dropped.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    /// Nothing when mounting is not permitted here.
    fn mount(path: &'a Path, mebibytes: u32) -> Option<Self> {
        let size = format!("size={mebibytes}m");
        let output = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(path).output().ok()?;
        output.status.success().then_some(Self(path))
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        // Lazily, for a server that a failing test leaves behind for a moment.
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[test]
fn a_full_disk_refuses_pushes_and_recovers() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    fs::create_dir(&data).expect("create the data directory");
    let Some(_disk) = Disk::mount(&data, 16) else {
        println!("skipped: mounting a tmpfs is not permitted here");
        return;
    };
    let ballast = data.join("ballast");
    let mut server = Server::start(dir.path());
    let (start, mut random, mut acked) = (now() - 600_000_000_000, Random(1), Vec::new());
    let mut push = |server: &Server, number: i64| -> Answer {
        let line = incompressible(number, &mut random);
        let entry = (start + number, line.clone(), json!({}));
        let answer = post(server, PUSH, &[JSON], &json_push(&json!({ "app": "full" }), &[entry])).expect("an answer");
        if answer.status == 204 {
            acked.push((start + number, line));
        }
        answer
    };
    assert_eq!(push(&server, 0).status, 204);
    fill(&ballast);
    let refused = (1..200).map(|n| push(&server, n)).find(|answer| answer.status != 204).expect("the disk fills up");
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(server.is_running(), "{}", server.log());
    fs::remove_file(&ballast).expect("make space");
    let recovered = (200..300).any(|n| {
        pause(50);
        push(&server, n).status == 204
    });
    assert!(recovered, "pushes are still refused with space on the disk:\n{}", server.log());
    for restarted in [false, true] {
        if restarted {
            server.stop();
            server = Server::start(dir.path());
        }
        let read = read_all(&server, r#"{app="full"}"#, start, now(), 100);
        // A push that was refused may be stored: what was acknowledged must be.
        assert!(acked.iter().all(|entry| read.contains(entry)), "an acknowledged entry is lost");
    }
}

/// Takes all space there is.
fn fill(path: &Path) {
    let mut file = File::create(path).expect("create the ballast");
    let (block, mut size) = (vec![7_u8; 64 * 1024], 64 * 1024);
    while size > 0 {
        if file.write_all(&block[..size]).is_err() {
            size /= 2;
        }
    }
}

/// About 64 KiB that compression cannot shrink below half.
fn incompressible(number: i64, random: &mut Random) -> String {
    let words = (0..4096).map(|_| format!("{:016x}", random.below(u64::MAX)));
    format!("n={number} {}", words.collect::<String>())
}
