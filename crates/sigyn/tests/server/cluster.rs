//! Several processes on one bucket.

use std::path::Path;

use serde_json::Value;

use crate::support::{Server, get, pause};

const MEMBERS: &str = "/sigyn/api/v1/members";

/// A server of its own directory on the data of `shared`, that the others know of.
fn join(shared: &Path, dir: &Path, more: &str) -> Server {
    if dir != shared {
        std::os::unix::fs::symlink(shared.join("data"), dir.join("data")).expect("share the data");
    }
    Server::start_with(dir, &format!("cluster:\n  advertise_address: 127.0.0.1:{{port}}\n{more}"))
}

fn members(server: &Server) -> Vec<(String, bool)> {
    let answer = get(server, MEMBERS, &[]).expect("an answer").json();
    let member = |member: &Value| {
        assert_eq!(member["targets"], serde_json::json!(["write", "read", "backend"]));
        assert_eq!(member["version"], env!("CARGO_PKG_VERSION"));
        (member["address"].as_str().expect("an address").to_owned(), member["own"] == true)
    };
    answer["data"].as_array().expect("a list").iter().map(member).collect()
}

#[test]
fn processes_know_of_each_other() {
    let (shared, dir, other) = (
        tempfile::tempdir().expect("a directory"),
        tempfile::tempdir().expect("one"),
        tempfile::tempdir().expect("two"),
    );
    let first = join(shared.path(), shared.path(), "");
    let address = |server: &Server| format!("127.0.0.1:{}", server.port);
    assert_eq!(members(&first), [(address(&first), true)]);
    let mut second = join(shared.path(), dir.path(), "");
    let mut expected = [(address(&first), false), (address(&second), true)];
    expected.sort();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while members(&second) != expected {
        assert!(std::time::Instant::now() < deadline, "{:?}", members(&second));
        pause(20);
    }
    second.stop();
    let third = Server::start_with(other.path(), "");
    assert_eq!(get(&third, MEMBERS, &[]).expect("an answer").status, 404, "it stays alone");
}
