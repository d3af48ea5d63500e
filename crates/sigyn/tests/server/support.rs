//! A server process in a directory of its own, and the client side of the Loki API.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

pub(crate) const PUSH: &str = "/loki/api/v1/push";
pub(crate) const QUERY: &str = "/loki/api/v1/query";
pub(crate) const QUERY_RANGE: &str = "/loki/api/v1/query_range";

const READY_WITHIN: Duration = Duration::from_secs(30);

/// A started `sigyn`; killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) port: u16,
    child: Child,
    dir: PathBuf,
}

impl Server {
    /// Starts with the data under `dir/data` and waits until it is ready.
    pub(crate) fn start(dir: &Path) -> Self {
        Self::start_with(dir, "")
    }

    /// As [`Server::start`], with more YAML at the end of the configuration, in which `{port}` is the server's.
    pub(crate) fn start_with(dir: &Path, more: &str) -> Self {
        let data = dir.join("data");
        fs::create_dir_all(&data).expect("create the data directory");
        Self::start_configured(dir, "all", &format!("storage:\n  bucket: file://{}\n{more}", data.display()))
    }

    /// Starts these targets in `dir` with a configuration that lacks only `server:` and may name `{port}`, and waits until it is ready.
    pub(crate) fn start_configured(dir: &Path, target: &str, config: &str) -> Self {
        let port = free_port();
        let server = format!("server:\n  http_listen_address: 127.0.0.1\n  http_listen_port: {port}\n");
        let config = config.replace("{port}", &port.to_string());
        let path = dir.join("sigyn.yaml");
        fs::write(&path, format!("target: {target}\n{server}{config}")).expect("write the configuration");
        // Appended, so that a failing test shows every life of the server.
        let log = File::options().create(true).append(true).open(log_path(dir)).expect("open the log");
        let child = Command::new(env!("CARGO_BIN_EXE_sigyn"))
            .arg(format!("-config.file={}", path.display()))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("share the log"))
            .stderr(log)
            .spawn()
            .expect("start sigyn");
        let mut server = Self { port, child, dir: dir.to_owned() };
        server.wait_until_ready();
        server
    }

    fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + READY_WITHIN;
        while !get(self, "/ready", &[]).is_ok_and(|answer| answer.status == 200) {
            let ended = self.child.try_wait().expect("look at the process");
            assert!(ended.is_none(), "sigyn ended with {ended:?}:\n{}", self.log());
            assert!(Instant::now() < deadline, "sigyn is not ready after {READY_WITHIN:?}:\n{}", self.log());
            pause(10);
        }
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("look at the process").is_none()
    }

    /// SIGKILL: nothing is flushed, nothing is answered.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("kill sigyn");
        self.child.wait().expect("wait for sigyn");
    }

    /// SIGTERM, without waiting.
    pub(crate) fn ask_to_stop(&self) {
        let status = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status().expect("run kill");
        assert!(status.success(), "kill -TERM: {status}");
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            if let Some(status) = self.child.try_wait().expect("look at the process") {
                return status;
            }
            assert!(Instant::now() < deadline, "sigyn did not stop within {READY_WITHIN:?}:\n{}", self.log());
            pause(10);
        }
    }

    /// SIGTERM and a clean end.
    pub(crate) fn stop(&mut self) {
        self.ask_to_stop();
        let status = self.wait();
        assert!(status.success(), "sigyn ended with {status}:\n{}", self.log());
    }

    /// Largest resident memory so far, in MiB; nothing where there is no `/proc`.
    pub(crate) fn peak_memory_mib(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? / 1024)
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(log_path(&self.dir)).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Beside the data, or elsewhere when the data's disk is meant to fill up.
fn log_path(dir: &Path) -> PathBuf {
    dir.join("sigyn.log")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind an ephemeral port");
    listener.local_addr().expect("the port's number").port()
}

#[expect(clippy::disallowed_methods, reason = "a test without an async runtime waits for another process")]
pub(crate) fn pause(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}

/// Nanoseconds since the Unix epoch.
#[expect(clippy::disallowed_methods, reason = "the server under test refuses entries far from the real time")]
pub(crate) fn now() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    i64::try_from(elapsed.as_nanos()).expect("the clock is before 2262")
}

/// A whole answer, whatever its status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The JSON of a 200.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// `data` of a 200.
    #[track_caller]
    pub(crate) fn data(&self) -> Value {
        self.json()["data"].clone()
    }
}

/// A broken connection; every status is an [`Answer`].
pub(crate) type Result<T> = std::result::Result<T, ureq::Error>;

/// A client with connections of its own.
pub(crate) fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(60)))
        .build()
        .into()
}

pub(crate) fn get(server: &Server, path: &str, parameters: &[(&str, &str)]) -> Result<Answer> {
    let request = agent().get(url(server.port, path)).query_pairs(parameters.iter().copied());
    read(request.call()?)
}

pub(crate) fn post_form(server: &Server, path: &str, form: &[(&str, &str)]) -> Result<Answer> {
    read(agent().post(url(server.port, path)).send_form(form.iter().copied())?)
}

/// Posts bytes with exactly these headers besides what HTTP itself needs.
pub(crate) fn post(server: &Server, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer> {
    post_by(&agent(), server.port, path, headers, body)
}

pub(crate) fn post_by(
    agent: &ureq::Agent,
    port: u16,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Answer> {
    let mut request = agent.post(url(port, path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    read(request.send(body)?)
}

fn read(mut response: ureq::http::Response<ureq::Body>) -> Result<Answer> {
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(1 << 30).read_to_vec()?;
    Ok(Answer { status, body })
}

fn url(port: u16, path: &str) -> String {
    format!("http://127.0.0.1:{port}{path}")
}

/// Name and value.
pub(crate) type Header = (&'static str, &'static str);

pub(crate) const JSON: Header = ("Content-Type", "application/json");
pub(crate) const PROTOBUF: Header = ("Content-Type", "application/x-protobuf");

/// A JSON push of one stream; `entries` are time, line and structured metadata.
pub(crate) fn json_push(labels: &Value, entries: &[(i64, String, Value)]) -> Vec<u8> {
    let values = entries.iter().map(|(time, line, metadata)| json!([time.to_string(), line, metadata]));
    json!({ "streams": [{ "stream": labels, "values": values.collect::<Vec<_>>() }] }).to_string().into_bytes()
}

/// The protobuf message of a push of one stream, not yet compressed.
pub(crate) fn push_message(labels: &[u8], entries: &[(i64, &[u8])]) -> Vec<u8> {
    let mut stream = field(1, labels);
    for (time, line) in entries {
        let mut timestamp = vec![1 << 3];
        // Negative seconds are ten-byte varints of their two's complement.
        write_varint(&mut timestamp, time.div_euclid(1_000_000_000).cast_unsigned());
        timestamp.push(2 << 3);
        write_varint(&mut timestamp, time.rem_euclid(1_000_000_000).cast_unsigned());
        let entry = [field(1, &timestamp), field(2, line)].concat();
        stream.extend(field(2, &entry));
    }
    field(1, &stream)
}

pub(crate) fn protobuf_push(labels: &str, entries: &[(i64, &[u8])]) -> Vec<u8> {
    snappy(&push_message(labels.as_bytes(), entries))
}

pub(crate) fn snappy(message: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(message).expect("far below snappy's 4 GiB")
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("compress into memory");
    encoder.finish().expect("compress into memory")
}

/// A length-delimited protobuf field.
pub(crate) fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    write_varint(&mut out, bytes.len() as u64);
    out.extend_from_slice(bytes);
    out
}

fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Time and line of every entry of a `streams` answer, stream by stream.
pub(crate) fn entries(data: &Value) -> Vec<(i64, String)> {
    assert_eq!(data["resultType"], "streams", "{data}");
    let streams = data["result"].as_array().expect("a list of streams");
    let values = streams.iter().flat_map(|stream| stream["values"].as_array().expect("a list of entries"));
    let entry = |value: &Value| {
        let time = value[0].as_str().and_then(|time| time.parse().ok()).expect("a time in nanoseconds");
        (time, value[1].as_str().expect("a line").to_owned())
    };
    values.map(entry).collect()
}

/// Every entry of `selector` in `start..end`, forward, page by page; times must be unique.
pub(crate) fn read_all(server: &Server, selector: &str, start: i64, end: i64, page: usize) -> Vec<(i64, String)> {
    let (limit, end) = (page.to_string(), end.to_string());
    let mut all: Vec<(i64, String)> = Vec::new();
    loop {
        let start = all.last().map_or(start, |(time, _)| time + 1).to_string();
        let parameters =
            [("query", selector), ("start", &start), ("end", &end), ("limit", &limit), ("direction", "forward")];
        let answer = get(server, QUERY_RANGE, &parameters).expect("ask for a page");
        let mut got = entries(&answer.data());
        got.sort();
        let last = got.len() < page;
        all.extend(got);
        if last {
            return all;
        }
    }
}

/// The one value of an instant metric query, 0 when it has no series.
#[track_caller]
pub(crate) fn number(server: &Server, query: &str, time: i64) -> f64 {
    let answer = get(server, QUERY, &[("query", query), ("time", &time.to_string())]).expect("ask for a number");
    let data = answer.data();
    match data["result"].as_array().expect("a list of series").as_slice() {
        [] => 0.0,
        [series] => series["value"][1].as_str().and_then(|value| value.parse().ok()).expect("a number"),
        more => panic!("{} series where one was expected", more.len()),
    }
}

/// The sum of a metric's series, 0 when it has none.
pub(crate) fn metric(server: &Server, name: &str) -> f64 {
    let text = get(server, "/metrics", &[]).expect("ask for metrics").text();
    let series = text.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{'])));
    series.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

/// Numbers that a printed seed repeats.
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}
