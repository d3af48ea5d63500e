//! The bucket cannot be reached for a while: pushes are told at once, memory stays bounded, what is cached is answered.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use sigyn_servers::Faults;

use super::chaos::Cloud;
use super::support::{JSON, PUSH, QUERY, Server, agent, get, json_push, now, number, pause, post_by};

const CLIENTS: u64 = 4;
/// Until the storage counts as away.
const NOTICED_WITHIN: Duration = Duration::from_secs(7);
/// Clients of Loki wait ten seconds.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(10);
const MEMORY_MIB_MAX: u64 = 400;
const CACHED: &str = r#"sum(count_over_time({job="before"}[1h]))"#;
const COUNT: &str = r#"sum(count_over_time({job="outage"}[1h]))"#;

/// What the clients were told.
#[derive(Debug, Default)]
struct Told {
    acked: Vec<String>,
    /// Answers of a storage that is away, after it was noticed.
    refused: u64,
    slowest_refusal: Duration,
}

#[test]
fn an_outage_of_the_bucket_is_told_at_once_and_passes() {
    let seconds = std::env::var("SIGYN_TEST_OUTAGE_S").ok().and_then(|text| text.parse().ok()).unwrap_or(12);
    let cloud = Cloud::new(3);
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::start_configured(directory.path(), "write,read", &cloud.config());
    let (over, told) = (AtomicBool::new(false), Mutex::new(Told::default()));
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (server, over, told) = (&server, &over, &told);
            scope.spawn(move || push_until_over(server, client, over, told));
        }
        let body = json_push(&json!({ "job": "before" }), &[(now(), "kept".to_owned(), json!({}))]);
        assert_eq!(post_by(&agent(), server.port, PUSH, &[JSON], &body).expect("an answer").status, 204);
        pause(1_000);
        assert_eq!(number(&server, CACHED, now()), 1.0);
        cloud.bucket.set(Faults { away: true, ..Faults::default() });
        let away = Instant::now();
        let mut answered = 0;
        while away.elapsed() < Duration::from_secs(seconds) {
            pause(500);
            // What was read before is in the cache; what was flushed since cannot be read, and is not asked for.
            let query = [("query", CACHED), ("time", &*now().to_string())];
            let answer = get(&server, QUERY, &query).expect("an answer");
            assert_eq!(answer.data()["result"][0]["value"][1], "1", "{}", answer.text());
            answered += 1;
        }
        cloud.bucket.set(Faults::default());
        let back = Instant::now();
        let acked = lock(&told).acked.len();
        while lock(&told).acked.len() < acked + 20 {
            assert!(back.elapsed() < Duration::from_secs(20), "pushes do not work again: {}", server.log());
            pause(50);
        }
        over.store(true, Ordering::Relaxed);
        println!(
            "{answered} queries answered in an outage of {seconds} s, pushes work again after {:?}",
            back.elapsed()
        );
        assert!(answered > 0, "no query was answered from the cache");
    });
    let told = told.into_inner().expect("no client panics");
    println!("{} acknowledged, {} refused, slowest refusal {:?}", told.acked.len(), told.refused, told.slowest_refusal);
    assert!(told.refused > 20, "clients waited instead of being told: {told:?}");
    assert!(told.slowest_refusal < Duration::from_secs(1), "{:?}", told.slowest_refusal);
    if let Some(peak) = server.peak_memory_mib() {
        assert!(peak < MEMORY_MIB_MAX, "{peak} MiB");
    }
    let kept = number(&server, COUNT, now());
    assert!(kept >= told.acked.len() as f64, "{kept} lines are there, {} were acknowledged", told.acked.len());
}

fn push_until_over(server: &Server, client: u64, over: &AtomicBool, told: &Mutex<Told>) {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(CLIENT_TIMEOUT)).build().into();
    let mut n = 0_u64;
    let mut first_failure: Option<Instant> = None;
    while !over.load(Ordering::Relaxed) {
        let line = format!("client {client} line {n} {}", "x".repeat(2_000));
        n += 1;
        let body =
            json_push(&json!({ "job": "outage", "client": client.to_string() }), &[(now(), line.clone(), json!({}))]);
        let asked = Instant::now();
        match post_by(&agent, server.port, PUSH, &[JSON], &body) {
            Ok(answer) if answer.status == 204 => {
                first_failure = None;
                lock(told).acked.push(line);
            }
            Ok(answer) => {
                assert!(matches!(answer.status, 429 | 503), "{}: {}", answer.status, answer.text());
                let since = *first_failure.get_or_insert(asked);
                let mut told = lock(told);
                told.refused += 1;
                // The one that tries for all waits as long as the storage takes.
                if since.elapsed() > NOTICED_WITHIN && answer.text().contains("has not answered") {
                    told.slowest_refusal = told.slowest_refusal.max(asked.elapsed());
                }
                drop(told);
                pause(20);
            }
            Err(_) => {
                first_failure.get_or_insert(asked);
            }
        }
    }
}

fn lock(told: &Mutex<Told>) -> std::sync::MutexGuard<'_, Told> {
    told.lock().expect("no client panics while it holds the lock")
}
