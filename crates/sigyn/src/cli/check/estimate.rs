//! What a month costs in requests, capacity and storage, by arithmetic that docs/operations/aws.md explains.
//!
//! The factors were measured with `make bench` on segments of real logs; they are rounded up.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, anyhow};
use serde::Deserialize;

/// Prices of all regions known, and of which day.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Prices {
    pub(super) date: String,
    currency: String,
    #[expect(dead_code, reason = "it explains the file to its readers")]
    #[serde(default)]
    note: String,
    regions: BTreeMap<String, Region>,
}

/// Prices of one region.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Region {
    name: String,
    s3_put_per_1000: f64,
    s3_get_per_1000: f64,
    s3_gb_month: f64,
    dynamodb_write_per_million: f64,
    dynamodb_read_per_million: f64,
    dynamodb_gb_month: f64,
    /// Prices that nobody has compared with AWS's page.
    #[serde(default)]
    unverified: Vec<String>,
}

impl Prices {
    /// The file of this build.
    pub(super) fn built_in() -> Result<Self> {
        Self::parse(include_str!("prices.json"))
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text).context("reading the prices")
    }

    /// Errors: a region without prices; names those that have some.
    pub(super) fn region(&self, name: &str) -> Result<&Region> {
        self.regions.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.regions.keys().map(String::as_str).collect();
            anyhow!(
                "no prices for region {name}; give some with --prices, or --price-region one of {}",
                known.join(", ")
            )
        })
    }
}

/// How much a month brings.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Load {
    /// Raw log lines, MB a second.
    pub(super) ingest_mb_s: f64,
    pub(super) queries_per_hour: f64,
    /// Processes that take pushes.
    pub(super) writers: f64,
    /// Tenants that push all the time.
    pub(super) tenants: f64,
    pub(super) retention_days: f64,
    /// Seconds between the flushes of one writer, and the bytes that make one start early.
    pub(super) flush_interval_s: f64,
    pub(super) flush_mb: f64,
    /// Whether the catalog is a table of DynamoDB.
    pub(super) in_dynamodb: bool,
}

const SECONDS: f64 = 30.0 * 86_400.0;
const HOURS: f64 = 30.0 * 24.0;
/// Parts that one compaction merges, on average.
const FAN_IN: f64 = 16.0;
/// Times a line is compacted: flushed parts into L1, the hour into L2.
const COMPACTIONS: f64 = 2.0;
/// Raw bytes to stored ones, once compacted.
const STORED_SHARE: f64 = 0.20;
/// Ranged reads a query makes in segments that no cache holds, and reads of a compaction a part.
const GETS_PER_QUERY: f64 = 60.0;
const GETS_PER_INPUT: f64 = 2.0;
/// Write units of a row: one to publish it, two to remove it in a transaction.
const UNITS_PUBLISH: f64 = 1.0;
const UNITS_REMOVE: f64 = 2.0;
const UNITS_PER_QUERY: f64 = 30.0;
/// Read units that a background process takes an hour: leases, members and its look at all hours.
const UNITS_BACKGROUND: f64 = 2_000.0;
const ROW_KB: f64 = 0.6;

/// One line of the bill.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    pub(super) what: &'static str,
    pub(super) how: String,
    /// Units as they are priced: requests, units, GB-months.
    pub(super) amount: f64,
    pub(super) price: f64,
}

impl Item {
    fn new(what: &'static str, how: String, amount: f64, price: f64) -> Self {
        Self { what, how, amount, price }
    }

    pub(super) fn cost(&self) -> f64 {
        self.amount * self.price
    }
}

/// The month's bill for `load` at the prices of `region`.
pub(super) fn bill(load: &Load, region: &Region) -> Vec<Item> {
    // A writer flushes when its interval is over or enough waits, whichever is first.
    let by_time = 1.0 / load.flush_interval_s.max(0.001);
    let by_size = load.ingest_mb_s / load.writers / load.flush_mb.max(0.001);
    let flushes_s = if load.ingest_mb_s > 0.0 { load.writers * by_time.max(by_size) } else { 0.0 };
    let flushes = flushes_s * SECONDS;
    let parts = flushes * load.tenants.max(1.0);
    let merged = parts / FAN_IN * COMPACTIONS;
    let stored_gb = load.ingest_mb_s * load.retention_days * 86_400.0 / 1_000.0 * STORED_SHARE;
    let queries = load.queries_per_hour * HOURS;
    let log_entries = if load.in_dynamodb { 0.0 } else { flushes + merged };
    let mut items = vec![
        Item::new(
            "S3 puts",
            format!(
                "{flushes_s:.1} flushes/s, and what compaction writes{}",
                if load.in_dynamodb { "" } else { ", and the catalog's log" }
            ),
            flushes + merged + log_entries,
            region.s3_put_per_1000 / 1_000.0,
        ),
        Item::new(
            "S3 gets",
            format!("{GETS_PER_INPUT} for each part compacted, {GETS_PER_QUERY} for each query"),
            (parts + merged) * GETS_PER_INPUT + queries * GETS_PER_QUERY + log_entries * load.writers,
            region.s3_get_per_1000 / 1_000.0,
        ),
        Item::new(
            "S3 storage, GB",
            format!("{} days at {:.0} % of the raw size", load.retention_days, STORED_SHARE * 100.0),
            stored_gb,
            region.s3_gb_month,
        ),
    ];
    if load.in_dynamodb {
        let rows = load.tenants.max(1.0) * 24.0 * load.retention_days * 4.0;
        items.extend([
            Item::new(
                "DynamoDB write units",
                format!("{UNITS_PUBLISH} to publish a part, {UNITS_REMOVE} to swap it away"),
                (parts + merged) * (UNITS_PUBLISH + UNITS_REMOVE),
                region.dynamodb_write_per_million / 1e6,
            ),
            Item::new(
                "DynamoDB read units",
                format!("{UNITS_PER_QUERY} for each query, {UNITS_BACKGROUND} an hour in the background"),
                queries * UNITS_PER_QUERY + HOURS * UNITS_BACKGROUND,
                region.dynamodb_read_per_million / 1e6,
            ),
            Item::new(
                "DynamoDB storage, GB",
                "about four rows for each tenant and hour".to_owned(),
                rows * ROW_KB / 1e6,
                region.dynamodb_gb_month,
            ),
        ]);
    }
    items
}

/// The bill as a table.
pub(super) fn table(items: &[Item], prices: &Prices, region: &Region) -> String {
    let mut out = format!("A month in {}, list prices of {}, {}:\n\n", region.name, prices.date, prices.currency);
    for item in items {
        out.push_str(&format!(
            "  {:<22} {:>16} {:>10.2}  {}\n",
            item.what,
            grouped(item.amount),
            item.cost(),
            item.how
        ));
    }
    let total: f64 = items.iter().map(Item::cost).sum();
    out.push_str(&format!("  {:<22} {:>16} {:>10.2}\n", "together", "", total));
    out.push_str("\nWithout machines, traffic between zones and free tiers.");
    if !region.unverified.is_empty() {
        out.push_str(&format!(" Not compared with AWS's page: {}.", region.unverified.join(", ")));
    }
    out.push('\n');
    out
}

/// `12345.6` as `12 346`; small amounts keep two digits.
fn grouped(amount: f64) -> String {
    if amount < 100.0 {
        return format!("{amount:.2}");
    }
    let digits = format!("{amount:.0}");
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load() -> Load {
        Load {
            ingest_mb_s: 10.0,
            queries_per_hour: 100.0,
            writers: 2.0,
            tenants: 1.0,
            retention_days: 30.0,
            flush_interval_s: 0.25,
            flush_mb: 8.0,
            in_dynamodb: true,
        }
    }

    fn amount(items: &[Item], what: &str) -> f64 {
        items.iter().find(|item| item.what == what).expect(what).amount
    }

    #[test]
    fn the_arithmetic_is_that_of_the_page() {
        let prices = Prices::built_in().expect("the file is good");
        let region = prices.region("us-east-1").expect("it is there");
        let items = bill(&load(), region);
        // 8 flushes a second for 2,592,000 s, an eighth as many merged parts.
        assert_eq!(amount(&items, "S3 puts"), 8.0 * 2_592_000.0 * 1.125);
        assert_eq!(amount(&items, "DynamoDB write units"), 8.0 * 2_592_000.0 * 1.125 * 3.0);
        assert_eq!(amount(&items, "S3 storage, GB"), 5_184.0);
        let text = table(&items, &prices, region);
        assert!(text.contains("S3 puts") && text.contains("23 328 000") && text.contains("116.64"), "{text}");
        assert!(text.contains("together") && text.contains("Not compared"), "{text}");
    }

    #[test]
    fn more_load_never_costs_less() {
        let prices = Prices::built_in().expect("the file is good");
        for region in prices.regions.values() {
            let total = |load: &Load| bill(load, region).iter().map(Item::cost).sum::<f64>();
            let base = total(&load());
            for more in [
                Load { ingest_mb_s: 200.0, ..load() },
                Load { queries_per_hour: 1_000.0, ..load() },
                Load { retention_days: 60.0, ..load() },
                Load { tenants: 10.0, ..load() },
                Load { flush_interval_s: 0.05, ..load() },
            ] {
                assert!(total(&more) > base, "{more:?}");
            }
        }
        let error = prices.region("mars-1").expect_err("nobody is there").to_string();
        assert!(error.contains("ap-northeast-2, us-east-1") && error.contains("--prices"), "{error}");
    }
}
