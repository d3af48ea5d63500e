//! What a collector holds, as bytes and back.

use std::collections::HashMap;

use prost::Message as _;
use sigyn_model::Labels;

use super::{Candidate, Entry, LogCollector, Rank};
use crate::error::Result;
use crate::partial::{EntriesMessage, EntryMessage, LabelsMessage, decode, senseless};

/// Label sets by their number.
#[derive(Default)]
struct Sets {
    numbers: HashMap<Labels, u32>,
    sets: Vec<LabelsMessage>,
}

impl Sets {
    fn number(&mut self, labels: &Labels) -> u32 {
        if let Some(&number) = self.numbers.get(labels) {
            return number;
        }
        let number = u32::try_from(self.sets.len()).expect("memory bounds the entries far below 2^32");
        self.sets.push(LabelsMessage::new(labels));
        self.numbers.insert(labels.clone(), number);
        number
    }
}

impl LogCollector {
    /// What was collected, for [`LogCollector::merge_partial`] in another process.
    #[must_use]
    pub fn to_partial(&self) -> Vec<u8> {
        let mut sets = Sets::default();
        let entries = self.heap.iter().map(|Candidate { rank, labels, entry }| {
            // Complementing twice gives back what was there.
            let place = Rank::new(self.options.direction, rank.timestamp, rank.sequence, rank.row, rank.stream_id);
            EntryMessage {
                timestamp: entry.timestamp,
                sequence: place.sequence,
                row: place.row,
                stream: place.stream_id,
                labels: sets.number(labels),
                metadata: sets.number(&entry.structured_metadata),
                parsed: sets.number(&entry.parsed),
                line: entry.line.clone(),
            }
        });
        let entries = entries.collect();
        EntriesMessage { passed_rows: self.passed_rows, labels: sets.sets, entries }.encode_to_vec()
    }

    /// Adds what a collector of the same query has gathered in another process.
    ///
    /// Errors: `Internal` when the bytes cannot be that; `Limit` past the memory bound.
    pub fn merge_partial(&mut self, bytes: &[u8]) -> Result<()> {
        let message: EntriesMessage = decode(bytes)?;
        self.passed_rows += message.passed_rows;
        let sets = message.labels.into_iter().map(LabelsMessage::into_labels).collect::<Result<Vec<Labels>>>()?;
        let set = |at: u32| sets.get(at as usize).cloned().ok_or_else(|| senseless("labels are missing"));
        for found in message.entries {
            let EntryMessage { timestamp, sequence, row, stream, labels, metadata, parsed, line } = found;
            self.push(Candidate {
                rank: Rank::new(self.options.direction, timestamp, sequence, row, stream),
                labels: set(labels)?,
                entry: Entry { timestamp, line, structured_metadata: set(metadata)?, parsed: set(parsed)? },
            })?;
        }
        Ok(())
    }
}
