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
                "starts" => case.starts = true,
                "empty" => case.empty.push(pair(" ")),
                other => panic!("{}: what is {other}?", case.path.display()),
            }
        }
        assert_ne!(case.refused.is_empty(), case.settings.is_empty(), "{}: refused or accepted?", case.path.display());
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
        let tree = tree::parse(&self.text).expect("YAML");
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
    for case in cases().iter().filter(|case| case.refused.is_empty()) {
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

#[test]
fn what_needs_no_server_starts_and_answers() {
    for case in cases().iter().filter(|case| case.starts) {
        let flag = format!("-config.file={}", case.path.display());
        let mut child = case
            .sigyn(&[
                &flag,
                "-server.http-listen-port=0",
                "-server.http-listen-address=127.0.0.1",
                "-auth.enabled=false",
            ])
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut log = BufReader::new(child.stderr.take().expect("standard error is piped")).lines();
        let ready = log.find_map(|line| {
            let line = line.expect("it is text");
            let (_, rest) = line.split_once("address=").filter(|_| line.contains("sigyn is ready"))?;
            rest.split_whitespace().next().map(str::to_owned)
        });
        let address = ready.unwrap_or_else(|| panic!("{} did not become ready", case.path.display()));
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
