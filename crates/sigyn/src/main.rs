//! The `sigyn` binary: flags and settings in, a running server out.

mod allocator;
mod config;
mod flags;
mod logging;
mod process_metrics;
mod serve;
mod signals;
mod version;

use std::process::ExitCode;

use config::Config;
use flags::{Action, Flags};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("sigyn: {problem:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let flags = Flags::parse(std::env::args().skip(1))?;
    match flags.action {
        Action::Help => print!("{}", flags::HELP),
        Action::Version => println!("{}", version::line()),
        Action::VerifyConfig => {
            Config::load(&flags)?;
            println!("the configuration is valid");
        }
        Action::Serve => {
            let config = Config::load(&flags)?;
            if flags.print_config {
                eprint!("{}", config.to_yaml());
            }
            let log_level = logging::start(&config.log)?;
            serve::run(config, log_level)?;
        }
    }
    Ok(())
}
