//! Settings under `storage.gcs`.

use serde::{Deserialize, Serialize};
use sigyn_model::Secret;

/// How to reach a bucket of Google Cloud Storage; only read when `storage.bucket` is `gs://…`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GcsConfig {
    /// Key of a service account, as JSON. Default: application default credentials (environment, workload identity, metadata server).
    pub service_account: Secret,
    /// File that holds the key of a service account.
    pub service_account_file: String,
    /// Address of a compatible server. Default: Google's.
    pub endpoint: String,
}
