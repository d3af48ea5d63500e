//! How long acknowledgements take at a steady rate.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use sigyn_servers::Faults;

use super::cloud::{Cloud, Place};
use super::percentile;
use crate::bench::{self, Plan};
use crate::http::PushConnection;
use crate::server::pause;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Raw log lines a second, in MB (10^6 bytes).
    #[arg(long, default_value_t = 20.0)]
    mb_s: f64,
    /// For how long.
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
    /// What every put to the bucket takes longer.
    #[arg(long, default_value_t = 60)]
    put_delay_ms: u64,
    /// Connections that push; enough of them that none waits for another's answer.
    #[arg(long, default_value_t = 32)]
    connections: usize,
}

pub(super) fn run(args: &Args, place: &Place) -> Result<String> {
    let cloud = Cloud::start()?;
    let megabytes = (args.mb_s * args.seconds).ceil() as usize;
    let load = bench::payload::build(&Plan::new(megabytes, 50, 1, bench::now_seconds()?));
    let server = cloud.sigyn(place, "all", "all", "")?;
    cloud.bucket.set(Faults { put_delay: Duration::from_millis(args.put_delay_ms), ..Faults::default() });
    let every = Duration::from_secs_f64(args.seconds / load.payloads.len() as f64);
    let (next, start) = (AtomicUsize::new(0), Instant::now());
    let times = Mutex::new(Vec::with_capacity(load.payloads.len()));
    let pushing = || -> Result<()> {
        let mut connection = PushConnection::open(&server.url, "/loki/api/v1/push", None)?;
        loop {
            let turn = next.fetch_add(1, Ordering::Relaxed);
            let Some(payload) = load.payloads.get(turn) else { return Ok(()) };
            let due = every * u32::try_from(turn)?;
            pause(due.saturating_sub(start.elapsed()));
            // Late for its turn counts, too: a client would have waited.
            let since = start.elapsed().min(due);
            match connection.post(&payload.body)? {
                (200..=204, _) => {}
                (status, text) => bail!("a push was answered {status}: {}", text.trim_end()),
            }
            times.lock().expect("nothing panics under the lock").push(start.elapsed().saturating_sub(since));
        }
    };
    thread::scope(|scope| {
        let pushers: Vec<_> = (0..args.connections.max(1)).map(|_| scope.spawn(pushing)).collect();
        pushers.into_iter().try_for_each(|pusher| match pusher.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })?;
    let seconds = start.elapsed().as_secs_f64();
    let mut times = times.into_inner().expect("nothing panics under the lock");
    times.sort_unstable();
    Ok(format!(
        "{:.0} MB at {:.1} MB/s, {} ms added to each put, {} pushes\nacknowledged after {:.0} ms (median), {:.0} ms (p99), {:.0} ms (worst)\n",
        load.raw_bytes as f64 / 1e6,
        load.raw_bytes as f64 / 1e6 / seconds,
        args.put_delay_ms,
        times.len(),
        percentile(&times, 0.5),
        percentile(&times, 0.99),
        percentile(&times, 1.0),
    ))
}
