//! A server without a socket: requests in, responses out, on a clock that stands still.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use prometheus_client::registry::Registry;
use serde_json::Value;
use sigyn_model::{Limits, TenantLimits, Timestamp};
use sigyn_read::{ReadConfig, Reader};
use sigyn_storage::{Clock as _, CpuPool, ManualClock, StorageConfig};
use sigyn_write::{WriteConfig, Writer};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::push::PushLimits;
use crate::{AppState, BuildInfo, Cpu, LevelSwitch, Metrics};

/// What the clock says: a whole hour.
pub(super) const NOW: i64 = 1_795_309_200;

/// `NOW - 60`, in nanoseconds: where tests put their entries.
pub(super) const ENTRY: i64 = (NOW - 60) * 1_000_000_000;

pub(super) struct Server {
    pub(super) router: Router,
    pub(super) stopping: CancellationToken,
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as a value, `stats` left out.
    pub(super) fn json(&self) -> Value {
        let mut value: Value =
            serde_json::from_slice(&self.body).unwrap_or_else(|e| unreachable!("{e}: {}", self.text()));
        if let Some(data) = value.get_mut("data").and_then(Value::as_object_mut) {
            data.remove("stats");
        }
        value
    }

    /// Status and text, to compare at once.
    pub(super) fn refusal(&self) -> (u16, String) {
        (self.status.as_u16(), self.text())
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }
}

pub(super) async fn server() -> Server {
    start(false, Limits::default()).await
}

pub(super) async fn start(auth_enabled: bool, limits: Limits) -> Server {
    let state = state(auth_enabled, limits).await;
    let stopping = state.stopping.clone();
    Server { router: crate::router(state), stopping }
}

pub(super) async fn state(auth_enabled: bool, limits: Limits) -> AppState {
    let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(NOW)));
    let config = StorageConfig { bucket: "memory:".to_owned(), ..StorageConfig::default() };
    let storage = sigyn_storage::open(&config, Arc::<ManualClock>::clone(&clock)).await.expect("memory opens");
    let limits = Arc::new(TenantLimits::new(limits));
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let cpu = CpuPool::inline();
    let writer = Writer::new(WriteConfig::default(), storage.clone(), cpu.clone(), Arc::clone(&limits), &mut registry);
    let reader = Reader::new(ReadConfig::default(), storage, cpu, Arc::clone(&limits), &mut registry);
    AppState {
        writer: Some(Arc::new(writer)),
        reader: Some(Arc::new(reader)),
        cluster: None,
        services: vec!["write", "read"],
        limits,
        auth_enabled,
        push_limits: PushLimits { max_recv_msg_size: 1 << 20, ..PushLimits::default() },
        receive_bytes_max: 4 << 20,
        metrics,
        registry: Arc::new(registry),
        config_text: "target: all\n".to_owned(),
        default_config_text: "target: default\n".to_owned(),
        build: BuildInfo {
            version: "1.2.3".to_owned(),
            revision: String::new(),
            branch: String::new(),
            build_user: String::new(),
            build_date: String::new(),
            go_version: String::new(),
        },
        log_level: Arc::new(FixedLevel),
        now: Arc::new(move || clock.now()),
        cpu: Cpu::inline(),
        stopping: CancellationToken::new(),
    }
}

struct FixedLevel;

impl LevelSwitch for FixedLevel {
    fn get(&self) -> String {
        "info".to_owned()
    }

    fn set(&self, level: &str) -> bool {
        level == "debug"
    }
}

impl Server {
    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("routers do not fail");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("bodies are complete").to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// GET with a query string built from pairs.
    pub(super) async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Answer {
        self.send(request("GET", path, parameters, &[])).await
    }

    pub(super) async fn get_with(&self, path: &str, parameters: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        self.send(request("GET", path, parameters, headers)).await
    }

    /// A JSON push for a tenant.
    pub(super) async fn push_as(&self, tenant: &str, streams: Value) -> Answer {
        let request = Request::builder()
            .method("POST")
            .uri("/loki/api/v1/push")
            .header("content-type", "application/json")
            .header("x-scope-orgid", tenant)
            .body(Body::from(serde_json::json!({ "streams": streams }).to_string()))
            .expect("a request");
        self.send(request).await
    }

    pub(super) async fn push(&self, streams: Value) {
        let answer = self.push_as("fake", streams).await;
        assert_eq!(answer.refusal(), (204, String::new()));
    }
}

pub(super) fn request(
    method: &str,
    path: &str,
    parameters: &[(&str, &str)],
    headers: &[(&str, &str)],
) -> Request<Body> {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let mut request = Request::builder().method(method).uri(format!("{path}?{query}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).expect("a request")
}
