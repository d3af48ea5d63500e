//! `/sigyn/api/v1/members`: the live processes on the same catalog.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use crate::state::App;
use crate::{Error, Result};

#[derive(Serialize)]
struct Member<'a> {
    node: &'a str,
    address: &'a str,
    targets: &'a [String],
    version: &'a str,
    /// The process that answers.
    own: bool,
}

pub(crate) async fn members(State(app): State<Arc<App>>) -> Result<Response> {
    let Some(cluster) = &app.state.cluster else {
        return Err(Error::Unavailable { message: "this process is in no cluster".to_owned() });
    };
    let live = cluster.live();
    let members: Vec<Member<'_>> = live
        .iter()
        .map(|member| Member {
            node: &member.node,
            address: &member.address,
            targets: &member.targets,
            version: &member.version,
            own: member.node == cluster.own().node,
        })
        .collect();
    let body = serde_json::json!({"status": "success", "data": members}).to_string() + "\n";
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], body).into_response())
}
