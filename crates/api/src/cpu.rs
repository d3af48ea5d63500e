//! Where work too long for the async threads goes: the host's CPU pool, reached through one closure.

use std::fmt;
use std::sync::Arc;

use futures::channel::oneshot;

use crate::{Error, Result};

/// A piece of CPU work.
pub type Work = Box<dyn FnOnce() + Send>;

/// Runs closures off the async threads.
#[derive(Clone)]
pub struct Cpu(Arc<dyn Fn(Work) + Send + Sync>);

impl Cpu {
    /// `spawn` starts the work somewhere and returns at once.
    pub fn new(spawn: impl Fn(Work) + Send + Sync + 'static) -> Self {
        Self(Arc::new(spawn))
    }

    /// Runs work on the caller, for tests.
    #[must_use]
    pub fn inline() -> Self {
        Self::new(|work| work())
    }

    /// Runs `f` and returns its result. `Internal` when it panicked.
    pub(crate) async fn run<T: Send + 'static>(&self, f: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let (sender, receiver) = oneshot::channel();
        (self.0)(Box::new(move || drop(sender.send(f()))));
        receiver.await.map_err(|_| Error::Internal { message: "a worker stopped before its work was done".to_owned() })
    }
}

impl fmt::Debug for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cpu")
    }
}
