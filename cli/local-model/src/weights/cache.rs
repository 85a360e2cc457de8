//! The cache directory: files that are kept as they were published, and the converted one with the stamp that tells whether it
//! is whole.
//!
//! Files come to their names by renaming only, so that neither a killed process nor two at once leave half a file.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tempfile::{NamedTempFile, TempDir};

use super::artifact::digest_of;

const FILE: &str = "smollm2-135m-instruct.q8_0.gguf";
const STAMP: &str = "smollm2-135m-instruct.q8_0.json";
/// Temporary folders begin so; those of killed processes are removed after a day.
const TEMPORARY: &str = ".fetching-";
const STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// What the cached file was made from, and what it must look like.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    source_sha256: String,
    sha256: String,
    bytes: u64,
}

/// A cache directory that exists.
pub(super) struct Cache {
    folder: PathBuf,
}

impl Cache {
    pub(super) fn open(folder: &Path) -> std::io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// The cached file, if it is whole and was made from the file with the given hash.
    pub(super) fn whole(&self, source_sha256: &str) -> Option<PathBuf> {
        let stamp: Stamp = serde_json::from_slice(&fs::read(self.folder.join(STAMP)).ok()?).ok()?;
        let file = self.folder.join(FILE);
        let same_size = fs::metadata(&file).ok()?.len() == stamp.bytes;
        let whole =
            stamp.source_sha256 == source_sha256 && same_size && digest_of(&file).ok()? == stamp.sha256;
        whole.then_some(file)
    }

    /// A folder to work in, on the same file system, removed when dropped.
    pub(super) fn workshop(&self) -> std::io::Result<TempDir> {
        self.sweep();
        tempfile::Builder::new()
            .prefix(TEMPORARY)
            .tempdir_in(&self.folder)
    }

    /// Moves a finished file to its place, and then stamps it.
    pub(super) fn store(&self, finished: &Path, source_sha256: &str) -> std::io::Result<PathBuf> {
        let bytes = fs::metadata(finished)?.len();
        let stamp = Stamp {
            source_sha256: source_sha256.to_owned(),
            sha256: digest_of(finished)?,
            bytes,
        };
        let mut stamp_file = NamedTempFile::with_prefix_in(TEMPORARY, &self.folder)?;
        serde_json::to_writer(&mut stamp_file, &stamp)?;
        stamp_file.flush()?;
        let file = self.folder.join(FILE);
        fs::rename(finished, &file)?;
        stamp_file
            .persist(self.folder.join(STAMP))
            .map_err(|error| error.error)?;
        Ok(file)
    }

    /// A file that is kept as it was published, if it is here and whole.
    pub(super) fn published(&self, name: &str, sha256: &str) -> Option<PathBuf> {
        let file = self.folder.join(name);
        (digest_of(&file).ok()? == sha256).then_some(file)
    }

    /// Moves a finished file to its place, as it is.
    pub(super) fn keep(&self, finished: &Path, name: &str) -> std::io::Result<PathBuf> {
        let file = self.folder.join(name);
        fs::rename(finished, &file)?;
        Ok(file)
    }

    /// Removes what killed processes left. Failing at it harms nobody.
    fn sweep(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return;
        };
        for entry in entries.flatten() {
            let stale = entry
                .metadata()
                .and_then(|meta| meta.modified())
                .is_ok_and(is_stale);
            if stale && entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
                let _ = fs::remove_dir_all(entry.path()).or_else(|_| fs::remove_file(entry.path()));
            }
        }
    }
}

fn is_stale(modified: SystemTime) -> bool {
    modified.elapsed().is_ok_and(|age| age > STALE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(cache: &Cache, content: &[u8]) -> PathBuf {
        let workshop = cache.workshop().unwrap();
        let finished = workshop.path().join("finished");
        fs::write(&finished, content).unwrap();
        cache.store(&finished, "source").unwrap()
    }

    #[test]
    fn a_stored_file_is_found_again_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(&folder.path().join("a/b")).unwrap();
        assert_eq!(cache.whole("source"), None);
        let file = stored(&cache, b"weights");
        assert_eq!(cache.whole("source"), Some(file));
        let mut names: Vec<_> = fs::read_dir(&cache.folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, [FILE, STAMP]);
    }

    #[test]
    fn a_file_that_is_cut_changed_or_of_another_source_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        let file = stored(&cache, b"weights");
        assert_eq!(cache.whole("another source"), None);
        fs::write(&file, b"weight").unwrap();
        assert_eq!(cache.whole("source"), None);
        fs::write(&file, b"Weights").unwrap();
        assert_eq!(cache.whole("source"), None);
        stored(&cache, b"weights");
        assert_eq!(cache.whole("source"), Some(file));
    }

    #[test]
    fn a_published_file_is_used_if_it_is_what_was_published() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        // FIPS 180-4's example.
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(cache.published("file", sha256), None);
        let finished = cache.workshop().unwrap().keep().join("finished");
        fs::write(&finished, b"abc").unwrap();
        let file = cache.keep(&finished, "file").unwrap();
        assert_eq!(cache.published("file", sha256), Some(file.clone()));
        fs::write(&file, b"ab").unwrap();
        assert_eq!(cache.published("file", sha256), None);
    }

    #[test]
    fn a_file_without_its_stamp_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        stored(&cache, b"weights");
        fs::remove_file(folder.path().join(STAMP)).unwrap();
        assert_eq!(cache.whole("source"), None);
    }

    #[test]
    fn two_that_store_at_once_leave_a_whole_file() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| stored(&Cache::open(folder.path()).unwrap(), &vec![7; 100_000]));
            }
        });
        assert!(Cache::open(folder.path()).unwrap().whole("source").is_some());
    }
}
