use sigyn_model::ByteSize;
use sigyn_model::duration::Span;

use super::*;
use crate::testing::World;

#[tokio::test(start_paused = true)]
async fn the_interval_doubles_while_throttled_and_comes_back() -> anyhow::Result<()> {
    let config = WriteConfig {
        flush_interval: Some(Span::millis(50)),
        flush_interval_max: Span::millis(300),
        max_unflushed_bytes: ByteSize::mib(64),
        ..WriteConfig::default()
    };
    let world = World::new().await?;
    let metrics = crate::metrics::Metrics::default();
    let flusher = Arc::new(Flusher::new(
        world.storage.clone(),
        sigyn_storage::CpuPool::inline(),
        metrics.clone(),
        crate::Codec::L0,
    ));
    let backlog = Backlog::new(config.max_unflushed_bytes, metrics);
    let (_queue, inbox) = mpsc::unbounded_channel();
    let mut batcher = Batcher::new(config, backlog, flusher, inbox, CancellationToken::new());
    let mut after = |throttled: bool| {
        batcher.flushed(Ok(Flushed { throttled }));
        batcher.interval.as_millis()
    };
    assert_eq!([false, true, true, true, true].map(&mut after), [50, 100, 200, 300, 300]);
    assert_eq!([false, false, true, false, false, false].map(&mut after), [150, 75, 150, 75, 50, 50]);
    Ok(())
}
