//! Who else is alive: this process says that it is in the catalog, and reads there who else does.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use sigyn_storage::{Catalog, Rng, Storage, rng};
use tokio_util::sync::CancellationToken;

pub use sigyn_storage::Member;

/// How often a process says that it is alive, and looks who else is.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long it counts as alive after that: two heartbeats may go missing.
const TTL: Duration = Duration::from_secs(45);
/// Pause after a heartbeat that failed.
const RETRY: Duration = Duration::from_secs(3);

/// This process among the others on its catalog, in whatever cluster they run.
#[derive(Debug)]
pub struct Cluster {
    own: Member,
    catalog: Arc<dyn Catalog>,
    rng: Arc<dyn Rng>,
    live: RwLock<Arc<[Member]>>,
    members: Gauge,
    failures: Counter,
}

impl Cluster {
    /// A cluster of one, until [`Cluster::run`] has read the list.
    pub fn new(own: Member, storage: &Storage, registry: &mut Registry) -> Arc<Self> {
        let (members, failures) = (Gauge::default(), Counter::default());
        members.set(1);
        let metrics = registry.sub_registry_with_prefix("sigyn_cluster");
        metrics.register("members", "Live processes on the catalog, this one included", members.clone());
        metrics.register("heartbeat_failures", "Heartbeats that the catalog did not take", failures.clone());
        Arc::new(Self {
            live: RwLock::new(Arc::from(vec![own.clone()])),
            own,
            catalog: Arc::clone(&storage.catalog),
            rng: Arc::clone(&storage.rng),
            members,
            failures,
        })
    }

    /// This process, as it announces itself.
    #[must_use]
    pub fn own(&self) -> &Member {
        &self.own
    }

    /// The live processes as last read, sorted by node, this one always among them.
    #[must_use]
    pub fn live(&self) -> Arc<[Member]> {
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Announces this process, again and again, until cancelled; then takes it off the list.
    pub async fn run(&self, cancel: CancellationToken) {
        loop {
            let beaten = tokio::select! {
                beaten = self.beat() => beaten,
                () = cancel.cancelled() => break,
            };
            let pause = match beaten {
                // A tenth more or less, so that processes do not march in step.
                Ok(()) => HEARTBEAT.mul_f64(0.9 + rng::below(&*self.rng, 200) as f64 / 1_000.0),
                Err(error) => {
                    self.failures.inc();
                    tracing::warn!(%error, "this process could not say that it is alive, trying again");
                    RETRY
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = cancel.cancelled() => break,
            }
        }
        if let Err(error) = self.catalog.leave(&self.own).await {
            tracing::debug!(%error, "this process is still listed as a member until its heartbeat runs out");
        }
    }

    /// One heartbeat, and one look at the list. A list that cannot be read leaves the last one in force.
    ///
    /// Errors: the catalog's.
    pub async fn beat(&self) -> sigyn_storage::Result<()> {
        self.catalog.heartbeat(&self.own, TTL).await?;
        let mut live = self.catalog.members().await?;
        live.retain(|member| member.node != self.own.node);
        live.push(self.own.clone());
        live.sort_by(|a, b| a.node.cmp(&b.node));
        self.members.set(i64::try_from(live.len()).unwrap_or(i64::MAX));
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = Arc::from(live);
        Ok(())
    }
}
