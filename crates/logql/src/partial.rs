//! What one process found for a part of a query, as bytes for the process that merges it.
//!
//! Both run the same plan over different rows, so the bytes hold what was gathered and nothing of the query.
//! They live as long as a request; another version of them is another version of the request that asks for them.

use prost::Message;
use sigyn_model::Labels;

use crate::error::{Error, Result};

/// Labels: name, value, name, value.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct LabelsMessage {
    #[prost(string, repeated, tag = "1")]
    pub(crate) pairs: Vec<String>,
}

/// What a range aggregation has gathered.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct AggregateMessage {
    #[prost(uint64, tag = "1")]
    pub(crate) passed_rows: u64,
    #[prost(message, repeated, tag = "2")]
    pub(crate) series: Vec<SeriesMessage>,
}

/// One series; what its three lists mean depends on the aggregation.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SeriesMessage {
    #[prost(message, optional, tag = "1")]
    pub(crate) labels: Option<LabelsMessage>,
    #[prost(uint32, repeated, tag = "2")]
    pub(crate) places: Vec<u32>,
    #[prost(sint64, repeated, tag = "3")]
    pub(crate) numbers: Vec<i64>,
    #[prost(double, repeated, tag = "4")]
    pub(crate) values: Vec<f64>,
}

/// What a log query has collected.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct EntriesMessage {
    #[prost(uint64, tag = "1")]
    pub(crate) passed_rows: u64,
    /// Each label set once.
    #[prost(message, repeated, tag = "2")]
    pub(crate) labels: Vec<LabelsMessage>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) entries: Vec<EntryMessage>,
}

/// One entry, and what orders it among those of the same time.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct EntryMessage {
    #[prost(sfixed64, tag = "1")]
    pub(crate) timestamp: i64,
    #[prost(uint64, tag = "2")]
    pub(crate) sequence: u64,
    #[prost(uint64, tag = "3")]
    pub(crate) row: u64,
    #[prost(uint32, tag = "4")]
    pub(crate) stream: u32,
    /// Indices of the label sets: of the stream, metadata, parsed.
    #[prost(uint32, tag = "5")]
    pub(crate) labels: u32,
    #[prost(uint32, tag = "6")]
    pub(crate) metadata: u32,
    #[prost(uint32, tag = "7")]
    pub(crate) parsed: u32,
    #[prost(bytes = "vec", tag = "8")]
    pub(crate) line: Vec<u8>,
}

impl LabelsMessage {
    pub(crate) fn new(labels: &Labels) -> Self {
        Self { pairs: labels.iter().flat_map(|(name, value)| [name.to_owned(), value.to_owned()]).collect() }
    }

    pub(crate) fn into_labels(self) -> Result<Labels> {
        if !self.pairs.len().is_multiple_of(2) {
            return Err(senseless("a label without a value"));
        }
        let mut pairs = self.pairs.into_iter();
        Ok(Labels::with_empty(std::iter::from_fn(|| Some((pairs.next()?, pairs.next()?)))))
    }
}

/// Decodes what another process sent.
pub(crate) fn decode<M: Message + Default>(bytes: &[u8]) -> Result<M> {
    M::decode(bytes).map_err(|error| senseless(&error.to_string()))
}

/// The error of a partial result that cannot be one.
pub(crate) fn senseless(what: &str) -> Error {
    Error::Internal { message: format!("a partial result makes no sense: {what}") }
}
