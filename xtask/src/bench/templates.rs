//! What made-up log lines look like. Every template here is our own.

use std::fmt::Write as _;

use super::random::Random;

/// The shape of an application's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Json,
    Logfmt,
    Access,
    Java,
    Syslog,
    KeyValue,
    Database,
}

impl Kind {
    /// Agents take an entry's time from its line where the line has a fine one, and the time of reading otherwise.
    pub(super) fn time_resolution(self) -> u64 {
        match self {
            Self::Json | Self::Java | Self::KeyValue | Self::Database => 1_000_000,
            Self::Logfmt => 1_000,
            Self::Access | Self::Syslog => 1,
        }
    }
}

/// A moment, written in the ways logs write it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub nanos: u64,
}

/// What a line is about, apart from chance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub app: &'a str,
    pub pod: &'a str,
    pub moment: Moment,
}

pub(super) const LEVELS: [&str; 4] = ["debug", "info", "warn", "error"];
const METHODS: [&str; 6] = ["GET", "GET", "GET", "POST", "PUT", "DELETE"];
const STATUSES_GOOD: [u16; 10] = [200, 200, 200, 200, 200, 200, 200, 201, 204, 304];
const STATUSES_REFUSED: [u16; 5] = [400, 401, 404, 404, 409];
const STATUSES_FAILED: [u16; 3] = [500, 503, 504];
const RESOURCES: [&str; 10] =
    ["products", "carts", "orders", "users", "sessions", "payments", "search", "prices", "stock", "images"];
const DEEDS: [&str; 8] = [
    "request served",
    "cache miss, asking the origin",
    "retry scheduled after a failed call",
    "item reserved",
    "message published",
    "token refreshed",
    "rule evaluated",
    "connection returned to the pool",
];
const TROUBLES: [&str; 6] = [
    "upstream timeout, giving up",
    "connection refused by peer",
    "version conflict, will retry",
    "payload failed validation",
    "dependency unavailable",
    "quota used up for this client",
];
const AGENTS: [&str; 5] = [
    "shop-android/7.12 (pixel; api 35)",
    "shop-ios/7.11 (iphone16)",
    "Browser/128.0 (desktop; linux x86_64)",
    "Browser/127.2 (desktop; windows)",
    "healthcheck/1.0",
];
const CLASSES: [&str; 8] = [
    "ledger.post.EntryWriter",
    "ledger.close.DayCloser",
    "billing.invoice.Renderer",
    "broker.partition.Leader",
    "broker.replica.Fetcher",
    "indexer.segment.Merger",
    "etl.step.JoinStep",
    "directory.sync.Crawler",
];
const TABLES: [&str; 6] = ["orders", "order_items", "customers", "stock_levels", "payments", "audit"];

impl Moment {
    /// Year, month, day of the UTC calendar, and the seconds into the day.
    fn date(self) -> (u64, usize, u64, u64) {
        let seconds = self.nanos / 1_000_000_000;
        // Days are counted from 0000-03-01, so that leap days end a year.
        let day = seconds / 86_400 + 719_468;
        let (era, day_of_era) = (day / 146_097, day % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        (year, month as usize, day_of_year - (153 * shifted + 2) / 5 + 1, seconds % 86_400)
    }

    /// `2026-11-23T09:10:11` and a separator of the caller's before the clock.
    fn write_iso(self, out: &mut String, separator: char) {
        let (year, month, day, second) = self.date();
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(out, "{year}-{month:02}-{day:02}{separator}{hour:02}:{minute:02}:{second:02}").expect(STRING);
    }

    fn millis(self) -> u64 {
        self.nanos / 1_000_000 % 1000
    }

    fn micros(self) -> u64 {
        self.nanos / 1000 % 1_000_000
    }
}

const STRING: &str = "writing to a String does not fail";
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Appends one line to `out` and says its level.
pub(super) fn write_line(kind: Kind, out: &mut String, subject: Subject<'_>, random: &mut Random) -> &'static str {
    let level = match random.below(100) {
        0..10 => LEVELS[0],
        10..86 => LEVELS[1],
        86..95 => LEVELS[2],
        _ => LEVELS[3],
    };
    let written = match kind {
        Kind::Json => json(out, subject, level, random),
        Kind::Logfmt => logfmt(out, subject, level, random),
        Kind::Access => access(out, subject, random),
        Kind::Java => java(out, subject, level, random),
        Kind::Syslog => syslog(out, subject, level, random),
        Kind::KeyValue => key_value(out, subject, level, random),
        Kind::Database => database(out, subject, level, random),
    };
    written.expect(STRING);
    level
}

/// A number that stands for one of `count` clients, jobs and the like, a few of which come again and again.
fn regular(count: u64, random: &mut Random) -> u64 {
    let chosen = random.skewed(count);
    Random::new(chosen, 0).next()
}

fn message(level: &str, random: &mut Random) -> &'static str {
    if matches!(level, "warn" | "error") { random.pick(&TROUBLES) } else { random.pick(&DEEDS) }
}

/// What a request of this level was answered.
fn status(level: &str, random: &mut Random) -> u16 {
    match level {
        "error" => random.pick(&STATUSES_FAILED),
        "warn" => random.pick(&STATUSES_REFUSED),
        _ => random.pick(&STATUSES_GOOD),
    }
}

fn json(out: &mut String, subject: Subject<'_>, level: &str, random: &mut Random) -> std::fmt::Result {
    out.push_str("{\"ts\":\"");
    subject.moment.write_iso(out, 'T');
    let (method, resource) = (random.pick(&METHODS), random.pick(&RESOURCES));
    let (status, id, user) = (status(level, random), random.skewed(500_000), random.skewed(80_000));
    let (duration, bytes) = (random.skewed(4_000_000), random.skewed(60_000));
    let text = message(level, random);
    write!(
        out,
        ".{:03}Z\",\"level\":\"{level}\",\"msg\":\"{text}\",\"method\":\"{method}\",\"path\":\"/v1/{resource}/{id}\",\"status\":{status},\"duration_ms\":{}.{:03},\"bytes\":{bytes},\"user\":\"u{user}\"",
        subject.moment.millis(),
        duration / 1000,
        duration % 1000,
    )?;
    if random.one_in(3) {
        write!(out, ",\"request_id\":\"{:016x}\"", random.next())?;
    }
    out.push('}');
    Ok(())
}

fn logfmt(out: &mut String, subject: Subject<'_>, level: &str, random: &mut Random) -> std::fmt::Result {
    out.push_str("ts=");
    subject.moment.write_iso(out, 'T');
    let (resource, status) = (random.pick(&RESOURCES), status(level, random));
    let client = regular(2_000, random);
    let (duration, bytes) = (random.skewed(900_000), random.skewed(40_000));
    let text = message(level, random);
    // A message comes from one place in the code.
    let line = text.len() * 17 % 400;
    write!(
        out,
        ".{:06}Z level={level} caller={resource}.go:{line} msg=\"{text}\" route=/{resource}/:id status={status} dur={}.{:03}ms bytes={bytes} client=10.{}.{}.{}",
        subject.moment.micros(),
        duration / 1000,
        duration % 1000,
        client & 3,
        client >> 8 & 0xff,
        client >> 16 & 0xff,
    )?;
    if random.one_in(4) {
        write!(out, " attempt={} shard={}", 1 + random.skewed(5), random.below(64))?;
    }
    Ok(())
}

fn access(out: &mut String, subject: Subject<'_>, random: &mut Random) -> std::fmt::Result {
    let (year, month, day, second) = subject.moment.date();
    let client = regular(5_000, random);
    let level = random.pick(&["info", "info", "info", "info", "info", "info", "info", "info", "warn", "error"]);
    let (method, resource, status) = (random.pick(&METHODS), random.pick(&RESOURCES), status(level, random));
    write!(
        out,
        "{}.{}.{}.{} - - [{day:02}/{}/{year}:{:02}:{:02}:{:02} +0000] \"{method} /{resource}/{}?page={} HTTP/1.1\" {status} {} \"-\" \"{}\" {}.{:03}",
        20 + client % 180,
        client >> 8 & 0xff,
        client >> 16 & 0xff,
        client >> 24 & 0xff,
        MONTHS[month - 1],
        second / 3600,
        second / 60 % 60,
        second % 60,
        random.skewed(300_000),
        random.skewed(20),
        random.skewed(90_000),
        AGENTS[client as usize % AGENTS.len()],
        random.skewed(3),
        random.below(1000),
    )
}

fn java(out: &mut String, subject: Subject<'_>, level: &str, random: &mut Random) -> std::fmt::Result {
    subject.moment.write_iso(out, ' ');
    let (class, thread) = (random.pick(&CLASSES), random.below(16));
    write!(
        out,
        ",{:03} {:5} [worker-{thread}] {}.{class} - ",
        subject.moment.millis(),
        level.to_uppercase(),
        subject.app
    )?;
    let (batch, rows, took) = (random.skewed(900_000), random.skewed(5_000), random.skewed(2_500));
    match random.below(4) {
        0 => write!(out, "Batch {batch} written: {rows} rows in {took} ms, {} skipped", random.skewed(9)),
        1 => write!(
            out,
            "Partition {} moved from replica {} to {}, offset {batch}",
            random.below(96),
            random.below(9),
            random.below(9)
        ),
        2 => write!(out, "Checkpoint at position {batch} took {took} ms ({rows} entries, queue depth {})", rows / 7),
        _ if matches!(level, "warn" | "error") => {
            write!(
                out,
                "Call to {}:{} failed: {}",
                random.pick(&RESOURCES),
                8000 + random.below(40),
                message(level, random)
            )
        }
        _ => write!(out, "Lease on shard {} renewed for {took} ms by {}", random.below(256), subject.pod),
    }
}

fn syslog(out: &mut String, subject: Subject<'_>, level: &str, random: &mut Random) -> std::fmt::Result {
    let (_, month, day, second) = subject.moment.date();
    write!(
        out,
        "{} {day:2} {:02}:{:02}:{:02} {} {}[{}]: ",
        MONTHS[month - 1],
        second / 3600,
        second / 60 % 60,
        second % 60,
        subject.pod,
        subject.app,
        900 + random.skewed(30_000)
    )?;
    match random.below(3) {
        0 => write!(
            out,
            "volume vol-{:012x} attached to slot {} in {} ms, file system clean, mount options rw,noatime",
            random.next() >> 16,
            random.below(12),
            random.skewed(4000)
        ),
        1 => write!(
            out,
            "container {:016x} left with code {} after {} s, memory peak {} KiB, restart policy always",
            random.next(),
            random.skewed(3),
            random.skewed(86_400),
            random.skewed(4_000_000)
        ),
        _ => write!(
            out,
            "{level}: probe of 10.{}.{}.{}:{} answered in {} us: {}",
            random.below(4),
            random.below(250),
            random.below(250),
            8000 + random.below(40),
            random.skewed(90_000),
            message(level, random)
        ),
    }
}

fn key_value(out: &mut String, subject: Subject<'_>, level: &str, random: &mut Random) -> std::fmt::Result {
    write!(
        out,
        "[{}.{:03}] {level} {}: job={:08x} state={} step={}/{} in={}B out={}B rate={}.{}MB/s worker={} {}",
        subject.moment.nanos / 1_000_000_000,
        subject.moment.millis(),
        subject.app,
        regular(20_000, random) >> 32,
        random.pick(&["queued", "running", "running", "stored", "done"]),
        1 + random.below(6),
        6,
        random.skewed(90_000_000),
        random.skewed(30_000_000),
        random.skewed(400),
        random.below(10),
        random.below(32),
        message(level, random)
    )
}

fn database(out: &mut String, subject: Subject<'_>, level: &str, random: &mut Random) -> std::fmt::Result {
    subject.moment.write_iso(out, ' ');
    let (session, table) = (random.skewed(6000), random.pick(&TABLES));
    write!(out, ".{:03} UTC session={session} {}: ", subject.moment.millis(), level.to_uppercase())?;
    if random.one_in(1500) {
        let transaction = random.next() & 0xffff_ffff;
        return write!(out, "lock cycle found, session {session} aborted, transaction {transaction:08x} on {table}");
    }
    match random.below(3) {
        0 => write!(
            out,
            "slow statement {} ms: select id, state, total from {table} where customer = {} and created > now() - interval '{} days' order by created limit 50",
            100 + random.skewed(20_000),
            random.skewed(90_000),
            1 + random.below(30)
        ),
        1 => write!(
            out,
            "checkpoint wrote {} pages ({}.{} %), {} log files removed, sync {} ms, distance {} kB",
            random.skewed(60_000),
            random.below(30),
            random.below(10),
            random.below(5),
            random.skewed(3000),
            random.skewed(900_000)
        ),
        _ => write!(
            out,
            "connection of {table}_rw from 10.{}.{}.{} authorised, {} of 400 in use",
            random.below(4),
            random.below(250),
            random.below(250),
            random.below(400)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_utc_dates() {
        let moment = Moment { nanos: 1_795_424_400_123_456_789 };
        let mut text = String::new();
        moment.write_iso(&mut text, 'T');
        assert_eq!(text, "2026-11-23T09:00:00");
        assert_eq!((moment.millis(), moment.micros()), (123, 123_456));
        assert_eq!(Moment { nanos: 951_782_400_000_000_000 }.date(), (2000, 2, 29, 0));
    }

    #[test]
    fn lines_are_one_line_of_the_size_of_logs() {
        let mut random = Random::new(7, 0);
        let subject = Subject { app: "cart", pod: "cart-1-2", moment: Moment { nanos: 1_795_424_400_000_000_000 } };
        let kinds = [Kind::Json, Kind::Logfmt, Kind::Access, Kind::Java, Kind::Syslog, Kind::KeyValue, Kind::Database];
        for kind in kinds {
            for _ in 0..200 {
                let mut line = String::new();
                write_line(kind, &mut line, subject, &mut random);
                assert!((60..300).contains(&line.len()) && !line.contains('\n'), "{kind:?}: {line}");
            }
        }
        let mut line = String::new();
        write_line(Kind::Json, &mut line, subject, &mut random);
        assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok(), "{line}");
    }
}
