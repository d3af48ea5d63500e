//! The `sigyn` binary: flags and settings in, a running server out; or a command in, an answer out.

mod allocator;
mod cli;
mod config;
mod flags;
mod health;
mod logging;
mod overrides;
mod process_metrics;
mod serve;
mod signals;
mod version;

use std::process::ExitCode;

use config::Config;
use flags::{Action, Flags};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if cli::is_command(&arguments) {
        return cli::run(&arguments);
    }
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            // An address in it may hold a key.
            eprintln!("sigyn: {}", sigyn_settings::mask::urls(&format!("{problem:#}")));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Vec<String>) -> anyhow::Result<()> {
    if arguments == ["help"] {
        print!("{}", flags::HELP);
        return Ok(());
    }
    let flags = Flags::parse(arguments)?;
    match flags.action {
        Action::Help => print!("{}", flags::HELP),
        Action::Version => println!("{}", version::line()),
        Action::Health => health::check(&Config::load(&flags)?.config, flags.health_url.as_deref())?,
        Action::VerifyConfig => {
            Config::load(&flags)?;
            println!("the configuration is valid");
        }
        Action::Serve => {
            let loaded = Config::load(&flags)?;
            if flags.print_config {
                eprint!("{}", loaded.config.to_yaml());
            }
            let log_level = logging::start(&loaded.config.log)?;
            serve::run(loaded, log_level)?;
        }
    }
    Ok(())
}
