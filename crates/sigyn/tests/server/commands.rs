//! The command line: flags in both spellings, configuration that is checked before anything starts.

use std::fs;
use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sigyn")).args(arguments).output().expect("run sigyn")
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_version_is_told_in_both_spellings() {
    for flag in ["-version", "--version"] {
        let output = run(&[flag]);
        assert!(output.status.success(), "{}", text(&output));
        assert!(text(&output).contains(env!("CARGO_PKG_VERSION")), "{}", text(&output));
    }
}

#[test]
fn a_configuration_is_verified_without_serving() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("sigyn.yaml");
    let verify = |config: &str| {
        fs::write(&path, config).expect("write the configuration");
        run(&[&format!("-config.file={}", path.display()), "-verify-config"])
    };
    let good = verify("limits:\n  max_line_size: 1MB\n");
    assert!(good.status.success(), "{}", text(&good));
    let unknown = verify("limits:\n  max_line_sise: 1MB\n");
    assert!(!unknown.status.success());
    assert!(text(&unknown).contains("max_line_sise") && text(&unknown).contains("max_line_size"), "{}", text(&unknown));
    let wrong = verify("limits:\n  retention_period: 1h\n  query_timeout: 0s\n");
    assert!(!wrong.status.success());
    let told = text(&wrong);
    assert!(told.contains("limits.retention_period") && told.contains("limits.query_timeout"), "{told}");
}

#[test]
fn unknown_flags_and_missing_files_are_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let missing = dir.path().join("nowhere.yaml");
    let output = run(&["-config.file", &missing.display().to_string(), "-verify-config"]);
    assert!(!output.status.success());
    assert!(text(&output).contains("nowhere.yaml"), "{}", text(&output));
    assert!(!run(&["-no.such.flag"]).status.success());
}
