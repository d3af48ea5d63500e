//! The one table from errors to HTTP statuses, and Loki's plain-text error bodies.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sigyn_model::ErrorKind;

use crate::Error;

/// nginx's "client closed request", which Loki uses too.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// The status of each kind of error.
pub(crate) fn of_kind(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Limited => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        ErrorKind::Conflict | ErrorKind::Corrupt | ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The status of an error: that of its kind, but for the few that HTTP or Loki tell apart.
pub(crate) fn of(error: &Error) -> StatusCode {
    match error {
        Error::NoTenant => StatusCode::UNAUTHORIZED,
        Error::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Error::ClientGone | Error::Read(sigyn_read::Error::Cancelled) => number(CLIENT_CLOSED_REQUEST),
        Error::Decode(e) => number(e.status),
        Error::Write(e) => number(e.status()),
        _ => of_kind(error.kind()),
    }
}

fn number(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A plain-text answer with Loki's headers.
pub(crate) fn text(status: StatusCode, body: impl Into<axum::body::Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// An error of a push: the text and a newline.
pub(crate) fn push_failure(error: &Error) -> Response {
    note(error);
    text(of(error), format!("{error}\n"))
}

/// An error of an OTLP push: a `google.rpc.Status` with its message alone, as Loki writes it.
///
/// Exporters do not send again what is answered 500, so that becomes 503; a missing tenant is refused further out, in text.
pub(crate) fn otlp_failure(error: &Error) -> Response {
    if matches!(error, Error::NoTenant) {
        return push_failure(error);
    }
    note(error);
    let status = match of(error) {
        StatusCode::INTERNAL_SERVER_ERROR => StatusCode::SERVICE_UNAVAILABLE,
        status => status,
    };
    let mut response = text(status, rpc_status(&error.to_string()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    response
}

/// Field 2, `message`, of a `google.rpc.Status`.
fn rpc_status(message: &str) -> Vec<u8> {
    let mut bytes = vec![2 << 3 | 2];
    let mut length = message.len();
    while length >= 0x80 {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend_from_slice(message.as_bytes());
    bytes
}

/// An error of a query: the bare text, but for a missing tenant, which is refused further out.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        note(&self);
        let newline = if matches!(self, Self::NoTenant) { "\n" } else { "" };
        text(of(&self), format!("{self}{newline}"))
    }
}

/// Answers that are our fault are logged here, once; the others are the client's to read.
fn note(error: &Error) {
    // What a query asks for can be impossible for the data at hand: 500 in Loki, but nobody's fault.
    if let Error::Query(e) | Error::Read(sigyn_read::Error::Query(e)) = error
        && !matches!(e, sigyn_logql::Error::Internal { .. })
    {
        tracing::debug!(error = %error, "query refused");
        return;
    }
    match error.kind() {
        ErrorKind::Corrupt | ErrorKind::Internal | ErrorKind::Conflict => {
            tracing::error!(error = %Chain(error), "request failed");
        }
        ErrorKind::Unavailable | ErrorKind::Timeout => tracing::warn!(error = %Chain(error), "request failed"),
        ErrorKind::Invalid | ErrorKind::NotFound | ErrorKind::Limited => {
            tracing::debug!(error = %error, "request refused");
        }
    }
}

/// An error and its causes, joined by colons.
struct Chain<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(inner) = cause {
            write!(f, ": {inner}")?;
            cause = inner.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_status() {
        for (kind, status) in [
            (ErrorKind::Invalid, 400),
            (ErrorKind::NotFound, 404),
            (ErrorKind::Limited, 429),
            (ErrorKind::Conflict, 500),
            (ErrorKind::Unavailable, 503),
            (ErrorKind::Timeout, 504),
            (ErrorKind::Corrupt, 500),
            (ErrorKind::Internal, 500),
        ] {
            assert_eq!(of_kind(kind), status, "{kind:?}");
        }
    }

    #[test]
    fn some_errors_have_a_status_of_their_own() {
        let rejected =
            |status| Error::Write(sigyn_write::Error::Rejected { status, message: "ingestion blocked".to_owned() });
        for (error, status) in [
            (Error::NoTenant, 401),
            (Error::ManyTenants, 400),
            (Error::BodyTooLarge { received: 2, limit: 1 }, 413),
            (Error::ClientGone, 499),
            (rejected(260), 260),
            (rejected(422), 422),
            (Error::Write(sigyn_write::Error::ShuttingDown), 503),
        ] {
            assert_eq!(of(&error), status, "{error}");
        }
    }
}
