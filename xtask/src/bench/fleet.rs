//! The made-up company whose logs are pushed: its applications, their pods, the nodes they run on.

use super::random::Random;
use super::templates::Kind;

/// One application: name, namespace, what its lines look like, pods, and lines relative to others.
struct App(&'static str, &'static str, Kind, u64, u64);

const APPS: [App; 33] = [
    App("nginx-ingress", "edge", Kind::Access, 24, 60),
    App("api-gateway", "edge", Kind::Json, 24, 45),
    App("catalog", "shop", Kind::Json, 20, 25),
    App("cart", "shop", Kind::Json, 20, 15),
    App("checkout", "shop", Kind::Json, 24, 30),
    App("pricing", "shop", Kind::Logfmt, 16, 12),
    App("inventory", "shop", Kind::Logfmt, 16, 14),
    App("recommend", "shop", Kind::Json, 12, 8),
    App("notifier", "shop", Kind::Json, 6, 4),
    App("webhooks", "shop", Kind::Logfmt, 6, 5),
    App("ledger", "payments", Kind::Java, 16, 16),
    App("billing", "payments", Kind::Java, 12, 9),
    App("fraud", "payments", Kind::Logfmt, 12, 10),
    App("payout", "payments", Kind::KeyValue, 8, 4),
    App("auth", "identity", Kind::Json, 20, 28),
    App("sessions", "identity", Kind::Logfmt, 16, 18),
    App("directory", "identity", Kind::Java, 8, 5),
    App("query", "search", Kind::Logfmt, 20, 22),
    App("indexer", "search", Kind::Java, 16, 12),
    App("suggest", "search", Kind::Json, 8, 7),
    App("transcoder", "media", Kind::KeyValue, 12, 10),
    App("thumbnails", "media", Kind::Logfmt, 12, 8),
    App("uploads", "media", Kind::Access, 12, 12),
    App("scheduler", "platform", Kind::Logfmt, 6, 5),
    App("kube-agent", "platform", Kind::Syslog, 24, 14),
    App("dns", "platform", Kind::KeyValue, 8, 12),
    App("cert-rotator", "platform", Kind::Syslog, 4, 1),
    App("metrics-relay", "platform", Kind::Logfmt, 8, 5),
    App("postgres", "data", Kind::Database, 12, 14),
    App("cachestore", "data", Kind::KeyValue, 12, 9),
    App("queue-broker", "data", Kind::Java, 12, 12),
    App("etl-worker", "data", Kind::Java, 16, 8),
    App("warehouse", "data", Kind::Database, 8, 5),
];

pub(super) const NODES: usize = 24;

/// One stream: a container of a pod.
#[derive(Debug)]
pub(super) struct Stream {
    /// As in a push: `{app="cart", ...}`.
    pub labels: String,
    pub app: &'static str,
    pub pod: String,
    pub kind: Kind,
    pub node: usize,
    /// Lines relative to other streams.
    pub weight: u64,
    /// Entries carry `trace_id` and `level` as structured metadata.
    pub has_metadata: bool,
}

/// All streams, the same for every run of a seed.
pub(super) fn streams(seed: u64) -> Vec<Stream> {
    let mut random = Random::new(seed, u64::MAX);
    let mut streams = Vec::new();
    for App(app, namespace, kind, pods, lines) in APPS {
        let release = random.next() & 0xff_ffff;
        for _ in 0..pods {
            let pod = format!("{app}-{release:06x}-{:05x}", random.next() & 0xf_ffff);
            let node = random.below(NODES as u64) as usize;
            let cluster = if node < NODES / 2 { "eu-1" } else { "us-1" };
            let labels = format!(
                "{{app=\"{app}\", cluster=\"{cluster}\", container=\"{app}\", namespace=\"{namespace}\", node=\"node-{node:02}\", pod=\"{pod}\"}}"
            );
            let has_metadata = streams.len() % 2 == 1;
            streams.push(Stream { labels, app, pod, kind, node, weight: lines * 100 / pods, has_metadata });
        }
    }
    streams
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_450_streams_on_every_node() {
        let streams = streams(1);
        assert_eq!(streams.len(), 450);
        assert!((0..NODES).all(|node| streams.iter().any(|stream| stream.node == node)));
        assert!(streams.iter().all(|stream| stream.weight > 0));
    }
}
