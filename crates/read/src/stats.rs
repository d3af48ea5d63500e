//! What a query cost: counted where the work happens, shared by all of its tasks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Truthful counters of one query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueryStats {
    /// Decoded bytes of lines that were evaluated; for answers from metadata alone nothing is decoded and nothing is counted.
    pub bytes_processed: u64,
    /// Rows evaluated, rows answered from run summaries included.
    pub lines_processed: u64,
    /// Rows answered from run summaries, without reading any column.
    pub lines_summarised: u64,
    /// Decoded bytes of structured metadata.
    pub metadata_bytes_processed: u64,
    /// Rows left after the pipeline.
    pub post_filter_lines: u64,
    pub entries_returned: u64,
    /// Rows skipped because another part holds the same entry.
    pub duplicates: u64,
    /// Parts the catalog returned for the range.
    pub parts_matched: u64,
    /// Parts from which rows or summaries were used.
    pub parts_read: u64,
    /// Blocks from which columns were decoded.
    pub blocks_read: u64,
    pub streams_matched: u64,
    /// Times the query began anew from a fresh scan, because an object had been removed under it.
    pub restarts: u64,
    /// Requests sent to the object store.
    pub object_gets: u64,
    pub bytes_fetched: u64,
    /// Footers and ranges found in memory.
    pub cache_hits: u64,
    pub cache_misses: u64,
    pub cache_bytes: u64,
    /// Time spent waiting for the object store, summed over concurrent requests.
    pub fetch_time: Duration,
    pub scan_time: Duration,
    pub exec_time: Duration,
    pub queue_time: Duration,
}

macro_rules! counters {
    ($($name:ident),* $(,)?) => {
        /// The same counters while the query runs.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: AtomicU64,)*
            pub(crate) fetch_nanos: AtomicU64,
            pub(crate) scan_nanos: AtomicU64,
        }

        impl Counters {
            /// The counters as they stand; exec and queue time are the caller's to fill.
            pub(crate) fn snapshot(&self) -> QueryStats {
                QueryStats {
                    $($name: self.$name.load(Ordering::Relaxed),)*
                    fetch_time: Duration::from_nanos(self.fetch_nanos.load(Ordering::Relaxed)),
                    scan_time: Duration::from_nanos(self.scan_nanos.load(Ordering::Relaxed)),
                    exec_time: Duration::ZERO,
                    queue_time: Duration::ZERO,
                }
            }
        }
    };
}

counters!(
    bytes_processed,
    lines_processed,
    lines_summarised,
    metadata_bytes_processed,
    post_filter_lines,
    entries_returned,
    duplicates,
    parts_matched,
    parts_read,
    blocks_read,
    streams_matched,
    restarts,
    object_gets,
    bytes_fetched,
    cache_hits,
    cache_misses,
    cache_bytes,
);

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}
