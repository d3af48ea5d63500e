//! `/loki/api/v1/labels`: names of stream labels.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use sigyn_logql::ast::Selector;
use sigyn_logql::{EmptyCompatible, parse_selector};
use sigyn_model::{TimeRange, Window};

use crate::request::ReadRequest;
use crate::state::App;
use crate::{Result, json, params, query_limits};

pub(crate) async fn labels(State(app): State<Arc<App>>, request: ReadRequest) -> Result<Response> {
    let (selector, range) = scope(&app, &request)?;
    let names = app.reader()?.label_names(&request.tenants, selector, range).await?;
    request.reply.json(names.len() * 16, move |out| json::strings(out, &names)).await
}

/// The optional `query` (matchers only) and the range of a labels request.
pub(super) fn scope(app: &App, request: &ReadRequest) -> Result<(Option<Selector>, TimeRange)> {
    let range = whole_hours(metadata_range(app, request)?);
    let selector = match request.params.get("query") {
        "" => None,
        text => Some(parse_selector(text, EmptyCompatible::Refused)?),
    };
    query_limits::check_matchers(selector.iter(), &request.limits)?;
    Ok((selector, range))
}

/// Rounded out to hours: Loki answers labels from whole pieces of its index, so that a short range shows what is about.
fn whole_hours(range: TimeRange) -> TimeRange {
    if range.is_empty() {
        return range;
    }
    TimeRange::new(Window::of(range.start).start(), Window::of(range.end - 1).end())
}

/// The range of a request for labels or series, inside every tenant's limits.
pub(super) fn metadata_range(app: &App, request: &ReadRequest) -> Result<TimeRange> {
    let now = app.now();
    let mut range = params::bounds(&request.params, now)?;
    for limits in &request.limits {
        range = query_limits::clamp_metadata(range, now, limits)?;
    }
    Ok(range)
}

#[cfg(test)]
mod tests {
    use sigyn_model::Timestamp;
    use sigyn_model::duration::HOUR;

    use super::*;

    #[test]
    fn ranges_are_rounded_out_to_hours() {
        for (start, end, expected) in [
            (HOUR, HOUR + 1, (HOUR, 2 * HOUR)),
            (HOUR - 1, HOUR, (0, HOUR)),
            (HOUR, 2 * HOUR, (HOUR, 2 * HOUR)),
            (5, 5, (5, 5)),
            (-1, 1, (-HOUR, HOUR)),
        ] {
            let rounded = whole_hours(TimeRange::new(Timestamp(start), Timestamp(end)));
            assert_eq!((rounded.start.0, rounded.end.0), expected);
        }
    }
}
