//! Replacing parts.

use std::time::Duration;

use futures::future::join;
use sigyn_model::{ErrorKind, Level, PartMeta, Window};

use super::{Pair, part, patiently, publish, scan_all, tenant};
use crate::{Catalog, Lease, Result, Swap};

/// A swap of `remove` for `add`, all of one tenant and window.
fn swap(remove: &[&PartMeta], add: &[&PartMeta], fence: Option<&Lease>) -> Swap {
    let any = remove.iter().chain(add).next().expect("a swap of something");
    Swap {
        tenant: any.tenant.clone(),
        window: any.window,
        remove: remove.iter().map(|part| part.id.clone()).collect(),
        add: add.iter().map(|part| (*part).clone()).collect(),
        fence: fence.cloned(),
    }
}

fn merged(part: PartMeta) -> PartMeta {
    PartMeta { level: Level::L1, ..part }
}

async fn replace(catalog: &dyn Catalog, swap: &Swap) -> Result<()> {
    patiently(|| catalog.replace(swap)).await
}

async fn assert_conflict(catalog: &dyn Catalog, swap: &Swap) {
    let error = replace(catalog, swap).await.expect_err("a conflict");
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
}

/// A swap happens as a whole or not at all; what it removed stays away.
pub(super) async fn check_replace(pair: &Pair<'_>) {
    let tenant = tenant("replace");
    let [a, b, c] = ["a", "b", "c"].map(|name| part(&tenant, 5, name));
    let (ab, abc) = (merged(part(&tenant, 5, "m1")), merged(part(&tenant, 5, "m2")));
    publish(&*pair.a, &[a.clone(), b.clone()]).await;

    let first = swap(&[&a, &b], &[&ab], None);
    replace(&*pair.b, &first).await.expect("all inputs are there");
    assert_eq!(scan_all(&*pair.a, &tenant).await, std::slice::from_ref(&ab));
    replace(&*pair.b, &first).await.expect("repeating a swap is harmless");
    replace(&*pair.a, &first).await.expect("from any process");

    // An input that is gone, or was never there, voids all of it.
    publish(&*pair.a, std::slice::from_ref(&c)).await;
    assert_conflict(&*pair.a, &swap(&[&c, &a], &[&abc], None)).await;
    assert_conflict(&*pair.b, &swap(&[&ab, &part(&tenant, 5, "never")], &[&abc], None)).await;
    assert_eq!(scan_all(&*pair.b, &tenant).await, [c.clone(), ab.clone()]);

    // A late publish of a replaced part, by whichever process, does not bring it back.
    publish(&*pair.a, &[a.clone(), b.clone()]).await;
    publish(&*pair.b, &[a.clone(), b.clone()]).await;
    assert_eq!(scan_all(&*pair.a, &tenant).await, [c.clone(), ab.clone()]);

    // The next generation; then nothing is left of it, but the tenant.
    replace(&*pair.a, &swap(&[&ab, &c], &[&abc], None)).await.expect("all inputs are there");
    replace(&*pair.a, &first).await.expect("its result was replaced in turn, so it is in effect");
    assert_eq!(scan_all(&*pair.b, &tenant).await, std::slice::from_ref(&abc));
    replace(&*pair.b, &swap(&[&abc], &[], None)).await.expect("retention removes without adding");
    assert!(scan_all(&*pair.a, &tenant).await.is_empty());
    assert!(patiently(|| pair.a.tenants()).await.expect("tenants").contains(&tenant));
    assert!(!patiently(|| pair.a.referenced_objects()).await.expect("objects").contains(&abc.id.object));

    // What a swap adds must be of its tenant and window, and named once.
    let elsewhere = Swap { window: Window(6), ..swap(&[&a], &[&ab], None) };
    let error = replace(&*pair.a, &elsewhere).await.expect_err("another window");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let error = replace(&*pair.a, &swap(&[&a], &[&a], None)).await.expect_err("in and out");
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

/// Of two swaps of the same inputs exactly one happens.
pub(super) async fn check_replace_race(pair: &Pair<'_>) {
    let tenant = tenant("replace-race");
    for window in 0..20 {
        let [a, b] = ["a", "b"].map(|name| part(&tenant, window, &format!("{window}{name}")));
        let [one, other] = ["x", "y"].map(|name| merged(part(&tenant, window, &format!("{window}{name}"))));
        publish(&*pair.a, &[a.clone(), b.clone()]).await;
        let (mine, theirs) = (swap(&[&a, &b], &[&one], None), swap(&[&a, &b], &[&other], None));
        let (first, second) = join(replace(&*pair.a, &mine), replace(&*pair.b, &theirs)).await;
        let parts: Vec<PartMeta> =
            scan_all(&*pair.a, &tenant).await.into_iter().filter(|part| part.window == Window(window)).collect();
        match (first, second) {
            (Ok(()), Err(lost)) => assert_eq!((lost.kind(), parts), (ErrorKind::Conflict, vec![one])),
            (Err(lost), Ok(())) => assert_eq!((lost.kind(), parts), (ErrorKind::Conflict, vec![other])),
            both => panic!("exactly one wins, but {both:?}"),
        }
    }
}

/// A swap under a lease that has passed on is void.
pub(super) async fn check_fences(pair: &Pair<'_>) {
    let (tenant, minute) = (tenant("fences"), Duration::from_secs(60));
    let [a, b, c] = ["a", "b", "c"].map(|name| part(&tenant, 5, name));
    publish(&*pair.a, &[a.clone(), b.clone(), c.clone()]).await;
    let old = patiently(|| pair.a.acquire("fence", "a", minute)).await.expect("acquire").expect("it is free");
    let result = merged(part(&tenant, 5, "m1"));
    let fenced = swap(&[&a], &[&result], Some(&old));
    replace(&*pair.a, &fenced).await.expect("the lease is held");

    pair.clock.advance(minute * 2);
    let new = patiently(|| pair.b.acquire("fence", "b", minute)).await.expect("acquire").expect("it expired");
    assert!(new.epoch > old.epoch);
    assert_conflict(&*pair.a, &swap(&[&b], &[&merged(part(&tenant, 5, "m2"))], Some(&old))).await;
    replace(&*pair.a, &fenced).await.expect("what was done under the old lease stays done");
    replace(&*pair.b, &swap(&[&b], &[&merged(part(&tenant, 5, "m3"))], Some(&new))).await.expect("the lease is held");

    // A process that was paused while its lease ran out gets a new epoch: what it began before is void, though nobody came between.
    pair.clock.advance(minute * 2);
    let newer = patiently(|| pair.b.acquire("fence", "b", minute)).await.expect("acquire").expect("it is free");
    assert!(newer.epoch > new.epoch);
    assert_conflict(&*pair.b, &swap(&[&c], &[&merged(part(&tenant, 5, "m5"))], Some(&new))).await;
    // Even a lease that is held does not make up for an input that is gone.
    let stale = swap(&[&b, &c], &[&merged(part(&tenant, 5, "m6"))], Some(&newer));
    assert_conflict(&*pair.b, &stale).await;
    let left = scan_all(&*pair.a, &tenant).await;
    assert_eq!(left.iter().filter(|part| part.level == Level::L0).collect::<Vec<_>>(), [&c]);

    patiently(|| pair.b.release(&newer)).await.expect("release");
    let new = newer;
    assert_conflict(&*pair.b, &swap(&[&c], &[&merged(part(&tenant, 5, "m4"))], Some(&new))).await;
}
