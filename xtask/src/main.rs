//! Sigyn's own tools: `bench`, `chart`, `codegen`, `conformance`, `oracle`, `remote` and `tidy`. The Makefile calls them.

mod bench;
mod chart;
mod codegen;
mod conformance;
mod http;
mod oracle;
mod process;
mod progress;
mod remote;
mod server;
mod tidy;

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "xtask", about = "Tools of the Sigyn project", disable_version_flag = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Push generated logs to a server of the Loki API, time a fixed set of queries, write a table.
    Bench(bench::Args),
    /// Render the Helm chart over a matrix of values and check every object.
    Chart(chart::Args),
    /// Write the files that come from the code.
    Codegen(codegen::Args),
    /// Load a recorded conformance set and compare every answer with the recorded one.
    Conformance(conformance::Args),
    /// Ask any server of the Loki API what the `.test` files ask, and compare.
    Oracle(oracle::Args),
    /// Measure on an S3 and a DynamoDB in this process: cost, acknowledgements, visibility.
    Remote(remote::Args),
    /// Check what the compiler cannot: crate arrows, file sizes, format pages, words.
    Tidy(tidy::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Bench(args) => bench::run(&args),
        Command::Chart(args) => chart::run(&args),
        Command::Codegen(args) => codegen::run(&args),
        Command::Conformance(args) => conformance::run(&args),
        Command::Oracle(args) => oracle::run(&args),
        Command::Remote(args) => remote::run(&args),
        Command::Tidy(args) => tidy::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The checkout's directory.
fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}
