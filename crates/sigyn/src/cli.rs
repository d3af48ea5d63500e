//! The client commands: questions from a terminal to any server that speaks Loki's API.
//!
//! They share flags ([`args`]), one HTTP client ([`client`]) and the ways to print ([`output`]).
//! Nothing here knows the server inside this binary: everything goes over HTTP, to Loki as well as to Sigyn.

mod answer;
mod args;
mod check;
mod client;
mod config;
mod explain;
mod labels;
mod output;
mod pages;
mod query;
mod series;
mod split;
mod tail;
#[cfg(test)]
mod testing;
mod times;
mod tls;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory as _, Parser, Subcommand};

use args::Shared;
use client::Client;
use output::Console;

/// What a command is given beside its own flags.
struct Context {
    client: Client,
    console: Console,
    /// Nanoseconds since the Unix epoch, once for the whole command.
    now: i64,
    shared: Shared,
}

#[derive(Debug, Parser)]
#[command(name = "sigyn", version, disable_help_subcommand = false, max_term_width = 120)]
#[command(about = "Questions to any server that speaks Loki's API; `sigyn -help` has the flags of the server")]
struct Cli {
    #[command(flatten)]
    shared: Shared,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Ask for log lines, or for a metric over time
    Query(query::Args),
    /// Ask for a metric at one instant
    InstantQuery(query::InstantArgs),
    /// List label names, or the values of one label
    Labels(labels::Args),
    /// List the streams that selectors match
    Series(series::Args),
    /// Watch new log lines arrive
    Tail(tail::Args),
    /// Show how a query will be answered: the plan, what is pruned, what is read (Sigyn only)
    Explain(explain::Args),
    Config(config::Args),
    Check(check::Args),
}

/// Whether these arguments are for a client command: a word comes first, or a flag that only commands have.
pub(crate) fn is_command(arguments: &[String]) -> bool {
    let Some(first) = arguments.first() else { return false };
    // `sigyn help` is for both halves of the binary and belongs to the server's flags.
    if first == "help" && arguments.len() == 1 {
        return false;
    }
    match first.strip_prefix("--") {
        None => !first.starts_with('-'),
        Some(flag) => {
            let name = flag.split_once('=').map_or(flag, |(name, _)| name);
            let is_named = |argument: &clap::Arg| {
                argument.get_long_and_visible_aliases().is_some_and(|names| names.contains(&name))
            };
            Cli::command().get_arguments().any(is_named)
        }
    }
}

/// Runs the command to its end: 0 it was answered, 1 it was not, 2 the command line is wrong.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    let program = std::iter::once("sigyn".to_owned());
    let cli = match Cli::try_parse_from(program.chain(arguments.iter().cloned())) {
        Ok(cli) => cli,
        Err(problem) => {
            // Nobody is left to tell when the terminal is gone.
            let _ = problem.print();
            return if problem.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    match answer(cli) {
        Ok(()) => ExitCode::SUCCESS,
        // `sigyn query … | head` has what it wanted.
        Err(problem) if output::is_closed(&problem) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("sigyn: {problem:#}");
            ExitCode::FAILURE
        }
    }
}

fn answer(cli: Cli) -> Result<()> {
    if let Command::Config(args) = &cli.command {
        let mut console = Console::new(&cli.shared);
        console.out.write_all(config::run(args)?.as_bytes())?;
        return console.flush();
    }
    if let Command::Check(args) = &cli.command {
        let mut console = Console::new(&cli.shared);
        return check::run(args, &mut |text| {
            console.out.write_all(text.as_bytes())?;
            console.flush()
        });
    }
    let mut context = Context {
        client: Client::new(&cli.shared)?,
        console: Console::new(&cli.shared),
        now: times::now(),
        shared: cli.shared,
    };
    match &cli.command {
        Command::Query(args) => query::run(&mut context, args),
        Command::InstantQuery(args) => query::run_instant(&mut context, args),
        Command::Labels(args) => labels::run(&mut context, args),
        Command::Series(args) => series::run(&mut context, args),
        Command::Tail(args) => tail::run(&mut context, args),
        Command::Explain(args) => explain::run(&mut context, args),
        // Answered above, without a client.
        Command::Config(_) | Command::Check(_) => Ok(()),
    }?;
    context.console.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_command_line(line: &str) -> bool {
        is_command(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_server_keeps_its_command_lines() {
        for line in ["", "-config.file=x", "-help", "--help", "--version", "help", "-target=all query", "--unknown"] {
            assert!(!is_command_line(line), "{line}");
        }
        for line in ["query {a=\"b\"}", "labels", "help query", "--addr=http://x labels", "--tenant a labels", "serve"]
        {
            assert!(is_command_line(line), "{line}");
        }
    }

    #[test]
    fn every_command_is_listed_in_the_help() {
        for command in Cli::command().get_subcommands() {
            let line = format!("\n  {} ", command.get_name());
            assert!(crate::flags::HELP.contains(&line), "{line}");
        }
    }
}
