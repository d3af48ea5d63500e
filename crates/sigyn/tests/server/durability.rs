//! What Sigyn acknowledged, it has: the process is killed again and again while clients push.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::thread;

use serde_json::json;

use super::support::{Header, JSON, PROTOBUF, PUSH, Random, Server, agent, json_push, now, number, pause};
use super::support::{metric, post_by, protobuf_push, read_all};

const KILLS: usize = 32;
const CLIENTS: u64 = 4;
const LINES_PER_PUSH_MAX: u64 = 40;
const MINUTE: i64 = 60_000_000_000;
const HOUR: i64 = 60 * MINUTE;
const HOURS: i64 = 48;
const LINES_PER_HOUR: i64 = 50;
const DEFAULT_SEED: u64 = 20_261_123;

/// Of any time within the test's hours.
const COUNT_ALL: &str = r#"sum(count_over_time({job="durability"}[60h]))"#;

/// What one client sent and what of it was acknowledged, by line number.
#[derive(Debug, Default)]
struct Ledger {
    sent: BTreeSet<u64>,
    acked: BTreeSet<u64>,
}

/// What the clients share with the one who kills.
#[derive(Debug)]
struct World {
    base: i64,
    port: AtomicU16,
    over: AtomicBool,
    ledgers: Vec<Mutex<Ledger>>,
}

#[test]
fn every_acknowledged_line_survives_kills_and_is_read_once() {
    let seed = std::env::var("SIGYN_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(DEFAULT_SEED);
    println!("replay with SIGYN_TEST_SEED={seed} cargo test -p sigyn --test server durability");
    let dir = tempfile::tempdir().expect("a directory");
    let mut server = Server::start_with(dir.path(), CONFIG);
    let world = World {
        base: now() - (HOURS + 2) * HOUR,
        port: AtomicU16::new(server.port),
        over: AtomicBool::new(false),
        ledgers: (0..CLIENTS).map(|_| Mutex::default()).collect(),
    };
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let world = &world;
            scope.spawn(move || world.push_until_over(client, &mut Random(seed ^ (client + 1))));
        }
        // A failed check must still let the clients go home.
        let over = SetOnDrop(&world.over);
        kill_again_and_again(&world, &mut server, dir.path(), &mut Random(seed));
        drop(over);
    });
    server.stop();
    let server = Server::start_with(dir.path(), CONFIG);
    world.check_every_line(&server);
}

/// Limits out of the way, and background work often enough to be hit by the kills.
const CONFIG: &str = "\
limits:
  ingestion_rate_mb: 1000
  ingestion_burst_size_mb: 1000
backend:
  compact_interval: 100ms
  compact_after: 0s
  gc_interval: 200ms
  delete_grace: 1s
";

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn kill_again_and_again(world: &World, server: &mut Server, dir: &std::path::Path, random: &mut Random) {
    let mut compacted = 0.0;
    for kill in 1..=KILLS {
        pause(20 + random.below(250));
        let acked = world.acked();
        compacted += metric(server, "sigyn_backend_compacted_parts_total");
        server.kill();
        *server = Server::start_with(dir, CONFIG);
        world.port.store(server.port, Ordering::Relaxed);
        let kept = number(server, COUNT_ALL, now());
        assert!(kept >= acked as f64, "after kill {kill}: {kept} lines are there, {acked} were acknowledged before it");
    }
    println!("{compacted} parts were merged away between the kills");
    assert!(compacted > 0.0, "compaction was never under way, so no kill could hit it");
    // A last stretch without a kill, so that the end is reached by pushes that were answered.
    pause(300);
}

impl World {
    fn acked(&self) -> usize {
        self.ledgers.iter().map(|ledger| lock(ledger).acked.len()).sum()
    }

    /// One client: pushes numbered lines; what was not acknowledged is sent again, or given up for ever.
    fn push_until_over(&self, client: u64, random: &mut Random) {
        let agent = agent();
        let mut next = 0;
        while !self.over.load(Ordering::Relaxed) {
            let numbers: Vec<u64> = (next..=next + random.below(LINES_PER_PUSH_MAX)).collect();
            next += numbers.len() as u64;
            lock(&self.ledgers[client as usize]).sent.extend(&numbers);
            let (header, body) = self.encode(client, &numbers, random.below(2) == 0);
            for _ in 0..=random.below(4) {
                let port = self.port.load(Ordering::Relaxed);
                match post_by(&agent, port, PUSH, &[header], &body) {
                    Ok(answer) if answer.status == 204 => {
                        lock(&self.ledgers[client as usize]).acked.extend(&numbers);
                        break;
                    }
                    Ok(answer) => {
                        assert!(matches!(answer.status, 429 | 503), "{}: {}", answer.status, answer.text());
                    }
                    // Killed: whether the push was stored, nobody knows.
                    Err(_) => pause(5),
                }
            }
        }
    }

    fn encode(&self, client: u64, numbers: &[u64], as_json: bool) -> (Header, Vec<u8>) {
        let lines: Vec<(i64, String)> = numbers.iter().map(|&n| (self.time(n), line(client, n))).collect();
        if as_json {
            let entries: Vec<_> = lines.into_iter().map(|(time, line)| (time, line, json!({}))).collect();
            let labels = json!({ "job": "durability", "client": client.to_string() });
            return (JSON, json_push(&labels, &entries));
        }
        let entries: Vec<_> = lines.iter().map(|(time, line)| (*time, line.as_bytes())).collect();
        (PROTOBUF, protobuf_push(&format!("{{job=\"durability\", client=\"{client}\"}}"), &entries))
    }

    /// Unique for each number; every few pushes move on to another hour.
    ///
    /// A process that is killed while it compacts leaves its lease on that hour behind for a while,
    /// so compaction has work in every life only where there are new hours.
    fn time(&self, number: u64) -> i64 {
        let number = i64::try_from(number).expect("few lines");
        self.base + number / LINES_PER_HOUR % HOURS * HOUR + number * 1000
    }

    fn check_every_line(&self, server: &Server) {
        let mut total = 0;
        for (client, ledger) in self.ledgers.iter().enumerate() {
            let ledger = lock(ledger);
            let selector = format!("{{job=\"durability\", client=\"{client}\"}}");
            let read = read_all(server, &selector, self.base, self.base + (HOURS + 1) * HOUR, 500);
            total += read.len();
            let mut times: BTreeMap<String, i64> = BTreeMap::new();
            for (time, line) in read {
                assert_eq!(times.insert(line.clone(), time), None, "read twice: {line}");
            }
            for &number in &ledger.acked {
                let time = times.get(&line(client as u64, number));
                assert_eq!(time, Some(&self.time(number)), "acknowledged and lost: client {client}, line {number}");
            }
            let known: BTreeSet<String> = ledger.sent.iter().map(|&number| line(client as u64, number)).collect();
            let invented = times.keys().find(|line| !known.contains(*line));
            assert_eq!(invented, None, "nobody sent this");
            assert!(ledger.acked.len() > KILLS, "client {client} was hardly ever answered: {}", ledger.acked.len());
        }
        let counted = number(server, COUNT_ALL, now());
        assert_eq!(counted, total as f64, "counting and reading disagree");
        println!("{KILLS} kills, {} lines acknowledged, {total} read", self.acked());
    }
}

fn line(client: u64, number: u64) -> String {
    // Of different lengths, and different in more than the number.
    let filler = "abcdefghij".repeat((number * 7 % 13) as usize);
    format!("client={client} n={number} check={:016x} {filler}", Random(number ^ client << 32).below(u64::MAX))
}

fn lock(ledger: &Mutex<Ledger>) -> std::sync::MutexGuard<'_, Ledger> {
    ledger.lock().expect("no client panics while it holds the lock")
}
