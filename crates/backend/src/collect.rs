//! Garbage collection: objects that no catalog row names are deleted, late enough that nobody can miss them.
//!
//! Two kinds of objects have no row. *Orphans* never had one: their writer failed or died between put and publish, or has not
//! published yet; writers give up after a minute, and orphans live for an hour. *Replaced* objects had one: a query that
//! scanned the catalog before may still be reading them, so they live for `delete_grace` after this process first saw them without one.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::str::FromStr as _;

use futures::{StreamExt as _, stream};
use object_store::ObjectMeta;
use sigyn_model::Timestamp;
use sigyn_model::duration::HOUR;
use sigyn_storage::objects;
use tracing::{info, warn};
use ulid::Ulid;

use crate::Result;
use crate::backend::Backend;

/// What one pass of garbage collection did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    pub objects: usize,
    pub bytes: u64,
    /// Objects without a row that are not old enough yet.
    pub waiting: usize,
}

/// Age below which an object that was never seen with a row may still get one.
const ORPHAN_AGE: i64 = HOUR;
/// Deletions at a time.
const DELETIONS: usize = 8;

/// What this process remembers between passes. Losing it makes deletions later, never earlier.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Objects with a row at the last pass.
    referenced: HashSet<String>,
    unreferenced: HashMap<String, Unreferenced>,
}

#[derive(Debug, Clone, Copy)]
struct Unreferenced {
    since: Timestamp,
    had_row: bool,
}

impl Backend {
    /// Lists the bucket once and deletes what has been without a row for long enough.
    ///
    /// Errors: the listing's or the catalog's. A deletion that fails is logged, counted and tried again by the next pass.
    pub async fn collect_once(&self) -> Result<Collected> {
        // Objects before rows: what is published in between is in the rows, what is put in between is not in the listing.
        let listed = objects::list(&*self.storage.objects, "data").await?;
        let referenced = self.storage.catalog.referenced_objects().await?;
        let mut memory = self.garbage.lock().await;
        self.metrics.live_objects.set(referenced.len() as i64);
        let garbage = memory.update(&listed, referenced, self.storage.clock.now(), self.config.delete_grace.nanos());
        let sizes: HashMap<&str, u64> = listed.iter().map(|meta| (meta.location.as_ref(), meta.size)).collect();
        let delete = |key: String| async move {
            let deleted = objects::delete(&*self.storage.objects, &key).await;
            (key, deleted)
        };
        let mut deletions = stream::iter(garbage).map(delete).buffer_unordered(DELETIONS);
        let mut done = Collected::default();
        while let Some((key, deleted)) = deletions.next().await {
            if let Err(error) = deleted {
                warn!(object = key, %error, "garbage was not deleted and will be tried again");
                continue;
            }
            done.objects += 1;
            done.bytes += sizes.get(&*key).copied().unwrap_or(0);
            memory.unreferenced.remove(&key);
        }
        done.waiting = memory.unreferenced.len();
        self.metrics.unreferenced_objects.set(done.waiting as i64);
        self.metrics.deleted_objects.inc_by(done.objects as u64);
        self.metrics.deleted_bytes.inc_by(done.bytes);
        if done.objects > 0 {
            info!(objects = done.objects, bytes = done.bytes, waiting = done.waiting, "deleted garbage");
        }
        Ok(done)
    }
}

impl Memory {
    /// Takes in what a pass saw and returns what may be deleted now.
    fn update(
        &mut self,
        listed: &[ObjectMeta],
        referenced: HashSet<String>,
        now: Timestamp,
        delete_grace: i64,
    ) -> Vec<String> {
        let keys = listed.iter().map(|meta| meta.location.as_ref()).filter(|key| !referenced.contains(*key));
        let mut unreferenced = HashMap::new();
        let mut garbage = Vec::new();
        for key in keys {
            // What is not ours by its name is not ours to delete.
            let Some(created) = created(key) else { continue };
            let fresh = Unreferenced { since: now, had_row: self.referenced.contains(key) };
            let known = self.unreferenced.get(key).copied().unwrap_or(fresh);
            let is_old = known.had_row || now.nanos().saturating_sub(created.nanos()) >= ORPHAN_AGE;
            if is_old && now.nanos().saturating_sub(known.since.nanos()) >= delete_grace {
                garbage.push(key.to_owned());
            }
            unreferenced.insert(key.to_owned(), known);
        }
        self.referenced = referenced;
        self.unreferenced = unreferenced;
        garbage
    }
}

/// When an object named `data/{ulid}.seg` was named.
fn created(key: &str) -> Option<Timestamp> {
    let name = Path::new(key.strip_prefix("data/")?);
    if name.extension()? != "seg" {
        return None;
    }
    let ulid = Ulid::from_str(name.file_stem()?.to_str()?).ok()?;
    Some(Timestamp(i64::try_from(ulid.timestamp_ms()).ok()?.saturating_mul(1_000_000)))
}

#[cfg(test)]
mod tests {
    use sigyn_model::duration::MINUTE;

    use super::*;

    fn object(created: i64) -> ObjectMeta {
        let ulid = Ulid::from_parts((created / 1_000_000) as u64, 7);
        named(&format!("data/{ulid}.seg"))
    }

    fn named(key: &str) -> ObjectMeta {
        let last_modified = std::time::SystemTime::UNIX_EPOCH.into();
        ObjectMeta { location: key.into(), last_modified, size: 1, e_tag: None, version: None }
    }

    fn pass(memory: &mut Memory, objects: &[&ObjectMeta], referenced: &[&ObjectMeta], minute: i64) -> usize {
        let listed: Vec<ObjectMeta> = objects.iter().map(|meta| (*meta).clone()).collect();
        let referenced = referenced.iter().map(|meta| meta.location.to_string()).collect();
        memory.update(&listed, referenced, Timestamp(minute * MINUTE), 15 * MINUTE).len()
    }

    #[test]
    fn replaced_objects_live_through_the_grace() {
        let (mut memory, object) = (Memory::default(), object(1000 * MINUTE));
        assert_eq!(pass(&mut memory, &[&object], &[&object], 1001), 0);
        assert_eq!(pass(&mut memory, &[&object], &[], 1002), 0);
        assert_eq!(pass(&mut memory, &[&object], &[], 1016), 0);
        assert_eq!(pass(&mut memory, &[&object], &[], 1017), 1);
    }

    #[test]
    fn objects_that_may_still_be_published_live_for_an_hour() {
        let (mut memory, object) = (Memory::default(), object(1000 * MINUTE));
        assert_eq!(pass(&mut memory, &[&object], &[], 1000), 0);
        assert_eq!(pass(&mut memory, &[&object], &[], 1059), 0);
        assert_eq!(pass(&mut memory, &[&object], &[], 1060), 1);
    }

    #[test]
    fn a_new_process_waits_for_the_grace_before_it_deletes_old_objects() {
        let (mut memory, object) = (Memory::default(), object(0));
        assert_eq!(pass(&mut memory, &[&object], &[], 1000), 0);
        assert_eq!(pass(&mut memory, &[&object], &[], 1015), 1);
    }

    #[test]
    fn an_object_that_gets_its_row_after_all_starts_anew() {
        let (mut memory, object) = (Memory::default(), object(0));
        assert_eq!(pass(&mut memory, &[&object], &[], 1000), 0);
        assert_eq!(pass(&mut memory, &[&object], &[&object], 1010), 0);
        assert_eq!(pass(&mut memory, &[&object], &[], 1020), 0);
        assert_eq!(pass(&mut memory, &[&object], &[], 1035), 1);
    }

    #[test]
    fn strange_names_are_left_alone() {
        let mut memory = Memory::default();
        for key in ["data/readme.txt", "data/x.seg", "data/01ARZ3NDEKTSV4RRFFQ69G5FAV", "catalog/log/1"] {
            assert_eq!(pass(&mut memory, &[&named(key)], &[], 1_000_000), 0);
            assert_eq!(pass(&mut memory, &[&named(key)], &[], 1_000_100), 0);
        }
    }
}
