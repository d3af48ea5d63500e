//! What every query route reads first: whose request it is, its parameters, and how to answer.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, Method, header};
use sigyn_logql::MetricResult;
use sigyn_model::{Limits, TenantId};
use sigyn_read::{Answer, MetricRequest};

use crate::json::EncodingFlags;
use crate::params::Params;
use crate::reply::Replier;
use crate::state::App;
use crate::{Error, Result, body, tenancy};

/// Bytes a posted form may have; the longest query text is far below.
const FORM_BYTES_MAX: usize = 4 << 20;

/// A query-type request, GET or POST.
#[derive(Debug)]
pub(crate) struct ReadRequest {
    /// Never empty.
    pub(crate) tenants: Vec<TenantId>,
    /// One per tenant.
    pub(crate) limits: Vec<Arc<Limits>>,
    pub(crate) params: Params,
    pub(crate) flags: EncodingFlags,
    /// Whether too many series are cut off instead of refused, as one client likes it.
    pub(crate) partial_series: bool,
    pub(crate) reply: Replier,
}

impl FromRequest<Arc<App>> for ReadRequest {
    type Rejection = Error;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self> {
        let tenants = tenancy::several(request.headers(), app.state.auth_enabled)?;
        record_tenants(&tenants);
        let flags = EncodingFlags::from_headers(request.headers());
        let reply = Replier::new(&app.state.cpu, request.headers());
        let partial_series = wants_partial_series(request.headers());
        let params = params(request, app).await?;
        let limits = tenants.iter().map(|tenant| app.state.limits.get(tenant)).collect();
        Ok(Self { tenants, limits, params, flags, partial_series, reply })
    }
}

/// `X-Query-Tags: Source=grafana-lokiexplore-app`, among others.
fn wants_partial_series(headers: &HeaderMap) -> bool {
    let tags = headers.get("x-query-tags").and_then(|value| value.to_str().ok()).unwrap_or("");
    tags.split(',').filter_map(|tag| tag.split_once('=')).any(|(name, value)| {
        name.trim().eq_ignore_ascii_case("source") && value.trim().eq_ignore_ascii_case("grafana-lokiexplore-app")
    })
}

/// Runs a metric query for a request: with all series, or with those that the limit leaves.
pub(crate) async fn metric_query(
    app: &App,
    request: &ReadRequest,
    metric: MetricRequest,
) -> Result<Answer<MetricResult>> {
    let reader = app.reader()?;
    Ok(if request.partial_series {
        reader.metric_query_partial(&request.tenants, metric).await?
    } else {
        reader.metric_query(&request.tenants, metric).await?
    })
}

/// Notes whose request it is on the current span.
pub(crate) fn record_tenants(tenants: &[TenantId]) {
    let names = tenants.iter().map(TenantId::as_str).collect::<Vec<_>>().join("|");
    tracing::Span::current().record("tenant", names);
}

/// Parameters of the URL and, for a POST, of its form.
pub(crate) async fn params(request: Request, app: &App) -> Result<Params> {
    let (parts, body) = request.into_parts();
    let url_query = parts.uri.query().unwrap_or("");
    if parts.method != Method::POST || !is_form(&parts.headers) {
        return Ok(Params::parse(url_query, b""));
    }
    let (form, _share) = body::receive(&parts.headers, body, FORM_BYTES_MAX, &app.receiving).await?;
    Ok(Params::parse(url_query, &form))
}

fn is_form(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = content_type.split(';').next().unwrap_or("").trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}
