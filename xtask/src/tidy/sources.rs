//! Files that are read by people: their size, their first line, their words.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::Problem;

const LINES_MAX: usize = 800;

/// A text file of the repository, by its path from the root.
#[derive(Debug)]
pub(super) struct File {
    pub path: String,
    pub text: String,
}

/// What must not be committed, and why. Split in two so that this file may hold it.
const WORDS: [(&str, &str, &str); 6] = [
    ("/wo", "rk/", "a path of somebody's machine"),
    ("/ho", "me/", "a path of somebody's machine"),
    ("/tmp/", "plan", "a path of somebody's machine"),
    ("FIX", "ME", "finish it or file an issue"),
    ("<<<<", "<<<", "a merge left undone"),
    ("#[all", "ow(", "use #[expect(lint, reason = \"...\")], which says why and goes away when it is done"),
];

/// Every text file git knows or would add; binary files are left out.
pub(super) fn files(root: &Path) -> Result<Vec<File>> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git").args(arguments).current_dir(root).output().context("running git ls-files")?;
    if !output.status.success() {
        bail!("git ls-files failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let names = String::from_utf8_lossy(&output.stdout).into_owned();
    let names = names.split('\0').filter(|name| !name.is_empty());
    // A file that is deleted but not yet committed, or that is not text, has nothing to check.
    Ok(names.filter_map(|name| Some(File { path: name.to_owned(), text: read(&root.join(name))? })).collect())
}

fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

pub(super) fn check(files: &[File]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for file in files {
        let is_rust = file.path.ends_with(".rs");
        let lines = file.text.lines().count();
        if is_rust && lines > LINES_MAX {
            problems
                .push(Problem::new(&file.path, format!("{lines} lines; at most {LINES_MAX}: find the second idea")));
        }
        if is_rust && !is_test_module(&file.path) && !file.text.starts_with("//!") {
            problems.push(Problem::new(&file.path, "must open with what it is: a `//!` line"));
        }
        problems.extend(forbidden_words(file));
    }
    problems
}

fn is_test_module(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

fn forbidden_words(file: &File) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        for (head, tail, reason) in WORDS {
            let word = format!("{head}{tail}");
            // An `allow` in a table of lints is no attribute; only Rust has the attribute.
            let applies = word.starts_with('#') == file.path.ends_with(".rs") || !word.starts_with('#');
            if applies && line.contains(&word) {
                problems.push(Problem::new(format!("{}:{}", file.path, number + 1), format!("`{word}`: {reason}")));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(path: &str, text: &str) -> usize {
        check(&[File { path: path.to_owned(), text: text.to_owned() }]).len()
    }

    #[test]
    fn size_first_line_and_words() {
        assert_eq!(problems("a.rs", &"//! A.\n".repeat(LINES_MAX)), 0);
        assert_eq!(problems("a.rs", &"//! A.\n".repeat(LINES_MAX + 1)), 1);
        assert_eq!(problems("a.md", &"text\n".repeat(LINES_MAX + 1)), 0);
        assert_eq!(problems("a.rs", "use b;\n"), 1);
        assert_eq!(problems("crates/x/src/a/tests.rs", "use b;\n"), 0);
        assert_eq!(problems("a.md", concat!("see /wo", "rk/main")), 1);
        assert_eq!(problems("a.rs", concat!("//! A.\n#[all", "ow(dead_code)]\n")), 1);
    }
}
