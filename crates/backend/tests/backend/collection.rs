//! Garbage collection: what nobody can miss goes, and nothing sooner.

use sigyn_backend::BackendConfig;
use sigyn_model::TenantId;
use sigyn_storage::objects;

use crate::support::{SECOND, START, World, entry, pass};

async fn objects_in(world: &World) -> usize {
    objects::list(&*world.storage.objects, "data").await.expect("memory answers").len()
}

#[tokio::test(start_paused = true)]
async fn replaced_objects_go_after_the_grace_and_live_ones_never() {
    let (world, tenant) = (World::new().await, TenantId::single());
    for at in 0..10 {
        world.publish(&tenant, &[entry("a", START + at, "x")]).await;
    }
    let backend = world.backend(BackendConfig::default());
    backend.collect_once().await.expect("nothing fails");
    assert_eq!(backend.compact_once().await.expect("nothing fails").merges, 1);
    assert_eq!(objects_in(&world).await, 11);
    assert_eq!(backend.collect_once().await.expect("nothing fails").waiting, 10);
    pass(14 * 60 * SECOND).await;
    assert_eq!(backend.collect_once().await.expect("nothing fails").objects, 0);
    pass(61 * SECOND).await;
    let done = backend.collect_once().await.expect("nothing fails");
    assert_eq!((done.objects, done.waiting), (10, 0));
    pass(100 * 60 * SECOND).await;
    backend.collect_once().await.expect("nothing fails");
    pass(100 * 60 * SECOND).await;
    backend.collect_once().await.expect("nothing fails");
    assert_eq!(objects_in(&world).await, 1);
    assert_eq!(world.entries(&tenant).await.len(), 10);
}

#[tokio::test(start_paused = true)]
async fn an_object_between_put_and_publish_is_safe() {
    let world = World::new().await;
    let key = sigyn_storage::rng::new_object_key(world.storage.clock.now(), &sigyn_storage::SeededRng::new(3));
    objects::put_new(&*world.storage.objects, &key, bytes::Bytes::from_static(b"x")).await.expect("memory takes it");
    let backend = world.backend(BackendConfig { delete_grace: sigyn_model::duration::Span(0), ..Default::default() });
    for _ in 0..59 {
        assert_eq!(backend.collect_once().await.expect("nothing fails").objects, 0);
        pass(60 * SECOND).await;
    }
    pass(60 * SECOND).await;
    assert_eq!(backend.collect_once().await.expect("nothing fails").objects, 1);
}
