use sigyn_model::duration::HOUR;
use sigyn_model::{Limits, duration::Span};

use super::*;
use crate::testing::BatchBuilder;

/// A tenant's push; entries are stream, time, line, metadata.
fn push(tenant: &str, entries: &[(&str, i64, &str, &str)]) -> TenantPush {
    let limits = Limits {
        reject_old_samples: false,
        creation_grace_period: Span(0),
        discover_service_name: Vec::new(),
        discover_log_levels: false,
        ..Limits::default()
    };
    let mut builder = BatchBuilder::new();
    for (app, ts, line, meta) in entries {
        builder = builder.stream(&[("app", app)]).entry(*ts, line.as_bytes(), &[("m", meta)]);
    }
    let tenant = TenantId::new(tenant).expect("a fine tenant");
    let checked = crate::validate::check(&tenant, builder.build(), &limits, Timestamp(0)).expect("all valid");
    TenantPush { tenant, accepted: checked.accepted }
}

/// Groups as text: tenant and window, then `app time line metadata` per row.
fn show(pushes: &[TenantPush]) -> Vec<String> {
    let mut shown = Vec::new();
    for group in group(pushes) {
        shown.push(format!("{} {}", group.tenant, group.window));
        for (stream, rows) in group.runs() {
            for at in rows {
                let (accepted, found) = row(pushes, *at);
                assert_eq!(found.ts, at.ts);
                let meta: Vec<_> = accepted.metadata(found).map(|(_, value)| String::from_utf8_lossy(value)).collect();
                let app = group.streams[stream as usize].get("app").unwrap_or("-");
                let line = String::from_utf8_lossy(accepted.line(found));
                shown.push(format!("{app} {} {line} {}", found.ts, meta.concat()));
            }
        }
    }
    shown
}

#[test]
fn rows_are_grouped_by_tenant_and_hour_and_sorted_by_stream_time_and_arrival() {
    let pushes = [
        push("b", &[("y", 5, "1", ""), ("x", HOUR, "2", ""), ("x", 3, "3", ""), ("x", 3, "4", "")]),
        push("a", &[("z", -1, "5", "")]),
        push(
            "b",
            &[("x", 3, "6", ""), ("x", 2, "7", ""), ("y", 5, "0", ""), ("x", HOUR - 1, "8", ""), ("x", HOUR, "9", "")],
        ),
    ];
    assert_eq!(
        show(&pushes),
        [
            "a -1",
            "z -1 5 ",
            "b 0",
            "x 2 7 ",
            "x 3 3 ",
            "x 3 4 ",
            "x 3 6 ",
            "x 3599999999999 8 ",
            "y 5 1 ",
            "y 5 0 ",
            "b 1",
            "x 3600000000000 2 ",
            "x 3600000000000 9 "
        ]
    );
}

#[test]
fn exact_duplicates_become_one() {
    let pushes = [
        push(
            "a",
            &[("x", 1, "l", "m"), ("x", 1, "l", "n"), ("x", 1, "l", "m"), ("y", 1, "l", "m"), ("x", 2, "l", "m")],
        ),
        push("a", &[("x", 1, "l", "m"), ("x", 1, "k", "m")]),
        push("b", &[("x", 1, "l", "m")]),
    ];
    assert_eq!(show(&pushes), ["a 0", "x 1 l m", "x 1 l n", "x 1 k m", "x 2 l m", "y 1 l m", "b 0", "x 1 l m"]);
}

#[test]
fn many_rows_of_one_instant_are_still_told_apart() {
    let lines: Vec<String> = (0..20_000).map(|at| format!("line {}", at % 10_000)).collect();
    let entries: Vec<_> = lines.iter().map(|line| ("x", 7, line.as_str(), "")).collect();
    let pushes = [push("a", &entries)];
    let shown = show(&pushes);
    assert_eq!((shown.len(), shown[1].as_str(), shown[10_000].as_str()), (10_001, "x 7 line 0 ", "x 7 line 9999 "));
}

#[test]
fn the_ends_of_time_have_windows() {
    let pushes = [push("a", &[("x", i64::MAX, "l", ""), ("x", i64::MIN, "l", "")])];
    let (first, last) = (Window::of(Timestamp::MIN), Window::of(Timestamp::MAX));
    let (min, max) = (i64::MIN, i64::MAX);
    assert_eq!(
        show(&pushes),
        [format!("a {first}"), format!("x {min} l "), format!("a {last}"), format!("x {max} l ")]
    );
}
