//! `target`: Loki's many parts are three here.

use super::NoteKind;
use super::work::Work;

const KEY: &str = "target";

pub(super) fn translate(work: &mut Work<'_>) {
    let Some(text) = work.text(KEY) else { return };
    let (mut parts, mut idle): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        match part(name) {
            Some("") => idle.push(name),
            Some(part) if !parts.contains(&part) => parts.push(part),
            Some(_) => {}
            None => {
                return work.problem(
                    KEY,
                    format_args!("names '{name}', which is no part of Loki; write all, write, read or backend"),
                );
            }
        }
    }
    if parts.is_empty() {
        return work.problem(
            KEY,
            format_args!(
                "is {}, which is not needed here: do not start this process, the parts are write, read and backend",
                idle.join(",")
            ),
        );
    }
    let target = if parts.contains(&"all") { "all".to_owned() } else { parts.join(",") };
    if target != text {
        work.note(NoteKind::Changed, KEY, format!("{text} is {target} here"));
    }
    work.set(KEY, target, KEY);
}

/// Sigyn's part that does what a part of Loki did; empty when nothing needs to.
fn part(name: &str) -> Option<&'static str> {
    Some(match name {
        "all" => "all",
        "write" | "distributor" | "ingester" => "write",
        "read" | "querier" | "query-frontend" | "query-scheduler" | "pattern-ingester" => "read",
        "backend" | "compactor" | "table-manager" | "ruler" => "backend",
        "index-gateway"
        | "overrides-exporter"
        | "bloom-planner"
        | "bloom-builder"
        | "bloom-gateway"
        | "bloom-compactor"
        | "ui"
        | "ingest-limits"
        | "ingest-limits-frontend"
        | "memberlist-kv"
        | "server"
        | "ring"
        | "store"
        | "cache-generation-loader"
        | "usage-report"
        | "analytics" => "",
        _ => return None,
    })
}
