//! `/loki/api/v1/tail` and `/api/prom/tail`: new entries over a websocket as they arrive.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use axum::extract::{FromRequestParts as _, Request, State, WebSocketUpgrade};
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use sigyn_logql::ast::Expr;
use sigyn_model::TenantId;
use sigyn_read::{TailFrame, TailRequest, TailStream};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::legacy::regexp_filter;
use crate::json::{self, EncodingFlags};
use crate::params::{self, Params};
use crate::request::record_tenants;
use crate::state::{App, PING_INTERVAL};
use crate::{Error, Result, query_limits, tenancy};

const DELAY_SECONDS_MAX: i64 = 5;
/// A listener that takes nothing for this long is gone.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// A close frame holds 125 bytes, two of them its code.
const CLOSE_REASON_BYTES_MAX: usize = 123;

pub(crate) async fn tail(State(app): State<Arc<App>>, request: Request) -> Response {
    open(app, request, Frames::V1).await
}

pub(crate) async fn tail_legacy(State(app): State<Arc<App>>, request: Request) -> Response {
    open(app, request, Frames::Legacy).await
}

async fn open(app: Arc<App>, request: Request, frames: Frames) -> Response {
    match prepare(&app, request, frames).await {
        Ok((upgrade, session)) => upgrade.on_upgrade(move |socket| session.run(app, socket)),
        Err(response) => response,
    }
}

/// How frames are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frames {
    V1,
    Legacy,
}

/// What happens after the upgrade.
struct Session {
    tenant: TenantId,
    /// `None`: not a log query, which a client learns from the close frame.
    request: Option<TailRequest>,
    flags: EncodingFlags,
    frames: Frames,
}

/// Everything that is refused with plain HTTP, before the upgrade.
async fn prepare(app: &App, request: Request, frames: Frames) -> Result<(WebSocketUpgrade, Session), Response> {
    let (mut parts, _) = request.into_parts();
    let flags = EncodingFlags::from_headers(&parts.headers);
    let session = (|| {
        let tenant = tenancy::single(&parts.headers, app.state.auth_enabled)?;
        record_tenants(std::slice::from_ref(&tenant));
        let request = parse(app, &tenant, &Params::parse(parts.uri.query().unwrap_or(""), b""))?;
        Ok(Session { tenant, request, flags, frames })
    })();
    let session = session.map_err(|error: Error| error.into_response())?;
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &())
        .await
        .map_err(axum::response::IntoResponse::into_response)?;
    Ok((upgrade, session))
}

fn parse(app: &App, tenant: &TenantId, params: &Params) -> Result<Option<TailRequest>> {
    let limits = app.state.limits.get(tenant);
    let range = params::bounds(params, app.now())?;
    let limit = params::limit(params)?;
    let delay = match params.get("delay_for") {
        "" => 0,
        text => params::atoi(text)?,
    };
    if !(0..=DELAY_SECONDS_MAX).contains(&delay) {
        return Err(Error::invalid(format!("delay_for can't be greater than {DELAY_SECONDS_MAX}")));
    }
    let mut expr = sigyn_logql::parse(params.get("query"))?;
    if let Expr::Log(log) = &mut expr {
        log.stages.extend(regexp_filter(params));
    }
    query_limits::check_expr(&expr, &limits)?;
    query_limits::check_entries(limit, &limits)?;
    let Expr::Log(expr) = expr else { return Ok(None) };
    Ok(Some(TailRequest { expr, limit, start: range.start, delay: Duration::from_secs(delay.unsigned_abs()) }))
}

impl Session {
    async fn run(self, app: Arc<App>, mut socket: WebSocket) {
        app.state.metrics.tails.inc();
        let end = self.serve(&app, &mut socket).await;
        app.state.metrics.tails.dec();
        if let Some((code, reason)) = end {
            let reason = &reason[..reason.floor_char_boundary(CLOSE_REASON_BYTES_MAX)];
            // The client may be gone already; there is nobody else to tell.
            let _ = send(&mut socket, Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await;
        }
    }

    /// Sends frames until one side has enough. Returns the close frame to send, if any.
    async fn serve(self, app: &App, socket: &mut WebSocket) -> Option<(u16, String)> {
        let Some(request) = self.request else {
            return Some((close_code::ERROR, "only log selector is supported".to_owned()));
        };
        let started = match app.reader() {
            Ok(reader) => reader.tail(&self.tenant, request).await.map_err(Error::from),
            Err(error) => Err(error),
        };
        let mut frames: TailStream = match started {
            Ok(frames) => frames,
            Err(error) => return Some((close_code::ERROR, error.to_string())),
        };
        let mut ping = interval(PING_INTERVAL);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let message = tokio::select! {
                frame = frames.next() => match frame {
                    Some(Ok(frame)) => text(&frame, self.frames, &self.flags),
                    Some(Err(error)) => return Some((close_code::ERROR, error.to_string())),
                    None => return Some((close_code::NORMAL, String::new())),
                },
                received = socket.recv() => match received {
                    None | Some(Err(_) | Ok(Message::Close(_))) => return None,
                    Some(Ok(_)) => continue,
                },
                _ = ping.tick() => Message::Ping(bytes::Bytes::new()),
                () = app.state.stopping.cancelled() => {
                    return Some((close_code::AWAY, "the server is stopping".to_owned()));
                }
            };
            send(socket, message).await.ok()?;
        }
    }
}

fn text(frame: &TailFrame, frames: Frames, flags: &EncodingFlags) -> Message {
    let mut out = Vec::new();
    match frames {
        Frames::V1 => json::tail_frame(&mut out, frame, flags),
        Frames::Legacy => json::legacy_tail_frame(&mut out, frame),
    }
    // The writer only emits valid UTF-8; a lossy conversion is the proof-free way to say so.
    Message::Text(String::from_utf8(out).unwrap_or_default().into())
}

async fn send(socket: &mut WebSocket, message: Message) -> Result<(), ()> {
    timeout(SEND_TIMEOUT, socket.send(message)).await.map_err(drop)?.map_err(drop)
}
