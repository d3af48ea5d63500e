//! L0 parts in the order they were published, for tails that poll.

use std::collections::VecDeque;
use std::sync::Arc;

use sigyn_model::{PartMeta, Timestamp};

/// How far back a tail may have paused and still see each L0 part exactly once.
const KEEP_NANOS: i64 = 600_000_000_000;

/// Complete for entries numbered above `start`; kept in memory only, so it begins where this process began.
#[derive(Debug, Clone, Default)]
pub(in crate::object_catalog) struct Journal {
    start: u64,
    published: VecDeque<(u64, Timestamp, Arc<PartMeta>)>,
}

impl Journal {
    pub(in crate::object_catalog) fn starting_after(sequence: u64) -> Self {
        Self { start: sequence, published: VecDeque::new() }
    }

    pub(super) fn record(&mut self, sequence: u64, time: Timestamp, part: Arc<PartMeta>) {
        self.published.push_back((sequence, time, part));
    }

    pub(super) fn prune(&mut self, time: Timestamp) {
        while let Some((sequence, published, _)) = self.published.front()
            && *published + KEEP_NANOS < time
        {
            self.start = *sequence;
            self.published.pop_front();
        }
    }

    /// Parts of entries after `cursor`; `None` when the journal does not reach back that far.
    pub(super) fn since(&self, cursor: u64) -> Option<impl Iterator<Item = &Arc<PartMeta>>> {
        if cursor < self.start {
            return None;
        }
        let first = self.published.partition_point(|(sequence, ..)| *sequence <= cursor);
        Some(self.published.range(first..).map(|(_, _, part)| part))
    }
}
