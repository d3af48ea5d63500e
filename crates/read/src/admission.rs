//! Which queries run: a bounded number at a time, the others wait in order, tenants in turn.
//!
//! A free place goes to the waiting tenant with the fewest queries running, so a tenant that floods the queue waits for itself.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sigyn_model::TenantId;
use tokio::sync::oneshot;

use crate::{Error, Result};

/// The door. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Admission(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    free: usize,
    running: HashMap<TenantId, usize>,
    /// Tenants with waiting queries, longest not served first.
    turns: VecDeque<TenantId>,
    waiting: HashMap<TenantId, VecDeque<oneshot::Sender<Ticket>>>,
}

/// A place among the running queries, given back when dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    /// `None` once it has been given back.
    held: Option<(Admission, TenantId)>,
}

impl Admission {
    /// `places`: queries that run at a time.
    pub(crate) fn new(places: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            free: places.max(1),
            running: HashMap::new(),
            turns: VecDeque::new(),
            waiting: HashMap::new(),
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place. A future that is dropped gives up its turn.
    pub(crate) async fn enter(&self, tenant: &TenantId) -> Result<Ticket> {
        let turn = {
            let mut state = self.state();
            if state.free > 0 {
                state.free -= 1;
                state.begin(tenant);
                return Ok(self.ticket(tenant.clone()));
            }
            state.queue(tenant)
        };
        turn.await.map_err(|_| Error::Internal("the reader is shut down".to_owned()))
    }

    fn ticket(&self, tenant: TenantId) -> Ticket {
        Ticket { held: Some((self.clone(), tenant)) }
    }

    /// Gives the place of a query of `tenant` to the next in turn.
    fn leave(&self, tenant: &TenantId) {
        let mut state = self.state();
        state.end(tenant);
        loop {
            let Some((next, sender)) = state.next() else {
                state.free += 1;
                return;
            };
            state.begin(&next);
            drop(state);
            let Err(mut unwanted) = sender.send(self.ticket(next)) else { return };
            // Whoever waited has gone. The ticket must not be given back by its drop: its place goes on to the next.
            let Some((_, gone)) = unwanted.held.take() else { return };
            state = self.state();
            state.end(&gone);
        }
    }
}

impl State {
    fn begin(&mut self, tenant: &TenantId) {
        *self.running.entry(tenant.clone()).or_default() += 1;
    }

    fn end(&mut self, tenant: &TenantId) {
        if let Some(count) = self.running.get_mut(tenant) {
            *count -= 1;
            if *count == 0 {
                self.running.remove(tenant);
            }
        }
    }

    fn queue(&mut self, tenant: &TenantId) -> oneshot::Receiver<Ticket> {
        let (sender, receiver) = oneshot::channel();
        if !self.waiting.contains_key(tenant) {
            self.turns.push_back(tenant.clone());
        }
        self.waiting.entry(tenant.clone()).or_default().push_back(sender);
        receiver
    }

    /// Takes the next query out of the queue.
    fn next(&mut self) -> Option<(TenantId, oneshot::Sender<Ticket>)> {
        let running = |tenant: &TenantId| self.running.get(tenant).copied().unwrap_or(0);
        let (at, _) = self.turns.iter().enumerate().min_by_key(|(at, tenant)| (running(tenant), *at))?;
        let tenant = self.turns.remove(at)?;
        let queue = self.waiting.get_mut(&tenant)?;
        let sender = queue.pop_front()?;
        if queue.is_empty() {
            self.waiting.remove(&tenant);
        } else {
            self.turns.push_back(tenant.clone());
        }
        Some((tenant, sender))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some((admission, tenant)) = self.held.take() {
            admission.leave(&tenant);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn tenant(name: &str) -> TenantId {
        TenantId::new(name).expect("a valid name")
    }

    #[test]
    fn tenants_take_turns() {
        let (flood, quiet) = (tenant("flood"), tenant("quiet"));
        let admission = Admission::new(2);
        let enter = |tenant: &TenantId| {
            let (admission, tenant) = (admission.clone(), tenant.clone());
            async move { admission.enter(&tenant).await }.boxed()
        };
        let mut running: Vec<Ticket> = Vec::new();
        for _ in 0..2 {
            let ticket = enter(&flood).now_or_never().expect("places are free");
            running.push(ticket.expect("admitted"));
        }
        let mut floods: Vec<_> = (0..5).map(|_| enter(&flood)).collect();
        assert!(floods.iter_mut().all(|waiting| waiting.now_or_never().is_none()));
        let mut late = enter(&quiet);
        assert!((&mut late).now_or_never().is_none());
        // Behind five others, but of a tenant that runs nothing.
        drop(running.pop());
        let late = late.now_or_never().expect("the quiet tenant's turn").expect("admitted");
        assert!(floods.iter_mut().all(|waiting| waiting.now_or_never().is_none()));
        drop(late);
        assert!((&mut floods[0]).now_or_never().is_some());
    }

    #[test]
    fn those_who_gave_up_are_passed_over() {
        let (a, b) = (tenant("a"), tenant("b"));
        let admission = Admission::new(1);
        let first = admission.enter(&a).now_or_never().expect("free").expect("admitted");
        let mut gone = admission.enter(&a).boxed();
        let mut dropped_late = admission.enter(&a).boxed();
        let mut waiting = admission.enter(&b).boxed();
        assert!((&mut gone).now_or_never().is_none() && (&mut dropped_late).now_or_never().is_none());
        assert!((&mut waiting).now_or_never().is_none());
        drop(gone);
        drop(first);
        // The place is on its way to one of them; wherever it went, dropping that one passes it on.
        drop(dropped_late);
        let last = waiting.now_or_never().expect("the place was passed on").expect("admitted");
        drop(last);
        let state = admission.state();
        assert_eq!((state.free, state.running.len(), state.waiting.len(), state.turns.len()), (1, 0, 0, 0));
    }
}
