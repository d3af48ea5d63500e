//! The binary as an operator meets it: flags, refusals, start, stop.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Output, Stdio};

use sigyn_storage::{Clock as _, SystemClock};

fn sigyn(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sigyn"));
    command.args(arguments).stdin(Stdio::null()).env_remove("RUST_LOG").env("RUST_BACKTRACE", "0");
    command
}

/// Runs to the end.
fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = sigyn(arguments).output().expect("the binary starts");
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    (status.code(), text(stdout), text(stderr))
}

/// A serving process. Killed when dropped.
struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
    address: String,
}

impl Running {
    fn start(bucket: &Path, more: &[&str]) -> Self {
        let bucket = format!("-storage.bucket={}", bucket.display());
        let mut arguments = vec![bucket.as_str(), "-server.http-listen-port=0"];
        arguments.extend(more);
        let mut child = sigyn(&arguments).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("standard error is piped"));
        let mut line = String::new();
        while !line.contains("sigyn is ready") {
            line.clear();
            assert_ne!(
                stderr.read_line(&mut line).expect("standard error is readable"),
                0,
                "it ended before it was ready"
            );
        }
        let address = line.split("address=").nth(1).and_then(|rest| rest.split_whitespace().next()).expect(&line);
        let address = address.to_owned();
        Self { child, stderr, address }
    }

    fn terminate(&self) {
        let killed = Command::new("kill").arg(self.child.id().to_string()).status().expect("kill runs");
        assert!(killed.success());
    }

    /// Waits for the end; the rest of what it logged.
    fn ended(mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).expect("standard error is readable");
        (self.child.wait().expect("it can be waited for"), rest)
    }

    fn push(&self, line: &str) {
        let nanos = SystemClock.now();
        let body = format!(r#"{{"streams":[{{"stream":{{"app":"x"}},"values":[["{nanos}","{line}"]]}}]}}"#);
        let answer = ureq::post(format!("{}/loki/api/v1/push", self.address))
            .header("Content-Type", "application/json")
            .send(body)
            .expect("the push is accepted");
        assert_eq!(answer.status(), 204);
    }

    fn get(&self, path: &str) -> String {
        let mut answer = ureq::get(format!("{}{path}", self.address)).call().expect(path);
        answer.body_mut().read_to_string().expect("the answer is text")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has usually ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn says_what_it_is() {
    let (code, out, _) = run(&["-version"]);
    assert_eq!((code, out.starts_with("sigyn 0.")), (Some(0), true), "{out}");
    let (code, out, _) = run(&["--help"]);
    assert_eq!((code, out.contains("-config.file")), (Some(0), true));
}

#[test]
fn settings_are_verified() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("sigyn.yaml");
    let file_flag = format!("-config.file={}", file.display());
    let check = |text: &str| {
        std::fs::write(&file, text).expect("the file is written");
        run(&[&file_flag, "-verify-config"])
    };
    assert_eq!(
        check("server:\n  http_listen_port: 3200\n"),
        (Some(0), "the configuration is valid\n".to_owned(), String::new())
    );
    let (code, _, problems) = check("storge:\n  bucket: x\nlimits:\n  max_line_size: -1\n");
    assert_eq!(code, Some(1));
    assert!(
        problems.contains("2 problems:") && problems.contains("line 1: unknown key storge, did you mean storage?"),
        "{problems}"
    );
    assert!(problems.contains("line 4: limits.max_line_size: -1 is not a size"), "{problems}");
    let (code, _, problems) = check("schema_config:\n  configs: []\n");
    assert_eq!((code, problems.contains("schema_config.configs has no entry")), (Some(1), true), "{problems}");
    let (code, _, problems) = run(&["-config.file=/nowhere/x.yaml"]);
    assert_eq!((code, problems.contains("reading the configuration /nowhere/x.yaml")), (Some(1), true), "{problems}");
}

#[test]
fn settings_in_force_are_printed() {
    let directory = tempfile::tempdir().expect("a directory");
    let running = Running::start(directory.path(), &["-limits.max-line-size=1MiB"]);
    assert!(running.get("/config").contains("\n  max_line_size: \"1MiB\"\n"));
}

#[test]
fn storage_that_cannot_be_opened_is_one_sentence() {
    let (code, _, problem) = run(&["-storage.bucket=/proc/nowhere", "-server.http-listen-port=0"]);
    assert_eq!(code, Some(1));
    assert!(
        problem.contains("sigyn: the storage does not work (bucket: settings): bucket '/proc/nowhere'"),
        "{problem}"
    );
    assert_eq!(problem.trim_end().lines().count(), 1, "{problem}");
}

#[test]
fn a_port_in_use_is_one_sentence() {
    let directory = tempfile::tempdir().expect("a directory");
    let running = Running::start(directory.path(), &[]);
    let port = running.address.rsplit(':').next().expect("a port");
    let bucket = format!("-storage.bucket={}", directory.path().display());
    let (code, _, problem) = run(&[&bucket, &format!("-server.http-listen-port={port}")]);
    assert_eq!(code, Some(1));
    assert!(problem.starts_with(&format!("sigyn: port {port} of 127.0.0.1 is in use by another process")), "{problem}");
}

#[test]
fn what_was_accepted_survives_a_stop() {
    let directory = tempfile::tempdir().expect("a directory");
    let running = Running::start(directory.path(), &[]);
    assert_eq!(running.get("/ready"), "ready\n");
    running.push("kept");
    running.terminate();
    let (status, log) = running.ended();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("msg=stopped") && !log.contains("level=error"), "{log}");

    let again = Running::start(directory.path(), &["-target=read"]);
    let answer = again.get("/loki/api/v1/query_range?query=%7Bapp%3D%22x%22%7D");
    assert!(answer.contains("\"kept\""), "{answer}");
}

#[test]
fn the_health_of_a_server_is_asked_for() {
    let directory = tempfile::tempdir().expect("a directory");
    let running = Running::start(directory.path(), &[]);
    let port = running.address.rsplit(':').next().expect("a port");
    let flag = format!("-server.http-listen-port={port}");
    assert_eq!(run(&["-health", &flag]), (Some(0), "ready\n".to_owned(), String::new()));
    let url = format!("-health.url={}/nowhere", running.address);
    let (code, _, problem) = run(&["-health", &url]);
    assert_eq!((code, problem.contains("answers 404")), (Some(1), true), "{problem}");
    running.terminate();
    assert!(running.ended().0.success());
    let (code, _, problem) = run(&["-health", &flag]);
    assert_eq!((code, problem.contains("asking http://127.0.0.1:")), (Some(1), true), "{problem}");
}

#[test]
fn limits_of_tenants_are_read_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("overrides.yaml");
    std::fs::write(&file, "overrides:\n  fake: {max_line_size: 10B}\n").expect("written");
    let flags = [format!("-runtime-config.file={}", file.display()), "-runtime-config.period=20ms".to_owned()];
    let running = Running::start(&directory.path().join("data"), &[&flags[0], &flags[1]]);
    let status = |line: &str| {
        let body =
            format!(r#"{{"streams":[{{"stream":{{"app":"x"}},"values":[["{}","{line}"]]}}]}}"#, SystemClock.now());
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let request = agent.post(format!("{}/loki/api/v1/push", running.address));
        request.header("Content-Type", "application/json").send(body).expect("an answer").status().as_u16()
    };
    assert_eq!((status("short"), status("longer than ten bytes")), (204, 400));
    std::fs::write(&file, "overrides:\n  fake: {max_line_size: 10KB}\n").expect("written");
    while status("longer than ten bytes") != 204 {}
    std::fs::write(&file, "overrides: {fake: {max_lin_size: 1}}\n").expect("written");
    while !running.get("/metrics").contains("sigyn_runtime_config_last_reload_successful 0") {}
    assert_eq!(status("longer than ten bytes"), 204);
    running.terminate();
    let (status, log) = running.ended();
    assert!(status.success() && log.contains("limits of tenants stay as they were"), "{log}");
}
