//! Both legs of a search, side by side.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::request::SearchError;
use crate::generations::OpenedGeneration;
use crate::keyword::{KeywordAnswer, KeywordQuery};
use crate::types::{ChunkId, FacetQuery, LegHit, SearchMode};

/// What both legs are asked.
#[derive(Debug, Clone)]
pub(super) struct LegQuestion {
    /// The words, and what has to be or must not be among them.
    pub(super) query: KeywordQuery,
    /// What documents have to carry, the caller's permissions included.
    pub(super) facets: FacetQuery,
    /// The legs that run.
    pub(super) mode: SearchMode,
    /// Candidates that each gives.
    pub(super) depth: usize,
}

/// What both legs found; a leg that did not run found nothing.
#[derive(Debug, Clone, Default)]
pub struct LegAnswers {
    /// By word, with what the index knows of the question's terms.
    pub keyword: KeywordAnswer,
    /// By meaning.
    pub vector: Vec<LegHit>,
    /// What separates an answer from an unrelated passage in the vector leg's scores.
    pub cosine_span: f32,
}

/// Asks both legs.
pub(super) async fn ask(views: &OpenedGeneration, question: &LegQuestion) -> Result<LegAnswers, SearchError> {
    let (keyword, vector) = match question.mode {
        SearchMode::Hybrid => tokio::try_join!(keyword_leg(views, question), vector_leg(views, question))?,
        SearchMode::Keyword => (keyword_leg(views, question).await?, Vec::new()),
        SearchMode::Vector => (KeywordAnswer::default(), vector_leg(views, question).await?),
    };
    let cosine_span = views.embedder.as_ref().map_or(0.0, |embedder| embedder.cosine_span());
    Ok(LegAnswers { keyword, vector, cosine_span })
}

async fn keyword_leg(views: &OpenedGeneration, question: &LegQuestion) -> Result<KeywordAnswer, SearchError> {
    let (index, question) = (Arc::clone(&views.keyword), question.clone());
    let work = move || index.search(&question.query, &question.facets, question.depth);
    Ok(tokio::task::spawn_blocking(work).await.map_err(|_| SearchError::Cancelled)??)
}

pub(super) async fn vector_leg(views: &OpenedGeneration, question: &LegQuestion) -> Result<Vec<LegHit>, SearchError> {
    let text = &question.query.text;
    let Some(embedder) = views.embedder.as_ref().filter(|_| !text.trim().is_empty()) else {
        return Ok(Vec::new());
    };
    let vector = embedder.embed_query(text).await?;
    let hits = views.vector.search(&vector, &question.facets, question.depth).await?;
    allowed(views, question, hits).await
}

/// Phrases, title words and exclusions hold for what is near in meaning, too. The keyword index knows who meets them.
async fn allowed(
    views: &OpenedGeneration,
    question: &LegQuestion,
    hits: Vec<LegHit>,
) -> Result<Vec<LegHit>, SearchError> {
    if !question.query.has_clauses() || hits.is_empty() {
        return Ok(hits);
    }
    let (index, question) = (Arc::clone(&views.keyword), question.clone());
    let chunks: Vec<ChunkId> = hits.iter().map(|hit| hit.chunk).collect();
    let work = move || index.explain(&question.query, &question.facets, &chunks);
    let explained = tokio::task::spawn_blocking(work).await.map_err(|_| SearchError::Cancelled)??;
    let meets: BTreeSet<ChunkId> =
        explained.into_iter().flatten().filter(|chunk| chunk.rejected_by.is_none()).map(|chunk| chunk.chunk).collect();
    Ok(hits.into_iter().filter(|hit| meets.contains(&hit.chunk)).collect())
}
