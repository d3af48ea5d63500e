//! Settings under `storage.azure`.

use serde::{Deserialize, Serialize};
use sigyn_model::Secret;

/// How to reach a container of Azure Blob Storage; only read when `storage.bucket` is `az://container/…`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AzureConfig {
    /// Storage account. Default: from `AZURE_STORAGE_ACCOUNT_NAME`.
    pub account_name: String,
    /// Key of the account. Default: the environment, workload identity or managed identity.
    pub account_key: Secret,
    /// Client of a service principal.
    pub client_id: String,
    /// Secret of the service principal.
    pub client_secret: Secret,
    /// Tenant of the service principal.
    pub tenant_id: String,
    /// Address of a compatible server. Default: Azure's.
    pub endpoint: String,
}
