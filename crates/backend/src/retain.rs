//! Retention: parts whose newest entry is past the tenant's age are dropped from the catalog.

use sigyn_model::{ErrorKind, TenantId, TimeRange, Timestamp};
use sigyn_storage::Swap;
use sigyn_storage::catalog::by_window;
use tracing::info;

use crate::Result;
use crate::backend::Backend;
use crate::plan::INPUTS_MAX;

impl Backend {
    /// Drops every part that is wholly past its tenant's `retention_period`; returns how many. Newer parts are not touched:
    /// an entry lives until the rest of its part has aged too, at most an hour longer.
    pub async fn retain_once(&self) -> Result<usize> {
        let mut expired = 0;
        if !self.config.retention_enabled {
            return Ok(expired);
        }
        for tenant in self.storage.catalog.tenants().await? {
            let period = self.limits.get(&tenant).retention_period.nanos();
            if period > 0 {
                expired += self.drop_before(&tenant, self.storage.clock.now() - period).await?;
            }
        }
        self.metrics.expired_parts.inc_by(expired as u64);
        Ok(expired)
    }

    async fn drop_before(&self, tenant: &TenantId, cutoff: Timestamp) -> Result<usize> {
        let catalog = &self.storage.catalog;
        let mut parts = catalog.scan(tenant, TimeRange::new(Timestamp::MIN, cutoff)).await?;
        parts.retain(|part| part.max_time < cutoff);
        let mut expired = 0;
        for (window, parts) in by_window(parts) {
            for parts in parts.chunks(INPUTS_MAX) {
                let remove = parts.iter().map(|part| part.id.clone()).collect();
                let swap = Swap { tenant: tenant.clone(), window, remove, add: Vec::new(), fence: None };
                match catalog.replace(&swap).await {
                    Ok(()) => {
                        info!(%tenant, window = window.0, parts = parts.len(), "dropped parts past their retention");
                        expired += parts.len();
                    }
                    // Compaction was faster; the merged part has its turn next time.
                    Err(error) if error.kind() == ErrorKind::Conflict => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(expired)
    }
}
