//! Flags that several commands share, in logcli's spelling where logcli has them.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use sigyn_model::duration::Span;

use super::times::{self, Zone};

pub(super) const DEFAULT_ADDRESS: &str = "http://127.0.0.1:3100";

/// Where to ask, as whom, and how to print. Every command takes these, before or after its name.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Server")]
pub(super) struct Shared {
    /// Address of the server [env: SIGYN_ADDR, LOKI_ADDR] [default: http://127.0.0.1:3100]
    #[arg(long, global = true, value_name = "URL")]
    pub(super) addr: Option<String>,
    /// Tenant, sent as X-Scope-OrgID; several as a|b [env: SIGYN_TENANT, LOKI_ORG_ID]
    #[arg(long, global = true, visible_alias = "tenant", value_name = "TENANT")]
    pub(super) org_id: Option<String>,
    /// User of HTTP basic authentication [env: SIGYN_USERNAME, LOKI_USERNAME]
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) username: Option<String>,
    /// Password of HTTP basic authentication; better in the environment [env: SIGYN_PASSWORD, LOKI_PASSWORD]
    #[arg(long, global = true)]
    pub(super) password: Option<String>,
    /// Bearer token; better in the environment [env: SIGYN_BEARER_TOKEN, LOKI_BEARER_TOKEN]
    #[arg(long, global = true, value_name = "TOKEN")]
    pub(super) bearer_token: Option<String>,
    /// File with the bearer token [env: SIGYN_BEARER_TOKEN_FILE, LOKI_BEARER_TOKEN_FILE]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) bearer_token_file: Option<String>,
    /// Another header, 'Name: value'; may be repeated
    #[arg(long, global = true, value_name = "HEADER")]
    pub(super) header: Vec<String>,
    /// Certificates to trust beside the system's, PEM [env: SIGYN_CA_CERT, LOKI_CA_CERT_PATH]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) ca_cert: Option<String>,
    /// Client certificate, PEM [env: SIGYN_CLIENT_CERT, LOKI_CLIENT_CERT_PATH]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) cert: Option<String>,
    /// Key of the client certificate, PEM [env: SIGYN_CLIENT_KEY, LOKI_CLIENT_KEY_PATH]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) key: Option<String>,
    /// Accept any certificate: whoever sits between you and the server can read and change everything
    #[arg(long, global = true)]
    pub(super) tls_skip_verify: bool,
    /// Longest time to wait for one answer
    #[arg(long, global = true, value_name = "DURATION", default_value = "5m")]
    pub(super) timeout: Span,
    /// How often to ask again after 429, 5xx or a lost connection [default: 5 in exports, no end in tails]
    #[arg(long, global = true, value_name = "N")]
    pub(super) retries: Option<u32>,

    /// How to print
    #[arg(short, long, global = true, value_enum, default_value_t, help_heading = "Output")]
    pub(super) output: Format,
    /// Zone of printed times, and of given ones that name none: Local, UTC, Europe/Oslo …
    #[arg(short = 'z', long, global = true, value_name = "ZONE", default_value = "Local", help_heading = "Output")]
    pub(super) timezone: Zone,
    /// Colours; auto means on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN", help_heading = "Output")]
    #[arg(visible_alias = "colour")]
    pub(super) color: When,
    /// No notes and no progress on standard error, only errors
    #[arg(short, long, global = true, help_heading = "Output")]
    pub(super) quiet: bool,
    /// Print the server's statistics of the query to standard error
    #[arg(long, global = true, help_heading = "Output")]
    pub(super) stats: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Format {
    /// For reading: time, labels, line; tables of metrics
    #[default]
    Default,
    /// Only the lines, or one sample a line
    Raw,
    /// One JSON object a line, with everything in it
    Jsonl,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum When {
    #[default]
    Auto,
    Always,
    Never,
}

impl Shared {
    /// The flag, or else the first variable of the environment that is set and not empty.
    pub(super) fn or_env(flag: Option<&str>, names: &[&str]) -> Option<String> {
        let from_env = || names.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
        flag.map(str::to_owned).or_else(from_env)
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout.as_duration()
    }
}

/// Which time to ask for.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Time")]
pub(super) struct RangeArgs {
    /// How far back to look, when there is no --from
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    pub(super) since: Span,
    /// Start: 2026-11-23T10:00:00Z, '2026-11-23 10:00', 2026-11-23, Unix seconds … nanoseconds, or 2h (ago)
    #[arg(long, value_name = "TIME", visible_alias = "start", allow_hyphen_values = true)]
    pub(super) from: Option<String>,
    /// End, exclusive; spelled as --from [default: now]
    #[arg(long, value_name = "TIME", visible_alias = "end", allow_hyphen_values = true)]
    pub(super) to: Option<String>,
}

impl RangeArgs {
    /// Start and end in nanoseconds.
    ///
    /// Errors: a time that cannot be read, or an end that is not after the start.
    pub(super) fn resolve(&self, now: i64, zone: &Zone) -> Result<(i64, i64)> {
        let read = |text: &Option<String>| text.as_deref().map(|text| times::parse(text, now, zone)).transpose();
        let end = read(&self.to)?.unwrap_or(now);
        let start = match read(&self.from)? {
            Some(start) => start,
            None => end.saturating_sub(self.since.nanos()),
        };
        if start >= end {
            bail!("the start, {}, is not before the end, {}", zone.format(start), zone.format(end));
        }
        Ok((start, end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_428_000_000_000_000;
    const HOUR: i64 = 3_600_000_000_000;

    fn resolve(since: &str, from: Option<&str>, to: Option<&str>) -> Result<(i64, i64), String> {
        let args =
            RangeArgs { since: since.parse().expect(since), from: from.map(str::to_owned), to: to.map(str::to_owned) };
        args.resolve(NOW, &"UTC".parse().expect("UTC is known")).map_err(|error| error.to_string())
    }

    #[test]
    fn flags_of_time() {
        for (since, from, to, start, end) in [
            ("1h", None, None, NOW - HOUR, NOW),
            ("1.5h", None, None, NOW - HOUR * 3 / 2, NOW),
            ("2d", None, None, NOW - 48 * HOUR, NOW),
            ("1h", Some("2h"), None, NOW - 2 * HOUR, NOW),
            ("1h", None, Some("2h"), NOW - 3 * HOUR, NOW - 2 * HOUR),
            ("1h", Some("now-3h"), Some("now-1h"), NOW - 3 * HOUR, NOW - HOUR),
        ] {
            assert_eq!(resolve(since, from, to), Ok((start, end)), "{since} {from:?} {to:?}");
        }
        let backwards = resolve("1h", Some("1h"), Some("2h")).expect_err("the end is before the start");
        assert!(backwards.starts_with("the start, 2026-"), "{backwards}");
        assert!(resolve("1h", Some("yesterday"), None).is_err_and(|error| error.contains("'yesterday'")));
    }
}
