//! Leases and members.

use std::time::Duration;

use futures::future::join_all;
use sigyn_model::ErrorKind;

use super::{Pair, patiently};
use crate::{Catalog, Lease, Member};

const MINUTE: Duration = Duration::from_secs(60);

async fn acquire(catalog: &dyn Catalog, name: &str, owner: &str) -> Option<Lease> {
    patiently(|| catalog.acquire(name, owner, MINUTE)).await.expect("acquire")
}

/// One holder at a time; a change of holder raises the epoch; a lost lease cannot be prolonged.
pub(super) async fn check_leases(pair: &Pair<'_>) {
    let first = acquire(&*pair.a, "lease", "a").await.expect("it is free");
    assert_eq!((&*first.name, &*first.owner), ("lease", "a"));
    assert!(acquire(&*pair.b, "lease", "b").await.is_none(), "it is held");
    let again = acquire(&*pair.a, "lease", "a").await.expect("the holder may take it again");
    assert_eq!(again.epoch, first.epoch);

    pair.clock.advance(MINUTE / 2);
    let renewed = patiently(|| pair.a.renew(&first, MINUTE)).await.expect("it is held");
    assert!(renewed.epoch == first.epoch && renewed.expires > first.expires);
    pair.clock.advance(MINUTE * 3 / 4);
    assert!(acquire(&*pair.b, "lease", "b").await.is_none(), "it was prolonged");

    pair.clock.advance(MINUTE);
    let second = acquire(&*pair.b, "lease", "b").await.expect("it expired");
    assert!(second.epoch > first.epoch);
    let error = patiently(|| pair.a.renew(&renewed, MINUTE)).await.expect_err("it has passed on");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    patiently(|| pair.a.release(&renewed)).await.expect("releasing a lost lease is harmless");
    assert!(acquire(&*pair.a, "lease", "a").await.is_none(), "and does not free it");

    patiently(|| pair.b.release(&second)).await.expect("release");
    patiently(|| pair.b.release(&second)).await.expect("twice is harmless");
    let third = acquire(&*pair.a, "lease", "a").await.expect("it was given up");
    assert!(third.epoch > second.epoch);
    let error = patiently(|| pair.b.renew(&second, MINUTE)).await.expect_err("it was given up");
    assert_eq!(error.kind(), ErrorKind::Conflict);
}

/// Of many who reach for a free lease, one gets it.
pub(super) async fn check_lease_race(pair: &Pair<'_>) {
    for round in 0..5 {
        let name = format!("race-{round}");
        let owners: Vec<String> = (0..8).map(|n| format!("owner-{n}")).collect();
        let attempts = owners.iter().enumerate().map(|(n, owner)| {
            let catalog = if n % 2 == 0 { &pair.a } else { &pair.b };
            acquire(&**catalog, &name, owner)
        });
        let won: Vec<Lease> = join_all(attempts).await.into_iter().flatten().collect();
        assert_eq!(won.len(), 1, "{won:?}");
    }
}

/// Members are listed until their heartbeat runs out.
pub(super) async fn check_members(pair: &Pair<'_>) {
    let member = |node: &str| Member {
        node: node.to_owned(),
        address: format!("{node}:3100"),
        targets: vec!["read".to_owned(), "backend".to_owned()],
        version: "1.2.3".to_owned(),
    };
    let (one, two) = (member("one"), member("two"));
    patiently(|| pair.a.heartbeat(&one, MINUTE)).await.expect("heartbeat");
    patiently(|| pair.b.heartbeat(&two, MINUTE * 3)).await.expect("heartbeat");
    patiently(|| pair.b.heartbeat(&two, MINUTE * 3)).await.expect("heartbeat");
    let list = || async {
        let mut members = patiently(|| pair.a.members()).await.expect("members");
        members.sort_by(|a, b| a.node.cmp(&b.node));
        members
    };
    assert_eq!(list().await, [one.clone(), two.clone()]);
    pair.clock.advance(MINUTE * 2);
    assert_eq!(list().await, std::slice::from_ref(&two));
    patiently(|| pair.a.heartbeat(&one, MINUTE)).await.expect("heartbeat");
    assert_eq!(list().await, [one.clone(), two.clone()]);
    // Who stops is gone at once, for every process, and may come back.
    patiently(|| pair.b.leave(&two)).await.expect("leave");
    patiently(|| pair.b.leave(&two)).await.expect("twice is harmless");
    assert_eq!(list().await, std::slice::from_ref(&one));
    let returned = Member { version: "1.2.4".to_owned(), ..two };
    patiently(|| pair.b.heartbeat(&returned, MINUTE)).await.expect("heartbeat");
    assert_eq!(list().await, [one, returned]);
}
