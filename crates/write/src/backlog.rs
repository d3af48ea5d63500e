//! The bound on bytes that are accepted but not yet durable, and the count of pushes still being decoded.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use sigyn_model::ByteSize;
use tokio::sync::Notify;

use crate::metrics::Metrics;
use crate::{Error, Result};

/// What is held by all pushes under way.
#[derive(Debug)]
pub(crate) struct Backlog {
    limit: u64,
    held: AtomicU64,
    decoding: AtomicUsize,
    /// Told whenever the last push that was being decoded is done with that.
    idle: Notify,
    metrics: Metrics,
}

impl Backlog {
    pub(crate) fn new(limit: ByteSize, metrics: Metrics) -> Arc<Self> {
        let (held, decoding, idle) = (AtomicU64::new(0), AtomicUsize::new(0), Notify::new());
        Arc::new(Self { limit: limit.bytes(), held, decoding, idle, metrics })
    }

    /// Whether some push is between its admission and the batcher's queue.
    pub(crate) fn is_decoding(&self) -> bool {
        self.decoding.load(Ordering::Acquire) > 0
    }

    /// Whether any push is under way.
    pub(crate) fn is_empty(&self) -> bool {
        self.held.load(Ordering::Acquire) == 0
    }

    /// Completes when no push is being decoded any more; may complete early.
    pub(crate) async fn idle(&self) {
        self.idle.notified().await;
    }

    /// Takes `bytes` out of what may still be held.
    pub(crate) fn admit(self: &Arc<Self>, bytes: u64) -> Result<DecodePermit> {
        let taken = self.held.fetch_update(Ordering::AcqRel, Ordering::Acquire, |held| {
            held.checked_add(bytes).filter(|sum| *sum <= self.limit)
        });
        if let Err(held) = taken {
            let (bytes, held, limit) = (ByteSize(bytes), ByteSize(held), ByteSize(self.limit));
            return Err(if bytes > limit {
                Error::TooLarge { bytes, limit }
            } else {
                Error::Backlog { bytes, held, limit }
            });
        }
        self.decoding.fetch_add(1, Ordering::AcqRel);
        let permit = DecodePermit { backlog: Arc::clone(self), bytes, decoding: true };
        self.show();
        Ok(permit)
    }

    fn show(&self) {
        let held = self.held.load(Ordering::Relaxed);
        self.metrics.unflushed_bytes.set(i64::try_from(held).unwrap_or(i64::MAX));
    }
}

/// Counts a push from before it is decoded until it is stored or refused; its bytes are given back on drop.
#[derive(Debug)]
pub struct DecodePermit {
    backlog: Arc<Backlog>,
    bytes: u64,
    decoding: bool,
}

impl DecodePermit {
    /// Counts what the push really holds, once that is known. Never refused: the memory is in use already.
    pub fn resize(&mut self, bytes: usize) {
        let bytes = bytes as u64;
        if bytes >= self.bytes {
            self.backlog.held.fetch_add(bytes - self.bytes, Ordering::AcqRel);
        } else {
            self.backlog.held.fetch_sub(self.bytes - bytes, Ordering::AcqRel);
        }
        self.bytes = bytes;
        self.backlog.show();
    }

    /// The push is queued or refused: the batcher need not wait for it any more.
    pub(crate) fn end_decoding(&mut self) {
        if self.decoding {
            self.decoding = false;
            if self.backlog.decoding.fetch_sub(1, Ordering::AcqRel) == 1 {
                self.backlog.idle.notify_one();
            }
        }
    }
}

impl Drop for DecodePermit {
    fn drop(&mut self) {
        self.end_decoding();
        self.backlog.held.fetch_sub(self.bytes, Ordering::AcqRel);
        self.backlog.show();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_bounded_and_given_back() -> Result<()> {
        let backlog = Backlog::new(ByteSize(100), Metrics::default());
        let mut a = backlog.admit(60)?;
        let error = backlog.admit(41).expect_err("60 + 41 are more than 100");
        assert_eq!(error.status(), 429);
        assert_eq!(
            error.to_string(),
            "60B of pushes are not yet stored and this one of 41B would pass write.max_unflushed_bytes, 100B; retry later or raise it"
        );
        let b = backlog.admit(40)?;
        a.resize(10);
        assert!(backlog.is_decoding());
        a.end_decoding();
        drop(b);
        assert!(!backlog.is_decoding());
        drop(backlog.admit(90)?);
        drop(a);
        drop(backlog.admit(100)?);
        assert_eq!(backlog.admit(101).map(drop).map_err(|error| error.status()), Err(413));
        Ok(())
    }
}
