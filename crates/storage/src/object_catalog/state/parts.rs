//! Parts by tenant, window and id.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::sync::Arc;

use sigyn_model::{PartId, PartMeta, TenantId, TimeRange, Window};

/// All parts, ordered so that a scan touches only the windows it asks for.
#[derive(Debug, Clone, Default)]
pub(in crate::object_catalog) struct Parts {
    /// A tenant stays when its last part goes: tenants are never forgotten.
    tenants: BTreeMap<TenantId, BTreeMap<Window, BTreeMap<ById, u64>>>,
    count: usize,
}

/// A part and the log entry that brought it.
#[derive(Debug, Clone)]
pub(in crate::object_catalog) struct PartRow {
    pub(in crate::object_catalog) part: Arc<PartMeta>,
    pub(in crate::object_catalog) published: u64,
}

impl Parts {
    pub(in crate::object_catalog) fn insert(&mut self, part: Arc<PartMeta>, published: u64) {
        let windows = self.tenants.entry(part.tenant.clone()).or_default();
        let parts = windows.entry(part.window).or_default();
        self.count += usize::from(parts.insert(ById(part), published).is_none());
    }

    pub(super) fn remove(&mut self, tenant: &TenantId, window: Window, id: &PartId) {
        let Some(windows) = self.tenants.get_mut(tenant) else { return };
        let Some(parts) = windows.get_mut(&window) else { return };
        self.count -= usize::from(parts.remove(id).is_some());
        if parts.is_empty() {
            windows.remove(&window);
        }
    }

    pub(super) fn contains(&self, tenant: &TenantId, window: Window, id: &PartId) -> bool {
        let parts = self.tenants.get(tenant).and_then(|windows| windows.get(&window));
        parts.is_some_and(|parts| parts.contains_key(id))
    }

    /// Parts whose span touches `range`, by window, then by id. A part's entries all lie in its window.
    pub(in crate::object_catalog) fn scan(&self, tenant: &TenantId, range: TimeRange) -> Vec<Arc<PartMeta>> {
        let Some(windows) = self.tenants.get(tenant).filter(|_| !range.is_empty()) else {
            return Vec::new();
        };
        let touched = windows.range(Window::of(range.start)..=Window::of(range.end - 1));
        let parts = touched.flat_map(|(_, parts)| parts.keys());
        parts.filter(|part| range.overlaps(part.0.min_time, part.0.max_time)).map(|part| Arc::clone(&part.0)).collect()
    }

    pub(super) fn of_tenant(&self, tenant: &TenantId) -> impl Iterator<Item = PartRow> {
        self.tenants.get(tenant).into_iter().flat_map(rows_of)
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = PartRow> {
        self.tenants.values().flat_map(rows_of)
    }

    /// Every tenant with its parts.
    pub(in crate::object_catalog) fn tenants(
        &self,
    ) -> impl Iterator<Item = (&TenantId, impl Iterator<Item = PartRow>)> {
        self.tenants.iter().map(|(tenant, windows)| (tenant, rows_of(windows)))
    }

    /// Remembers a tenant, with or without parts.
    pub(in crate::object_catalog) fn add_tenant(&mut self, tenant: &TenantId) {
        if !self.tenants.contains_key(tenant) {
            self.tenants.insert(tenant.clone(), BTreeMap::new());
        }
    }

    pub(in crate::object_catalog) fn len(&self) -> usize {
        self.count
    }
}

fn rows_of(windows: &BTreeMap<Window, BTreeMap<ById, u64>>) -> impl Iterator<Item = PartRow> {
    let parts = windows.values().flatten();
    parts.map(|(part, published)| PartRow { part: Arc::clone(&part.0), published: *published })
}

/// A part as a map key: ordered by its id and found by it, without a second copy of the id.
#[derive(Debug, Clone)]
struct ById(Arc<PartMeta>);

impl Borrow<PartId> for ById {
    fn borrow(&self) -> &PartId {
        &self.0.id
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for ById {}

impl PartialOrd for ById {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ById {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.id.cmp(&other.0.id)
    }
}
