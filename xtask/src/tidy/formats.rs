//! Bytes on disk: each `format.rs` has a page, the page names its version, and the two change together.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{Problem, sources::File};

/// Layout constants and the page that is their contract.
const PAGES: [(&str, &str); 2] = [
    ("crates/segment/src/format.rs", "docs/formats/segment.md"),
    ("crates/storage/src/object_catalog/format.rs", "docs/formats/catalog.md"),
];

pub(super) fn check(root: &Path, files: &[File]) -> Result<Vec<Problem>> {
    let changed = changed_files(root);
    let text = |path: &str| files.iter().find(|file| file.path == path).map(|file| file.text.as_str());
    let mut problems = Vec::new();
    for (code, page) in PAGES {
        match (text(code), text(page)) {
            (Some(source), Some(page_text)) => problems.extend(check_version(code, page, source, page_text)),
            (None, _) => problems.push(Problem::new(code, "is missing; its page and it belong together")),
            (_, None) => problems.push(Problem::new(page, format!("is missing; it is the contract of {code}"))),
        }
        if changed.contains(code) && !changed.contains(page) {
            problems.push(Problem::new(code, format!("changed without {page}; the page is the contract")));
        }
    }
    Ok(problems)
}

fn check_version(code: &str, page: &str, source: &str, page_text: &str) -> Option<Problem> {
    let Some(version) = version(source) else {
        return Some(Problem::new(code, "has no `const VERSION` or `const ..._VERSION` with a number"));
    };
    let wanted = format!("version {version}");
    (!page_text.to_lowercase().contains(&wanted))
        .then(|| Problem::new(page, format!("does not speak of \"{wanted}\", the current one of {code}")))
}

/// The number of the first constant whose name ends in `VERSION`.
fn version(source: &str) -> Option<u64> {
    source.lines().find_map(|line| {
        let (declared, value) = line.split_once('=')?;
        let name = declared.split_once("const ")?.1.split(':').next()?.trim();
        let digits: String = value.trim().chars().take_while(char::is_ascii_digit).collect();
        name.ends_with("VERSION").then(|| digits.parse().ok())?
    })
}

/// What differs from the last commit, or, in a clean tree, what the last commit changed.
fn changed_files(root: &Path) -> BTreeSet<String> {
    let diff = |range: &[&str]| -> BTreeSet<String> {
        let output = Command::new("git").args(["diff", "--name-only"]).args(range).current_dir(root).output();
        let names = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        names.lines().map(str::to_owned).collect()
    };
    let uncommitted = diff(&["HEAD"]);
    if uncommitted.is_empty() { diff(&["HEAD~1", "HEAD"]) } else { uncommitted }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_looked_for() {
        let source = "//! Layout.\npub const MAGIC: [u8; 4] = *b\"SGYN\";\npub const VERSION: u16 = 3;\n";
        assert_eq!(version(source), Some(3));
        assert_eq!(version("const FORMAT_VERSION: u8 = 0; // first"), Some(0));
        assert_eq!(version("const SIZE: usize = 3;"), None);
        assert_eq!(check_version("format.rs", "page.md", source, "# Segment, Version 3\n"), None);
        assert!(check_version("format.rs", "page.md", source, "# Segment, version 2\n").is_some());
    }
}
