//! What the nodes share: the store, the clock, the weather, the record of what was pushed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use object_store::ObjectStore;
use object_store::memory::InMemory;
use sigyn_model::duration::Span;
use sigyn_model::{Limits, TenantId, TenantLimits, Timestamp};
use sigyn_storage::faulty::FaultPlan;
use sigyn_storage::{Clock, Rng, SeededRng, TokioClock, rng};

use crate::ledger::Ledger;
use crate::node::Node;

/// Nodes that share the store, each of them writing, reading and compacting.
pub(crate) const NODES: usize = 2;

/// An hour that begins shortly after the simulation does, so that most runs push into two.
const NEXT_HOUR: Timestamp = Timestamp::from_seconds(1_795_305_600);

/// Everything that outlives a crash.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: SeededRng,
    pub(crate) limits: Arc<TenantLimits>,
    pub(crate) ledger: Ledger,
    /// Retention in force, if any.
    pub(crate) retention: Option<Span>,
    weather: Mutex<FaultPlan>,
    nodes: Mutex<Vec<Arc<Node>>>,
    tally: Mutex<Tally>,
}

/// What happened, for the test's last line and for knowing that the faults were really there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    pub crashes: u64,
    pub faults: u64,
    /// Answered with an error that asks for a retry.
    pub pushes_failed: u64,
    /// Their node crashed.
    pub pushes_unanswered: u64,
    pub reads: u64,
    pub reads_failed: u64,
    pub compactions: u64,
    pub compactions_killed: u64,
    pub collected_objects: u64,
}

impl World {
    /// Must be called inside the run's runtime, whose clock is paused.
    pub(crate) fn new(seed: u64) -> Arc<Self> {
        let rng = SeededRng::new(seed);
        let before_the_hour = i64::try_from(rng::below(&rng, 4_000)).unwrap_or(0) * 1_000_000;
        let retention = (rng::below(&rng, 4) == 0).then_some(Span::seconds(24 * 3600));
        let limits = Limits { retention_period: retention.unwrap_or_default(), ..Limits::default() };
        Arc::new(Self {
            objects: Arc::new(InMemory::new()),
            clock: Arc::new(TokioClock::new(NEXT_HOUR - before_the_hour)),
            rng,
            limits: Arc::new(TenantLimits::new(limits)),
            ledger: Ledger::default(),
            retention,
            weather: Mutex::default(),
            nodes: Mutex::default(),
            tally: Mutex::default(),
        })
    }

    /// The node in place `place`; a crashed one until it is replaced.
    pub(crate) fn node(&self, place: usize) -> Arc<Node> {
        Arc::clone(&lock(&self.nodes)[place])
    }

    pub(crate) fn any_node(&self) -> Arc<Node> {
        self.node(self.choose(NODES))
    }

    /// Puts a node into its place; the one that was there is gone.
    pub(crate) fn place(&self, place: usize, node: Arc<Node>) {
        let mut nodes = lock(&self.nodes);
        if place < nodes.len() {
            nodes[place] = node;
        } else {
            nodes.push(node);
        }
    }

    /// The faults that every node meets from now on, those started later included.
    pub(crate) fn set_weather(&self, plan: FaultPlan) {
        *lock(&self.weather) = plan;
        for node in lock(&self.nodes).iter() {
            node.faults.set_plan(plan);
        }
    }

    pub(crate) fn weather(&self) -> FaultPlan {
        *lock(&self.weather)
    }

    pub(crate) fn count(&self, count: impl FnOnce(&mut Tally)) {
        count(&mut lock(&self.tally));
    }

    pub(crate) fn tally(&self) -> Tally {
        let mut tally = *lock(&self.tally);
        tally.faults += lock(&self.nodes).iter().map(|node| node.faults.injected()).sum::<u64>();
        tally
    }

    /// One of `0..count`.
    pub(crate) fn choose(&self, count: usize) -> usize {
        usize::try_from(rng::below(&self.rng, count as u64)).unwrap_or(0)
    }

    pub(crate) fn chance(&self, p: f64) -> bool {
        rng::chance(&self.rng, p)
    }

    pub(crate) fn next_seed(&self) -> u64 {
        self.rng.next_u64()
    }

    /// Waits up to `longest`, in virtual time.
    pub(crate) async fn pause(&self, longest: Duration) {
        tokio::time::sleep(Duration::from_micros(rng::below(&self.rng, longest.as_micros() as u64))).await;
    }
}

/// Tenants of the clients, in turn.
pub(crate) fn tenant(number: usize) -> TenantId {
    let name = if number.is_multiple_of(2) { "even" } else { "odd" };
    TenantId::new(name).expect("the names are valid")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
