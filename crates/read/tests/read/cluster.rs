//! Processes that know of each other through the catalog.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use sigyn_read::{Cluster, Member};
use sigyn_storage::{Clock, StorageConfig, TokioClock};
use tokio_util::sync::CancellationToken;

fn member(node: &str) -> Member {
    let address = format!("{node}:3100");
    Member { node: node.to_owned(), address, targets: vec!["read".to_owned()], version: "1.0.0".to_owned() }
}

fn nodes(cluster: &Cluster) -> Vec<String> {
    cluster.live().iter().map(|member| member.node.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn members_come_and_go() {
    let clock: Arc<dyn Clock> = Arc::new(TokioClock::new(sigyn_model::Timestamp::from_seconds(1_000_000)));
    let config = StorageConfig { bucket: "memory:".to_owned(), ..StorageConfig::default() };
    let storage = sigyn_storage::open(&config, clock).await.expect("memory opens");
    let start = |node: &str| {
        let cluster = Cluster::new(member(node), &storage, &mut Registry::default());
        let (running, stop) = (Arc::clone(&cluster), CancellationToken::new());
        let stopped = stop.clone();
        (cluster, stop, tokio::spawn(async move { running.run(stopped).await }))
    };
    let (one, _stop, _running) = start("one");
    assert_eq!(nodes(&one), ["one"], "alone until it has looked");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (two, stop_two, running_two) = start("two");
    let (three, _stop_three, running_three) = start("three");
    tokio::time::sleep(Duration::from_secs(20)).await;
    for cluster in [&one, &two, &three] {
        assert_eq!(nodes(cluster), ["one", "three", "two"]);
    }
    assert_eq!(one.live()[2], member("two"));
    // Who stops is gone at the others' next look; who dies, once its heartbeat has run out.
    stop_two.cancel();
    running_two.await.expect("it ends");
    running_three.abort();
    tokio::time::sleep(Duration::from_secs(17)).await;
    assert_eq!(nodes(&one), ["one", "three"]);
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert_eq!(nodes(&one), ["one"]);
}
