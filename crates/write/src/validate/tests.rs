use bytes::Bytes;
use sigyn_model::duration::{HOUR, SECOND, Span};
use sigyn_model::{ByteSize, Labels};

use super::*;
use crate::testing::BatchBuilder;

const NOW: i64 = 1_795_305_600 * SECOND;

/// Checks a batch at 2026-11-22T00:00:00Z.
fn run(batch: PushBatch, limits: &Limits) -> Result<Checked> {
    check(&TenantId::single(), batch, limits, Timestamp(NOW))
}

/// One stream `{app="x"}` with one entry.
fn one(ts: i64, line: &str, metadata: &[(&str, &str)]) -> PushBatch {
    BatchBuilder::new().stream(&[("app", "x")]).entry(ts, line.as_bytes(), metadata).build()
}

/// What is stored, as text: labels, then each row's time, line and metadata.
fn show(accepted: &Accepted) -> Vec<String> {
    let mut shown = Vec::new();
    for stream in &accepted.streams {
        shown.push(stream.labels.to_string());
        for row in &accepted.rows[stream.rows.start as usize..stream.rows.end as usize] {
            let text = String::from_utf8_lossy;
            let pairs: Vec<String> =
                accepted.metadata(row).map(|(name, value)| format!(" {}={}", text(name), text(value))).collect();
            shown.push(format!("{} {}{}", row.ts - NOW, text(accepted.line(row)), pairs.concat()));
        }
    }
    shown
}

fn message(batch: PushBatch, limits: &Limits) -> String {
    match run(batch, limits) {
        Ok(checked) => checked.failures.message().unwrap_or_default(),
        Err(error) => format!("{} {error}", error.status()),
    }
}

#[test]
fn what_is_valid_gets_a_service_name_and_a_level() -> Result<()> {
    let batch = BatchBuilder::new()
        .stream(&[("app", "x"), ("env", "prod")])
        .entry(NOW, b"level=warn a", &[])
        .entry(NOW + 1, b"level=warn b", &[])
        .entry(NOW + 2, b"plain", &[("trace.id", "1"), ("a", "2")])
        .entry(NOW + 3, b"plain", &[("detected_level", "ERR"), ("zone", "z")])
        .stream(&[("level", "Notice")])
        .entry(NOW, b"an error", &[])
        .entry(NOW + 1, b"an error", &[("b", "c")])
        .build();
    let checked = run(batch, &Limits::default())?;
    assert_eq!(checked.failures.message(), None);
    assert_eq!(
        show(&checked.accepted),
        [
            r#"{app="x", env="prod", service_name="x"}"#,
            "0 level=warn a detected_level=warn",
            "1 level=warn b detected_level=warn",
            "2 plain a=2 detected_level=unknown trace_id=1",
            "3 plain detected_level=error zone=z",
            r#"{level="Notice", service_name="unknown_service"}"#,
            "0 an error detected_level=Notice",
            "1 an error b=c detected_level=Notice",
        ]
    );
    // Lines and metadata as sent; the levels found are not counted.
    assert_eq!(checked.accepted.raw_bytes, 12 + 12 + (5 + 9 + 2) + (5 + 17 + 5) + 8 + (8 + 2));
    Ok(())
}

#[test]
fn entries_without_metadata_share_their_level() -> Result<()> {
    let mut builder = BatchBuilder::new().stream(&[("app", "x")]);
    for at in 0..1000 {
        builder = builder.entry(NOW + at, b"info", &[]);
    }
    let checked = run(builder.build(), &Limits::default())?;
    assert_eq!(checked.accepted.metadata.len(), 1);
    Ok(())
}

#[test]
fn discovery_can_be_turned_off() -> Result<()> {
    let limits = Limits { discover_log_levels: false, discover_service_name: Vec::new(), ..Limits::default() };
    let checked = run(one(NOW, "an error", &[]), &limits)?;
    assert_eq!(show(&checked.accepted), [r#"{app="x"}"#, "0 an error"]);
    let none = BatchBuilder::new().stream(&[]).entry(NOW, b"x", &[]).build();
    assert_eq!(message(none, &limits), "error at least one label pair is required per stream");
    Ok(())
}

#[test]
fn service_names_come_from_the_first_label_of_the_list() {
    let limits = Limits::default();
    for (labels, service) in [
        (&[("job", "j"), ("container", "c")][..], "c"),
        (&[("app", "a"), ("service", "s")], "s"),
        (&[("service_name", "own"), ("app", "a")], "own"),
        (&[("x", "y")], "unknown_service"),
        (&[("__aggregated_metric__", "y"), ("app", "a")], ""),
    ] {
        let labels = Labels::from_pairs(labels.iter().copied());
        assert_eq!(stream::with_service_name(&labels, &limits).get("service_name").unwrap_or(""), service, "{labels}");
    }
}

#[test]
fn pushes_without_entries_are_refused() {
    let expected = "422 error at least one valid stream is required for ingestion";
    assert_eq!(message(PushBatch::default(), &Limits::default()), expected);
    let empty = BatchBuilder::new().stream(&[("a", "b")]).build();
    assert_eq!(message(empty, &Limits::default()), expected);
}

#[test]
fn refused_streams_say_why() {
    let limits = Limits {
        max_label_names_per_series: 2,
        max_label_name_length: 12,
        max_label_value_length: 15,
        ..Limits::default()
    };
    let of = |labels: &[(&str, &str)], limits: &Limits| {
        message(BatchBuilder::new().stream(labels).entry(NOW, b"x", &[]).build(), limits)
    };
    for (labels, expected) in [
        (&[("a", "1"), ("b", "2")][..], ""),
        (
            &[("a", "1"), ("b", "2"), ("c", "3")],
            r#"entry for stream '{a="1", b="2", c="3", service_name="unknown_service"}' has 3 label names; limit 2"#,
        ),
        (&[("twelve_bytes", "y")], ""),
        (
            &[("job", "x"), ("a_longer_name", "y")],
            r#"stream '{a_longer_name="y", job="x", service_name="x"}' has label name too long: 'a_longer_name'"#,
        ),
        (&[("app", "fifteen bytes..")], ""),
        (
            &[("app", "sixteen bytes...")],
            r#"stream '{app="sixteen bytes...", service_name="sixteen bytes..."}' has label value too long: 'sixteen bytes...'"#,
        ),
    ] {
        assert_eq!(of(labels, &limits), expected);
    }
    let unlimited = Limits {
        max_label_names_per_series: 0,
        max_label_name_length: 0,
        max_label_value_length: 0,
        ..Limits::default()
    };
    assert_eq!(of(&[("app", &"x".repeat(5000))], &unlimited), "");
    let enforced =
        Limits { enforced_labels: vec!["env".to_owned(), "app".to_owned(), "team".to_owned()], ..Limits::default() };
    assert_eq!(
        of(&[("app", "x")], &enforced),
        r#"missing required labels 'env,team' for user 'fake' for stream '{app="x", service_name="x"}' (policy: '')"#
    );
}

#[test]
fn refused_entries_say_why() {
    let limits = Limits {
        max_line_size: ByteSize(8),
        max_structured_metadata_size: ByteSize(6),
        max_structured_metadata_entries_count: 2,
        ..Limits::default()
    };
    let week = 7 * 24 * HOUR;
    for (batch, expected) in [
        (one(NOW - week, "x", &[]), ""),
        (
            one(NOW - week - 1, "too long a line", &[]),
            r#"entry for stream '{app="x", service_name="x"}' has timestamp too old: 2026-11-14T23:59:59Z, oldest acceptable timestamp is: 2026-11-15T00:00:00Z"#,
        ),
        (one(NOW + 600 * SECOND, "x", &[]), ""),
        (
            one(NOW + 600 * SECOND + 1, "x", &[]),
            r#"entry for stream '{app="x", service_name="x"}' has timestamp too new: 2026-11-22T00:10:00Z"#,
        ),
        (one(NOW, "12345678", &[]), ""),
        (
            one(NOW, "123456789", &[]),
            r#"max entry size '8' bytes exceeded for stream '{app="x", service_name="x"}' while adding an entry with length '9' bytes"#,
        ),
        (one(NOW, "x", &[("ab", "1"), ("cd", "2")]), ""),
        (
            one(NOW, "x", &[("ab", "1"), ("cd", "23")]),
            r#"stream '{app="x", service_name="x"}' has structured metadata too large: '7' bytes, limit: '6' bytes. Send less of it or raise limits.max_structured_metadata_size"#,
        ),
        (
            one(NOW, "x", &[("a", "1"), ("b", "2"), ("c", "3")]),
            r#"stream '{app="x", service_name="x"}' has too many structured metadata labels: '3', limit: '2'. Send fewer or raise limits.max_structured_metadata_entries_count"#,
        ),
    ] {
        assert_eq!(message(batch, &limits), expected);
    }
    let forbidden = Limits { allow_structured_metadata: false, ..Limits::default() };
    assert!(message(one(NOW, "x", &[("a", "b")]), &forbidden).starts_with(
        r#"stream '{app="x", service_name="x"}' includes structured metadata, but this feature is disallowed."#
    ));
    assert_eq!(message(one(NOW, "x", &[]), &forbidden), "");
}

#[test]
fn valid_entries_stay_when_others_are_refused() -> Result<()> {
    let long = vec![b'x'; 300 << 10];
    let batch = BatchBuilder::new()
        .stream(&[("app", "x")])
        .entry(NOW, b"a", &[])
        .entry(0, b"old", &[])
        .entry(NOW, &long, &[])
        .entry(NOW, b"b", &[])
        .entry(NOW, &long, &[])
        .stream(&[("app", &"y".repeat(3000))])
        .entry(NOW, b"c", &[])
        .build();
    let checked = run(batch, &Limits::default())?;
    let shown = show(&checked.accepted);
    assert_eq!(shown[1..], ["0 a detected_level=unknown", "0 b detected_level=unknown"]);
    let message = checked.failures.message().unwrap_or_default();
    let texts: Vec<&str> = message.split("; ").collect();
    assert!(texts.len() == 3 && texts[0].starts_with("1 errors like: entry for stream"), "{message}");
    assert!(texts[1].starts_with("2 errors like: max entry size '262144' bytes exceeded"), "{message}");
    assert!(texts[2].starts_with("1 errors like: stream '{app=\"yyy"), "{message}");
    let reasons: Vec<_> =
        checked.failures.discarded().iter().map(|found| (found.reason.as_str(), found.entries)).collect();
    assert_eq!(reasons, [("greater_than_max_sample_age", 1), ("line_too_long", 2), ("label_value_too_long", 1)]);
    Ok(())
}

#[test]
fn long_lines_are_cut_when_asked() -> Result<()> {
    let cut = Limits { max_line_size: ByteSize(8), max_line_size_truncate: true, ..Limits::default() };
    let lines =
        |limits: &Limits| -> Result<Vec<String>> { Ok(show(&run(one(NOW, "error 67890", &[]), limits)?.accepted)) };
    assert_eq!(lines(&cut)?[1], "0 error 67 detected_level=error");
    let marked = Limits { max_line_size_truncate_identifier: "…".to_owned(), ..cut.clone() };
    assert_eq!(lines(&marked)?[1], "0 error… detected_level=unknown");
    let absurd = Limits { max_line_size_truncate_identifier: "0123456789".to_owned(), ..cut };
    assert_eq!(lines(&absurd)?[1], "0 01234567 detected_level=unknown");
    Ok(())
}

#[test]
fn equal_timestamps_are_spread_when_asked() -> Result<()> {
    let limits = Limits { increment_duplicate_timestamp: true, ..Limits::default() };
    let batch = BatchBuilder::new()
        .stream(&[("app", "x")])
        .entry(NOW, b"a", &[])
        .entry(NOW, b"a", &[])
        .entry(NOW, b"b", &[])
        .entry(NOW, b"c", &[])
        .stream(&[("app", "y")])
        .entry(NOW, b"d", &[])
        .build();
    let checked = run(batch, &limits)?;
    let times: Vec<i64> = checked.accepted.rows.iter().map(|row| row.ts - NOW).collect();
    assert_eq!(times, [0, 0, 1, 2, 0]);
    Ok(())
}

#[test]
fn the_ends_of_time_are_taken_when_limits_are_off() -> Result<()> {
    let limits = Limits { reject_old_samples: false, creation_grace_period: Span(0), ..Limits::default() };
    let batch =
        BatchBuilder::new().stream(&[("app", "x")]).entry(i64::MIN, b"a", &[]).entry(i64::MAX, b"b", &[]).build();
    assert_eq!(run(batch, &limits)?.accepted.rows.len(), 2);
    let eternal = Limits {
        reject_old_samples_max_age: Span(i64::MAX),
        creation_grace_period: Span(i64::MAX),
        ..Limits::default()
    };
    assert_eq!(run(one(i64::MAX, "a", &[]), &eternal)?.accepted.rows.len(), 1);
    Ok(())
}

#[test]
fn a_push_may_not_touch_every_hour_there_is() {
    let limits = Limits { reject_old_samples: false, ..Limits::default() };
    let spread = |hours: i64| {
        let mut builder = BatchBuilder::new().stream(&[("app", "x")]);
        for hour in 0..hours {
            builder = builder.entry(hour * HOUR, b"x", &[]);
        }
        message(builder.build(), &limits)
    };
    assert_eq!(spread(10_000), "");
    assert_eq!(spread(10_001), "400 push has entries of 10001 different hours; at most 10000 are taken, split it");
}

#[test]
fn absurd_labels_give_a_readable_answer() {
    let labels: Vec<(String, String)> = (0..5000).map(|at| (format!("l{at}"), "v".repeat(100))).collect();
    let labels: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let text = message(BatchBuilder::new().stream(&labels).entry(NOW, b"x", &[]).build(), &Limits::default());
    assert!(text.len() < 9000 && text.ends_with("…' has 5000 label names; limit 15"), "{}", text.len());
}

#[test]
fn a_batch_that_points_outside_itself_is_our_bug() {
    let sound = one(NOW, "x", &[("a", "b")]);
    let breaks: [fn(&mut PushBatch); 5] = [
        |batch| batch.entries[0].line.len += 100,
        |batch| batch.entries[0].metadata = 0..2,
        |batch| batch.streams[0].entries = 0..9,
        |batch| batch.metadata[0].1.offset = u32::MAX,
        |batch| batch.arena = Bytes::new(),
    ];
    for break_it in breaks {
        let mut batch = sound.clone();
        break_it(&mut batch);
        assert!(run(batch, &Limits::default()).is_err_and(|error| error.status() == 500));
    }
}
