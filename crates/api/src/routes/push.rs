//! `POST /loki/api/v1/push`, `/api/prom/push` and `/otlp/v1/logs`: answered once the push is durable.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use sigyn_model::TenantId;
use sigyn_write::{DecodePermit, PushBatch, Writer};
use tracing::Instrument as _;

use crate::body::{self, Received};
use crate::push::{self, PathKind, PushError, PushLimits, otlp};
use crate::request::record_tenants;
use crate::state::App;
use crate::{Error, Result, status, tenancy};

/// Smaller bodies are decoded where they arrive; the trip to the pool would cost more.
const OFFLOAD_BYTES: usize = 64 << 10;

pub(crate) async fn push(State(app): State<Arc<App>>, request: Request) -> Response {
    answer(accept(app, request, Protocol::Loki(PathKind::V1)).await)
}

pub(crate) async fn push_legacy(State(app): State<Arc<App>>, request: Request) -> Response {
    answer(accept(app, request, Protocol::Loki(PathKind::Legacy)).await)
}

pub(crate) async fn push_otlp(State(app): State<Arc<App>>, request: Request) -> Response {
    match accept(app, request, Protocol::Otlp).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => status::otlp_failure(&error),
    }
}

fn answer(outcome: Result<()>) -> Response {
    match outcome {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => status::push_failure(&error),
    }
}

async fn accept(app: Arc<App>, request: Request, protocol: Protocol) -> Result<()> {
    let (parts, body) = request.into_parts();
    let tenant = tenancy::single(&parts.headers, app.state.auth_enabled)?;
    record_tenants(std::slice::from_ref(&tenant));
    let limits = app.state.push_limits;
    let (body, share) = body::receive(&parts.headers, body, limits.max_recv_msg_size, &app.receiving).await?;

    // From here on the push is ours: a client that hangs up changes nothing.
    let accepted = Accepted { headers: parts.headers, protocol, body, share, tenant };
    let task = tokio::spawn(store(app, accepted).in_current_span());
    task.await.map_err(|e| Error::Internal { message: format!("the push's task stopped: {e}") })?
}

/// How a push's body is to be read.
#[derive(Debug, Clone, Copy)]
enum Protocol {
    Loki(PathKind),
    Otlp,
}

/// A push that has been received whole.
struct Accepted {
    headers: HeaderMap,
    protocol: Protocol,
    body: Bytes,
    share: Received,
    tenant: TenantId,
}

async fn store(app: Arc<App>, push: Accepted) -> Result<()> {
    let writer = app.writer()?;
    let limits = &app.state.push_limits;
    let memory = match push.protocol {
        Protocol::Loki(_) => push::estimate_memory(&push.headers, &push.body, limits),
        Protocol::Otlp => otlp::estimate_memory(&push.headers, &push.body, limits),
    };
    let permit = writer.begin_decode(memory)?;
    decode_and_push(&app, writer, push, permit).await
}

async fn decode_and_push(app: &App, writer: &Writer, push: Accepted, permit: DecodePermit) -> Result<()> {
    let Accepted { headers, protocol, body, share, tenant } = push;
    let limits = app.state.push_limits;
    let now = app.now().0;
    let batch = if body.len() < OFFLOAD_BYTES {
        decode(&headers, protocol, body, &limits, now)?
    } else {
        app.state.cpu.run(move || decode(&headers, protocol, body, &limits, now)).await??
    };
    drop(share);
    Ok(writer.push_admitted(&tenant, batch, permit).await?)
}

fn decode(
    headers: &HeaderMap,
    protocol: Protocol,
    body: Bytes,
    limits: &PushLimits,
    now: i64,
) -> Result<PushBatch, PushError> {
    match protocol {
        Protocol::Loki(path) => push::decode(headers, path, body, limits),
        Protocol::Otlp => otlp::decode(headers, body, limits, &otlp::Rules, now),
    }
}
