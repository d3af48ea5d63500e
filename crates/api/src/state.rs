//! What the routes share: the parts of this process, its limits and its facts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use serde::Serialize;
use sigyn_model::{TenantLimits, Timestamp};
use sigyn_read::{Cluster, Reader};
use sigyn_write::Writer;
use tokio_util::sync::CancellationToken;

use crate::body::ReceiveBudget;
use crate::push::PushLimits;
use crate::{Cpu, Error, Metrics, Result};

/// Everything [`router`](crate::router) needs. Routes of a part that is absent are not served.
pub struct AppState {
    pub writer: Option<Arc<Writer>>,
    pub reader: Option<Arc<Reader>>,
    /// The processes on the same catalog, when this one announces itself to them.
    pub cluster: Option<Arc<Cluster>>,
    /// Names of the parts that run, for `/services`.
    pub services: Vec<&'static str>,
    pub limits: Arc<TenantLimits>,
    /// Off: every request is tenant `fake`'s.
    pub auth_enabled: bool,
    pub push_limits: PushLimits,
    /// Bytes of push bodies being received at a time, over all connections; past it pushes are refused with 429.
    pub receive_bytes_max: usize,
    pub metrics: Metrics,
    pub registry: Arc<Registry>,
    /// Effective settings and their defaults, as YAML, for `/config`.
    pub config_text: String,
    pub default_config_text: String,
    pub build: BuildInfo,
    pub log_level: Arc<dyn LevelSwitch>,
    /// The host's clock.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    pub cpu: Cpu,
    /// Cancelled when the process begins to stop: `/ready` says so and tails are closed.
    pub stopping: CancellationToken,
}

/// The answer of `/loki/api/v1/status/buildinfo`, under Loki's keys.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildInfo {
    pub version: String,
    pub revision: String,
    pub branch: String,
    pub build_user: String,
    pub build_date: String,
    /// Named by Loki's API; holds the compiler's version here.
    pub go_version: String,
}

/// Reads and changes the level below which the host logs nothing.
pub trait LevelSwitch: Send + Sync {
    fn get(&self) -> String;
    /// `false` when `level` is no level.
    fn set(&self, level: &str) -> bool;
}

/// What handlers see of an [`AppState`].
pub(crate) struct App {
    pub(crate) state: AppState,
    pub(crate) receiving: ReceiveBudget,
}

impl App {
    pub(crate) fn new(state: AppState) -> Self {
        let receiving = ReceiveBudget::new(state.receive_bytes_max);
        Self { state, receiving }
    }

    /// Errors: `Unavailable` in a process without the target; its routes are not served there.
    pub(crate) fn writer(&self) -> Result<&Arc<Writer>> {
        self.state.writer.as_ref().ok_or_else(|| absent("write"))
    }

    /// Errors: `Unavailable` in a process without the target; its routes are not served there.
    pub(crate) fn reader(&self) -> Result<&Arc<Reader>> {
        self.state.reader.as_ref().ok_or_else(|| absent("read"))
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.state.now)()
    }
}

fn absent(target: &str) -> Error {
    Error::Unavailable { message: format!("this process does not run the target {target}") }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("services", &self.state.services).finish_non_exhaustive()
    }
}

/// How often an idle tail is pinged.
pub(crate) const PING_INTERVAL: Duration = Duration::from_secs(1);
