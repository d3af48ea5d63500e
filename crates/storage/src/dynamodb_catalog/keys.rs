//! Keys and attributes of the table, in the order of docs/formats/catalog.md § The table.

use sigyn_model::{PartId, TenantId, Timestamp, Window};

/// Partition key of every item, a string.
pub(super) const PK: &str = "pk";
/// Sort key of every item, a string.
pub(super) const SK: &str = "sk";
/// A protobuf message.
pub(super) const BODY: &str = "m";
/// When DynamoDB may remove the item, in seconds since the Unix epoch.
pub(super) const EXPIRY: &str = "x";
/// Of a lease: who holds it, under which number, until when, and whether it was given up.
pub(super) const OWNER: &str = "owner";
pub(super) const EPOCH: &str = "epoch";
pub(super) const EXPIRES: &str = "expires";
pub(super) const RELEASED: &str = "released";

pub(super) const TENANTS: &str = "t";
pub(super) const LEASES: &str = "l";
pub(super) const MEMBERS: &str = "n";

/// Parts of a tenant's UTC day.
pub(super) fn parts(tenant: &TenantId, day: &str) -> String {
    format!("p#{tenant}#{day}")
}

/// The days of a tenant that have or had parts.
pub(super) fn days(tenant: &TenantId) -> String {
    format!("w#{tenant}")
}

/// Swaps of a tenant's UTC day.
pub(super) fn swaps(tenant: &TenantId, day: &str) -> String {
    format!("g#{tenant}#{day}")
}

/// Publishes that a tail would not find among the newest parts, by the hour they were published in.
pub(super) fn notices(tenant: &TenantId, published: Window) -> String {
    format!("r#{tenant}#{}{}", day(published), hour(published))
}

/// `yyyymmdd`. Days sort as text as they do in time, for nanoseconds reach from 1677 to 2262.
pub(super) fn day(window: Window) -> String {
    let seconds = window.start().nanos().div_euclid(1_000_000_000);
    let date = jiff::Timestamp::from_second(seconds).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC).date();
    format!("{:04}{:02}{:02}", date.year(), date.month(), date.day())
}

/// Hour of the day, two digits.
pub(super) fn hour(window: Window) -> String {
    format!("{:02}", window.0.rem_euclid(24))
}

/// Sort key of a part.
pub(super) fn part(window: Window, id: &PartId) -> String {
    format!("{}#{}#{}", hour(window), id.object, id.index)
}

/// Where the sort keys of an hour begin.
pub(super) fn hour_start(window: Window) -> String {
    format!("{}#", hour(window))
}

/// After the last sort key of an hour: `$` follows `#`.
pub(super) fn hour_end(window: Window) -> String {
    format!("{}$", hour(window))
}

/// Where the parts of an hour begin whose objects were named at or after that instant.
pub(super) fn named_since(window: Window, since: Timestamp) -> String {
    let milliseconds = u64::try_from(since.nanos().div_euclid(1_000_000)).unwrap_or(0);
    format!("{}#data/{}", hour(window), ulid::Ulid::from_parts(milliseconds, 0))
}

/// When the object was named, if its name tells: `data/{ulid}.seg`.
pub(super) fn named_at(object: &str) -> Option<Timestamp> {
    let ulid = object.strip_prefix("data/")?.strip_suffix(".seg")?;
    let milliseconds = ulid::Ulid::from_string(ulid).ok()?.timestamp_ms();
    Some(Timestamp(i64::try_from(milliseconds).ok()?.checked_mul(1_000_000)?))
}

/// Sort key of a notice: when it was made, then a part, so that no two are alike.
pub(super) fn notice(published: Timestamp, first: &PartId) -> String {
    format!("{}#{first}", milliseconds(published))
}

/// Milliseconds as text that sorts.
pub(super) fn milliseconds(t: Timestamp) -> String {
    format!("{:013}", t.nanos().div_euclid(1_000_000).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_time_does() {
        let window = Window::of(Timestamp::from_seconds(1_795_305_600));
        assert_eq!((day(window).as_str(), hour(window).as_str()), ("20261122", "00"));
        assert_eq!((day(Window(-1)).as_str(), hour(Window(-1)).as_str()), ("19691231", "23"));
        let ends = [Window::of(Timestamp::MIN), Window(-1), Window(0), window, Window::of(Timestamp::MAX)];
        assert!(ends.map(day).is_sorted());
        let id = PartId { object: "data/01ARZ3NDEKTSV4RRFFQ69G5FAV.seg".to_owned(), index: 3 };
        let named = named_at(&id.object).expect("a ULID");
        let key = part(window, &id);
        assert_eq!(key, "00#data/01ARZ3NDEKTSV4RRFFQ69G5FAV.seg#3");
        assert!(hour_start(window) < key && key < hour_end(window));
        assert!(named_since(window, named) <= key && key < named_since(window, named + 1_000_000));
        assert_eq!(named_at("data/x.seg"), None);
    }
}
