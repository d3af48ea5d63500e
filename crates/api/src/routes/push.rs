//! `POST /loki/api/v1/push` and `/api/prom/push`: answered once the push is durable.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use sigyn_model::TenantId;
use sigyn_write::{DecodePermit, Writer};
use tracing::Instrument as _;

use crate::body::{self, Received};
use crate::push::{self, PathKind};
use crate::request::record_tenants;
use crate::state::App;
use crate::{Error, Result, status, tenancy};

/// Smaller bodies are decoded where they arrive; the trip to the pool would cost more.
const OFFLOAD_BYTES: usize = 64 << 10;

pub(crate) async fn push(State(app): State<Arc<App>>, request: Request) -> Response {
    answer(accept(app, request, PathKind::V1).await)
}

pub(crate) async fn push_legacy(State(app): State<Arc<App>>, request: Request) -> Response {
    answer(accept(app, request, PathKind::Legacy).await)
}

fn answer(outcome: Result<()>) -> Response {
    match outcome {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => status::push_failure(&error),
    }
}

async fn accept(app: Arc<App>, request: Request, path: PathKind) -> Result<()> {
    let (parts, body) = request.into_parts();
    let tenant = tenancy::single(&parts.headers, app.state.auth_enabled)?;
    record_tenants(std::slice::from_ref(&tenant));
    let limits = app.state.push_limits;
    let (body, share) = body::receive(&parts.headers, body, limits.max_recv_msg_size, &app.receiving).await?;

    // From here on the push is ours: a client that hangs up changes nothing.
    let accepted = Accepted { headers: parts.headers, path, body, share, tenant };
    let task = tokio::spawn(store(app, accepted).in_current_span());
    task.await.map_err(|e| Error::Internal { message: format!("the push's task stopped: {e}") })?
}

/// A push that has been received whole.
struct Accepted {
    headers: HeaderMap,
    path: PathKind,
    body: Bytes,
    share: Received,
    tenant: TenantId,
}

async fn store(app: Arc<App>, push: Accepted) -> Result<()> {
    let writer = app.writer()?;
    let permit = writer.begin_decode(push::estimate_memory(&push.headers, &push.body, &app.state.push_limits))?;
    decode_and_push(&app, writer, push, permit).await
}

async fn decode_and_push(app: &App, writer: &Writer, push: Accepted, permit: DecodePermit) -> Result<()> {
    let Accepted { headers, path, body, share, tenant } = push;
    let limits = app.state.push_limits;
    let batch = if body.len() < OFFLOAD_BYTES {
        push::decode(&headers, path, body, &limits)?
    } else {
        app.state.cpu.run(move || push::decode(&headers, path, body, &limits)).await??
    };
    drop(share);
    Ok(writer.push_admitted(&tenant, batch, permit).await?)
}
