//! Vectors in a folder, searched by Qdrant's engine inside the process.
//!
//! What the engine (`qdrant-edge` 0.7.2) leaves to its caller, and what is done about it here:
//!
//! - It does not replay its own log when it opens, so what was not flushed is gone after a crash: the contract of
//!   [`VectorIndex`] asks for no more.
//! - It never shortens its log: closed parts are removed here when the folder opens and after large flushes.
//! - `flush` panics when an update runs at the same time: one lock keeps writes apart from each other.
//! - It optimises only when told: a flush does, when enough has changed since the last time.
//! - It creates a shard in steps: a shard is made beside its place and renamed into it.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use async_trait::async_trait;

use super::shard::{Shard, ShardOptions};
use super::{VectorError, VectorIndex, VectorOwner, VectorPoint, check_points, check_vector};
use crate::types::{ChunkId, DocumentId, FacetQuery, LegHit};

/// How an index is built and searched.
#[derive(Debug, Clone)]
pub struct EdgeOptions {
    /// Numbers in a vector.
    pub dimension: usize,
    /// Vectors are compared one by one until they take this many kilobytes, then a graph is built over them.
    pub graph_kb_min: usize,
    /// Threads that build a graph; 0 for as many as there are cores, up to 16.
    pub threads: usize,
    /// Log that nothing will read again is kept up to this many bytes; to be rid of it the index is closed and opened
    /// again, for which searches wait.
    pub log_bytes_max: u64,
}

impl EdgeOptions {
    /// The engine's own choices for vectors of `dimension` numbers.
    pub fn new(dimension: usize) -> Self {
        Self { dimension, graph_kb_min: 10_000, threads: 0, log_bytes_max: 256 << 20 }
    }
}

/// An index in a folder. Clones share it.
#[derive(Debug, Clone)]
pub struct EdgeIndex {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    options: ShardOptions,
    log_bytes_max: u64,
    /// `None` only when the shard could not be opened again after it was closed to tidy or clear it.
    shard: RwLock<Option<Shard>>,
    /// Held by whoever writes; counts the points written since the graph was last built.
    unoptimized: Mutex<usize>,
    /// Held as long as this process works on the folder.
    _lock: File,
}

/// The log is kept in this many parts or a few more.
const LOG_PARTS: u64 = 16;

impl EdgeIndex {
    /// Opens the index in `folder`, which is created when it is absent or empty.
    ///
    /// # Errors
    /// [`VectorError::Locked`] while another process has it open, [`VectorError::Dimension`] when it holds vectors of
    /// another length, [`VectorError::Corrupt`] when it cannot be read.
    pub async fn open(folder: &Path, options: EdgeOptions) -> Result<Self, VectorError> {
        let folder = folder.to_owned();
        blocking(move || Self::open_blocking(folder, options)).await
    }

    fn open_blocking(folder: PathBuf, options: EdgeOptions) -> Result<Self, VectorError> {
        fs::create_dir_all(&folder).map_err(|source| io(&folder, source))?;
        let lock = lock(&folder)?;
        let log_bytes_max = options.log_bytes_max;
        let options = ShardOptions {
            dimension: options.dimension,
            graph_kb_min: options.graph_kb_min,
            threads: options.threads,
            log_part_bytes: usize::try_from(log_bytes_max / LOG_PARTS).unwrap_or(usize::MAX),
        };
        for leftover in [building(&folder), trash(&folder)] {
            remove_folder(&leftover)?;
        }
        let shard = open_shard(&folder, options)?;
        let unoptimized = Mutex::new(shard.unindexed());
        Ok(Self {
            inner: Arc::new(Inner {
                folder,
                options,
                log_bytes_max,
                shard: RwLock::new(Some(shard)),
                unoptimized,
                _lock: lock,
            }),
        })
    }

    async fn read<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Shard) -> Result<R, VectorError> + Send + 'static,
    ) -> Result<R, VectorError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || inner.with_shard(work)).await
    }

    async fn write<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner, &mut usize) -> Result<R, VectorError> + Send + 'static,
    ) -> Result<R, VectorError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            let mut unoptimized = inner.unoptimized.lock().unwrap_or_else(PoisonError::into_inner);
            work(&inner, &mut unoptimized)
        })
        .await
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let shard = self.shard.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(Err(error)) = shard.take().map(Shard::close) {
            // What was not flushed is applied again: the checkpoint is behind it.
            tracing::debug!(%error, "the vector index was not closed cleanly");
        }
    }
}

impl Inner {
    fn with_shard<R>(&self, work: impl FnOnce(&Shard) -> Result<R, VectorError>) -> Result<R, VectorError> {
        let shard = self.shard.read().unwrap_or_else(PoisonError::into_inner);
        work(shard.as_ref().ok_or_else(closed)?)
    }

    /// Closes the shard, works on its folder, and opens it again.
    fn reopen(&self, between: impl FnOnce(&Path) -> Result<(), VectorError>) -> Result<(), VectorError> {
        let mut shard = self.shard.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = shard.take() {
            open.close()?;
        }
        between(&self.folder)?;
        *shard = Some(open_shard(&self.folder, self.options)?);
        Ok(())
    }

    fn flush(&self, unoptimized: &mut usize) -> Result<(), VectorError> {
        let log_bytes = self.with_shard(|shard| {
            shard.flush()?;
            if *unoptimized >= shard.optimize_from() {
                shard.optimize()?;
                shard.flush()?;
                *unoptimized = shard.unindexed();
            }
            Ok(shard.closed_log_bytes())
        })?;
        if log_bytes > self.log_bytes_max { self.reopen(|_| Ok(())) } else { Ok(()) }
    }
}

#[async_trait]
impl VectorIndex for EdgeIndex {
    async fn upsert(&self, points: Vec<VectorPoint>) -> Result<(), VectorError> {
        check_points(&points, self.inner.options.dimension)?;
        self.write(|inner, unoptimized| {
            *unoptimized += points.len();
            inner.with_shard(|shard| shard.upsert(points))
        })
        .await
    }

    async fn delete_documents(&self, documents: &[DocumentId]) -> Result<(), VectorError> {
        let documents: Vec<String> = documents.iter().map(DocumentId::to_string).collect();
        self.write(|inner, unoptimized| {
            inner.with_shard(|shard| {
                *unoptimized += shard.delete(documents)?;
                Ok(())
            })
        })
        .await
    }

    async fn flush(&self) -> Result<(), VectorError> {
        self.write(|inner, unoptimized| inner.flush(unoptimized)).await
    }

    async fn search(&self, vector: &[f32], filter: &FacetQuery, k: usize) -> Result<Vec<LegHit>, VectorError> {
        check_vector(vector, self.inner.options.dimension, VectorOwner::Query)?;
        if k == 0 {
            return Ok(Vec::new());
        }
        let (vector, filter) = (vector.to_vec(), filter.clone());
        self.read(move |shard| shard.search(vector, &filter, k)).await
    }

    async fn count(&self) -> Result<u64, VectorError> {
        self.read(Shard::count).await
    }

    async fn chunk_ids(&self) -> Result<Vec<ChunkId>, VectorError> {
        self.read(Shard::chunk_ids).await
    }

    async fn held(&self, chunks: &[ChunkId]) -> Result<Vec<ChunkId>, VectorError> {
        let chunks = chunks.to_vec();
        self.read(move |shard| shard.held(&chunks)).await
    }

    async fn clear(&self) -> Result<(), VectorError> {
        self.write(|inner, unoptimized| {
            *unoptimized = 0;
            inner.reopen(|folder| {
                remove_folder(&trash(folder))?;
                rename(&current(folder), &trash(folder))?;
                remove_folder(&trash(folder))
            })
        })
        .await
    }
}

fn current(folder: &Path) -> PathBuf {
    folder.join("shard")
}

fn building(folder: &Path) -> PathBuf {
    folder.join("building")
}

fn trash(folder: &Path) -> PathBuf {
    folder.join("trash")
}

/// Opens the shard of a folder; where there is none, it is made beside its place first, because the engine makes it in
/// steps and cannot open one that was left half made.
fn open_shard(folder: &Path, options: ShardOptions) -> Result<Shard, VectorError> {
    let place = current(folder);
    if !place.exists() {
        let made = building(folder);
        remove_folder(&made)?;
        Shard::create(&made, options)?;
        rename(&made, &place)?;
    }
    Shard::open(&place, options)
}

fn lock(folder: &Path) -> Result<File, VectorError> {
    let path = folder.join("lock");
    let file =
        File::options().create(true).truncate(false).write(true).open(&path).map_err(|source| io(&path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(VectorError::Locked { path: folder.to_owned() }),
        Err(TryLockError::Error(source)) => Err(io(&path, source)),
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), VectorError> {
    fs::rename(from, to).map_err(|source| io(from, source))
}

fn remove_folder(path: &Path) -> Result<(), VectorError> {
    match fs::remove_dir_all(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(io(path, source)),
        _ => Ok(()),
    }
}

fn io(path: &Path, source: std::io::Error) -> VectorError {
    VectorError::Io { path: path.to_owned(), source }
}

fn closed() -> VectorError {
    VectorError::Engine("the shard could not be opened again; restart the service".to_owned())
}

async fn blocking<R: Send + 'static>(
    work: impl FnOnce() -> Result<R, VectorError> + Send + 'static,
) -> Result<R, VectorError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|stopped| Err(VectorError::Engine(stopped.to_string())))
}
