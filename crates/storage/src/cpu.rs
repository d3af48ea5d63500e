//! Where CPU work runs: a rayon pool beside the async threads, or inline in tests.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::sync::{Semaphore, oneshot};

use crate::{Error, Result};

/// Runs computations off the async threads. Cheap to clone.
#[derive(Debug, Clone)]
pub struct CpuPool {
    /// `None` runs everything on the caller.
    pool: Option<Arc<rayon::ThreadPool>>,
    background: Arc<Semaphore>,
}

impl CpuPool {
    /// A pool of `threads` threads, at least one.
    pub fn new(threads: usize) -> Result<Self> {
        let threads = threads.max(1);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("sigyn-cpu-{index}"))
            .build()
            .map_err(|error| Error::CpuPool { reason: error.to_string() })?;
        // Half of the threads stay free of background work, so that a query never waits behind a compaction.
        Ok(Self { pool: Some(Arc::new(pool)), background: Arc::new(Semaphore::new((threads / 2).max(1))) })
    }

    /// Runs everything on the caller, in order: for tests and simulation.
    #[must_use]
    pub fn inline() -> Self {
        Self { pool: None, background: Arc::new(Semaphore::new(1)) }
    }

    /// The pool for `install` and `scope`; `None` when inline.
    #[must_use]
    pub fn pool(&self) -> Option<&rayon::ThreadPool> {
        self.pool.as_deref()
    }

    /// Threads that work can spread over; 1 when inline.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.pool.as_ref().map_or(1, |pool| pool.current_num_threads())
    }

    /// Runs `f` on the pool and waits for it. A panic inside becomes an `Internal` error.
    ///
    /// Dropping the future does not stop `f` once it has begun; keep each piece of work short.
    pub async fn run<T: Send + 'static>(&self, f: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let Some(pool) = &self.pool else {
            return catch(f);
        };
        let (sender, receiver) = oneshot::channel();
        pool.spawn(move || {
            // Nobody may be waiting any more, which is fine.
            let _ = sender.send(catch(f));
        });
        receiver.await.unwrap_or_else(|_| Err(Error::Panicked { message: "the pool dropped its work".to_owned() }))
    }

    /// Like [`CpuPool::run`], but never on more than half of the threads at a time: for compaction and the like.
    pub async fn run_background<T: Send + 'static>(&self, f: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let permit = Arc::clone(&self.background).acquire_owned().await.map_err(|_| Error::Closed)?;
        // The permit travels with the work, so a dropped future does not let a second piece in beside the first.
        self.run(move || {
            let _permit = permit;
            f()
        })
        .await
    }
}

fn catch<T>(f: impl FnOnce() -> T) -> Result<T> {
    // Nothing that `f` touched is seen again after a panic but through its own locks, which know they are poisoned.
    catch_unwind(AssertUnwindSafe(f)).map_err(|panic| Error::Panicked { message: message(&*panic) })
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}

#[cfg(test)]
mod tests {
    use sigyn_model::ErrorKind;

    use super::*;

    #[tokio::test]
    async fn runs_work_and_turns_panics_into_errors() -> Result<()> {
        for pool in [CpuPool::new(2)?, CpuPool::inline()] {
            assert_eq!(pool.run(|| 2 + 2).await?, 4);
            assert_eq!(pool.run_background(|| 2 + 2).await?, 4);
            let error = pool.run(|| panic!("oh {}", "no")).await.expect_err("it panicked");
            assert_eq!(
                (error.kind(), error.to_string()),
                (ErrorKind::Internal, "a computation panicked: oh no".into())
            );
        }
        Ok(())
    }

    #[tokio::test]
    async fn background_work_leaves_a_thread_free() -> Result<()> {
        let pool = CpuPool::new(2)?;
        let (release, gate) = std::sync::mpsc::channel::<()>();
        let gate = Arc::new(std::sync::Mutex::new(gate));
        let blocked: Vec<_> = (0..4)
            .map(|_| {
                let (pool, gate) = (pool.clone(), Arc::clone(&gate));
                tokio::spawn(async move {
                    pool.run_background(move || gate.lock().is_ok_and(|gate| gate.recv().is_err())).await.is_ok()
                })
            })
            .collect();
        tokio::task::yield_now().await;
        assert_eq!(pool.run(|| 1).await?, 1);
        drop(release);
        for task in blocked {
            assert!(task.await.unwrap_or(false));
        }
        Ok(())
    }
}
