//! The HTTP client of the commands: one server, its headers, answers or errors that say what to do.

use std::fmt;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use serde::de::DeserializeOwned;
use tungstenite::client::IntoClientRequest as _;
use tungstenite::http::{HeaderName, HeaderValue, Uri};
use tungstenite::{HandshakeError, WebSocket};

use super::args::{DEFAULT_ADDRESS, Shared};
use super::tls::{Tls, Transport};

const ANSWER_BYTES_MAX: u64 = 4 << 30;
/// Enough of an error text to understand it; proxies answer whole pages.
const REFUSAL_CHARS_MAX: usize = 2000;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) type Parameters = Vec<(&'static str, String)>;

/// The server said no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) text: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server answered {}", self.status)?;
        if !self.text.is_empty() {
            write!(f, ": {}", self.text)?;
        }
        match self.status {
            401 if self.text.contains("no org id") => f.write_str("; name a tenant with --org-id"),
            401 | 403 => f.write_str("; give --username and --password, or --bearer-token"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Refused {}

/// Whether asking again can help.
pub(super) fn is_passing(problem: &anyhow::Error) -> bool {
    match problem.downcast_ref::<Refused>() {
        Some(refused) => matches!(refused.status, 429 | 500 | 502 | 503 | 504),
        None => problem.chain().any(|cause| {
            cause.downcast_ref::<std::io::Error>().is_some_and(is_passing_io)
                || cause.downcast_ref::<ureq::Error>().is_some_and(is_passing_http)
                || cause.downcast_ref::<tungstenite::Error>().is_some_and(is_passing_websocket)
        }),
    }
}

/// A certificate that is not trusted will not be trusted later.
fn is_passing_io(error: &std::io::Error) -> bool {
    error.kind() != std::io::ErrorKind::InvalidData
}

fn is_passing_http(error: &ureq::Error) -> bool {
    use ureq::Error;
    match error {
        Error::Timeout(_)
        | Error::ConnectionFailed
        | Error::HostNotFound
        | Error::Decompress(..)
        | Error::BodyStalled => true,
        Error::Io(error) => is_passing_io(error),
        _ => false,
    }
}

fn is_passing_websocket(error: &tungstenite::Error) -> bool {
    use tungstenite::Error;
    use tungstenite::error::ProtocolError;
    match error {
        Error::ConnectionClosed
        | Error::Protocol(ProtocolError::HandshakeIncomplete | ProtocolError::ResetWithoutClosingHandshake) => true,
        Error::Io(error) => is_passing_io(error),
        _ => false,
    }
}

/// Asks up to `retries` times more, with growing pauses, while asking again can help.
pub(super) fn retrying<T>(retries: u32, mut ask: impl FnMut() -> Result<T>) -> Result<T> {
    let mut failed = 0;
    loop {
        match ask() {
            Err(problem) if failed < retries && is_passing(&problem) => {
                pause(backoff(failed));
                failed += 1;
            }
            outcome => return outcome,
        }
    }
}

/// 250 ms, doubled with every failure, at most 10 s.
pub(super) fn backoff(failed: u32) -> Duration {
    Duration::from_millis(250 << failed.min(6)).min(Duration::from_secs(10))
}

#[expect(clippy::disallowed_methods, reason = "the commands have one thread and no async runtime")]
pub(super) fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

#[derive(Debug)]
pub(super) struct Client {
    agent: ureq::Agent,
    /// `http://host:3100/prefix`, without a slash at its end.
    base: String,
    headers: Vec<(String, String)>,
    /// Only when the address says https.
    tls: Option<Tls>,
}

impl Client {
    pub(super) fn new(shared: &Shared) -> Result<Self> {
        let address = Shared::or_env(shared.addr.as_deref(), &["SIGYN_ADDR", "LOKI_ADDR"]);
        let base = address.as_deref().unwrap_or(DEFAULT_ADDRESS).trim_end_matches('/').to_owned();
        let scheme = base.split_once("://").map_or("", |(scheme, _)| scheme);
        let tls = match scheme {
            "http" => None,
            "https" => Some(Tls::new(shared)?),
            _ => bail!("the address '{base}' must start with http:// or https://"),
        };
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(shared.timeout()))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .user_agent(format!("sigyn/{}", crate::version::VERSION));
        if let Some(tls) = &tls {
            config = config.tls_config(tls.for_http()?);
        }
        Ok(Self { agent: config.build().into(), base, headers: headers(shared)?, tls })
    }

    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Asks for `path` and reads the JSON of the answer.
    ///
    /// Errors: [`Refused`] with the server's words for every status but 2xx.
    pub(super) fn get<T: DeserializeOwned>(&self, path: &str, parameters: &Parameters) -> Result<T> {
        let url = format!("{}{path}", self.base);
        let mut request = self.agent.get(&url).query_pairs(parameters.iter().map(|(name, value)| (*name, value)));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut response = request.call().map_err(|error| unreachable(error, &self.base))?;
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        let body = body.with_context(|| format!("reading the answer of {url}"))?;
        if !(200..300).contains(&status) {
            return Err(refused(status, &body).into());
        }
        serde_json::from_slice(&body)
            .with_context(|| format!("{url} did not answer as Loki's API does; is the address right?"))
    }

    /// Opens a websocket whose reads give up after `read_timeout`.
    pub(super) fn websocket(
        &self,
        path: &str,
        parameters: &Parameters,
        read_timeout: Duration,
    ) -> Result<WebSocket<Box<dyn Transport>>> {
        let query = parameters
            .iter()
            .map(|(name, value)| format!("{name}={}", percent_encoded(value)))
            .collect::<Vec<_>>()
            .join("&");
        let url = format!("ws{}{path}?{query}", self.base.strip_prefix("http").context("the base is http or https")?);
        let uri: Uri = url.parse().with_context(|| format!("'{}' is not an address", self.base))?;
        let mut request = uri.clone().into_client_request()?;
        for (name, value) in &self.headers {
            request.headers_mut().insert(HeaderName::from_bytes(name.as_bytes())?, HeaderValue::from_str(value)?);
        }
        let host = uri.host().context("the address has no host")?.trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().unwrap_or(if self.tls.is_some() { 443 } else { 80 });
        let stream = connect(host, port).with_context(|| format!("cannot reach {}", self.base))?;
        stream.set_read_timeout(Some(read_timeout))?;
        stream.set_nodelay(true)?;
        let stream: Box<dyn Transport> = match &self.tls {
            Some(tls) => tls.wrap(host, stream)?,
            None => Box::new(stream),
        };
        match tungstenite::client::client(request, stream) {
            Ok((socket, _)) => Ok(socket),
            Err(HandshakeError::Failure(tungstenite::Error::Http(response))) => {
                let body = response.body().as_deref().unwrap_or_default();
                Err(refused(response.status().as_u16(), body).into())
            }
            Err(HandshakeError::Failure(error)) => {
                let advice = advice(&error.to_string());
                Err(error).with_context(|| format!("cannot open a websocket at {}{advice}", self.base))
            }
            Err(HandshakeError::Interrupted(_)) => Err(anyhow!(std::io::Error::from(std::io::ErrorKind::TimedOut)))
                .with_context(|| format!("{} did not answer", self.base)),
        }
    }
}

/// Tries every address of the host.
fn connect(host: &str, port: u16) -> std::io::Result<TcpStream> {
    let mut problem = std::io::Error::from(std::io::ErrorKind::NotFound);
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(error) => problem = error,
        }
    }
    Err(problem)
}

fn unreachable(error: ureq::Error, base: &str) -> anyhow::Error {
    let timed_out = matches!(error, ureq::Error::Timeout(timeout) if timeout != ureq::Timeout::Connect);
    let what = if timed_out {
        format!("no answer from {base}; --timeout sets how long to wait")
    } else {
        let advice = advice(&error.to_string());
        let advice = if advice.is_empty() { "; --addr or SIGYN_ADDR names the server" } else { advice };
        format!("cannot reach {base}{advice}")
    };
    anyhow::Error::new(error).context(what)
}

/// What helps against a failure of TLS.
fn advice(problem: &str) -> &'static str {
    if problem.contains("CertificateRequired") {
        "; it asks for a certificate of yours, --cert and --key"
    } else if problem.contains("invalid peer certificate") {
        "; its certificate is not trusted, --ca-cert names one that is"
    } else {
        ""
    }
}

fn refused(status: u16, body: &[u8]) -> Refused {
    let text = String::from_utf8_lossy(body);
    // Some proxies and some of Loki's endpoints wrap the text in JSON.
    let wrapped = serde_json::from_str::<serde_json::Value>(&text).ok();
    let inner = wrapped.as_ref().and_then(|value| value.get("error").or_else(|| value.get("message"))?.as_str());
    let text = inner.unwrap_or(&text).trim();
    let text = if text.starts_with('<') { "a page of HTML; is the address right?" } else { text };
    Refused { status, text: text.chars().take(REFUSAL_CHARS_MAX).collect() }
}

fn headers(shared: &Shared) -> Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    if let Some(tenant) = Shared::or_env(shared.org_id.as_deref(), &["SIGYN_TENANT", "LOKI_ORG_ID"]) {
        headers.push(("X-Scope-OrgID".to_owned(), tenant));
    }
    if let Some(authorization) = authorization(shared)? {
        headers.push(("Authorization".to_owned(), authorization));
    }
    for header in &shared.header {
        let Some((name, value)) = header.split_once(':') else {
            bail!("--header '{header}' is not of the form 'Name: value'");
        };
        headers.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    for (name, value) in &headers {
        if HeaderName::from_bytes(name.as_bytes()).is_err() || HeaderValue::from_str(value).is_err() {
            bail!("'{name}' or its value cannot be sent as a header");
        }
    }
    Ok(headers)
}

/// Flags beat the environment, so that a token in the environment does not get into the way of `--username`.
fn authorization(shared: &Shared) -> Result<Option<String>> {
    let given = (shared.username.is_some(), shared.bearer_token.is_some() || shared.bearer_token_file.is_some());
    if given == (true, true) {
        bail!("--username and --bearer-token exclude each other");
    }
    if !given.1
        && let Some(user) = Shared::or_env(shared.username.as_deref(), &["SIGYN_USERNAME", "LOKI_USERNAME"])
    {
        let password = Shared::or_env(shared.password.as_deref(), &["SIGYN_PASSWORD", "LOKI_PASSWORD"]);
        let pair = format!("{user}:{}", password.unwrap_or_default());
        return Ok(Some(format!("Basic {}", base64(pair.as_bytes()))));
    }
    let file = &["SIGYN_BEARER_TOKEN_FILE", "LOKI_BEARER_TOKEN_FILE"];
    let token = match Shared::or_env(shared.bearer_token_file.as_deref(), file) {
        Some(path) if shared.bearer_token.is_none() => {
            Some(std::fs::read_to_string(&path).with_context(|| format!("reading the bearer token in {path}"))?)
        }
        _ => Shared::or_env(shared.bearer_token.as_deref(), &["SIGYN_BEARER_TOKEN", "LOKI_BEARER_TOKEN"]),
    };
    Ok(token.map(|token| format!("Bearer {}", token.trim())))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * at) & 63) as usize];
            out.push(if at <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

pub(super) fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings() {
        for (plain, encoded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("a:\u{fe}", "YTrDvg==")] {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
        assert_eq!(percent_encoded("{a=\"ü\"} |= `x y`"), "%7Ba%3D%22%C3%BC%22%7D%20%7C%3D%20%60x%20y%60");
    }

    #[test]
    fn refusals_say_what_to_do() {
        for (status, body, text) in [
            (400, "parse error at line 1, col 2: x\n", "the server answered 400: parse error at line 1, col 2: x"),
            (401, "no org id\n", "the server answered 401: no org id; name a tenant with --org-id"),
            (403, "", "the server answered 403; give --username and --password, or --bearer-token"),
            (502, "<html>…", "the server answered 502: a page of HTML; is the address right?"),
            (500, r#"{"status":"error","error":"broken"}"#, "the server answered 500: broken"),
        ] {
            assert_eq!(refused(status, body.as_bytes()).to_string(), text);
        }
    }
}
