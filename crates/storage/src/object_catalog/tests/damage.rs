//! Damaged objects are named, and never read as something else.

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};

use super::*;
use crate::Error;

/// Flips a bit in the middle of an object.
async fn damage(objects: &dyn ObjectStore, key: &str) -> Result<()> {
    let mut object = objects::get(objects, key).await?.to_vec();
    let middle = object.len() / 2;
    object[middle] ^= 4;
    put_over(objects, key, object).await
}

async fn put_over(objects: &dyn ObjectStore, key: &str, object: Vec<u8>) -> Result<()> {
    let put = objects.put(&Path::from(key), PutPayload::from(Bytes::from(object))).await;
    put.map(drop).map_err(|cause| Error::object("writing", key, cause))
}

/// A store with entries 1 to `count`, and checkpoints.
async fn filled(count: usize) -> Result<Arc<dyn ObjectStore>> {
    let objects = memory();
    let catalog = open_at(&objects, &Arc::new(ManualClock::new(start())), restless()).await?;
    for n in 0..count {
        publish_many(&*catalog, &format!("p{n:03}-"), 1).await?;
        if n % 4 == 3 {
            wait_for_checkpoint(&*objects, n as u64 + 1).await?;
        }
    }
    Ok(objects)
}

async fn assert_corrupt(objects: &Arc<dyn ObjectStore>, key: &str) {
    let error = open(objects).await.expect_err("an object is damaged");
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert!(error.to_string().starts_with(key), "{error}");
}

#[tokio::test]
async fn a_damaged_entry_is_named() -> Result<()> {
    let objects = filled(3).await?;
    let key = format::log_key(2);
    damage(&*objects, &key).await?;
    assert_corrupt(&objects, &key).await;
    put_over(&*objects, &key, Vec::new()).await?;
    assert_corrupt(&objects, &key).await;
    // Somebody copied an entry over another.
    let other = objects::get(&*objects, &format::log_key(1)).await?;
    put_over(&*objects, &key, other.to_vec()).await?;
    assert_corrupt(&objects, &key).await;
    Ok(())
}

#[tokio::test]
async fn a_damaged_checkpoint_is_made_up_for_by_the_one_before() -> Result<()> {
    let objects = filled(10).await?;
    assert_eq!(numbers(&*objects, format::CHECKPOINT_PREFIX).await?, [4, 8]);
    damage(&*objects, &format::checkpoint_key(8)).await?;
    for number in 1..=4 {
        objects::delete(&*objects, &format::log_key(number)).await?;
    }
    let catalog = open(&objects).await?;
    assert_eq!(names(&*catalog).await?.len(), 10);
    catalog.publish(&[part("new")]).await?;
    assert_eq!(names(&*open(&objects).await?).await?.len(), 11);
    Ok(())
}

#[tokio::test]
async fn a_damaged_checkpoint_over_a_log_with_a_hole_is_named() -> Result<()> {
    let objects = filled(10).await?;
    let key = format::checkpoint_key(8);
    damage(&*objects, &key).await?;
    for number in 1..=6 {
        objects::delete(&*objects, &format::log_key(number)).await?;
    }
    assert_corrupt(&objects, &key).await;
    damage(&*objects, &format::checkpoint_key(4)).await?;
    assert_corrupt(&objects, &key).await;
    Ok(())
}

/// A running process meets the damage: it must not append where it cannot know the end.
#[tokio::test]
async fn a_running_process_stops_at_a_damaged_entry() -> Result<()> {
    let objects = memory();
    let (one, other) = (open(&objects).await?, open(&objects).await?);
    publish_many(&*one, "p", 3).await?;
    damage(&*objects, &format::log_key(2)).await?;
    let error = names(&*other).await.expect_err("an entry is damaged");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let error = other.publish(&[part("new")]).await.expect_err("an entry is damaged");
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert_eq!(numbers(&*objects, format::LOG_PREFIX).await?, [1, 2, 3]);
    Ok(())
}
