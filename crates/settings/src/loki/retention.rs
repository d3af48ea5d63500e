//! How long data is kept. In Loki a period alone deletes nothing: something has to be told to delete.

use serde_json::Value;

use super::NoteKind;
use super::work::Work;

const PERIOD: &str = "limits_config.retention_period";
const STREAMS: &str = "limits_config.retention_stream";
const ENABLED: &str = "compactor.retention_enabled";
const DELETES: &str = "table_manager.retention_deletes_enabled";
const TABLE_PERIOD: &str = "table_manager.retention_period";
const TARGET: &str = "limits.retention_period";

pub(super) fn translate(work: &mut Work<'_>) {
    if work.is_true(ENABLED) {
        work.copy(PERIOD, TARGET);
        if work.find(DELETES).is_some() || work.find(TABLE_PERIOD).is_some() {
            for key in [DELETES, TABLE_PERIOD] {
                if work.find(key).is_some() {
                    work.note(NoteKind::NotNeeded, key, format!("{ENABLED} is true, so {PERIOD} holds"));
                }
            }
        }
    } else if work.is_true(DELETES) {
        by_tables(work);
    } else {
        keep(work);
        if work.find(TABLE_PERIOD).is_some() {
            work.note(NoteKind::NotNeeded, TABLE_PERIOD, format!("Loki deletes nothing while {DELETES} is not true"));
        }
    }
    streams(work);
    interval(work);
}

fn by_tables(work: &mut Work<'_>) {
    if work.copy(TABLE_PERIOD, TARGET) {
        work.note(
            NoteKind::Changed,
            TABLE_PERIOD,
            format!("is {TARGET} here: lines are dropped by their own age, not whole tables at a time"),
        );
    } else {
        work.note(NoteKind::NotNeeded, DELETES, format!("without {TABLE_PERIOD} nothing is deleted"));
    }
    if work.find(PERIOD).is_some() {
        work.note(
            NoteKind::NotNeeded,
            PERIOD,
            format!("Loki does not act upon it while {ENABLED} is not true; {TABLE_PERIOD} holds"),
        );
    }
}

/// A period that Loki does not act upon is not acted upon here either: data is kept for ever.
fn keep(work: &mut Work<'_>) {
    work.take(ENABLED);
    work.take(DELETES);
    let overrides = ["runtime_config.file", "limits_config.per_tenant_override_config"];
    if work.find(PERIOD).is_none() && !overrides.iter().any(|key| work.has(key)) {
        return;
    }
    work.imply(
        "backend.retention_enabled",
        false,
        "Loki deletes nothing while compactor.retention_enabled is not true",
    );
    if work.copy(PERIOD, TARGET) {
        work.note(
            NoteKind::Changed,
            PERIOD,
            format!("Loki deletes nothing while {ENABLED} is not true, and neither does Sigyn; backend.retention_enabled: true drops old data"),
        );
    }
}

fn streams(work: &mut Work<'_>) {
    let Some(given) = work.find(STREAMS) else { return };
    if given.node.is_empty() {
        return;
    }
    if work.is_true(ENABLED) {
        work.problem(
            STREAMS,
            format_args!("is not supported: retention is by tenant; give the streams a tenant of their own, or the tenant the longest of the periods in {PERIOD}, and remove the list"),
        );
    } else {
        work.note(NoteKind::NotNeeded, STREAMS, format!("Loki deletes nothing while {ENABLED} is not true"));
    }
}

fn interval(work: &mut Work<'_>) {
    const INTERVAL: &str = "compactor.apply_retention_interval";
    let Some(given) = work.find(INTERVAL) else { return };
    if matches!(given.node.value(), Value::String(text) if text.trim_matches(|c: char| c == '0' || c.is_ascii_alphabetic()).is_empty())
    {
        work.note(NoteKind::NotNeeded, INTERVAL, "0 is as often as Loki compacts; see backend.retention_interval");
    } else {
        work.copy(INTERVAL, "backend.retention_interval");
    }
}
