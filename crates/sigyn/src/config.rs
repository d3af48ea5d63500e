//! Settings: the short YAML file, flags over it, and everything that is wrong with them at once.

mod check;
mod cluster;
mod load;
mod show;
mod summary;
mod translate;

use serde::{Deserialize, Serialize};
use sigyn_backend::BackendConfig;
use sigyn_model::duration::Span;
use sigyn_model::{ByteSize, Limits};
use sigyn_read::ReadConfig;
use sigyn_settings::{mask, print};
use sigyn_storage::StorageConfig;
use sigyn_write::WriteConfig;

pub(crate) use cluster::ClusterConfig;
pub(crate) use load::Loaded;
pub(crate) use translate::{from_loki_values, translate};

/// All settings; `Default` is the documented default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Parts to run: `all`, or a comma list of `write`, `read`, `backend`.
    pub(crate) target: Targets,
    /// Take the tenant from `X-Scope-OrgID`, and refuse requests without it. Default false: one tenant, `fake`.
    pub(crate) auth_enabled: bool,
    pub(crate) server: ServerConfig,
    pub(crate) cluster: ClusterConfig,
    pub(crate) storage: StorageConfig,
    pub(crate) write: WriteConfig,
    pub(crate) read: ReadConfig,
    pub(crate) backend: BackendConfig,
    pub(crate) limits: Limits,
    pub(crate) runtime_config: RuntimeConfig,
    pub(crate) log: LogConfig,
}

/// The HTTP server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ServerConfig {
    /// Address to listen on. Default 127.0.0.1; 0.0.0.0 is every interface.
    pub(crate) http_listen_address: String,
    /// Port to listen on. Default 3100; 0 lets the system choose.
    pub(crate) http_listen_port: u16,
    /// How long to wait for requests under way when stopping. Default 30s.
    pub(crate) graceful_shutdown_timeout: Span,
    /// Largest push body as received. Default 100MiB.
    pub(crate) max_recv_msg_size: ByteSize,
    /// Largest push body once decompressed. Default 256MiB.
    pub(crate) max_decompressed_size: ByteSize,
    /// Bytes of push bodies being received at a time, over all connections; past it pushes get 429. Default 128MiB.
    pub(crate) max_receiving_bytes: ByteSize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            http_listen_address: "127.0.0.1".to_owned(),
            http_listen_port: 3100,
            graceful_shutdown_timeout: Span::seconds(30),
            max_recv_msg_size: ByteSize::mib(100),
            max_decompressed_size: ByteSize::mib(256),
            max_receiving_bytes: ByteSize::mib(128),
        }
    }
}

impl ServerConfig {
    /// Every problem at once, each with its key.
    fn validate(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.max_receiving_bytes < self.max_recv_msg_size {
            problems.push(format!(
                "server.max_receiving_bytes is {}; it must be at least server.max_recv_msg_size, {}",
                self.max_receiving_bytes, self.max_recv_msg_size
            ));
        }
        if self.graceful_shutdown_timeout.nanos() < 0 {
            problems.push("server.graceful_shutdown_timeout must be 0s or more".to_owned());
        }
        problems
    }
}

/// Limits of single tenants, in a file that is read again while the process runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RuntimeConfig {
    /// File with `overrides:`, a tenant's name and its own limits below it, under their names in `limits`; several, separated by commas, are merged in their order. Default none.
    pub(crate) file: String,
    /// How often the file is looked at. Default 10s; a file with a mistake changes nothing, and is told in the log and the metrics.
    pub(crate) period: Span,
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self { file: String::new(), period: Span::seconds(10) }
    }
}

impl RuntimeConfig {
    fn validate(&self) -> Vec<String> {
        if self.period.nanos() <= 0 {
            vec!["runtime_config.period must be more than 0s".to_owned()]
        } else {
            Vec::new()
        }
    }
}

/// What the process writes to standard error.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LogConfig {
    /// Default info.
    pub(crate) level: LogLevel,
    /// Default logfmt.
    pub(crate) format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    #[default]
    Logfmt,
    Json,
}

/// Which parts run in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Targets {
    pub(crate) write: bool,
    pub(crate) read: bool,
    pub(crate) backend: bool,
}

const ALL: Targets = Targets { write: true, read: true, backend: true };

impl Default for Targets {
    fn default() -> Self {
        ALL
    }
}

impl Targets {
    /// What these targets do with the storage.
    pub(crate) fn storage_access(self) -> sigyn_storage::Access {
        if self.write || self.backend { sigyn_storage::Access::Write } else { sigyn_storage::Access::Read }
    }

    pub(crate) fn names(self) -> Vec<&'static str> {
        [("write", self.write), ("read", self.read), ("backend", self.backend)]
            .into_iter()
            .filter_map(|(name, runs)| runs.then_some(name))
            .collect()
    }
}

impl TryFrom<String> for Targets {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut targets = Self { write: false, read: false, backend: false };
        for name in text.split(',').map(str::trim) {
            match name {
                "all" => targets = ALL,
                "write" => targets.write = true,
                "read" => targets.read = true,
                "backend" => targets.backend = true,
                other => {
                    return Err(format!(
                        "'{other}' is not a target; write all, or a comma list of write, read, backend"
                    ));
                }
            }
        }
        Ok(targets)
    }
}

impl From<Targets> for String {
    fn from(targets: Targets) -> Self {
        if targets == ALL { "all".to_owned() } else { targets.names().join(",") }
    }
}

impl Config {
    fn validate(&self) -> Vec<String> {
        let parts = [
            self.server.validate(),
            self.cluster.validate(),
            self.storage.validate(),
            self.write.validate(),
            self.read.validate(),
            self.backend.validate(),
            self.limits.validate(),
            self.runtime_config.validate(),
        ];
        parts.into_iter().flatten().collect()
    }

    /// The settings in force, as a file; secrets are masked.
    pub(crate) fn to_yaml(&self) -> String {
        mask::urls(&print::value(&check::as_value(self)))
    }
}

#[cfg(test)]
mod tests;
