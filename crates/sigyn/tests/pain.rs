//! `testdata/pain`: what people wrote about Loki on DynamoDB, and what must happen now. Its README explains the files.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use sigyn_settings::loki::{self, Note};
use sigyn_settings::{Node, helm, tree};

/// One file, with what it says must happen.
#[derive(Debug, Default)]
struct Case {
    path: PathBuf,
    text: String,
    environment: Vec<(String, String)>,
    refused: Vec<String>,
    settings: Vec<(String, String)>,
    absent: Vec<String>,
    notes: Vec<(String, String)>,
    hidden: Vec<String>,
    /// The server that `DYNAMODB` in the text stands for.
    server: Option<String>,
    flags: Vec<String>,
    fails: Vec<String>,
    starts: bool,
    empty: Vec<(String, String)>,
}

impl Case {
    fn read(path: PathBuf) -> Self {
        let text = std::fs::read_to_string(&path).expect("the file is text");
        let mut case = Self { path, ..Self::default() };
        for line in text.lines().filter_map(|line| line.strip_prefix("#? ")) {
            let (word, rest) = line.split_once(": ").unwrap_or_else(|| panic!("{line}"));
            let pair = |separator: &str| {
                let (a, b) = rest.split_once(separator).unwrap_or_else(|| panic!("{line}"));
                (a.to_owned(), b.to_owned())
            };
            match word {
                "about" => {}
                "env" => case.environment.push(pair("=")),
                "refused" => case.refused.push(rest.to_owned()),
                "setting" => case.settings.push(pair(" = ")),
                "absent" => case.absent.push(rest.to_owned()),
                "note" => case.notes.push(pair(" | ")),
                "hidden" => case.hidden.push(rest.to_owned()),
                "server" => case.server = Some(rest.to_owned()),
                "flag" => case.flags.push(rest.to_owned()),
                "fails" => case.fails.push(rest.to_owned()),
                "starts" => case.starts = true,
                "empty" => case.empty.push(pair(" ")),
                other => panic!("{}: what is {other}?", case.path.display()),
            }
        }
        let outcomes = [&case.refused, &case.fails].iter().filter(|told| !told.is_empty()).count();
        let outcomes = outcomes + usize::from(!case.settings.is_empty());
        assert_eq!(outcomes, 1, "{}: refused, failing or accepted?", case.path.display());
        case.text = text;
        case
    }

    fn is_values(&self) -> bool {
        self.path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("values-"))
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }

    /// Settings of Sigyn, or values of its chart with the settings under `config`; what is said, and what is wrong.
    fn translate(&self) -> (Node, Vec<Note>, Vec<String>) {
        let tree = tree::parse(&self.text.replace("DYNAMODB", "127.0.0.1:1")).expect("YAML");
        let variable = |name: &str| self.variable(name);
        if self.is_values() {
            let translation = helm::translate(&tree, &variable);
            let mut all = translation.values;
            all.put("config", translation.config, &sigyn_settings::Place::Line(0));
            return (all, translation.notes, translation.problems);
        }
        assert!(loki::is_loki(&tree), "{}", self.path.display());
        let translation = loki::translate(tree, &[], &variable);
        (translation.settings, translation.notes, translation.problems)
    }

    /// The binary with nothing of AWS in its environment but what the file says.
    fn sigyn(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sigyn"));
        command.args(arguments).stdin(Stdio::null()).env_remove("RUST_LOG");
        for name in ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"] {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().cloned());
        command
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.sigyn(arguments).output().expect("the binary runs");
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).expect("output is UTF-8"))
    }
}

fn cases() -> Vec<Case> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/pain");
    let files = std::fs::read_dir(directory).expect("the directory").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    files.sort();
    assert!(files.len() >= 30, "{files:?}");
    files.into_iter().map(Case::read).collect()
}

#[test]
fn what_is_wrong_is_told_before_anything_is_ready() {
    for case in cases().iter().filter(|case| !case.refused.is_empty()) {
        let path = case.path.display().to_string();
        let flag = format!("-config.file={path}");
        let commands: &[&[&str]] = if case.is_values() {
            &[&["config", "from-loki-values", &path]]
        } else {
            &[&["config", "check", &path], &[&flag], &[&flag, "-verify-config"]]
        };
        for arguments in commands {
            let (code, told) = case.run(arguments);
            assert_eq!(code, Some(1), "{path}: {told}");
            for message in &case.refused {
                assert!(told.lines().any(|line| line.contains(message)), "{path}: {message}\nis not in\n{told}");
            }
        }
    }
}

#[test]
fn what_is_right_becomes_settings() {
    for case in cases().iter().filter(|case| !case.settings.is_empty()) {
        let (settings, notes, problems) = case.translate();
        let path = case.path.display();
        assert_eq!(problems, [""; 0], "{path}");
        for (key, expected) in &case.settings {
            let found = settings.at(key).map(|node| match node.value() {
                Value::String(text) => text,
                other => other.to_string(),
            });
            assert_eq!(found.as_deref(), Some(expected.as_str()), "{path}: {key}");
        }
        for key in &case.absent {
            assert!(settings.at(key).is_none(), "{path}: {key} is there");
        }
        for (key, text) in &case.notes {
            assert!(
                notes.iter().any(|note| note.key == *key && note.text.contains(text)),
                "{path}: {key} | {text} is not in\n{notes:#?}"
            );
        }
    }
}

#[test]
fn nothing_that_is_printed_holds_a_secret() {
    for case in cases().iter().filter(|case| !case.hidden.is_empty()) {
        let path = case.path.display().to_string();
        let flag = format!("-config.file={path}");
        for arguments in [
            &["config", "check", &path][..],
            &["config", "show", &path],
            &["config", "translate", &path],
            &["config", "from-loki-values", &path],
            &[&flag, "-verify-config", "-print-config-stderr"],
        ] {
            let (_, told) = case.run(arguments);
            for hidden in &case.hidden {
                assert!(!told.contains(hidden), "{path} {arguments:?}: {told}");
            }
        }
    }
}

/// The file with its server running and its directory made, for as long as this lives.
struct Staged {
    directory: tempfile::TempDir,
    /// Drives the server in this process.
    _runtime: tokio::runtime::Runtime,
}

impl Staged {
    fn new(case: &Case) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let address = runtime.block_on(server(case.server.as_deref().unwrap_or("none")));
        let text = case.text.replace("DATA", &directory.path().join("data").display().to_string());
        let file = directory.path().join("loki.yaml");
        std::fs::write(file, text.replace("DYNAMODB", &address)).expect("written");
        Self { directory, _runtime: runtime }
    }

    fn command(&self, case: &Case) -> Command {
        let flag = format!("-config.file={}", self.directory.path().join("loki.yaml").display());
        let mut command = case.sigyn(&[
            &flag,
            "-server.http-listen-port=0",
            "-server.http-listen-address=127.0.0.1",
            "-auth.enabled=false",
        ]);
        command.args(&case.flags);
        command
    }
}

/// Starts a server of the kind and gives its address.
async fn server(kind: &str) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    match kind {
        "dynamodb" => {
            let database = dynoxide::Database::memory().expect("an empty database");
            tokio::spawn(dynoxide::server::serve_on(listener, database));
        }
        // Dropped, so that nobody listens.
        "none" => {}
        other => {
            let action =
                other.strip_prefix("denies dynamodb:").unwrap_or_else(|| panic!("what is {other}?")).to_owned();
            tokio::spawn(async move { axum::serve(listener, denying(action)).await });
        }
    }
    address
}

/// DynamoDB without a table, and without the permission for one action.
fn denying(action: String) -> axum::Router {
    use axum::http::{HeaderMap, StatusCode};
    axum::Router::new().fallback(move |headers: HeaderMap| {
        let asked = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default().to_owned();
        let (kind, message) = if asked.ends_with(&action) {
            (
                "com.amazon.coral.service#AccessDeniedException",
                format!("User: arn:aws:iam::1:user/x is not authorized to perform: dynamodb:{action}"),
            )
        } else {
            ("com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", "Requested resource not found".to_owned())
        };
        let body = serde_json::json!({"__type": kind, "message": message}).to_string();
        async move { (StatusCode::BAD_REQUEST, [("content-type", "application/x-amz-json-1.0")], body) }
    })
}

#[test]
fn what_cannot_be_reached_is_told_before_anything_is_ready() {
    for case in cases().iter().filter(|case| !case.fails.is_empty()) {
        let path = case.path.display();
        let staged = Staged::new(case);
        let output = staged.command(case).output().expect("the binary runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{path}: {told}");
        assert!(!told.contains("sigyn is ready"), "{path}: {told}");
        let last = told.lines().last().unwrap_or_default();
        for message in &case.fails {
            assert!(last.contains(message), "{path}: {message}\nis not in\n{told}");
        }
        for hidden in &case.hidden {
            assert!(!told.contains(hidden), "{path}: {told}");
        }
    }
}

#[test]
fn what_starts_answers() {
    for case in cases().iter().filter(|case| case.starts) {
        let staged = Staged::new(case);
        let mut child = staged.command(case).stderr(Stdio::piped()).spawn().expect("the binary runs");
        let mut log = BufReader::new(child.stderr.take().expect("standard error is piped")).lines();
        let mut told = String::new();
        let ready = log.find_map(|line| {
            let line = line.expect("it is text");
            told.push_str(&line);
            let (_, rest) = line.split_once("address=").filter(|_| line.contains("sigyn is ready"))?;
            rest.split_whitespace().next().map(str::to_owned)
        });
        let address = ready.unwrap_or_else(|| panic!("{} did not become ready: {told}", case.path.display()));
        assert!(!case.hidden.iter().any(|hidden| told.contains(hidden)), "{told}");
        for (from, to) in &case.empty {
            let mut answer = ureq::get(format!("{address}/loki/api/v1/query_range"))
                .query_pairs([("query", "{app=~\".+\"}"), ("start", from), ("end", to)])
                .call()
                .expect("an answer");
            let text = answer.body_mut().read_to_string().expect("it is text");
            let body: Value = serde_json::from_str(&text).expect("it is JSON");
            assert_eq!(
                (&body["status"], &body["data"]["result"]),
                (&"success".into(), &Value::Array(Vec::new())),
                "{text}"
            );
        }
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }
}
