//! The server, and what Loki does where nothing is written.

use super::NoteKind;
use super::work::Work;

pub(super) fn translate(work: &mut Work<'_>) {
    const LISTEN: &str = "server.http_listen_address";
    if !work.copy(LISTEN, LISTEN) {
        work.imply(LISTEN, "0.0.0.0", "Loki listens on every interface unless told otherwise");
    }
    if work.find("auth_enabled").is_none() {
        work.imply("auth_enabled", true, "Loki asks for X-Scope-OrgID unless told otherwise");
    }
    timeouts(work);
    lookback(work);
}

/// The query timeout moved twice between Loki 2.0 and 3.0; the newest place wins.
fn timeouts(work: &mut Work<'_>) {
    const NEW: &str = "limits_config.query_timeout";
    for old in ["querier.query_timeout", "querier.engine.timeout"] {
        if work.find(old).is_none() {
            continue;
        }
        if work.find(NEW).is_some() {
            work.note(NoteKind::NotNeeded, old, format!("{NEW} says it"));
        } else if work.out.at("limits.query_timeout").is_none() {
            work.copy(old, "limits.query_timeout");
            work.note(NoteKind::Changed, old, "is limits.query_timeout here");
        } else {
            work.note(NoteKind::NotNeeded, old, "querier.query_timeout says it");
        }
    }
}

fn lookback(work: &mut Work<'_>) {
    const OLD: &str = "chunk_store_config.max_look_back_period";
    if work.find(OLD).is_none() {
        return;
    }
    if work.find("limits_config.max_query_lookback").is_some() {
        work.note(NoteKind::NotNeeded, OLD, "limits_config.max_query_lookback says it");
    } else {
        work.copy(OLD, "limits.max_query_lookback");
        work.note(NoteKind::Changed, OLD, "is limits.max_query_lookback here");
    }
}
