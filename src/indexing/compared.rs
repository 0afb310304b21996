//! How far the views are, and what differs between them and the truth.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::{Indexer, IndexingError};
use crate::generations::{OpenedGeneration, VectorFollower};
use crate::types::{ChunkId, Seq};

/// How far a view is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ViewState {
    /// The last change that it holds.
    pub checkpoint: Seq,
    /// The newest change there is.
    pub last: Seq,
    /// Chunks that it holds.
    pub chunks: u64,
}

/// What differs between a view and the truth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Chunks that the truth has and the view lacks.
    pub missing: usize,
    /// Chunks that the view has and the truth does not.
    pub surplus: usize,
}

impl Indexer {
    /// How far both views of the generation that serves are: keyword, then vector.
    ///
    /// # Errors
    /// [`IndexingError`].
    pub async fn states(&self) -> Result<(ViewState, ViewState), IndexingError> {
        let store = &self.parts.store;
        let views = self.parts.generations.serving();
        let last = store.last_seq(views.id).await?;
        let keyword = ViewState { checkpoint: views.keyword.checkpoint(), last, chunks: views.keyword.chunk_count() };
        let checkpoint = match views.vector_follower {
            VectorFollower::Truth => last,
            VectorFollower::Own | VectorFollower::Shared => store.checkpoint(&views.vector_view).await?,
        };
        let vector = ViewState { checkpoint, last, chunks: views.vector.count().await? };
        Ok((keyword, vector))
    }

    /// What differs between each view of the generation that serves and the truth: keyword, then vector. Both are zero when
    /// the views have caught up.
    ///
    /// # Errors
    /// [`IndexingError`].
    pub async fn differences(&self) -> Result<(Difference, Difference), IndexingError> {
        let views = self.parts.generations.serving();
        self.differences_of(&views).await
    }

    /// What differs between each view of a generation and the truth: keyword, then vector.
    ///
    /// # Errors
    /// [`IndexingError`].
    pub async fn differences_of(&self, views: &OpenedGeneration) -> Result<(Difference, Difference), IndexingError> {
        let (words, meaning) = self.parts.store.expected_chunk_ids(views.id).await?;
        let keyword = Arc::clone(&views.keyword);
        let in_words = tokio::task::spawn_blocking(move || keyword.chunk_ids()).await;
        let in_words = in_words.map_err(|_| IndexingError::Cancelled)??;
        let in_meaning = views.vector.chunk_ids().await?;
        Ok((difference(&words, in_words), difference(&meaning, in_meaning)))
    }
}

fn difference(truth: &BTreeSet<ChunkId>, view: Vec<ChunkId>) -> Difference {
    let held = view.len();
    let view: BTreeSet<ChunkId> = view.into_iter().collect();
    let doubled = held - view.len();
    Difference { missing: truth.difference(&view).count(), surplus: view.difference(truth).count() + doubled }
}
