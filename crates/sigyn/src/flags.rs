//! Command-line flags in Loki's spelling: `-name=value`, `-name value`, one dash or two.

use anyhow::{Result, bail};

pub(crate) const HELP: &str = "\
sigyn: a log database that speaks Loki's API

Usage: sigyn [flags]                serve
       sigyn COMMAND [arguments]    ask a server; each command has --help with examples

Commands:
  query          log lines, or a metric over time
  instant-query  a metric at one instant
  labels         label names, or the values of one label
  series         the streams that selectors match
  tail           new log lines as they arrive
  explain        how a query will be answered
  config         check, show or translate a file of settings, Loki's too
  check          prove the storage without serving, estimate the month's bill
  help COMMAND   the help of a command

Flags of the server:
  -config.file=FILE       settings, in YAML, Sigyn's own or Loki's; without it the defaults apply
  -config.expand-env      replace ${VAR} and ${VAR:-default} in a file of Loki; in Sigyn's own it is always done
  -target=LIST            parts to run: all (default), or a comma list of write, read, backend
  -verify-config          check the settings and exit
  -print-config-stderr    print the settings in force before starting
  -health                 ask the server of these settings whether it is ready, and exit: 0 it is, 1 it is not
  -health.url=URL         with -health: ask this address instead, such as http://127.0.0.1:3100/ready
  -version                print the version and exit
  -help                   print this and exit

Any setting can be given as a flag: -server.http-listen-port=3200 sets http_listen_port under server.
A flag wins over the file. Both -flag and --flag work, and so do -flag=value and -flag value.
";

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Serve,
    VerifyConfig,
    Health,
    Version,
    Help,
}

/// Parsed flags.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Flags {
    pub(crate) action: Action,
    pub(crate) config_file: Option<String>,
    pub(crate) print_config: bool,
    /// Replace variables in a file of Loki, as Loki does when it is told to.
    pub(crate) expand_env: bool,
    pub(crate) health_url: Option<String>,
    /// Settings given as flags: the flag as written (without dashes) and its value, in the order given.
    pub(crate) settings: Vec<(String, String)>,
}

impl Flags {
    pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self> {
        let mut flags = Self {
            action: Action::Serve,
            config_file: None,
            print_config: false,
            expand_env: false,
            health_url: None,
            settings: Vec::new(),
        };
        let mut arguments = arguments.into_iter().peekable();
        while let Some(argument) = arguments.next() {
            let Some(flag) = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-')) else {
                bail!("'{argument}' is not a flag; a command comes first, see sigyn -help");
            };
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (flag, None),
            };
            if let Some(switch) = Switch::named(name) {
                flags.turn(switch, name, value.as_deref())?;
                continue;
            }
            if !is_setting(name) {
                bail!("unknown flag -{name}{}; see sigyn -help", suggestion(name));
            }
            // A value in the next argument; a flag there means that a value is missing.
            let value = match value.or_else(|| arguments.next_if(|next| !next.starts_with('-') || next.len() == 1)) {
                Some(value) => value,
                None => bail!("flag -{name} needs a value: -{name}=VALUE"),
            };
            match name {
                "config.file" => flags.config_file = Some(value),
                "health.url" => flags.health_url = Some(value),
                _ => flags.settings.push((name.to_owned(), value)),
            }
        }
        Ok(flags)
    }

    fn turn(&mut self, switch: Switch, name: &str, value: Option<&str>) -> Result<()> {
        let on = match value {
            None | Some("true") => true,
            Some("false") => false,
            Some(other) => bail!("flag -{name} is a switch; '{other}' is neither true nor false"),
        };
        match switch {
            Switch::Action(action) if on => self.action = action,
            Switch::Action(_) => {}
            Switch::ExpandEnv => self.expand_env = on,
            Switch::PrintConfig => self.print_config = on,
        }
        Ok(())
    }
}

/// A flag without a value.
#[derive(Debug, Clone, Copy)]
enum Switch {
    Action(Action),
    PrintConfig,
    ExpandEnv,
}

const SWITCHES: [(&str, Switch); 8] = [
    ("help", Switch::Action(Action::Help)),
    ("h", Switch::Action(Action::Help)),
    ("version", Switch::Action(Action::Version)),
    ("health", Switch::Action(Action::Health)),
    ("verify-config", Switch::Action(Action::VerifyConfig)),
    ("print-config-stderr", Switch::PrintConfig),
    ("config.expand-env", Switch::ExpandEnv),
    ("print-config", Switch::PrintConfig),
];

impl Switch {
    fn named(name: &str) -> Option<Self> {
        SWITCHES.iter().find(|(switch, _)| *switch == name).map(|(_, switch)| *switch)
    }
}

/// Settings have a section, but for the two at the top.
fn is_setting(name: &str) -> bool {
    name.contains('.') || matches!(name, "target" | "auth-enabled" | "auth_enabled")
}

fn suggestion(name: &str) -> String {
    let known = SWITCHES.iter().map(|(switch, _)| *switch).chain(["target", "config.file", "auth-enabled"]);
    match sigyn_settings::nearest::nearest(name, known) {
        Some(near) => format!(", did you mean -{near}?"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Flags, String> {
        Flags::parse(line.split_whitespace().map(str::to_owned)).map_err(|e| e.to_string())
    }

    #[test]
    fn all_spellings_mean_the_same() {
        let expected = Flags {
            action: Action::Serve,
            config_file: Some("x.yaml".to_owned()),
            print_config: true,
            expand_env: false,
            health_url: None,
            settings: vec![("target".to_owned(), "write,read".to_owned())],
        };
        for line in [
            "-config.file=x.yaml -target=write,read -print-config-stderr",
            "--config.file=x.yaml --target=write,read --print-config-stderr=true",
            "-config.file x.yaml -target write,read -print-config-stderr",
            "--config.file x.yaml --target write,read -print-config-stderr -config.expand-env=false",
        ] {
            assert_eq!(parse(line).as_ref(), Ok(&expected), "{line}");
        }
    }

    #[test]
    fn actions() {
        for (line, action) in [
            ("", Action::Serve),
            ("-version", Action::Version),
            ("--help", Action::Help),
            ("-verify-config", Action::VerifyConfig),
            ("-health -health.url=http://x", Action::Health),
            ("-verify-config=false", Action::Serve),
        ] {
            assert_eq!(parse(line).map(|flags| flags.action), Ok(action), "{line}");
        }
    }

    #[test]
    fn mistakes_are_explained() {
        for (line, message) in [
            ("-target=all query", "'query' is not a flag; a command comes first, see sigyn -help"),
            ("-verison", "unknown flag -verison, did you mean -version?; see sigyn -help"),
            ("-zzzzzz", "unknown flag -zzzzzz; see sigyn -help"),
            ("-config.file", "flag -config.file needs a value: -config.file=VALUE"),
            ("-config.file -target=all", "flag -config.file needs a value: -config.file=VALUE"),
            ("-version=maybe", "flag -version is a switch; 'maybe' is neither true nor false"),
        ] {
            assert_eq!(parse(line), Err(message.to_owned()), "{line}");
        }
    }
}
