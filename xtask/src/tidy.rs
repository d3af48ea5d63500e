//! What the compiler cannot check: the allowed arrows between crates, file sizes, format pages, words.

mod arrows;
mod formats;
mod sources;

use std::fs;

use anyhow::{Result, bail};

use crate::codegen::{self, schema};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// One finding: where, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
struct Problem {
    place: String,
    text: String,
}

impl Problem {
    fn new(place: impl Into<String>, text: impl Into<String>) -> Self {
        Self { place: place.into(), text: text.into() }
    }
}

pub(crate) fn run(_args: &Args) -> Result<()> {
    let root = crate::root();
    let files = sources::files(root)?;
    let mut problems = arrows::check(root)?;
    problems.extend(sources::check(&files));
    problems.extend(formats::check(root, &files)?);
    if fs::read_to_string(root.join(codegen::PAGE)).unwrap_or_default() != codegen::configuration_page(root)? {
        problems.push(Problem::new(codegen::PAGE, "is not what the code says; run `make codegen`"));
    }
    if fs::read_to_string(root.join(schema::FILE)).unwrap_or_default() != schema::values_schema(root)? {
        problems.push(Problem::new(schema::FILE, "is not what the code says; run `make codegen`"));
    }
    for problem in &problems {
        println!("{}: {}", problem.place, problem.text);
    }
    if !problems.is_empty() {
        bail!("tidy found {} problems in {} files", problems.len(), files.len());
    }
    println!("tidy: {} files in order", files.len());
    Ok(())
}
