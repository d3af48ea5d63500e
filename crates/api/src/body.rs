//! Receiving request bodies inside bounds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use sigyn_model::ByteSize;

use crate::{Error, Result};

/// Bounds the bytes of bodies that are being received, over all connections.
#[derive(Debug, Clone)]
pub(crate) struct ReceiveBudget {
    held: Arc<AtomicUsize>,
    limit: usize,
}

/// Bytes taken from a [`ReceiveBudget`]; given back on drop.
#[derive(Debug)]
pub(crate) struct Received {
    budget: ReceiveBudget,
    bytes: usize,
}

impl ReceiveBudget {
    pub(crate) fn new(limit: usize) -> Self {
        Self { held: Arc::new(AtomicUsize::new(0)), limit }
    }

    fn start(&self) -> Received {
        Received { budget: self.clone(), bytes: 0 }
    }
}

impl Received {
    fn take(&mut self, bytes: usize) -> Result<()> {
        let before = self.budget.held.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        if before.saturating_add(bytes) > self.budget.limit {
            return Err(Error::BodyBacklog {
                held: ByteSize(before as u64),
                limit: ByteSize(self.budget.limit as u64),
            });
        }
        Ok(())
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Reads a whole body of at most `limit` bytes. The second value holds the body's share of the budget.
///
/// Errors: 413 past `limit`, 429 past the budget, 499 when the client goes away.
pub(crate) async fn receive(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    budget: &ReceiveBudget,
) -> Result<(Bytes, Received)> {
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if let Some(received) = declared.filter(|length| *length > limit) {
        return Err(Error::BodyTooLarge { received, limit });
    }
    let mut share = budget.start();
    share.take(declared.unwrap_or(0))?;
    let mut frames = body.into_data_stream();
    let mut whole = BytesMut::with_capacity(declared.unwrap_or(0));
    while let Some(frame) = frames.next().await {
        let frame = frame.map_err(|_| Error::ClientGone)?;
        let received = whole.len() + frame.len();
        if received > limit {
            return Err(Error::BodyTooLarge { received, limit });
        }
        if received > share.bytes {
            share.take(received - share.bytes)?;
        }
        whole.extend_from_slice(&frame);
    }
    Ok((whole.freeze(), share))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunked(chunks: &[&'static str]) -> Body {
        let chunks: Vec<_> =
            chunks.iter().map(|chunk| Ok::<_, std::io::Error>(Bytes::from_static(chunk.as_bytes()))).collect();
        Body::from_stream(futures::stream::iter(chunks))
    }

    async fn check(body: Body, limit: usize, budget: &ReceiveBudget) -> Result<usize, u16> {
        let received = receive(&HeaderMap::new(), body, limit, budget).await;
        received.map(|(bytes, _)| bytes.len()).map_err(|e| crate::status::of(&e).as_u16())
    }

    #[tokio::test]
    async fn bodies_are_bounded_one_by_one_and_together() {
        let budget = ReceiveBudget::new(8);
        assert_eq!(check(chunked(&["abc", "def"]), 6, &budget).await, Ok(6));
        assert_eq!(check(chunked(&["abc", "defg"]), 6, &budget).await, Err(413));
        assert_eq!(check(chunked(&["abcdefgh"]), 10, &budget).await, Ok(8));
        assert_eq!(check(chunked(&["abcdefghi"]), 10, &budget).await, Err(429));
        assert_eq!(budget.held.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_declared_length_is_refused_before_it_is_received() {
        let headers = HeaderMap::from_iter([(header::CONTENT_LENGTH, "11".parse().expect("a value"))]);
        let never = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
        let received = receive(&headers, never, 10, &ReceiveBudget::new(100)).await;
        assert!(matches!(received, Err(Error::BodyTooLarge { received: 11, limit: 10 })));
    }

    #[tokio::test]
    async fn a_broken_connection_is_the_clients_doing() {
        let broken = futures::stream::iter([Err::<Bytes, _>(std::io::Error::other("reset"))]);
        assert_eq!(check(Body::from_stream(broken), 10, &ReceiveBudget::new(10)).await, Err(499));
    }
}
