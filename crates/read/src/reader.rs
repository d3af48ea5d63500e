//! The reader: the one door to everything that is stored.

use std::pin::Pin;
use std::sync::Arc;

use futures::Stream;
use prometheus_client::registry::Registry;
use sigyn_logql::ast::Selector;
use sigyn_logql::collect::StreamEntries;
use sigyn_logql::eval::MetricResult;
use sigyn_model::{Labels, TenantId, TenantLimits, TimeRange};
use sigyn_storage::{CpuPool, Storage};

use crate::{
    Answer, IndexStats, LogRequest, MetricRequest, ReadConfig, Result, TailFrame, TailRequest, VolumeRequest,
    VolumeSeries,
};

/// Frames of a tail; ends after an error. Dropping it ends the tail.
pub type TailStream = Pin<Box<dyn Stream<Item = Result<TailFrame>> + Send>>;

/// Answers queries. Cheap to clone; dropping the future of a query stops its work.
///
/// `tenants` is never empty. With more than one, every stream carries the label `__tenant_id__`, and matchers on it pick tenants.
#[derive(Debug, Clone)]
pub struct Reader {
    config: ReadConfig,
}

impl Reader {
    pub fn new(
        config: ReadConfig,
        storage: Storage,
        cpu: CpuPool,
        limits: Arc<TenantLimits>,
        registry: &mut Registry,
    ) -> Self {
        Self { config }
    }

    /// Streams sorted by label text, entries in query direction.
    pub async fn log_query(
        &self,
        tenants: &[TenantId],
        request: LogRequest,
    ) -> Result<Answer<Vec<StreamEntries>>> {
        Err(crate::Error::Internal("not built".to_owned()))
    }

    pub async fn metric_query(&self, tenants: &[TenantId], request: MetricRequest) -> Result<Answer<MetricResult>> {
        Err(crate::Error::Internal("not built".to_owned()))
    }

    /// Names of stream labels, sorted.
    pub async fn label_names(
        &self,
        tenants: &[TenantId],
        selector: Option<Selector>,
        range: TimeRange,
    ) -> Result<Vec<String>> {
        Err(crate::Error::Internal("not built".to_owned()))
    }

    /// Values of one stream label, sorted.
    pub async fn label_values(
        &self,
        tenants: &[TenantId],
        name: &str,
        selector: Option<Selector>,
        range: TimeRange,
    ) -> Result<Vec<String>> {
        Err(crate::Error::Internal("not built".to_owned()))
    }

    /// Label sets of the streams that match any of `selectors` (none: all streams), sorted.
    pub async fn series(
        &self,
        tenants: &[TenantId],
        selectors: Vec<Selector>,
        range: TimeRange,
    ) -> Result<Vec<Labels>> {
        Err(crate::Error::Internal("not built".to_owned()))
    }

    pub async fn index_stats(
        &self,
        tenants: &[TenantId],
        selector: Selector,
        range: TimeRange,
    ) -> Result<IndexStats> {
        Err(crate::Error::Internal("not built".to_owned()))
    }

    /// Largest series first, ties by label text.
    pub async fn volume(
        &self,
        tenants: &[TenantId],
        request: VolumeRequest,
    ) -> Result<Answer<Vec<VolumeSeries>>> {
        Err(crate::Error::Internal("not built".to_owned()))
    }

    /// Starts a tail. Errors before the first frame are returned here, later ones end the stream.
    pub async fn tail(&self, tenant: &TenantId, request: TailRequest) -> Result<TailStream> {
        Err(crate::Error::Internal("not built".to_owned()))
    }
}
