//! How well each generation answers: the queries that they are compared on, and their scores.

use sha2::{Digest, Sha256};

use super::metrics::{Grades, RankScores};
use crate::retrieval::{Retriever, SearchError, SearchRequest};
use crate::store::{GoldQuery, Store, StoreError};
use crate::types::GenerationScore;

/// Logged queries that are compared on when there is no gold set.
const LOGGED_MAX: u32 = 500;
/// Hits of which documents are taken: several chunks of one document count once.
const HITS: usize = 50;

/// The queries that generations are compared on: the gold set, or, without one, what was asked and answered, with the
/// documents that the answers cite.
///
/// # Errors
/// Database errors.
pub async fn queries(store: &dyn Store) -> Result<Vec<GoldQuery>, StoreError> {
    let gold = store.gold_queries().await?;
    if gold.is_empty() { store.logged_queries(LOGGED_MAX).await } else { Ok(gold) }
}

/// Measures the complete generations when one of them has no score yet, all on the same queries, and keeps the scores. Says
/// how many were measured. What is asked meanwhile changes no score that is there.
///
/// # Errors
/// [`SearchError`] when a search fails; scores that are kept stay.
pub async fn measure(retriever: &Retriever, now_ms: i64) -> Result<usize, SearchError> {
    let mut complete = Vec::new();
    for generation in retriever.store.generations().await? {
        let Some(views) = retriever.generations.get(generation.id) else { continue };
        let behind = views.keyword.checkpoint() < retriever.store.last_seq(views.id).await?;
        if !behind && retriever.store.embedding_status(generation.id).await?.is_complete() {
            complete.push((generation, views));
        }
    }
    if complete.iter().all(|(generation, _)| generation.score.is_some()) {
        return Ok(0);
    }
    let queries = queries(retriever.store.as_ref()).await?;
    if queries.is_empty() {
        return Ok(0);
    }
    let digest = queries_digest(&queries);
    let measured = complete.len();
    for (generation, views) in complete {
        let mut scores = Vec::with_capacity(queries.len());
        for gold in &queries {
            let request = SearchRequest::for_documents(&gold.query, HITS);
            let found = retriever.search_in(&views, &request).await?;
            let ranked: Vec<&str> = found.hits.iter().map(|hit| hit.uri.as_str()).collect();
            let grades: Grades = gold.relevant.iter().map(|uri| (uri.clone(), 1.0)).collect();
            scores.push(RankScores::of(&ranked, &grades).ndcg_at_10);
        }
        let score = GenerationScore { queries_digest: digest.clone(), ndcg_at_10: scores, measured_at_ms: now_ms };
        retriever.store.save_score(generation.id, Some(&score)).await?;
    }
    Ok(measured)
}

/// A digest of a set of queries: scores on different sets are not compared.
fn queries_digest(queries: &[GoldQuery]) -> String {
    let mut hasher = Sha256::new();
    for gold in queries {
        hasher.update(serde_json::to_string(gold).unwrap_or_default());
        hasher.update([0]);
    }
    super::dataset::short_digest(hasher)
}
