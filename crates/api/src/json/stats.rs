//! The `stats` object of query answers: all of Loki's keys, filled with what was counted and zero where Sigyn has no such thing.

use std::time::Duration;

use sigyn_read::QueryStats;

use super::{display, key, number};

const DATAOBJ: [&str; 13] = [
    "prePredicateDecompressedRows",
    "prePredicateDecompressedBytes",
    "prePredicateDecompressedStructuredMetadataBytes",
    "postPredicateRows",
    "postPredicateDecompressedBytes",
    "postPredicateStructuredMetadataBytes",
    "postFilterRows",
    "pagesScanned",
    "pagesDownloaded",
    "pagesDownloadedBytes",
    "pageBatches",
    "totalRowsAvailable",
    "totalPageDownloadTime",
];

const CACHES: [&str; 8] =
    ["chunk", "index", "result", "statsResult", "volumeResult", "seriesResult", "labelResult", "instantMetricResult"];

/// Appends the object. Loki's "chunks" are our parts, its "index" our catalog and footers.
pub(super) fn stats(out: &mut Vec<u8>, stats: &QueryStats) {
    out.push(b'{');
    key(out, "summary");
    summary(out, stats);
    key(out, "querier");
    object(out, |out| {
        key(out, "store");
        store(out, stats);
        float(out, "querierExecTime", stats.exec_time.as_secs_f64());
    });
    key(out, "ingester");
    object(out, |out| {
        for name in ["totalReached", "totalChunksMatched", "totalBatches", "totalLinesSent"] {
            integer(out, name, 0);
        }
        key(out, "store");
        store(out, &QueryStats::default());
    });
    key(out, "cache");
    object(out, |out| {
        for name in CACHES {
            key(out, name);
            cache(out, if name == "chunk" { Some(stats) } else { None });
        }
    });
    key(out, "index");
    object(out, |out| {
        integer(out, "totalChunks", stats.parts_matched);
        integer(out, "postFilterChunks", stats.parts_read);
        integer(out, "shardsDuration", 0);
        boolean(out, "usedBloomFilters", false);
        integer(out, "totalStreams", stats.streams_matched);
        float(out, "chunkRefsLookupTime", stats.scan_time.as_secs_f64());
        float(out, "bloomFilterTime", 0.0);
    });
    out.push(b'}');
}

fn summary(out: &mut Vec<u8>, stats: &QueryStats) {
    let bytes = stats.bytes_processed.saturating_add(stats.metadata_bytes_processed);
    let lines = stats.lines_processed;
    object(out, |out| {
        integer(out, "bytesProcessedPerSecond", per_second(bytes, stats.exec_time));
        integer(out, "linesProcessedPerSecond", per_second(lines, stats.exec_time));
        integer(out, "totalBytesProcessed", bytes);
        integer(out, "totalLinesProcessed", lines);
        float(out, "execTime", stats.exec_time.as_secs_f64());
        float(out, "queueTime", stats.queue_time.as_secs_f64());
        integer(out, "subqueries", 0);
        integer(out, "totalEntriesReturned", stats.entries_returned);
        integer(out, "splits", 0);
        integer(out, "shards", 0);
        integer(out, "totalPostFilterLines", stats.post_filter_lines);
        integer(out, "totalStructuredMetadataBytesProcessed", stats.metadata_bytes_processed);
    });
}

fn store(out: &mut Vec<u8>, stats: &QueryStats) {
    object(out, |out| {
        integer(out, "totalChunksRef", stats.parts_matched);
        integer(out, "totalChunksDownloaded", stats.parts_read);
        integer(out, "chunksDownloadTime", nanos(stats.fetch_time));
        boolean(out, "queryReferencedStructuredMetadata", stats.metadata_bytes_processed > 0);
        boolean(out, "queryUsedV2Engine", false);
        key(out, "chunk");
        object(out, |out| {
            integer(out, "headChunkBytes", 0);
            integer(out, "headChunkLines", 0);
            integer(out, "decompressedBytes", stats.bytes_processed.saturating_add(stats.metadata_bytes_processed));
            integer(out, "decompressedLines", stats.lines_processed.saturating_sub(stats.lines_summarised));
            integer(out, "compressedBytes", stats.bytes_fetched);
            integer(out, "totalDuplicates", stats.duplicates);
            integer(out, "postFilterLines", stats.post_filter_lines);
            integer(out, "headChunkStructuredMetadataBytes", 0);
            integer(out, "decompressedStructuredMetadataBytes", stats.metadata_bytes_processed);
        });
        integer(out, "chunkRefsFetchTime", nanos(stats.scan_time));
        integer(out, "congestionControlLatency", 0);
        integer(out, "pipelineWrapperFilteredLines", 0);
        key(out, "dataobj");
        object(out, |out| DATAOBJ.iter().for_each(|name| integer(out, name, 0)));
    });
}

fn cache(out: &mut Vec<u8>, stats: Option<&QueryStats>) {
    let (hits, misses, bytes) = stats.map_or((0, 0, 0), |s| (s.cache_hits, s.cache_misses, s.cache_bytes));
    object(out, |out| {
        integer(out, "entriesFound", hits);
        integer(out, "entriesRequested", hits.saturating_add(misses));
        integer(out, "entriesStored", misses);
        integer(out, "bytesReceived", bytes);
        integer(out, "bytesSent", 0);
        integer(out, "requests", hits.saturating_add(misses));
        integer(out, "downloadTime", 0);
        integer(out, "queryLengthServed", 0);
    });
}

fn object(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'{');
    write(out);
    out.push(b'}');
}

fn integer(out: &mut Vec<u8>, name: &str, value: u64) {
    key(out, name);
    display(out, value);
}

fn float(out: &mut Vec<u8>, name: &str, value: f64) {
    key(out, name);
    number(out, value);
}

fn boolean(out: &mut Vec<u8>, name: &str, value: bool) {
    key(out, name);
    display(out, value);
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Rounded down; 0 when no time was measured.
fn per_second(amount: u64, time: Duration) -> u64 {
    let seconds = time.as_secs_f64();
    if seconds > 0.0 { (amount as f64 / seconds) as u64 } else { 0 }
}
