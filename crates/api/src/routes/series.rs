//! `/loki/api/v1/series`: label sets of streams.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use sigyn_logql::ast::Selector;
use sigyn_logql::{EmptyCompatible, parse_selector};

use super::labels::metadata_range;
use crate::params::Params;
use crate::request::ReadRequest;
use crate::state::App;
use crate::{Error, Result, json, query_limits};

pub(crate) async fn series(State(app): State<Arc<App>>, request: ReadRequest) -> Result<Response> {
    let range = metadata_range(&app, &request)?;
    let selectors = selectors(&request.params)?;
    query_limits::check_matchers(&selectors, &request.limits)?;
    let series = app.reader()?.series(&request.tenants, selectors, range).await?;
    request.reply.json(series.len() * 128, move |out| json::series(out, &series)).await
}

/// Every `match[]` and `match`. None, or `{}` alone, means all streams: an empty list.
fn selectors(params: &Params) -> Result<Vec<Selector>> {
    let texts: Vec<&str> = params.all("match").chain(params.all("match[]")).collect();
    if matches!(texts[..], [] | ["{}"]) {
        return Ok(Vec::new());
    }
    let parse = |text: &&str| {
        let selector = parse_selector(text, EmptyCompatible::Allowed)?;
        if selector.matchers.is_empty() {
            return Err(Error::invalid(format!("0 matchers in group: {text}")));
        }
        Ok(selector)
    };
    texts.iter().map(parse).collect()
}
