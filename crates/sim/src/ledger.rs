//! What was pushed, what was acknowledged, and whether a reading agrees with it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sigyn_model::{TenantId, Timestamp};

/// One line as pushed: its text is unique in the run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Line {
    pub(crate) app: String,
    pub(crate) time: i64,
    pub(crate) text: String,
}

/// What is known about a line that was sent at least once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It may or may not be stored.
    Unknown,
    Acknowledged,
}

/// The record of the clients, by tenant.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<HashMap<TenantId, BTreeMap<Line, Fate>>>);

/// The lines that a reading begun now must show.
#[derive(Debug)]
pub(crate) struct Expected {
    acknowledged: Vec<Line>,
}

impl Ledger {
    /// Notes that the lines are about to be sent.
    pub(crate) fn attempt(&self, tenant: &TenantId, lines: &[Line]) {
        let mut ledger = self.lock();
        let known = ledger.entry(tenant.clone()).or_default();
        for line in lines {
            known.entry(line.clone()).or_insert(Fate::Unknown);
        }
    }

    /// Notes that the lines were answered with a success.
    pub(crate) fn acknowledge(&self, tenant: &TenantId, lines: &[Line]) {
        let mut ledger = self.lock();
        let known = ledger.entry(tenant.clone()).or_default();
        for line in lines {
            known.insert(line.clone(), Fate::Acknowledged);
        }
    }

    pub(crate) fn acknowledged(&self) -> usize {
        self.lock().values().flat_map(BTreeMap::values).filter(|fate| **fate == Fate::Acknowledged).count()
    }

    /// What a reading of `tenant` that begins now must show; lines before `kept_from` may be gone.
    pub(crate) fn expect(&self, tenant: &TenantId, kept_from: Timestamp) -> Expected {
        let ledger = self.lock();
        let lines = ledger.get(tenant).into_iter().flatten();
        let acknowledged = lines.filter(|(line, fate)| **fate == Fate::Acknowledged && line.time >= kept_from.nanos());
        Expected { acknowledged: acknowledged.map(|(line, _)| line.clone()).collect() }
    }

    /// Compares a reading, done after `expected` was taken, with what was pushed.
    pub(crate) fn check(&self, tenant: &TenantId, expected: &Expected, reading: &[Line]) -> Result<(), String> {
        let mut times: HashMap<&Line, u32> = HashMap::new();
        for line in reading {
            *times.entry(line).or_default() += 1;
        }
        if let Some((line, count)) = times.iter().find(|(_, count)| **count > 1) {
            return Err(format!("{line:?} of {tenant} was read {count} times"));
        }
        let ledger = self.lock();
        let known = ledger.get(tenant);
        if let Some(line) = reading.iter().find(|line| !known.is_some_and(|known| known.contains_key(line))) {
            return Err(format!("{line:?} of {tenant} was read, but never pushed"));
        }
        let lost: Vec<&Line> = expected.acknowledged.iter().filter(|line| !times.contains_key(line)).collect();
        match lost.first() {
            Some(line) => Err(format!("{} acknowledged lines of {tenant} are lost, the first is {line:?}", lost.len())),
            None => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, BTreeMap<Line, Fate>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Expected {
    /// Without the lines that have become too old meanwhile.
    pub(crate) fn without_before(mut self, kept_from: Timestamp) -> Self {
        self.acknowledged.retain(|line| line.time >= kept_from.nanos());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line { app: "a".to_owned(), time: 5, text: text.to_owned() }
    }

    #[test]
    fn lost_doubled_and_invented_lines_are_found() {
        let (ledger, tenant) = (Ledger::default(), TenantId::single());
        ledger.attempt(&tenant, &[line("acknowledged"), line("unknown")]);
        ledger.acknowledge(&tenant, &[line("acknowledged")]);
        let expected = ledger.expect(&tenant, Timestamp(0));
        let check = |reading: &[&str]| {
            let reading: Vec<Line> = reading.iter().map(|text| line(text)).collect();
            ledger.check(&tenant, &expected, &reading)
        };
        assert_eq!(check(&["acknowledged"]), Ok(()));
        assert_eq!(check(&["unknown", "acknowledged"]), Ok(()));
        assert!(check(&["unknown"]).is_err_and(|error| error.contains("lost")));
        assert!(check(&["acknowledged", "acknowledged"]).is_err_and(|error| error.contains("2 times")));
        assert!(check(&["acknowledged", "invented"]).is_err_and(|error| error.contains("never pushed")));
        let expected = ledger.expect(&tenant, Timestamp(6));
        assert_eq!(ledger.check(&tenant, &expected, &[]), Ok(()), "retention may have dropped it");
    }
}
