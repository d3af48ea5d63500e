//! Six processes on one bucket and one table, behind a bad network, killed in turn.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use prometheus_client::registry::Registry;
use serde_json::json;
use sigyn_backend::{Backend, BackendConfig};
use sigyn_model::{Limits, Secret, TenantLimits, Timestamp};
use sigyn_servers::{ACCESS_KEY_ID, DynamoDbServer, FaultProxy, Faults, S3Server, SECRET_ACCESS_KEY};
use sigyn_storage::{Access, Clock as _, CpuPool, ManualClock, Metrics, Storage, StorageConfig, SystemClock};

use super::support::read_all;
use super::support::{JSON, PUSH, Random, Server, agent, get, json_push, now, pause, post_by};

const CLIENTS: u64 = 3;
const ROUNDS: usize = 3;
const LINES_PER_PUSH_MAX: u64 = 30;
const MILLISECOND: i64 = 1_000_000;
const DEFAULT_SEED: u64 = 20_261_127;

const BAD: Faults = Faults {
    errors: 40,
    throttled: 40,
    resets: 40,
    stalls: 4,
    delay: Duration::ZERO,
    put_delay: Duration::ZERO,
    away: false,
};

/// What one client sent and what of it was acknowledged, by line number.
#[derive(Debug, Default)]
struct Ledger {
    sent: BTreeSet<u64>,
    acked: BTreeSet<u64>,
}

/// The servers that outlive every process of ours.
struct Cloud {
    runtime: tokio::runtime::Runtime,
    s3: S3Server,
    dynamodb: DynamoDbServer,
    bucket: FaultProxy,
    table: FaultProxy,
}

impl Cloud {
    fn new(seed: u64) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (s3, dynamodb, bucket, table) = runtime.block_on(async {
            let s3 = S3Server::start("logs").await.expect("it starts");
            let dynamodb = DynamoDbServer::start().await.expect("it starts");
            let bucket = FaultProxy::start(&s3.endpoint(), seed).await.expect("it starts");
            let table = FaultProxy::start(&dynamodb.endpoint(), seed ^ 1).await.expect("it starts");
            (s3, dynamodb, bucket, table)
        });
        Self { runtime, s3, dynamodb, bucket, table }
    }

    fn set(&self, faults: Faults) {
        self.bucket.set(faults);
        self.table.set(faults);
    }

    fn config(&self) -> String {
        format!(
            "\
storage:
  bucket: s3://logs/sigyn
  catalog: dynamodb://eu-west-1/sigyn_
  s3:
    endpoint: {}
    access_key_id: {ACCESS_KEY_ID}
    secret_access_key: {SECRET_ACCESS_KEY}
  dynamodb:
    endpoint: {}
limits:
  ingestion_rate_mb: 1000
  ingestion_burst_size_mb: 1000
backend:
  compact_interval: 200ms
  compact_after: 0s
  finish_after: 3s
  gc_interval: 500ms
  delete_grace: 10s
log:
  level: debug
",
            self.bucket.endpoint(),
            self.table.endpoint()
        )
    }

    /// Opens the storage itself, past the proxies, at a time of its own.
    fn storage(&self, clock: ManualClock) -> Storage {
        let mut config = StorageConfig {
            bucket: "s3://logs/sigyn".to_owned(),
            catalog: Some("dynamodb://eu-west-1/sigyn_".to_owned()),
            ..StorageConfig::default()
        };
        config.s3.endpoint = self.s3.endpoint();
        config.s3.access_key_id = Secret::new(ACCESS_KEY_ID);
        config.s3.secret_access_key = Secret::new(SECRET_ACCESS_KEY);
        config.dynamodb.endpoint = self.dynamodb.endpoint();
        let opened = async {
            sigyn_storage::preflight(&config, Access::Write, Arc::new(clock), &Metrics::default()).await.into_storage()
        };
        self.runtime.block_on(opened).expect("it opens")
    }
}

/// A target in a directory of its own, through all its lives.
struct Process {
    target: &'static str,
    directory: tempfile::TempDir,
    config: String,
    server: Server,
    port: Arc<AtomicU16>,
}

impl Process {
    fn start(target: &'static str, config: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let server = Server::start_configured(directory.path(), target, config);
        let port = Arc::new(AtomicU16::new(server.port));
        Self { target, directory, config: config.to_owned(), server, port }
    }

    fn kill_and_restart(&mut self) {
        self.server.kill();
        self.server = Server::start_configured(self.directory.path(), self.target, &self.config);
        self.port.store(self.server.port, Ordering::Relaxed);
    }
}

#[test]
fn six_processes_lose_nothing_while_they_die_and_the_network_fails() {
    let seed = std::env::var("SIGYN_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(DEFAULT_SEED);
    println!("replay with SIGYN_TEST_SEED={seed} cargo test -p sigyn --test server chaos");
    let cloud = Cloud::new(seed);
    let config = cloud.config();
    let mut processes: Vec<Process> = ["write", "write", "read", "read", "backend", "backend"]
        .into_iter()
        .map(|target| Process::start(target, &config))
        .collect();
    let clients = Clients {
        base: now() - 60_000 * MILLISECOND,
        writers: processes[..2].iter().map(|process| Arc::clone(&process.port)).collect(),
        over: AtomicBool::new(false),
        ledgers: (0..CLIENTS).map(|_| Mutex::default()).collect(),
    };
    cloud.set(BAD);
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let clients = &clients;
            scope.spawn(move || clients.push_until_over(client, &mut Random(seed ^ (client + 1))));
        }
        // A failed check must still let the clients go home.
        let over = SetOnDrop(&clients.over);
        kill_in_turn(&clients, &mut processes, &mut Random(seed));
        drop(over);
    });
    cloud.set(Faults::default());
    for reader in &processes[2..4] {
        clients.check_every_line(&reader.server);
    }
    for injected in [cloud.bucket.injected(), cloud.table.injected()] {
        println!("{injected:?}");
        assert!(injected.errors > 3 && injected.throttled > 3 && injected.resets > 3, "{injected:?}");
    }
    let epochs = processes[4..].iter().map(|process| leases_taken(process.directory.path()));
    check_leases(epochs.flatten());
    for process in &mut processes {
        process.server.stop();
    }
    check_objects(&cloud);
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn kill_in_turn(clients: &Clients, processes: &mut [Process], random: &mut Random) {
    for _ in 0..ROUNDS {
        let mut order: Vec<usize> = (0..processes.len()).collect();
        while !order.is_empty() {
            let turn = order.swap_remove(random.below(order.len() as u64) as usize);
            pause(200 + random.below(400));
            processes[turn].kill_and_restart();
            let acked = clients.acked();
            // The readers were not told of anything: they find out by themselves.
            let reader = &processes[2 + random.below(2) as usize].server;
            if let Some(kept) = clients.counted(reader) {
                assert!(kept >= acked as f64, "{kept} lines are there, {acked} were acknowledged before");
            }
        }
    }
}

/// Those who push, and what they know.
struct Clients {
    base: i64,
    writers: Vec<Arc<AtomicU16>>,
    over: AtomicBool,
    ledgers: Vec<Mutex<Ledger>>,
}

impl Clients {
    fn acked(&self) -> usize {
        self.ledgers.iter().map(|ledger| lock(ledger).acked.len()).sum()
    }

    /// What a reader counts; nothing when the network fails it.
    fn counted(&self, reader: &Server) -> Option<f64> {
        let query = [("query", r#"sum(count_over_time({job="chaos"}[1h]))"#), ("time", &*now().to_string())];
        let answer = get(reader, super::support::QUERY, &query).ok().filter(|answer| answer.status == 200)?;
        answer.data()["result"][0]["value"][1].as_str()?.parse().ok()
    }

    /// One client: pushes numbered lines to either writer; what was not acknowledged is sent again, or given up for ever.
    fn push_until_over(&self, client: u64, random: &mut Random) {
        let agent = agent();
        let mut next = 0;
        while !self.over.load(Ordering::Relaxed) {
            let numbers: Vec<u64> = (next..=next + random.below(LINES_PER_PUSH_MAX)).collect();
            next += numbers.len() as u64;
            lock(&self.ledgers[client as usize]).sent.extend(&numbers);
            let lines: Vec<_> = numbers.iter().map(|&n| (self.time(n), line(client, n), json!({}))).collect();
            let body = json_push(&json!({ "job": "chaos", "client": client.to_string() }), &lines);
            for _ in 0..=random.below(6) {
                let port = self.writers[random.below(2) as usize].load(Ordering::Relaxed);
                match post_by(&agent, port, PUSH, &[JSON], &body) {
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

    fn time(&self, number: u64) -> i64 {
        self.base + i64::try_from(number).expect("few lines") * MILLISECOND
    }

    /// Exactly once each, as the reader pages through.
    fn check_every_line(&self, reader: &Server) {
        let mut total = 0;
        for (client, ledger) in self.ledgers.iter().enumerate() {
            let ledger = lock(ledger);
            let selector = format!("{{job=\"chaos\", client=\"{client}\"}}");
            let read = read_all(reader, &selector, self.base, now() + 3_600_000 * MILLISECOND, 1_000);
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
            assert_eq!(times.keys().find(|line| !known.contains(*line)), None, "nobody sent this");
            assert!(ledger.acked.len() > 20, "client {client} was hardly ever answered: {}", ledger.acked.len());
        }
        println!("{} lines acknowledged, {total} read", self.acked());
    }
}

fn line(client: u64, number: u64) -> String {
    format!("client={client} n={number} check={:016x}", Random(number ^ client << 32).below(u64::MAX))
}

fn lock(ledger: &Mutex<Ledger>) -> std::sync::MutexGuard<'_, Ledger> {
    ledger.lock().expect("no client panics while it holds the lock")
}

/// Name and epoch of every lease a process of this directory has taken.
fn leases_taken(directory: &Path) -> Vec<(String, u64)> {
    let log = std::fs::read_to_string(directory.join("sigyn.log")).expect("it logs");
    let taken = log.lines().filter(|line| line.contains("took a lease"));
    taken
        .map(|line| {
            let field = |name: &str| {
                let (_, rest) = line.split_once(name).unwrap_or_else(|| panic!("{name} is not in {line}"));
                rest.split_whitespace().next().unwrap_or_default().trim_matches('"').to_owned()
            };
            (field("lease="), field("epoch=").parse().expect("a number"))
        })
        .collect()
}

fn check_leases(taken: impl Iterator<Item = (String, u64)>) {
    let mut seen = HashSet::new();
    for lease in taken {
        assert!(seen.insert(lease.clone()), "held twice at one epoch: {lease:?}");
    }
    println!("{} leases taken", seen.len());
    assert!(!seen.is_empty(), "nothing was compacted");
}

/// Two hours later a collection has removed what no row names, and nothing else.
fn check_objects(cloud: &Cloud) {
    let later = Timestamp(SystemClock.now().nanos() + 2 * 3_600_000 * MILLISECOND);
    let storage = cloud.storage(ManualClock::new(later));
    let config = BackendConfig { delete_grace: "0s".parse().expect("a duration"), ..BackendConfig::default() };
    let limits = Arc::new(TenantLimits::new(Limits::default()));
    let cpu = CpuPool::new(1).expect("a pool");
    let (deleted, referenced) = cloud.runtime.block_on(async {
        let backend = Backend::new(config, storage.clone(), cpu, limits, &mut Registry::default());
        let deleted = backend.collect_once().await.expect("it collects").objects;
        (deleted, storage.catalog.referenced_objects().await.expect("rows"))
    });
    let there: Vec<String> =
        cloud.s3.keys("sigyn/data/").iter().map(|key| key.trim_start_matches("sigyn/").to_owned()).collect();
    let mut named: Vec<String> = referenced.into_iter().collect();
    named.sort();
    println!("{deleted} objects without a row deleted, {} are left", there.len());
    assert_eq!(there, named, "objects and the rows that name them");
}
