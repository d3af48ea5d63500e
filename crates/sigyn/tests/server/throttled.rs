//! A table of five write units: everything works, only slower.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use sigyn_servers::Faults;

use super::chaos::Cloud;
use super::support::{JSON, PUSH, Server, agent, json_push, metric, now, number, pause, post_by};

const CLIENTS: u64 = 8;
const SECONDS: u64 = 10;
const UNITS: u32 = 5;
/// Clients of Loki wait ten seconds.
const ACK_MAX: Duration = Duration::from_secs(10);

#[test]
fn a_table_of_five_write_units_is_slow_and_loses_nothing() {
    let cloud = Cloud::new(4);
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::start_configured(directory.path(), "all", &cloud.config());
    cloud.table.set(Faults { write_units: UNITS, ..Faults::default() });
    let (over, acks) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (server, over, acks) = (&server, &over, &acks);
            scope.spawn(move || {
                let agent = agent();
                let mut n = 0;
                while !over.load(Ordering::Relaxed) {
                    let line = format!("client {client} line {n}");
                    let body = json_push(&json!({ "job": "throttled" }), &[(now(), line, json!({}))]);
                    let asked = Instant::now();
                    let answer = post_by(&agent, server.port, PUSH, &[JSON], &body).expect("an answer");
                    match answer.status {
                        204 => acks.lock().expect("nobody panics").push(asked.elapsed()),
                        429 | 503 => pause(100),
                        status => panic!("{status}: {}", answer.text()),
                    }
                    n += 1;
                }
            });
        }
        pause(SECONDS * 1_000);
        over.store(true, Ordering::Relaxed);
    });
    let acks = acks.into_inner().expect("nobody panics");
    let slowest = acks.iter().max().expect("some pushes were answered");
    let flushes = metric(&server, "sigyn_write_flushes_total");
    let throttled = cloud.table.injected().throttled;
    println!(
        "{} pushes acknowledged in {flushes} flushes, {throttled} requests throttled, slowest {slowest:?}",
        acks.len()
    );
    assert!(throttled > 5, "the table was never too small");
    assert!(acks.len() as f64 > flushes, "flushes did not grow");
    assert!(*slowest < ACK_MAX, "{slowest:?}");
    assert_eq!(number(&server, r#"sum(count_over_time({job="throttled"}[1h]))"#, now()), acks.len() as f64);
}
