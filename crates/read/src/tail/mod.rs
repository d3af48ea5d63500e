//! Live queries: history from storage, then every part as it is published.
//!
//! One poller per tenant serves all listeners of the process. A listener joins the feed before it reads history, and leaves
//! out of the feed what its history already held, so nothing is missed and nothing comes twice.

mod feed;
mod listener;

pub(crate) use feed::Feeds;
pub(crate) use listener::open;
