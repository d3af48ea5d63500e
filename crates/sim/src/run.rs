//! One run: a world, its clients and its script, from a seed.

use std::fmt;
use std::sync::Arc;

use sigyn_storage::faulty::FaultPlan;
use tokio::runtime::Builder;

use crate::node::Node;
use crate::world::{NODES, Tally, World};
use crate::{client, reading, script};

/// Clients of a run.
const CLIENTS: usize = 4;

/// A run that went as it should.
#[derive(Debug, Clone, Copy, Default)]
pub struct Summary {
    /// Lines acknowledged, each read exactly once.
    pub acknowledged: usize,
    pub tally: Tally,
}

/// A run that did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub seed: u64,
    pub message: String,
}

/// With the command that repeats it.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nreplay: SEED={} cargo test -p sigyn-sim", self.message, self.seed)
    }
}

/// Runs the simulation of one seed in virtual time, on this thread.
pub fn run_seed(seed: u64) -> Result<Summary, Failure> {
    let failed = |message: String| Failure { seed, message };
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.map_err(|error| failed(error.to_string()))?;
    runtime.block_on(run(seed)).map_err(failed)
}

async fn run(seed: u64) -> Result<Summary, String> {
    let world = World::new(seed);
    for place in 0..NODES {
        world.place(place, Node::start(&world).await);
    }
    let pushes = 3 + world.choose(6);
    let clients: Vec<_> =
        (0..CLIENTS).map(|number| tokio::spawn(client::run(Arc::clone(&world), number, pushes))).collect();
    let steps = 4 + world.choose(10);
    script::play(&world, steps).await?;
    // From here on every push succeeds, sooner or later.
    world.set_weather(FaultPlan::default());
    for client in clients {
        client.await.map_err(|panic| panic.to_string())??;
    }
    check_everywhere(&world).await.map_err(|error| format!("before settling: {error}"))?;
    script::settle(&world).await?;
    check_everywhere(&world).await.map_err(|error| format!("after settling: {error}"))?;
    Ok(Summary { acknowledged: world.ledger.acknowledged(), tally: world.tally() })
}

/// A node that lived through it and one that starts now read the same.
async fn check_everywhere(world: &World) -> Result<(), String> {
    for node in [world.any_node(), Node::start(world).await] {
        if !reading::check(world, &node.reader, true).await? {
            return Err("the store is away in fine weather".to_owned());
        }
    }
    Ok(())
}

impl std::ops::AddAssign for Summary {
    fn add_assign(&mut self, other: Self) {
        self.acknowledged += other.acknowledged;
        let (sum, more) = (&mut self.tally, other.tally);
        sum.crashes += more.crashes;
        sum.faults += more.faults;
        sum.pushes_failed += more.pushes_failed;
        sum.pushes_unanswered += more.pushes_unanswered;
        sum.reads += more.reads;
        sum.reads_failed += more.reads_failed;
        sum.compactions += more.compactions;
        sum.compactions_killed += more.compactions_killed;
        sum.collected_objects += more.collected_objects;
    }
}
