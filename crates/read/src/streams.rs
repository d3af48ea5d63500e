//! The streams of one query: every label set seen in any part, matched once, numbered densely when selected.

use std::collections::HashMap;

use sigyn_logql::matcher::CompiledSelector;
use sigyn_model::{Labels, TenantId};

/// Label that tells the tenants of a multi-tenant query apart.
pub(crate) const TENANT_LABEL: &str = "__tenant_id__";

/// Selected streams by their number, and what has been decided about all others.
#[derive(Debug, Default)]
pub(crate) struct StreamTable {
    /// Labels of the selected streams; the index is the query-wide stream number.
    selected: Vec<Labels>,
    /// By hash of labels and tenant: the candidates and what was decided.
    decided: HashMap<u64, Vec<Decision>, foldhash::fast::FixedState>,
}

#[derive(Debug)]
struct Decision {
    tenant: usize,
    labels: Labels,
    stream: Option<u32>,
}

/// What a stream has to be for a query.
#[derive(Debug)]
pub(crate) enum Wanted<'a> {
    /// Every stream.
    All,
    /// Streams that match one of the selectors.
    AnyOf(&'a [CompiledSelector]),
}

impl Wanted<'_> {
    fn matches(&self, labels: &Labels) -> bool {
        match self {
            Self::All => true,
            Self::AnyOf(selectors) => selectors.iter().any(|selector| selector.matches(labels)),
        }
    }
}

impl StreamTable {
    /// The number of a stream, when it is wanted. `tenant` is an index; `name` adds the tenant label to the stream's own.
    pub(crate) fn resolve(
        &mut self,
        labels: &Labels,
        hash: u64,
        (tenant, name): (usize, Option<&TenantId>),
        wanted: &Wanted<'_>,
    ) -> Option<u32> {
        let key = hash ^ (tenant as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let decisions = self.decided.entry(key).or_default();
        if let Some(known) = decisions.iter().find(|known| known.tenant == tenant && known.labels == *labels) {
            return known.stream;
        }
        let shown = name.map_or_else(|| labels.clone(), |tenant| with_tenant(labels, tenant));
        let stream = wanted.matches(&shown).then(|| {
            let stream = u32::try_from(self.selected.len()).expect("parts have fewer than 2^32 streams together");
            self.selected.push(shown);
            stream
        });
        decisions.push(Decision { tenant, labels: labels.clone(), stream });
        stream
    }

    pub(crate) fn into_selected(self) -> Vec<Labels> {
        self.selected
    }
}

pub(crate) fn with_tenant(labels: &Labels, tenant: &TenantId) -> Labels {
    Labels::from_pairs(labels.iter().chain([(TENANT_LABEL, tenant.as_str())]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_streams_share_a_number_and_tenants_do_not() {
        let a = Labels::from_pairs([("app", "a")]);
        let b = Labels::from_pairs([("app", "b")]);
        let tenant = TenantId::single();
        let mut table = StreamTable::default();
        // The same hash for different labels: a collision must not merge them.
        assert_eq!(table.resolve(&a, 7, (0, None), &Wanted::All), Some(0));
        assert_eq!(table.resolve(&b, 7, (0, None), &Wanted::All), Some(1));
        assert_eq!(table.resolve(&a, 7, (0, None), &Wanted::All), Some(0));
        assert_eq!(table.resolve(&a, 7, (1, Some(&tenant)), &Wanted::All), Some(2));
        assert_eq!(table.resolve(&Labels::default(), 9, (0, None), &Wanted::AnyOf(&[])), None);
        let selected = table.into_selected();
        assert_eq!(selected[2].to_string(), r#"{__tenant_id__="fake", app="a"}"#);
    }
}
