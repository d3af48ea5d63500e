//! The seeded script of a run: faults, crashes, background work and readings, at random instants.

use std::sync::Arc;
use std::time::Duration;

use sigyn_model::ErrorKind;
use sigyn_storage::faulty::FaultPlan;

use crate::node::Node;
use crate::reading;
use crate::world::{NODES, World};

/// Probabilities of the weather, from a fine day to a bad one.
const WEATHERS: [f64; 5] = [0.0, 0.02, 0.05, 0.1, 0.25];

/// Plays `steps` random steps.
pub(crate) async fn play(world: &Arc<World>, steps: usize) -> Result<(), String> {
    for _ in 0..steps {
        world.pause(Duration::from_millis(100)).await;
        match world.choose(14) {
            0..3 => change_weather(world),
            3..6 => crash(world).await,
            6 => outage(world).await,
            7 | 8 => compact(world).await?,
            9 => kill_compaction(world).await,
            10 => clean_up(world).await?,
            11 => pass_time(world).await,
            _ => {
                reading::check(world, &world.any_node().reader, false).await?;
            }
        }
    }
    Ok(())
}

fn change_weather(world: &World) {
    let p = WEATHERS[world.choose(WEATHERS.len())];
    let delay_max = Duration::from_millis([1, 20, 400][world.choose(3)]);
    world.set_weather(FaultPlan { delay_max, delay: 2.0 * p, ..FaultPlan::with_probability(p) });
}

/// A node dies and another starts in its place, over the same store.
async fn crash(world: &World) {
    let place = world.choose(NODES);
    world.node(place).crash(world);
    if world.chance(0.5) {
        world.pause(Duration::from_millis(300)).await;
    }
    let node = Node::start(world).await;
    world.place(place, node);
}

/// One node's way to the store is cut for a while, or its disk is full.
async fn outage(world: &World) {
    let node = world.any_node();
    if world.chance(0.5) {
        node.faults.set_disk_full(true);
        world.pause(Duration::from_secs(12)).await;
        node.faults.set_disk_full(false);
    } else {
        node.faults.set_all_fail(true);
        world.pause(Duration::from_secs(12)).await;
        // Unless it was the wire of a node that has crashed: that one stays cut.
        node.faults.set_all_fail(node.crashed.is_cancelled());
    }
}

async fn compact(world: &World) -> Result<(), String> {
    let done = world.any_node().backend.compact_once().await;
    if let Ok(done) = &done {
        world.count(|tally| tally.compactions += done.merges as u64);
    }
    explained("compaction", done.map(drop))
}

/// A compaction is stopped wherever it happens to be: its future is dropped, or its node crashes.
async fn kill_compaction(world: &Arc<World>) {
    let node = world.any_node();
    let longest = Duration::from_micros([200, 5_000, 500_000][world.choose(3)]);
    // Slow enough for the axe to fall in the middle.
    let weather = world.weather();
    node.faults.set_plan(FaultPlan { delay: 0.8, delay_max: longest, ..weather });
    let killed = tokio::select! {
        biased;
        () = world.pause(longest * 4) => true,
        done = node.backend.compact_once() => done.is_err(),
    };
    node.faults.set_plan(weather);
    if killed {
        world.count(|tally| tally.compactions_killed += 1);
    }
}

async fn clean_up(world: &World) -> Result<(), String> {
    let node = world.any_node();
    explained("retention", node.backend.retain_once().await.map(drop))?;
    let collected = node.backend.collect_once().await;
    if let Ok(collected) = &collected {
        world.count(|tally| tally.collected_objects += collected.objects as u64);
    }
    explained("garbage collection", collected.map(drop))
}

/// Half an hour or several go by, so that garbage becomes old enough and logs are cut.
async fn pass_time(world: &World) {
    tokio::time::sleep(Duration::from_secs(1_200 * (1 + world.choose(12) as u64))).await;
}

fn explained(what: &str, result: sigyn_backend::Result<()>) -> Result<(), String> {
    match result {
        Err(error) if error.kind() != ErrorKind::Unavailable => Err(format!("{what} failed: {error}")),
        _ => Ok(()),
    }
}

/// Fine weather; all garbage becomes old and is collected, and what is left is compacted as far as it goes.
pub(crate) async fn settle(world: &World) -> Result<(), String> {
    world.set_weather(FaultPlan::default());
    let fresh = Node::start(world).await;
    let failed = |what: &str, error: sigyn_backend::Error| format!("{what} failed in fine weather: {error}");
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(2_000)).await;
        while fresh.backend.compact_once().await.map_err(|error| failed("compaction", error))?.more {}
        fresh.backend.retain_once().await.map_err(|error| failed("retention", error))?;
        let collected = fresh.backend.collect_once().await.map_err(|error| failed("collection", error))?;
        world.count(|tally| tally.collected_objects += collected.objects as u64);
    }
    Ok(())
}
