//! Retention: whole parts past their age go, all else stays.

use sigyn_backend::BackendConfig;
use sigyn_model::duration::Span;
use sigyn_model::{Limits, TenantId};

use crate::support::{HOUR, START, World, entry};

#[tokio::test(start_paused = true)]
async fn parts_wholly_past_their_age_are_dropped() {
    let (world, tenant) = (World::new().await, TenantId::single());
    let limits = Limits { retention_period: Span(24 * HOUR), ..Limits::default() };
    world.publish(&tenant, &[entry("a", START - 30 * HOUR, "old"), entry("a", START - 29 * HOUR - 1, "old")]).await;
    world.publish(&tenant, &[entry("a", START - 24 * HOUR, "at the border")]).await;
    world.publish(&tenant, &[entry("a", START - HOUR, "new")]).await;
    let backend = world.backend_on(world.storage.clone(), BackendConfig::default(), limits, 5);
    assert_eq!(backend.retain_once().await.expect("nothing fails"), 1);
    let lines: Vec<String> = world.entries(&tenant).await.into_iter().map(|(_, _, line)| line).collect();
    assert_eq!(lines, ["at the border", "new"]);
    assert_eq!(backend.retain_once().await.expect("nothing fails"), 0);
}

#[tokio::test(start_paused = true)]
async fn without_a_period_everything_stays() {
    let (world, tenant) = (World::new().await, TenantId::single());
    world.publish(&tenant, &[entry("a", START - 10_000 * HOUR, "old")]).await;
    assert_eq!(world.backend(BackendConfig::default()).retain_once().await.expect("nothing fails"), 0);
    assert_eq!(world.parts(&tenant).await.len(), 1);
}
