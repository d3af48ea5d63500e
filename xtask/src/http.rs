//! HTTP as the tools need it: whole answers by `ureq`, and a bare keep-alive connection for pushing at speed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// A whole answer, whatever its status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub content_type: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

const BODY_BYTES_MAX: u64 = 1 << 30;

/// Asks `url` with GET; only a broken connection is an error.
pub(crate) fn get(url: &str) -> Result<Answer> {
    let mut response = agent().get(url).call().with_context(|| format!("asking {url}"))?;
    read(&mut response)
}

/// Asks `url` with parameters, encoded for it.
pub(crate) fn get_with(url: &str, parameters: &[(String, String)]) -> Result<Answer> {
    get_as(url, parameters, None)
}

/// As [`get_with`], for a tenant.
pub(crate) fn get_as(url: &str, parameters: &[(String, String)], tenant: Option<&str>) -> Result<Answer> {
    let pairs = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let mut request = agent().get(url).query_pairs(pairs);
    if let Some(tenant) = tenant {
        request = request.header("X-Scope-OrgID", tenant);
    }
    let mut response = request.call().with_context(|| format!("asking {url}"))?;
    read(&mut response)
}

/// Posts a JSON body.
pub(crate) fn post_json(url: &str, body: &[u8]) -> Result<Answer> {
    let request = agent().post(url).content_type("application/json");
    let mut response = request.send(body).with_context(|| format!("posting to {url}"))?;
    read(&mut response)
}

fn read(response: &mut ureq::http::Response<ureq::Body>) -> Result<Answer> {
    let status = response.status().as_u16();
    let content_type = response.headers().get("content-type").and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_owned();
    let body = response.body_mut().with_config().limit(BODY_BYTES_MAX).read_to_vec()?;
    Ok(Answer { status, content_type, body })
}

/// One agent for the process, so that connections are kept.
fn agent() -> &'static ureq::Agent {
    static AGENT: std::sync::OnceLock<ureq::Agent> = std::sync::OnceLock::new();
    AGENT.get_or_init(|| {
        ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(120)))
            .build()
            .into()
    })
}

/// A keep-alive connection that posts ready-made bodies. It costs two system calls a request,
/// so that the loader leaves the processors to the server it measures.
#[derive(Debug)]
pub(crate) struct PushConnection {
    stream: BufReader<TcpStream>,
    head: String,
}

impl PushConnection {
    /// Connects to `http://host:port[/prefix]`; bodies will go to `path` as snappy protobuf.
    pub(crate) fn open(url: &str, path: &str, tenant: Option<&str>) -> Result<Self> {
        let Some(rest) = url.strip_prefix("http://") else { bail!("{url} must start with http://") };
        let (host, prefix) = rest.split_once('/').map_or((rest, ""), |(host, prefix)| (host, prefix));
        let address = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
        let stream = TcpStream::connect(&address).with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        let slash = if prefix.is_empty() { "" } else { "/" };
        let tenant = tenant.map(|tenant| format!("X-Scope-OrgID: {tenant}\r\n")).unwrap_or_default();
        let head = format!(
            "POST {slash}{prefix}{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-protobuf\r\n{tenant}"
        );
        Ok(Self { stream: BufReader::new(stream), head })
    }

    /// Posts one body and reads the answer: status and text.
    pub(crate) fn post(&mut self, body: &[u8]) -> Result<(u16, String)> {
        let socket = self.stream.get_mut();
        socket.write_all(format!("{}Content-Length: {}\r\n\r\n", self.head, body.len()).as_bytes())?;
        socket.write_all(body)?;
        self.read_answer()
    }

    fn read_answer(&mut self) -> Result<(u16, String)> {
        let status_line = self.read_line()?;
        let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status: u16 = status.with_context(|| format!("not an HTTP answer: {status_line:?}"))?;
        let mut length = 0;
        let mut chunked = false;
        loop {
            let line = self.read_line()?.to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().context("content-length is not a number")?;
            }
            chunked |= line.starts_with("transfer-encoding:") && line.contains("chunked");
        }
        let body = if chunked { self.read_chunks()? } else { self.read_exactly(length)? };
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }

    fn read_chunks(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.read_line()?;
            let length = usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16)
                .with_context(|| format!("not a chunk length: {line:?}"))?;
            body.extend(self.read_exactly(length)?);
            self.read_line()?;
            if length == 0 {
                return Ok(body);
            }
        }
    }

    fn read_exactly(&mut self, length: usize) -> Result<Vec<u8>> {
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(body)
    }

    fn read_line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            bail!("the server closed the connection");
        }
        Ok(line.trim_end().to_owned())
    }
}
