//! The `.test` files of `testdata/logql` over HTTP, each as a tenant of its own.

use std::path::Path;

use sigyn_sim::logql_test::{Http, Script, files};

use super::support::{Server, now};

const HOUR: i64 = 3_600_000_000_000;

#[test]
fn test_files_agree_over_http() {
    if std::env::var("UPDATE").is_ok_and(|value| value == "1") {
        // The files are about to change.
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    let server = Server::start_with(dir.path(), "auth_enabled: true\n");
    let url = format!("http://127.0.0.1:{}", server.port);
    // An hour ago, so that nothing is too old or in the future.
    let base = now() / HOUR * HOUR - HOUR;
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/logql");
    let paths = files(&directory).expect("the test files");
    let (mut evaluations, mut failures) = (0, Vec::new());
    for path in &paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let text = std::fs::read_to_string(path).expect("a test file");
        let script = Script::parse(&format!("testdata/logql/{name}"), &text).expect("a good test file");
        let tenant = name.trim_end_matches(".test");
        let report = script.run(&Http::new(&url, tenant, base)).expect("every question is answered");
        evaluations += report.evaluations;
        failures.extend(report.failures);
    }
    assert!(failures.is_empty(), "{}\n{} of {evaluations} evaluations differ", failures.join("\n"), failures.len());
    assert!(evaluations >= 600, "only {evaluations} evaluations");
}
