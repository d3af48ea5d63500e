//! A process that slept through the deletion of log entries neither misses nor loses any.

use super::*;

const HOUR: Duration = Duration::from_secs(3_600);

/// Two processes with clocks of their own, and their store.
struct World {
    objects: Arc<dyn ObjectStore>,
    sleeper_faults: Arc<Faults>,
    sleeper_clock: Arc<ManualClock>,
    clock: Arc<ManualClock>,
}

impl World {
    fn new() -> Self {
        Self {
            objects: memory(),
            sleeper_faults: Faults::none(),
            sleeper_clock: Arc::new(ManualClock::new(start())),
            clock: Arc::new(ManualClock::new(start())),
        }
    }

    async fn sleeper(&self, options: CatalogOptions) -> Result<Arc<ObjectCatalog>> {
        let faulty = FaultyObjects::new(Arc::clone(&self.objects), Arc::clone(&self.sleeper_faults));
        open_at(&(Arc::new(faulty) as Arc<dyn ObjectStore>), &self.sleeper_clock, options).await
    }

    async fn other(&self) -> Result<Arc<ObjectCatalog>> {
        open_at(&self.objects, &self.clock, restless()).await
    }

    /// The other process goes on for hours, until the log's beginning is deleted. Tokio's clock, which is everybody's
    /// monotonic clock here, goes with it.
    async fn hours_pass(&self, other: &ObjectCatalog) -> Result<Vec<String>> {
        let mut published = Vec::new();
        for round in 0..30 {
            published.extend(publish_many(other, &format!("round{round:02}-"), 5).await?);
            tokio::time::sleep(HOUR / 6).await;
            self.clock.advance(HOUR / 6);
        }
        let log = numbers(&*self.objects, format::LOG_PREFIX).await?;
        assert!(log[0] > 20, "the log's beginning is deleted: {log:?}");
        assert!(log.len() > 20, "and an hour of it is kept: {log:?}");
        let checkpoints = numbers(&*self.objects, format::CHECKPOINT_PREFIX).await?;
        assert!(checkpoints.len() == 2 && log[0] <= checkpoints[0] + 1, "{checkpoints:?}");
        Ok(published)
    }
}

#[tokio::test(start_paused = true)]
async fn a_sleeper_sees_everything_when_it_wakes() -> Result<()> {
    let world = World::new();
    let (sleeper, other) = (world.sleeper(restless()).await?, world.other().await?);
    sleeper.publish(&[part("mine")]).await?;
    let mut expected = vec!["data/mine.seg".to_owned()];
    expected.extend(world.hours_pass(&other).await?);
    assert_eq!(names(&*sleeper).await?, expected);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_sleeper_appends_at_the_end_when_it_wakes() -> Result<()> {
    let world = World::new();
    let (sleeper, other) = (world.sleeper(restless()).await?, world.other().await?);
    sleeper.publish(&[part("mine")]).await?;
    let mut expected = vec!["data/mine.seg".to_owned()];
    expected.extend(world.hours_pass(&other).await?);
    sleeper.publish(&[part("woken")]).await?;
    expected.push("data/woken.seg".to_owned());
    for catalog in [&other, &sleeper, &world.other().await?] {
        assert_eq!(names(&**catalog).await?, expected);
    }
    Ok(())
}

/// The machine was suspended: the monotonic clock stood still, only the wall clock tells.
#[tokio::test]
async fn the_wall_clock_alone_tells_of_a_pause() -> Result<()> {
    let world = World::new();
    let (sleeper, other) = (world.sleeper(restless()).await?, world.other().await?);
    sleeper.publish(&[part("mine")]).await?;
    let mut expected = vec!["data/mine.seg".to_owned()];
    expected.extend(publish_many(&*other, "other", 20).await?);
    wait_for_checkpoint(&*world.objects, 17).await?;
    // As if an hour had passed for the other process.
    for number in 1..=17 {
        objects::delete(&*world.objects, &format::log_key(number)).await?;
    }
    world.sleeper_clock.advance(HOUR * 2);
    sleeper.publish(&[part("woken")]).await?;
    expected.push("data/woken.seg".to_owned());
    assert_eq!(names(&*other).await?, expected);
    assert_eq!(names(&*sleeper).await?, expected);
    Ok(())
}

/// The put was sent in time, and arrived hours later at a number that was taken and deleted meanwhile.
#[tokio::test(start_paused = true)]
async fn a_put_that_wins_a_deleted_number_counts_as_not_done() -> Result<()> {
    let world = World::new();
    let patient = CatalogOptions { request_timeout: HOUR * 24, ..restless() };
    let (sleeper, other) = (world.sleeper(patient.clone()).await?, world.other().await?);
    sleeper.publish(&[part("mine")]).await?;
    let mut expected = vec!["data/mine.seg".to_owned()];

    let slow = FaultPlan { delay: 1.0, delay_max: HOUR * 24, ..FaultPlan::default() };
    world.sleeper_faults.set_plan(slow);
    let publisher = Arc::clone(&sleeper);
    let late = tokio::spawn(async move { publisher.publish(&[part("late")]).await });
    tokio::task::yield_now().await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    world.sleeper_faults.set_plan(FaultPlan::default());
    expected.extend(world.hours_pass(&other).await?);
    assert!(!late.is_finished(), "the put is still on its way");
    assert_eq!(numbers(&*world.objects, format::LOG_PREFIX).await?.first().map(|first| *first > 2), Some(true));

    // A second sleeper, that will find the object which the first one puts at the deleted number.
    let error = late.await.expect("it does not panic").expect_err("nobody will ever read that number");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert_eq!(numbers(&*world.objects, format::LOG_PREFIX).await?[0], 2, "the put did win its number");
    assert_eq!(names(&*sleeper).await?, expected);

    sleeper.publish(&[part("late")]).await?;
    expected.insert(0, "data/late.seg".to_owned());
    for catalog in [&other, &sleeper, &world.other().await?] {
        assert_eq!(names(&**catalog).await?, expected);
    }
    Ok(())
}

/// Another sleeper's object at a deleted number is not believed either.
#[tokio::test(start_paused = true)]
async fn an_entry_found_after_a_pause_is_not_believed() -> Result<()> {
    let world = World::new();
    let (sleeper, other) = (world.sleeper(restless()).await?, world.other().await?);
    sleeper.publish(&[part("mine")]).await?;
    let mut expected = vec!["data/mine.seg".to_owned()];
    expected.extend(world.hours_pass(&other).await?);
    // The entry that a sleeper wrote in another bucket's log has the right number and checksum, and is a lie here.
    let elsewhere = memory();
    let liar = open(&elsewhere).await?;
    publish_many(&*liar, "lie", 2).await?;
    let lie = objects::get(&*elsewhere, &format::log_key(2)).await?;
    objects::put_new(&*world.objects, &format::log_key(2), lie).await?;
    assert_eq!(names(&*sleeper).await?, expected);
    Ok(())
}

/// An idle process that slept while nobody wrote goes on without loading anything.
#[tokio::test(start_paused = true)]
async fn a_quiet_night_changes_nothing() -> Result<()> {
    let world = World::new();
    let sleeper = world.sleeper(CatalogOptions::default()).await?;
    sleeper.publish(&[part("evening")]).await?;
    tokio::time::sleep(HOUR * 8).await;
    world.sleeper_clock.advance(HOUR * 8);
    sleeper.publish(&[part("morning")]).await?;
    assert_eq!(names(&*sleeper).await?, ["data/evening.seg", "data/morning.seg"]);
    assert_eq!(numbers(&*world.objects, format::LOG_PREFIX).await?, [1, 2]);
    Ok(())
}
