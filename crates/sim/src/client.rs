//! A client that pushes numbered lines and repeats what was not answered, as real ones do.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sigyn_model::duration::{HOUR, SECOND};
use sigyn_model::{ErrorKind, Labels, TenantId};
use sigyn_write::{PushBatch, PushEntry, PushStream, Span32};

use crate::ledger::Line;
use crate::world::{World, tenant};

/// Lines in one push, at most.
const PUSH_LINES_MAX: usize = 4;

/// Streams of one client.
const APPS: usize = 2;

/// Pushes `pushes` times to whichever node, and returns when each was answered or given up.
///
/// Errors: a push was refused in a way that no fault explains.
pub(crate) async fn run(world: Arc<World>, number: usize, pushes: usize) -> Result<(), String> {
    let tenant = tenant(number);
    for push in 0..pushes {
        world.pause(Duration::from_millis(300)).await;
        let lines = lines(&world, number, push);
        world.ledger.attempt(&tenant, &lines);
        // The run's last phase has no faults, so patience is enough to be answered; some give up before.
        let mut patience = if world.chance(0.1) { 1 } else { 500 };
        while patience > 0 && !push_once(&world, &tenant, &lines).await? {
            patience -= 1;
            world.pause(Duration::from_millis(200)).await;
        }
        if patience > 0 {
            world.ledger.acknowledge(&tenant, &lines);
        }
    }
    Ok(())
}

/// Whether the push was acknowledged. A crash of the node leaves it unanswered.
async fn push_once(world: &World, tenant: &TenantId, lines: &[Line]) -> Result<bool, String> {
    let node = world.any_node();
    let answer = tokio::select! {
        biased;
        () = node.crashed.cancelled() => {
            world.count(|tally| tally.pushes_unanswered += 1);
            return Ok(false);
        }
        answer = node.writer.push(tenant, batch(lines)) => answer,
    };
    match answer {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Limited) => {
            world.count(|tally| tally.pushes_failed += 1);
            Ok(false)
        }
        Err(error) => Err(format!("a push was refused: {error}")),
    }
}

/// New lines, most of them of now, some sharing a timestamp, some of hours ago.
fn lines(world: &World, number: usize, push: usize) -> Vec<Line> {
    let now = world.clock.now().nanos();
    let ago = match world.choose(8) {
        0 => HOUR,
        1 => 23 * HOUR,
        2 => SECOND,
        _ => 0,
    };
    (0..=world.choose(PUSH_LINES_MAX))
        .map(|line| Line {
            app: format!("app{}", (number / 2 + world.choose(APPS)) % 3),
            time: now - ago + if world.chance(0.5) { line as i64 } else { 0 },
            text: format!("client {number} push {push} line {line}"),
        })
        .collect()
}

/// The push that a client would send: one stream for each app, lines in one buffer.
fn batch(lines: &[Line]) -> PushBatch {
    let (mut arena, mut batch) = (Vec::new(), PushBatch::default());
    let mut apps: Vec<&str> = lines.iter().map(|line| line.app.as_str()).collect();
    apps.sort_unstable();
    apps.dedup();
    for app in apps {
        let first = batch.entries.len() as u32;
        for line in lines.iter().filter(|line| line.app == app) {
            let span = Span32 { offset: arena.len() as u32, len: line.text.len() as u32 };
            arena.extend_from_slice(line.text.as_bytes());
            batch.entries.push(PushEntry { ts: line.time, line: span, metadata: 0..0 });
        }
        let labels = Labels::from_pairs([("app", app)]);
        batch.streams.push(PushStream { labels, repeated_name: None, entries: first..batch.entries.len() as u32 });
    }
    batch.arena = Bytes::from(arena);
    batch
}
