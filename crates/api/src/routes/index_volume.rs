//! `/loki/api/v1/index/volume` and `volume_range`: bytes by label.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use sigyn_logql::{EmptyCompatible, parse_selector};
use sigyn_read::{Answer, VolumeBy, VolumeRequest};

use crate::json::{self, QueryAnswer, QueryResult};
use crate::params::{self, Params};
use crate::request::ReadRequest;
use crate::state::App;
use crate::{Error, Result, query_limits};

const DEFAULT_LIMIT: usize = 100;

pub(crate) async fn volume(State(app): State<Arc<App>>, request: ReadRequest) -> Result<Response> {
    answer(&app, request, false).await
}

pub(crate) async fn volume_range(State(app): State<Arc<App>>, request: ReadRequest) -> Result<Response> {
    answer(&app, request, true).await
}

async fn answer(app: &App, request: ReadRequest, in_steps: bool) -> Result<Response> {
    if request.limits.iter().any(|limits| !limits.volume_enabled) {
        return Err(Error::NotFound { message: "not found".to_owned() });
    }
    let now = app.now();
    let params = &request.params;
    let range = params::ordered_bounds(params, now)?;
    let limit = limit(params)?;
    let step = if in_steps { Some(params::checked_step(params, range)?) } else { None };
    let by = aggregate_by(params)?;
    let selector = parse_selector(params.get("query"), EmptyCompatible::Allowed)?;
    let target_labels = params.get("targetLabels").split(',').map(str::trim).filter(|name| !name.is_empty());
    let target_labels = target_labels.map(str::to_owned).collect();

    query_limits::check_matchers([&selector], &request.limits)?;
    let range = query_limits::clamp_all(range, now, &request.limits)?;
    let found = match range {
        Some(range) => {
            let volume = VolumeRequest { selector, range, limit, step, by, target_labels };
            app.reader()?.volume(&request.tenants, volume).await?
        }
        None => Answer::default(),
    };
    let answer = QueryAnswer {
        result: QueryResult::Volume(found.data),
        stats: found.stats,
        warnings: found.warnings,
        flags: request.flags,
    };
    let size_hint = json::size_hint(&answer.result);
    request.reply.json(size_hint, move |out| json::query_answer(out, &answer)).await
}

/// As every `limit`, but 0 stands for the default.
fn limit(params: &Params) -> Result<usize> {
    match params.get("limit") {
        text if !text.is_empty() && params::atoi(text)? == 0 => Ok(DEFAULT_LIMIT),
        _ => params::limit(params),
    }
}

fn aggregate_by(params: &Params) -> Result<VolumeBy> {
    match params.get("aggregateBy") {
        "" | "series" => Ok(VolumeBy::Series),
        "labels" => Ok(VolumeBy::Labels),
        _ => Err(Error::invalid("invalid aggregation option")),
    }
}
