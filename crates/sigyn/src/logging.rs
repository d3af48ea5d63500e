//! The process's own log: logfmt or JSON lines on standard error, with a level that can change while it runs.

mod logfmt;

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use sigyn_api::LevelSwitch;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, fmt, reload};

use crate::config::{LogConfig, LogFormat, LogLevel};

/// Overrides the level for single modules, as in `RUST_LOG=sigyn_read=debug`.
const DIRECTIVES: &str = "RUST_LOG";

/// Starts logging for the whole process.
pub(crate) fn start(config: &LogConfig) -> Result<Arc<dyn LevelSwitch>> {
    let level = name(config.level);
    let (filter, handle) = reload::Layer::new(filter(level));
    let lines = match config.format {
        LogFormat::Logfmt => fmt::layer()
            .with_writer(std::io::stderr)
            .event_format(logfmt::Logfmt)
            .fmt_fields(logfmt::LogfmtFields)
            .boxed(),
        LogFormat::Json => {
            fmt::layer().with_writer(std::io::stderr).json().flatten_event(true).with_span_list(false).boxed()
        }
    };
    tracing_subscriber::registry().with(filter).with(lines).try_init().context("starting the log")?;
    Ok(Arc::new(Switch { level: Mutex::new(level.to_owned()), handle }))
}

/// Libraries are heard from `warn` up unless they are asked for by name.
fn filter(level: &str) -> EnvFilter {
    let ours = [
        "sigyn",
        "sigyn_api",
        "sigyn_write",
        "sigyn_read",
        "sigyn_backend",
        "sigyn_storage",
        "sigyn_segment",
        "sigyn_logql",
    ];
    let directives: Vec<String> = ours.iter().map(|krate| format!("{krate}={level}")).collect();
    let asked_for = std::env::var(DIRECTIVES).unwrap_or_default();
    let others = if level == "error" { LevelFilter::ERROR } else { LevelFilter::WARN };
    EnvFilter::builder()
        .with_default_directive(others.into())
        .parse_lossy(format!("{},{asked_for}", directives.join(",")))
}

fn name(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    }
}

struct Switch {
    level: Mutex<String>,
    handle: reload::Handle<EnvFilter, Registry>,
}

impl LevelSwitch for Switch {
    fn get(&self) -> String {
        self.level.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, level: &str) -> bool {
        if !matches!(level, "error" | "warn" | "info" | "debug" | "trace") || self.handle.reload(filter(level)).is_err()
        {
            return false;
        }
        level.clone_into(&mut self.level.lock().unwrap_or_else(PoisonError::into_inner));
        true
    }
}
