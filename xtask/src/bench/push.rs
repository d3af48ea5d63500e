//! The loader: ready-made payloads over a few connections, each waiting for its answer before it sends the next.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde::Serialize;

use super::payload::{Load, Payload};
use crate::http::PushConnection;
use crate::progress::Progress;
use crate::server::pause;

const PATH: &str = "/loki/api/v1/push";
const RETRY_AFTER: Duration = Duration::from_millis(50);
const RETRIES_MAX: u32 = 1200;

/// What the pushes took, seen from the client.
#[derive(Debug, Serialize)]
pub(crate) struct Push {
    pub seconds: f64,
    /// Raw bytes of acknowledged lines per second, in 10^6 bytes.
    pub megabytes_per_second: f64,
    pub ack_ms_p50: f64,
    pub ack_ms_p99: f64,
    pub ack_ms_max: f64,
    /// Answers 429 and 503, after which the same payload was sent again.
    pub retries: u64,
}

#[derive(Debug)]
struct Pushing<'a> {
    load: &'a Load,
    start: Instant,
    next: AtomicUsize,
    acked_bytes: AtomicU64,
    retries: AtomicU64,
    failed: AtomicBool,
    latencies: Mutex<Vec<Duration>>,
    /// When the last answer came, in nanoseconds since the start.
    last_answer: AtomicU64,
}

pub(crate) fn run(url: &str, tenant: Option<&str>, load: &Load, connections: usize) -> Result<Push> {
    let pushing = Pushing {
        load,
        next: AtomicUsize::new(0),
        acked_bytes: AtomicU64::new(0),
        retries: AtomicU64::new(0),
        failed: AtomicBool::new(false),
        latencies: Mutex::new(Vec::with_capacity(load.payloads.len())),
        last_answer: AtomicU64::new(0),
        start: Instant::now(),
    };
    let shown = Progress::new();
    thread::scope(|scope| {
        let pushers: Vec<_> = (0..connections.max(1)).map(|_| scope.spawn(|| pushing.push(url, tenant))).collect();
        while pushers.iter().any(|pusher| !pusher.is_finished()) {
            pause(Duration::from_millis(100));
            shown.show(|| pushing.text());
        }
        pushers.into_iter().try_for_each(|pusher| match pusher.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })?;
    shown.clear();
    Ok(pushing.result())
}

impl Pushing<'_> {
    /// One connection's work.
    fn push(&self, url: &str, tenant: Option<&str>) -> Result<()> {
        let result = self.push_all(url, tenant);
        if result.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
        result
    }

    fn push_all(&self, url: &str, tenant: Option<&str>) -> Result<()> {
        let mut connection = PushConnection::open(url, PATH, tenant)?;
        while let Some(payload) = self.load.payloads.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            if self.failed.load(Ordering::Relaxed) {
                bail!("another connection failed");
            }
            let latency = self.push_one(&mut connection, payload)?;
            self.acked_bytes.fetch_add(payload.raw_bytes, Ordering::Relaxed);
            self.last_answer.fetch_max(self.start.elapsed().as_nanos() as u64, Ordering::Relaxed);
            self.latencies.lock().expect("nothing panics under the lock").push(latency);
        }
        Ok(())
    }

    /// Sends until it is acknowledged; the time of all tries counts.
    fn push_one(&self, connection: &mut PushConnection, payload: &Payload) -> Result<Duration> {
        let start = Instant::now();
        for _ in 0..RETRIES_MAX {
            match connection.post(&payload.body)? {
                (200..=204, _) => return Ok(start.elapsed()),
                (429 | 503, _) => {
                    self.retries.fetch_add(1, Ordering::Relaxed);
                    pause(RETRY_AFTER);
                }
                (status, text) => bail!("a push was answered {status}: {}", text.trim_end()),
            }
        }
        bail!("a push was refused {RETRIES_MAX} times; raise the server's ingestion limits")
    }

    fn text(&self) -> String {
        let (acked, all) = (self.acked_bytes.load(Ordering::Relaxed), self.load.raw_bytes);
        let rate = acked as f64 / 1e6 / self.start.elapsed().as_secs_f64();
        format!("pushing {:5.0} of {:.0} MB, {rate:6.1} MB/s", acked as f64 / 1e6, all as f64 / 1e6)
    }

    fn result(self) -> Push {
        let seconds = self.last_answer.into_inner() as f64 / 1e9;
        let mut latencies = self.latencies.into_inner().expect("nothing panics under the lock");
        latencies.sort_unstable();
        let at = |share: f64| {
            let place = (share * latencies.len().saturating_sub(1) as f64).round() as usize;
            latencies.get(place).map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
        };
        Push {
            seconds,
            megabytes_per_second: self.load.raw_bytes as f64 / 1e6 / seconds,
            ack_ms_p50: at(0.5),
            ack_ms_p99: at(0.99),
            ack_ms_max: at(1.0),
            retries: self.retries.into_inner(),
        }
    }
}
