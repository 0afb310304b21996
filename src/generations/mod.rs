//! The live generations of this process: for each that the truth has, its two indexes, its model and its way to chunk.
//!
//! A search takes the one that serves, once, and keeps it to its end. What opens an index is behind [`OpenGeneration`],
//! which `boot` fills. A generation that the truth begins is opened here by [`LiveGenerations::refresh`], and one that it
//! drops is closed and its indexes are removed when nobody holds them any more.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use ibid_ingest::{ChunkOptions, TokenCounter};
use tokio::sync::Mutex;

use crate::keyword::KeywordIndex;
use crate::models::Embedder;
use crate::store::{Store, StoreError};
use crate::types::{Generation, GenerationId};
use crate::vector::{VectorError, VectorIndex};

/// How a vector index comes to hold what the truth holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VectorFollower {
    /// Only this process has the index and follows for itself.
    Own,
    /// Every process has the same index; one of them at a time follows for all.
    Shared,
    /// The truth writes it in its own transactions; nobody follows.
    Truth,
}

/// A generation's indexes, and what embeds and counts for it.
pub struct OpenedGeneration {
    /// The generation, as it was when it was opened.
    pub id: GenerationId,
    /// How its chunks are cut.
    pub chunking: ChunkOptions,
    /// The keyword view.
    pub keyword: Arc<KeywordIndex>,
    /// The vector view.
    pub vector: Arc<dyn VectorIndex>,
    /// How the vector view follows.
    pub vector_follower: VectorFollower,
    /// The name of the vector view's checkpoint.
    pub vector_view: String,
    /// What embeds, if the model is there.
    pub embedder: Option<Arc<dyn Embedder>>,
    /// What counts tokens for chunks.
    pub counter: Arc<dyn TokenCounter>,
    /// The share of its chunks that have their vectors.
    pub embedded_share: EmbeddedShare,
}

impl OpenedGeneration {
    /// Counts both views, so that a search need not.
    ///
    /// # Errors
    /// [`VectorError`] when the vector view cannot be counted.
    pub async fn measure(&self) -> Result<(), VectorError> {
        let words = self.keyword.chunk_count().max(1) as f32;
        let share = (self.vector.count().await? as f32 / words).min(1.0);
        self.embedded_share.0.store(share.to_bits(), Ordering::Relaxed);
        Ok(())
    }
}

/// A share from 0 to 1; all until it is measured.
#[derive(Debug)]
pub struct EmbeddedShare(AtomicU32);

impl EmbeddedShare {
    /// The share as it was last measured.
    pub fn get(&self) -> f32 {
        f32::from_bits(self.0.load(Ordering::Relaxed))
    }
}

impl Default for EmbeddedShare {
    fn default() -> Self {
        Self(AtomicU32::new(1.0_f32.to_bits()))
    }
}

/// Why a generation cannot be opened, in one sentence.
pub type OpenError = Box<dyn std::error::Error + Send + Sync>;

/// Opens and removes the indexes of generations.
#[async_trait]
pub trait OpenGeneration: Send + Sync {
    /// Opens the indexes of a generation, which are made when they are not there.
    ///
    /// # Errors
    /// One sentence by what is wrong.
    async fn open(&self, generation: &Generation) -> Result<OpenedGeneration, OpenError>;

    /// Removes the indexes of a generation; those that are gone are no error.
    ///
    /// # Errors
    /// One sentence by what is wrong.
    async fn remove(&self, id: GenerationId) -> Result<(), OpenError>;

    /// Called when a generation begins to serve.
    ///
    /// # Errors
    /// One sentence by what is wrong.
    async fn promote(&self, generation: &OpenedGeneration) -> Result<(), OpenError>;
}

/// Why the live generations cannot follow those of the truth.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The truth fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An index cannot be opened.
    #[error("{0}")]
    Open(OpenError),
    /// The truth has none, or none that serves.
    #[error("the database has no generation that serves; `ibid doctor` checks it")]
    NoneServes,
}

/// The generations that are open here.
pub struct LiveGenerations {
    store: Arc<dyn Store>,
    opener: Box<dyn OpenGeneration>,
    live: RwLock<Live>,
    /// One refresh at a time; holds dropped generations until nobody uses them.
    leaving: Mutex<Vec<Arc<OpenedGeneration>>>,
}

struct Live {
    serving: Arc<OpenedGeneration>,
    all: Vec<Arc<OpenedGeneration>>,
}

impl LiveGenerations {
    /// Opens every generation that the truth has.
    ///
    /// # Errors
    /// [`RefreshError`]; nothing is open then.
    pub async fn open(store: Arc<dyn Store>, opener: Box<dyn OpenGeneration>) -> Result<Self, RefreshError> {
        let mut all = Vec::new();
        let mut serving = None;
        for generation in store.generations().await? {
            let opened = Arc::new(opener.open(&generation).await.map_err(RefreshError::Open)?);
            if generation.serving {
                opener.promote(&opened).await.map_err(RefreshError::Open)?;
                serving = Some(Arc::clone(&opened));
            }
            all.push(opened);
        }
        let serving = serving.ok_or(RefreshError::NoneServes)?;
        Ok(Self { store, opener, live: RwLock::new(Live { serving, all }), leaving: Mutex::default() })
    }

    /// The one that searches read.
    pub fn serving(&self) -> Arc<OpenedGeneration> {
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner).serving)
    }

    /// Every open one, that which serves first.
    pub fn all(&self) -> Vec<Arc<OpenedGeneration>> {
        let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
        let others = live.all.iter().filter(|generation| generation.id != live.serving.id);
        std::iter::once(&live.serving).chain(others).cloned().collect()
    }

    /// The open one with this number.
    pub fn get(&self, id: GenerationId) -> Option<Arc<OpenedGeneration>> {
        self.all().into_iter().find(|generation| generation.id == id)
    }

    /// Opens what the truth has begun, closes and removes what it has dropped, and lets searches read what serves, as soon
    /// as its words have caught up here. Says whether anything changed.
    ///
    /// # Errors
    /// [`RefreshError`]; what was open stays open.
    pub async fn refresh(&self) -> Result<bool, RefreshError> {
        let mut leaving = self.leaving.lock().await;
        let wanted = self.store.generations().await?;
        let known: Vec<GenerationId> = self.all().iter().map(|open| open.id).collect();
        let mut changed = false;
        for generation in &wanted {
            if !known.contains(&generation.id) {
                let opened = self.opener.open(generation).await.map_err(RefreshError::Open)?;
                self.live.write().unwrap_or_else(PoisonError::into_inner).all.push(Arc::new(opened));
                changed = true;
            }
        }
        let serving = wanted.iter().find(|generation| generation.serving).ok_or(RefreshError::NoneServes)?;
        if serving.id != self.serving().id {
            let present_stays = wanted.iter().any(|generation| generation.id == self.serving().id);
            changed |= self.switch(serving.id, present_stays).await?;
        }
        {
            let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
            let stays = |open: &Arc<OpenedGeneration>| {
                open.id == live.serving.id || wanted.iter().any(|wanted| wanted.id == open.id)
            };
            let (stay, leave): (Vec<_>, Vec<_>) = live.all.iter().cloned().partition(stays);
            changed |= !leave.is_empty();
            live.all = stay;
            leaving.extend(leave);
        }
        self.remove_unused(&mut leaving).await;
        Ok(changed)
    }

    /// Lets searches read another generation. While the present one is still there, they wait until the words of the other
    /// have caught up in this process.
    async fn switch(&self, id: GenerationId, present_stays: bool) -> Result<bool, RefreshError> {
        let Some(next) = self.get(id) else { return Ok(false) };
        let behind = next.keyword.checkpoint() < self.store.last_seq(id).await?;
        if behind && present_stays {
            return Ok(false);
        }
        self.opener.promote(&next).await.map_err(RefreshError::Open)?;
        self.live.write().unwrap_or_else(PoisonError::into_inner).serving = next;
        Ok(true)
    }

    /// Removes the indexes of generations that nobody uses any more. One that cannot be removed keeps nobody from anything
    /// else, and is tried again next time.
    async fn remove_unused(&self, leaving: &mut Vec<Arc<OpenedGeneration>>) {
        for generation in std::mem::take(leaving) {
            if Arc::strong_count(&generation) > 1 {
                leaving.push(generation);
                continue;
            }
            let id = generation.id;
            if let Err(error) = generation.vector.discard().await {
                tracing::warn!(%id, %error, "the vector index of a dropped generation cannot be removed yet");
                leaving.push(generation);
                continue;
            }
            drop(generation);
            if let Err(error) = self.opener.remove(id).await {
                tracing::warn!(%id, %error, "the folders of a dropped generation are removed by the next start");
            }
        }
    }
}
