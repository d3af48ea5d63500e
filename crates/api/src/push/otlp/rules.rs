//! What becomes of an attribute: a stream label, structured metadata, or nothing.

/// Resource attributes that are stream labels unless a tenant's rules say otherwise; Loki's list.
const INDEX_LABELS: [&str; 18] = [
    "service.name",
    "service.namespace",
    "service.instance.id",
    "deployment.environment",
    "deployment.environment.name",
    "cloud.region",
    "cloud.availability_zone",
    "k8s.cluster.name",
    "k8s.namespace.name",
    "k8s.pod.name",
    "k8s.container.name",
    "container.name",
    "k8s.replicaset.name",
    "k8s.deployment.name",
    "k8s.statefulset.name",
    "k8s.daemonset.name",
    "k8s.cronjob.name",
    "k8s.job.name",
];

/// What becomes of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    IndexLabel,
    StructuredMetadata,
}

/// The rules in force for a push.
#[derive(Debug, Default)]
pub struct Rules;

impl Rules {
    pub(super) fn resource(&self, name: &[u8]) -> Action {
        if INDEX_LABELS.iter().any(|label| label.as_bytes() == name) {
            Action::IndexLabel
        } else {
            Action::StructuredMetadata
        }
    }
}
