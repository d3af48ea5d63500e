//! `/loki/api/v1/label/{name}/values`: values of one stream label.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;

use super::labels::scope;
use crate::request::ReadRequest;
use crate::state::App;
use crate::{Error, Result, json};

pub(crate) async fn label_values(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    request: ReadRequest,
) -> Result<Response> {
    if name.is_empty() {
        return Err(Error::NotFound { message: "404 page not found\n".to_owned() });
    }
    let (selector, range) = scope(&app, &request)?;
    let values = app.reader()?.label_values(&request.tenants, &name, selector, range).await?;
    request.reply.json(values.len() * 24, move |out| json::strings(out, &values)).await
}
