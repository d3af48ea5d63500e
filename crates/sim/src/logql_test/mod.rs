//! `.test` files: queries over a few entries and the answers they must give, read by people and run against anything.
//!
//! A [`Script`] is one file; [`Script::run`] loads its entries into a [`Target`] (the crates of this process as [`Local`], or a
//! server of the Loki API as [`Http`]), asks every question and compares. The format is described in `docs/testing.md`.

mod http;
mod local;
mod outcome;
mod run;
mod script;
mod text;

pub use http::Http;
pub use local::Local;
pub use outcome::{Outcome, Series, Stream};
pub use run::Report;
pub use script::{Entry, Expected, Kind, Load, Question, Script};

use std::fs;
use std::path::{Path, PathBuf};

/// What can be loaded and asked: a server of the Loki API or its parts.
///
/// Times of loads and questions are offsets, in nanoseconds, from an instant that the target chooses: a whole hour, so that
/// steps which divide the hour are aligned.
pub trait Target {
    /// Stores the entries, in their order, so that the next question sees them. Errors: a sentence.
    fn load(&self, load: &Load) -> Result<(), String>;

    /// Asks. A refused query is an [`Outcome`] too; errors are whatever kept the target from answering at all.
    fn ask(&self, question: &Question) -> Result<Outcome, String>;
}

/// The `.test` files of a directory, by name.
///
/// Errors: the directory or its entries cannot be read.
pub fn files(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |error: std::io::Error| format!("reading {}: {error}", directory.display());
    let entries = fs::read_dir(directory).map_err(failed)?;
    let paths: Result<Vec<PathBuf>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths: Vec<PathBuf> = paths.map_err(failed)?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "test"));
    paths.sort();
    Ok(paths)
}
