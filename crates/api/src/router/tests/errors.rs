//! Refusals: statuses, texts and content types.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use axum::{Router, middleware};
use serde_json::json;
use sigyn_model::Limits;

use super::harness::{ENTRY, Server, request, server, start, state};
use crate::state::App;

#[tokio::test]
async fn paths_and_methods_that_do_not_exist() {
    let server = server().await;
    for (method, path, expected) in [
        ("GET", "/loki/api/v1/nope", (404, "404 page not found\n")),
        ("GET", "/loki/api/v1/label//values", (404, "404 page not found\n")),
        ("GET", "/loki/api/v1/push", (404, "404 page not found\n")),
        ("DELETE", "/loki/api/v1/query_range", (404, "404 page not found\n")),
        ("PUT", "/loki/api/v1/query", (405, "")),
        ("POST", "/ready", (405, "")),
        ("GET", "/loki/api/v1/delete", (404, "/loki/api/v1/delete is not supported yet\n")),
    ] {
        let answer = server.send(request(method, path, &[], &[])).await;
        assert_eq!(answer.refusal(), (expected.0, expected.1.to_owned()), "{method} {path}");
        if expected.0 == 404 {
            assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        }
    }
}

#[tokio::test]
async fn parameters_and_queries_that_are_wrong() {
    let server = server().await;
    let range = "/loki/api/v1/query_range";
    for (path, parameters, message) in [
        (range, vec![], "parse error : syntax error: unexpected $end"),
        (
            range,
            vec![("query", "{}")],
            "parse error : queries require at least one regexp or equality matcher that does not have an empty-compatible value. For instance, app=~\".*\" does not meet this requirement, but app=~\".+\" will",
        ),
        (
            range,
            vec![("query", "{a=\"b\"}"), ("limit", "5001")],
            "max entries limit per query exceeded, limit > max_entries_limit_per_query (5001 > 5000)",
        ),
        (
            range,
            vec![("query", "{a=\"b\"}"), ("since", "31d")],
            "the query time range exceeds the limit (query length: 744h0m0s, limit: 30d1h)",
        ),
        (
            "/loki/api/v1/query",
            vec![("query", "{a=\"b\"}")],
            "log queries are not supported as an instant query type, please change your query to a range query type",
        ),
        (
            "/loki/api/v1/query",
            vec![("query", "{a=\"b\"}"), ("time", "x")],
            "strconv.ParseInt: parsing \"x\": invalid syntax",
        ),
        ("/loki/api/v1/labels", vec![("query", "{a=\"b\"} |= \"x\"")], "only label matchers are supported"),
        (
            "/loki/api/v1/labels",
            vec![("start", "20"), ("end", "10")],
            "this data is no longer available, it is past now - max_query_lookback (0s)",
        ),
        ("/loki/api/v1/series", vec![("match[]", "{a=\"b\"}"), ("match[]", "{}")], "0 matchers in group: {}"),
        ("/loki/api/v1/index/volume", vec![("query", "{}"), ("aggregateBy", "x")], "invalid aggregation option"),
        ("/loki/api/v1/tail", vec![("query", "{a=\"b\"}"), ("delay_for", "6")], "delay_for can't be greater than 5"),
    ] {
        let answer = server.get(path, &parameters).await;
        assert_eq!(answer.refusal(), (400, message.to_owned()), "{path} {parameters:?}");
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn pushes_that_are_refused() {
    let server = server().await;
    let post = |headers: &[(&str, &str)], body: &'static str| {
        let mut request = Request::builder().method("POST").uri("/loki/api/v1/push");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::from(body)).expect("a request")
    };
    let json = [("content-type", "application/json")];
    assert_eq!(server.send(post(&[], "")).await.refusal(), (400, "mime: no media type\n".to_owned()));
    assert_eq!(
        server.send(post(&json, r#"{"streams":[]}"#)).await.refusal(),
        (422, "error at least one valid stream is required for ingestion\n".to_owned())
    );
    let too_large = server.send(post(&[json[0], ("content-length", "2000000")], "{}")).await;
    assert_eq!(
        too_large.refusal(),
        (413, "request body too large: 2000000 bytes or more, limit: 1048576 bytes\n".to_owned())
    );
}

#[tokio::test]
async fn with_authentication_there_must_be_a_tenant() {
    let server = start(true, Limits::default()).await;
    let query = [("query", "{a=\"b\"}")];
    for (path, headers, expected) in [
        ("/loki/api/v1/query_range", vec![], (401, "no org id\n")),
        ("/loki/api/v1/tail", vec![], (401, "no org id\n")),
        (
            "/loki/api/v1/labels",
            vec![("x-scope-orgid", "a/b")],
            (400, "rpc error: code = Code(400) desc = tenant ID 'a/b' contains unsupported character '/'"),
        ),
        ("/loki/api/v1/format_query", vec![], (200, "{\"status\":\"success\",\"data\":\"{a=\\\"b\\\"}\"}\n")),
    ] {
        let answer = server.get_with(path, &query, &headers).await;
        assert_eq!(answer.refusal(), (expected.0, expected.1.to_owned()), "{path}");
    }
    let streams = json!([{"stream": {"app": "x"}, "values": [[ENTRY.to_string(), "l"]]}]);
    assert_eq!(server.push_as("", streams.clone()).await.refusal(), (401, "no org id\n".to_owned()));
    assert_eq!(server.push_as("a|b", streams.clone()).await.refusal(), (400, "multiple org IDs present\n".to_owned()));
    assert_eq!(server.push_as("a|a", streams).await.status, 204);
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_undo_its_push() {
    let server = server().await;
    let streams = json!([{"stream": {"app": "x"}, "values": [[ENTRY.to_string(), "l"]]}]);
    let hung_up = tokio::time::timeout(Duration::from_millis(1), server.push_as("fake", streams)).await;
    assert!(hung_up.is_err(), "a push waits for its flush");
    let stored = async {
        loop {
            let names = server.get("/loki/api/v1/labels", &[]).await.json();
            if names["data"] == json!(["app", "service_name"]) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(5), stored).await.is_ok());
}

#[tokio::test]
async fn a_panic_is_one_failed_request() {
    let app = Arc::new(App::new(state(false, Limits::default()).await));
    let stopping = app.state.stopping.clone();
    async fn panics() -> &'static str {
        unreachable!("on purpose")
    }
    let router = Router::new()
        .route("/panics", get(panics))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), crate::observe::observe));
    let server = Server { router, stopping };
    let answer = server.get("/panics", &[]).await;
    assert_eq!(answer.refusal(), (500, "internal error: the request's handler panicked".to_owned()));
    assert_eq!((app.state.metrics.panics.get(), app.state.metrics.inflight.get()), (1, 0));
}
