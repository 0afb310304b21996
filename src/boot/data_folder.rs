//! The data folder: one process at a time, everything in it named here.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

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

    /// The truth.
    pub fn database(&self) -> PathBuf {
        self.path.join("ibid.db")
    }

    /// The keyword view.
    pub fn keyword(&self) -> PathBuf {
        self.path.join("keyword")
    }

    /// The vector view.
    pub fn vector(&self) -> PathBuf {
        self.path.join("vector")
    }
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
}
