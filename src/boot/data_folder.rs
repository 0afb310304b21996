//! The data folder: one process at a time, everything in it named here.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::types::GenerationId;

/// A data folder that this process holds. The lock goes with the process, however it ends.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    lock: File,
}

/// A process that was killed may leave a child that holds the lock until it notices, which takes milliseconds.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);
const LOCK_INTERVAL: Duration = Duration::from_millis(20);

/// A data folder that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataFolderError {
    /// Another process holds it.
    #[error("the data folder {path} is in use by {holder}; stop that process, or use another --data folder")]
    InUse {
        /// The folder.
        path: PathBuf,
        /// What the lock file says about its holder.
        holder: String,
    },
    /// It cannot be made or written.
    #[error("the data folder {path} cannot be used ({source})")]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the file system says.
        source: std::io::Error,
    },
}

impl DataFolderError {
    /// Whether another process holds the folder.
    pub fn is_in_use(&self) -> bool {
        matches!(self, Self::InUse { .. })
    }
}

impl DataFolder {
    /// Makes the folder if it is not there, and locks it.
    ///
    /// # Errors
    /// [`DataFolderError::InUse`] while another process holds it.
    pub fn lock(path: &Path) -> Result<Self, DataFolderError> {
        let io = |source| DataFolderError::Io { path: path.to_owned(), source };
        std::fs::create_dir_all(path).map_err(io)?;
        let path = path.canonicalize().map_err(io)?;
        let lock_path = path.join("lock");
        let mut lock =
            File::options().create(true).truncate(false).read(true).write(true).open(lock_path).map_err(io)?;
        match try_for(&lock, LOCK_PATIENCE) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                drop(lock.read_to_string(&mut holder));
                let holder =
                    if holder.trim().is_empty() { "another process".to_owned() } else { holder.trim().to_owned() };
                return Err(DataFolderError::InUse { path, holder });
            }
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        let mut folder = Self { path, lock };
        folder.describe(&format!("process {}", std::process::id())).map_err(io)?;
        Ok(folder)
    }

    /// Writes into the lock file what the next process is told.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn describe(&mut self, holder: &str) -> std::io::Result<()> {
        self.lock.set_len(0)?;
        self.lock.rewind()?;
        self.lock.write_all(holder.as_bytes())
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The keyword view of a generation below a data folder.
    pub(super) fn keyword_of(data: &Path, generation: GenerationId) -> PathBuf {
        view(data, "keyword", generation)
    }

    /// The vector view of a generation below a data folder.
    pub(super) fn vector_of(data: &Path, generation: GenerationId) -> PathBuf {
        view(data, "vector", generation)
    }

    /// Deletes every view, or those of generations that are not `kept`.
    pub(super) fn remove_views(&self, kept: Option<&[GenerationId]>) -> std::io::Result<()> {
        for entry in std::fs::read_dir(&self.path)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let Some(id) = view_generation(&name) else { continue };
            if kept.is_none_or(|kept| !kept.contains(&id)) {
                std::fs::remove_dir_all(&path)?;
            }
        }
        Ok(())
    }

    fn has_views(&self) -> std::io::Result<bool> {
        for entry in std::fs::read_dir(&self.path)? {
            if view_generation(&entry?.file_name().to_string_lossy()).is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Ties the views to a database. Views of another one say nothing of this one, so they are deleted; says whether that
    /// was so.
    pub(super) fn bind(&self, truth: &str, is_shared: bool) -> std::io::Result<bool> {
        let path = self.path.join("truth");
        let before = match std::fs::read_to_string(&path) {
            Ok(before) => Some(before),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        // A folder without the mark is of a version that knew no other database than the one in the folder.
        let foreign = before.as_deref().map_or(is_shared, |before| before != truth);
        let held = foreign && self.has_views()?;
        if held {
            self.remove_views(None)?;
        }
        if before.as_deref() != Some(truth) {
            std::fs::write(path, truth)?;
        }
        Ok(held)
    }

    /// The name of this folder among those that follow the same database: `fresh` when it has none yet.
    pub(super) fn replica(&self, fresh: String) -> std::io::Result<String> {
        let path = self.path.join("replica");
        match std::fs::read_to_string(&path) {
            Ok(name) if !name.is_empty() => Ok(name),
            _ => std::fs::write(&path, &fresh).map(|()| fresh),
        }
    }
}

/// The file that holds the truth when no database server does.
pub(super) fn database(data: &Path) -> PathBuf {
    data.join("ibid.db")
}

/// The first generation's views have the plain name.
fn view(data: &Path, kind: &str, generation: GenerationId) -> PathBuf {
    if generation == GenerationId(1) { data.join(kind) } else { data.join(format!("{kind}-{generation}")) }
}

fn view_generation(name: &str) -> Option<GenerationId> {
    let rest = name.strip_prefix("keyword").or_else(|| name.strip_prefix("vector"))?;
    if rest.is_empty() { Some(GenerationId(1)) } else { rest.strip_prefix('-')?.parse().ok() }
}

fn try_for(lock: &File, patience: Duration) -> Result<(), TryLockError> {
    let until = Instant::now() + patience;
    loop {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(LOCK_INTERVAL),
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_told_who_the_first_is() {
        let place = tempfile::tempdir().unwrap();
        let first = DataFolder::lock(place.path()).unwrap();
        let second = DataFolder::lock(place.path()).unwrap_err().to_string();
        assert!(second.contains(&format!("process {}", std::process::id())), "{second}");
        drop(first);
        DataFolder::lock(place.path()).unwrap();
    }

    #[test]
    fn views_of_another_database_are_deleted() {
        let place = tempfile::tempdir().unwrap();
        let folder = DataFolder::lock(place.path()).unwrap();
        let view = DataFolder::keyword_of(folder.path(), GenerationId(2));
        std::fs::create_dir_all(&view).unwrap();
        assert!(!folder.bind("one", false).unwrap() && view.exists());
        assert!(!folder.bind("one", true).unwrap() && view.exists());
        assert!(folder.bind("two", true).unwrap() && !view.exists());
    }
}
