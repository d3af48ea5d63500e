//! The `.test` files of `testdata/logql` over HTTP, each as a tenant of its own.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sigyn_sim::logql_test::{Http, Report, Script, files};

use super::support::{Server, now};

const HOUR: i64 = 3_600_000_000_000;

/// Files under way at a time: most of the time a file waits for its pushes to be durable.
const WORKERS: usize = 6;

#[test]
fn test_files_agree_over_http() {
    if std::env::var("UPDATE").is_ok_and(|value| value == "1") {
        // The files are about to change.
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    let server = Server::start_with(dir.path(), "auth_enabled: true\n");
    let paths = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/logql")).expect("the test files");
    let next = AtomicUsize::new(0);
    // An hour ago, so that nothing is too old or in the future.
    let base = now() / HOUR * HOUR - HOUR;
    let work = || {
        let mine = std::iter::from_fn(|| paths.get(next.fetch_add(1, Ordering::Relaxed)));
        mine.map(|path| run(path, server.port, base)).collect::<Vec<Report>>()
    };
    let reports: Vec<Report> = thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("every question is answered")).collect()
    });
    let evaluations: usize = reports.iter().map(|report| report.evaluations).sum();
    let failures: Vec<&str> = reports.iter().flat_map(|report| &report.failures).map(String::as_str).collect();
    assert!(failures.is_empty(), "{}\n{} of {evaluations} evaluations differ", failures.join("\n"), failures.len());
    assert!(evaluations >= 600, "only {evaluations} evaluations");
}

fn run(path: &Path, port: u16, base: i64) -> Report {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let text = std::fs::read_to_string(path).expect("a test file");
    let script = Script::parse(&format!("testdata/logql/{name}"), &text).unwrap_or_else(|error| panic!("{error}"));
    let target = Http::new(&format!("http://127.0.0.1:{port}"), name.trim_end_matches(".test"), base);
    script.run(&target).unwrap_or_else(|error| panic!("{error}"))
}
