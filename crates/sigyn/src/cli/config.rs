//! `sigyn config`: files of settings, looked at without a server.

use anyhow::Result;
use clap::Subcommand;
use sigyn_settings::mask;

use crate::config::{Config, Loaded, translate};
use crate::flags::Flags;

/// Check, show or translate a file of settings, Sigyn's own or Loki's.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sigyn config check sigyn.yaml
  sigyn config translate loki.yaml -config.expand-env=true > sigyn.yaml
  sigyn config show loki.yaml -server.http-listen-port=3200")]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Say everything that is wrong with a file, at once
    Check(FileAndFlags),
    /// Print the settings in force, each with where it comes from; secrets are masked
    Show(FileAndFlags),
    /// Print a file of Loki in Sigyn's form, with a comment for each key that changed or is not needed
    Translate(FileAndFlags),
}

#[derive(Debug, clap::Args)]
struct FileAndFlags {
    /// The file, and flags of the server over it, such as -config.expand-env=true
    #[arg(value_name = "FILE [FLAGS]", trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

impl FileAndFlags {
    fn flags(&self) -> Result<Flags> {
        let (file, flags) = match self.rest.split_first() {
            Some((file, flags)) if !file.starts_with('-') => (Some(file.clone()), flags),
            _ => (None, self.rest.as_slice()),
        };
        let mut flags = Flags::parse(flags.iter().cloned())?;
        if file.is_some() {
            flags.config_file = file;
        }
        Ok(flags)
    }
}

/// Needs no server and asks none.
pub(super) fn run(args: &Args) -> Result<String> {
    match &args.verb {
        Verb::Check(arguments) => Ok(check(&Config::load(&arguments.flags()?)?)),
        Verb::Show(arguments) => Ok(Config::load(&arguments.flags()?)?.show()),
        Verb::Translate(arguments) => translate(&arguments.flags()?),
    }
}

fn check(loaded: &Loaded) -> String {
    let mut out = format!("{} is valid\n", loaded.name);
    if let Some(loki) = &loaded.loki {
        out.push_str("it is a configuration of Loki; `sigyn config translate` prints it in Sigyn's form\n");
        for note in &loki.notes {
            let place = note.place.as_ref().map_or(String::new(), |place| format!("{place}: "));
            out.push_str(&format!("  {place}{} {}: {}\n", note.key, note.kind.words(), mask::urls(&note.text)));
        }
    }
    out
}
