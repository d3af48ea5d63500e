//! Half-written files of processes that were killed in the middle of a put.
//!
//! A local put writes `{key}#{n}` and links it to `{key}` once it is complete and synced. A process killed in between leaves
//! `{key}#{n}` behind. No listing shows such files, so nobody else would ever delete them.

use std::fs::{self, DirEntry};
use std::path::Path;
use std::time::Duration;

use tracing::{debug, info};

/// Directories of the bucket that hold objects.
const DIRECTORIES: [&str; 3] = ["data", "catalog/log", "catalog/checkpoint"];

/// A younger file may belong to a put of another process that is still under way.
const AGE_MIN: Duration = Duration::from_secs(3_600);

/// Deletes leftovers older than an hour. Best effort: what cannot be deleted only takes up space.
pub(super) fn remove(bucket: &Path) {
    for directory in DIRECTORIES {
        let Ok(files) = fs::read_dir(bucket.join(directory)) else { continue };
        for file in files.flatten().filter(is_leftover) {
            match fs::remove_file(file.path()) {
                Ok(()) => info!(file = %file.path().display(), "half-written file deleted"),
                Err(error) => debug!(file = %file.path().display(), error = %error, "half-written file stays"),
            }
        }
    }
}

fn is_leftover(file: &DirEntry) -> bool {
    let name = file.file_name();
    let Some((key, number)) = name.to_str().and_then(|name| name.rsplit_once('#')) else { return false };
    let is_staged = !key.is_empty() && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let modified = || file.metadata().ok()?.modified().ok()?.elapsed().ok();
    is_staged && modified().is_some_and(|age| age > AGE_MIN)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn only_old_half_written_files_go() -> std::io::Result<()> {
        let bucket = tempfile::tempdir()?;
        let data = bucket.path().join("data");
        fs::create_dir_all(&data)?;
        for (name, is_old) in [("a.seg#1", true), ("b.seg#2", false), ("c.seg", true), ("d.seg#x", true)] {
            let file = fs::File::create(data.join(name))?;
            if is_old {
                file.set_modified(UNIX_EPOCH + Duration::from_secs(1_000_000_000))?;
            }
        }
        remove(bucket.path());
        let mut left: Vec<_> = fs::read_dir(&data)?.flatten().map(|file| file.file_name()).collect();
        left.sort();
        assert_eq!(left, ["b.seg#2", "c.seg", "d.seg#x"]);
        Ok(())
    }
}
