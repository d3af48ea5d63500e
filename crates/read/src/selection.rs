//! What a query has to look at: parts from the catalog, streams by selector, runs by time.

use std::sync::Arc;

use sigyn_logql::matcher::CompiledSelector;
use sigyn_model::{Labels, PartMeta, TenantId, TimeRange};
use sigyn_segment::{BlockMeta, Run, label_filter_may_contain};

use crate::context::{Held, QueryContext};
use crate::footers::{self, LoadedFooter};
use crate::source::Source;
use crate::stats::add;
use crate::streams::{StreamTable, TENANT_LABEL, Wanted};
use crate::{Error, Result};

/// Which streams a query is about.
#[derive(Debug, Clone)]
pub(crate) enum Selectors {
    All,
    /// Streams that match one of them; at least one.
    AnyOf(Vec<CompiledSelector>),
}

/// A part that holds selected streams.
#[derive(Debug)]
pub(crate) struct SelectedPart {
    pub(crate) meta: Arc<PartMeta>,
    pub(crate) footer: Arc<LoadedFooter>,
}

/// One run of rows that may contribute. Its time span touches the query's range.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SelectedRun {
    /// Index of [`Selection::parts`].
    pub(crate) part: u32,
    /// Index of the footer's blocks.
    pub(crate) block: u32,
    /// The query-wide stream number.
    pub(crate) stream: u32,
    pub(crate) run: Run,
}

/// Everything a query may read, before it reads any row.
#[derive(Debug)]
pub(crate) struct Selection {
    /// In arrival order: ascending by (sequence, id).
    pub(crate) parts: Vec<SelectedPart>,
    /// Labels by query-wide stream number.
    pub(crate) streams: Vec<Labels>,
    /// Ascending by (part, block, row).
    pub(crate) runs: Vec<SelectedRun>,
    pub(crate) range: TimeRange,
    _footers: Held,
}

impl Selection {
    pub(crate) fn block(&self, part: u32, block: u32) -> &BlockMeta {
        &self.parts[part as usize].footer.footer.blocks[block as usize]
    }
}

/// Asks the catalog, reads footers, and keeps what matches.
pub(crate) async fn select(
    source: &Source,
    context: &Arc<QueryContext>,
    selectors: Selectors,
    range: TimeRange,
) -> Result<Selection> {
    let parts = scan(source, context, &selectors, range).await?;
    select_from(source, context, parts, selectors, range).await
}

/// Parts of the query's tenants that may hold a selected stream in the range.
pub(crate) async fn scan(
    source: &Source,
    context: &Arc<QueryContext>,
    selectors: &Selectors,
    range: TimeRange,
) -> Result<Vec<Arc<PartMeta>>> {
    if range.is_empty() {
        return Ok(Vec::new());
    }
    let began = tokio::time::Instant::now();
    let mut parts = Vec::new();
    for tenant in &context.tenants {
        if context.tenants.len() == 1 || tenant_may_match(selectors, tenant) {
            parts.extend(source.catalog.scan(tenant, range).await?);
        }
    }
    add(&context.counters.scan_nanos, u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX));
    add(&context.counters.parts_matched, parts.len() as u64);
    let one_tenant = context.tenants.len() == 1;
    parts.retain(|part| range.overlaps(part.min_time, part.max_time) && may_hold(part, selectors, one_tenant));
    Ok(parts)
}

/// A tenant is left out when no selector accepts its name, whatever the other labels are.
fn tenant_may_match(selectors: &Selectors, tenant: &TenantId) -> bool {
    let Selectors::AnyOf(selectors) = selectors else { return true };
    selectors
        .iter()
        .any(|selector| selector.equalities().all(|(name, value)| name != TENANT_LABEL || value == tenant.as_str()))
}

fn may_hold(part: &PartMeta, selectors: &Selectors, one_tenant: bool) -> bool {
    let Selectors::AnyOf(selectors) = selectors else { return true };
    part.label_filter.is_empty()
        || selectors.iter().any(|selector| {
            selector.equalities().all(|(name, value)| {
                (!one_tenant && name == TENANT_LABEL) || label_filter_may_contain(&part.label_filter, name, value)
            })
        })
}

/// As [`select`], from parts that are already known.
pub(crate) async fn select_from(
    source: &Source,
    context: &Arc<QueryContext>,
    mut parts: Vec<Arc<PartMeta>>,
    selectors: Selectors,
    range: TimeRange,
) -> Result<Selection> {
    parts.sort_by(|a, b| (a.sequence, &a.id).cmp(&(b.sequence, &b.id)));
    let loaded = footers::load(source, context, &parts).await?;
    let memory: u64 = loaded.iter().map(|footer| footer.memory).sum();
    let held = context.hold(memory)?;
    context.check()?;
    let parts = parts.into_iter().zip(loaded).map(|(meta, footer)| SelectedPart { meta, footer }).collect();
    let build = {
        let context = Arc::clone(context);
        move || build(&context, parts, &selectors, range, held)
    };
    let selection = source.cpu.run(build).await??;
    add(&context.counters.streams_matched, selection.streams.len() as u64);
    add(&context.counters.parts_read, selection.parts.len() as u64);
    Ok(selection)
}

fn build(
    context: &QueryContext,
    parts: Vec<SelectedPart>,
    selectors: &Selectors,
    range: TimeRange,
    mut held: Held,
) -> Result<Selection> {
    let wanted = match selectors {
        Selectors::All => Wanted::All,
        Selectors::AnyOf(selectors) => Wanted::AnyOf(selectors),
    };
    let mut table = StreamTable::default();
    let (mut kept, mut runs) = (Vec::new(), Vec::new());
    let mut footer_bytes = 0;
    for part in parts {
        context.check()?;
        let numbers = stream_numbers(context, &part, &wanted, &mut table)?;
        let at = u32::try_from(kept.len()).map_err(|_| Error::Internal("more than 2^32 parts".to_owned()))?;
        let before = runs.len();
        push_runs(&part, at, &numbers, range, &mut runs);
        if runs.len() > before {
            footer_bytes += part.footer.memory;
            kept.push(part);
        }
    }
    held.resize(footer_bytes + (runs.len() * size_of::<SelectedRun>()) as u64)?;
    Ok(Selection { parts: kept, streams: table.into_selected(), runs, range, _footers: held })
}

/// By the footer's ordinal: the stream's query-wide number, when it is wanted.
fn stream_numbers(
    context: &QueryContext,
    part: &SelectedPart,
    wanted: &Wanted<'_>,
    table: &mut StreamTable,
) -> Result<Vec<Option<u32>>> {
    let tenant = context
        .tenants
        .iter()
        .position(|tenant| *tenant == part.meta.tenant)
        .ok_or_else(|| Error::Internal(format!("part {} belongs to another tenant", part.meta.id)))?;
    let name = (context.tenants.len() > 1).then_some(&part.meta.tenant);
    let footer = &part.footer;
    let streams = footer.footer.streams.iter().zip(&footer.hashes);
    Ok(streams.map(|(labels, &hash)| table.resolve(labels, hash, (tenant, name), wanted)).collect())
}

fn push_runs(part: &SelectedPart, at: u32, numbers: &[Option<u32>], range: TimeRange, runs: &mut Vec<SelectedRun>) {
    if numbers.iter().all(Option::is_none) {
        return;
    }
    for (block_at, block) in (0_u32..).zip(&part.footer.footer.blocks) {
        if !range.overlaps(block.min_time, block.max_time) {
            continue;
        }
        for run in &block.runs {
            let Some(stream) = numbers.get(run.stream as usize).copied().flatten() else { continue };
            if range.overlaps(run.min_time, run.max_time) {
                runs.push(SelectedRun { part: at, block: block_at, stream, run: *run });
            }
        }
    }
}

/// Label sets that match and have a run that touches the range: what labels and series are answered from.
pub(crate) async fn label_sets(
    source: &Source,
    context: &Arc<QueryContext>,
    selectors: Selectors,
    range: TimeRange,
) -> Result<Vec<Labels>> {
    let selection = select(source, context, selectors, range).await?;
    let mut touched = vec![false; selection.streams.len()];
    for run in &selection.runs {
        touched[run.stream as usize] = true;
    }
    Ok(selection
        .streams
        .iter()
        .zip(touched)
        .filter(|(_, touched)| *touched)
        .map(|(labels, _)| labels.clone())
        .collect())
}
