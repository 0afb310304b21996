//! Why hits stand where they stand: terms, signals and weights.

use std::collections::HashMap;
use std::sync::Arc;

use super::fusion::Fusion;
use super::request::SearchError;
use super::search::{FusedLists, Search};
use crate::keyword::ChunkExplanation;
use crate::types::{ChunkId, Hit, QueryExplanation, Signal};

/// How the question was read and its lists were put together.
pub(super) fn query(
    fusion: &Fusion,
    search: &Search<'_>,
    lists: &FusedLists,
    reranker: Option<String>,
) -> QueryExplanation {
    let unweighted = |value| Signal { value, contribution: 0.0 };
    let signals = match fusion {
        Fusion::Adaptive(model) => model.explained(&lists.signals),
        Fusion::Convex { .. } | Fusion::Rrf { .. } => {
            lists.signals.named().map(|(name, value)| (name.to_owned(), unweighted(value))).collect()
        }
    };
    QueryExplanation {
        searched: search.parsed.text.clone(),
        fusion: fusion.name().to_owned(),
        vector_weight: lists.vector_weight,
        trust_in_vectors: search.trust_in_vectors(),
        signals,
        keyword_score_bound: lists.answers.keyword.score_bound,
        cosine_span: lists.answers.cosine_span,
        terms: lists.answers.keyword.terms.clone(),
        reranker,
    }
}

/// Adds to each hit the terms of the question that it has.
pub(super) async fn add_matched_terms(search: &Search<'_>, hits: &mut [Hit]) -> Result<(), SearchError> {
    let chunks: Vec<ChunkId> = hits.iter().map(|hit| hit.chunk_id).collect();
    let mut explained = explained(search, chunks).await?;
    for hit in hits {
        hit.matched_terms = Some(explained.remove(&hit.chunk_id).map(|chunk| chunk.matched).unwrap_or_default());
    }
    Ok(())
}

/// What the keyword index says of chunks; those that it does not have are left out.
pub(super) async fn explained(
    search: &Search<'_>,
    chunks: Vec<ChunkId>,
) -> Result<HashMap<ChunkId, ChunkExplanation>, SearchError> {
    let (index, question) = (Arc::clone(&search.views.keyword), search.question.clone());
    let work = move || index.explain(&question.query, &question.facets, &chunks);
    let found = tokio::task::spawn_blocking(work).await.map_err(|_| SearchError::Cancelled)??;
    Ok(found.into_iter().flatten().map(|chunk| (chunk.chunk, chunk)).collect())
}
