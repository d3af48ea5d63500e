//! Paths of Loki's API that are not served yet: a clear 404 instead of a puzzling one.

use axum::extract::MatchedPath;
use axum::http::StatusCode;
use axum::response::Response;

use crate::status;

pub(crate) const PATHS: [&str; 6] = [
    "/loki/api/v1/index/shards",
    "/loki/api/v1/delete",
    "/loki/api/v1/rules",
    "/loki/api/v1/rules/{*rest}",
    "/prometheus/api/v1/rules",
    "/prometheus/api/v1/alerts",
];

pub(crate) async fn unsupported(path: MatchedPath) -> Response {
    status::text(StatusCode::NOT_FOUND, format!("{} is not supported yet\n", path.as_str()))
}
