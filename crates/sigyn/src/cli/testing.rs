//! What the tests of the commands share: a server that speaks enough of Loki's API, and paper to print on.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use clap::Parser as _;
use serde_json::{Value, json};

use super::Cli;
use super::client::Client;

/// A writer that keeps what is written, for all its clones.
#[derive(Debug, Clone, Default)]
pub(super) struct Sheet(Rc<RefCell<Vec<u8>>>);

impl Sheet {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.borrow()).into_owned()
    }
}

impl Write for Sheet {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Entries of a fake server: stream, time, line.
pub(super) type Entries = Vec<(&'static str, i64, String)>;

/// A server that answers `query_range` and `series` as Loki does, from entries it was given.
#[derive(Debug)]
pub(super) struct FakeServer {
    address: String,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    entries: Entries,
    /// `max_entries_limit_per_query`.
    limit_max: u64,
    requests: Mutex<Vec<String>>,
    /// Statuses to answer first, instead of data.
    failures: Mutex<Vec<u16>>,
}

impl FakeServer {
    pub(super) fn start(entries: Entries, limit_max: u64, failures: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind an ephemeral port");
        let address = format!("http://{}", listener.local_addr().expect("the port's number"));
        let failures = Mutex::new(failures.iter().rev().copied().collect());
        let state = Arc::new(State { entries, limit_max, requests: Mutex::default(), failures });
        let shared = Arc::clone(&state);
        // Ends with the process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let state = Arc::clone(&shared);
                std::thread::spawn(move || state.serve(stream));
            }
        });
        Self { address, state }
    }

    pub(super) fn client(&self) -> Client {
        self.client_with(&[])
    }

    pub(super) fn client_with(&self, flags: &[&str]) -> Client {
        let address = format!("--addr={}", self.address);
        let arguments = ["sigyn", &address].into_iter().chain(flags.iter().copied()).chain(["labels"]);
        let cli = Cli::try_parse_from(arguments).expect("the command line is right");
        Client::new(&cli.shared).expect("a client")
    }

    /// Request lines and headers so far.
    pub(super) fn requests(&self) -> Vec<String> {
        self.state.requests.lock().expect("no test panics under the lock").clone()
    }
}

impl State {
    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream);
        loop {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                match reader.read_line(&mut head) {
                    Ok(0) | Err(_) => return,
                    Ok(_) => {}
                }
            }
            let (status, body) = self.answer(&head);
            self.requests.lock().expect("no test panics under the lock").push(head);
            let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            if reader.get_mut().write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }

    fn answer(&self, head: &str) -> (u16, String) {
        if let Some(status) = self.failures.lock().expect("no test panics under the lock").pop() {
            return (status, "come back later".to_owned());
        }
        let target = head.split(' ').nth(1).expect("a request line");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let get = |name: &str| {
            let pair = query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name));
            pair.map(|(_, value)| percent_decoded(value)).unwrap_or_default()
        };
        let number = |name: &str| get(name).parse::<i64>().unwrap_or_else(|_| panic!("{name} in {target}"));
        match path {
            "/loki/api/v1/series" => {
                let streams: std::collections::BTreeSet<_> = self.entries.iter().map(|(stream, ..)| *stream).collect();
                let streams: Vec<_> = streams.into_iter().map(|stream| json!({ "s": stream })).collect();
                (200, json!({ "status": "success", "data": streams }).to_string())
            }
            _ => {
                let limit = number("limit") as u64;
                if limit > self.limit_max {
                    let text = "max entries limit per query exceeded, limit > max_entries_limit_per_query";
                    return (400, format!("{text} ({limit} > {})", self.limit_max));
                }
                let forward = get("direction") == "forward";
                let interval = get("interval").parse::<f64>().map_or(0, |seconds| (seconds * 1e9) as i64);
                (200, self.select(&get("query"), number("start")..number("end"), limit as usize, forward, interval))
            }
        }
    }

    fn select(&self, query: &str, range: std::ops::Range<i64>, limit: usize, forward: bool, interval: i64) -> String {
        let wanted = |stream: &str| !query.starts_with("{s=\"") || query == format!("{{s=\"{stream}\"}}");
        let mut entries: Vec<_> =
            self.entries.iter().filter(|(stream, time, _)| wanted(stream) && range.contains(time)).collect();
        entries.sort_by_key(|(_, time, _)| *time);
        if !forward {
            entries.reverse();
        }
        let mut last = None;
        entries.retain(|(_, time, _)| {
            let keep = last.is_none_or(|last: i64| (time - last).abs() >= interval);
            last = if keep { Some(*time) } else { last };
            keep
        });
        entries.truncate(limit);
        let mut streams: std::collections::BTreeMap<&str, Vec<Value>> = std::collections::BTreeMap::new();
        for (stream, time, line) in entries {
            streams.entry(stream).or_default().push(json!([time.to_string(), line]));
        }
        let result: Vec<_> = streams
            .into_iter()
            .map(|(stream, values)| json!({ "stream": { "s": stream }, "values": values }))
            .collect();
        json!({ "status": "success", "data": { "resultType": "streams", "result": result,
            "stats": { "summary": { "totalEntriesReturned": 1 } } } })
        .to_string()
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let digits: String = bytes.by_ref().take(2).map(char::from).collect();
                out.push(u8::from_str_radix(&digits, 16).expect("two digits"));
            }
            b'+' => out.push(b' '),
            other => out.push(other),
        }
    }
    String::from_utf8(out).expect("UTF-8")
}
