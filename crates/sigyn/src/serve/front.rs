//! Takes connections from the first moment on and says "not ready" until there is something to serve.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tower::Service as _;

/// A router that arrives later.
#[derive(Debug, Clone, Default)]
pub(super) struct Front(Arc<OnceLock<Router>>);

impl Front {
    pub(super) fn router(&self) -> Router {
        let front = self.clone();
        Router::new().fallback(move |request: Request| front.clone().answer(request))
    }

    /// From now on requests go to `router`. Only the first call counts.
    pub(super) fn open(&self, router: Router) {
        // A second router would be a second start, which does not happen.
        let _ = self.0.set(router);
    }

    async fn answer(self, request: Request) -> Response {
        match self.0.get() {
            Some(router) => router.clone().call(request).await.into_response(),
            None => {
                let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::RETRY_AFTER, "1")];
                (StatusCode::SERVICE_UNAVAILABLE, headers, "starting: the storage is not open yet\n").into_response()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;

    use super::*;

    async fn status(front: &Front, path: &str) -> StatusCode {
        let request = Request::builder().uri(path).body(Body::empty()).expect("a request");
        front.router().call(request).await.into_response().status()
    }

    #[tokio::test]
    async fn nothing_is_ready_until_it_opens() {
        let front = Front::default();
        assert_eq!(status(&front, "/ready").await, StatusCode::SERVICE_UNAVAILABLE);
        front.open(Router::new().route("/ready", get(|| async { "ready" })));
        assert_eq!(status(&front, "/ready").await, StatusCode::OK);
        assert_eq!(status(&front, "/other").await, StatusCode::NOT_FOUND);
    }
}
