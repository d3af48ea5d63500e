//! `/loki/api/v1/detected_labels`: stream labels worth looking at, and how many values each has.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use sigyn_logql::{EmptyCompatible, parse_selector};

use super::labels::metadata_range;
use crate::request::ReadRequest;
use crate::state::App;
use crate::{Result, json, query_limits};

pub(crate) async fn detected_labels(State(app): State<Arc<App>>, request: ReadRequest) -> Result<Response> {
    let range = metadata_range(&app, &request)?;
    let selector = match request.params.get("query") {
        "" | "{}" => None,
        text => Some(parse_selector(text, EmptyCompatible::Refused)?),
    };
    query_limits::check_matchers(selector.iter(), &request.limits)?;
    let labels = app.reader()?.detected_labels(&request.tenants, selector, range).await?;
    request.reply.json(labels.len() * 48, move |out| json::detected_labels(out, &labels)).await
}
