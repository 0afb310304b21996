//! How well a generation answers: queries with the documents that answer them, nDCG@10, and a paired test between two
//! generations.

mod compare;
mod ndcg;

pub use compare::{Comparison, comparison, paired_p_value};
pub use ndcg::ndcg_at_10;

use sha2::{Digest, Sha256};

use crate::retrieval::{Retriever, SearchError, SearchRequest};
use crate::store::{GoldQuery, Store, StoreError};
use crate::types::{Caller, Filter, GenerationScore, SearchMode};

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

/// Measures every complete generation that is not measured on these queries yet, and keeps the scores. Says how many there
/// were.
///
/// # Errors
/// [`SearchError`] when a search fails; scores that are kept stay.
pub async fn measure(retriever: &Retriever, queries: &[GoldQuery], now_ms: i64) -> Result<usize, SearchError> {
    let digest = queries_digest(queries);
    let mut measured = 0;
    for generation in retriever.store.generations().await? {
        let known = generation.score.as_ref().is_some_and(|score| score.queries_digest == digest);
        let complete = retriever.store.embedding_status(generation.id).await?.is_complete();
        let Some(views) = retriever.generations.get(generation.id).filter(|_| complete && !known) else { continue };
        if queries.is_empty() || views.keyword.checkpoint() < retriever.store.last_seq(views.id).await? {
            continue;
        }
        let mut scores = Vec::with_capacity(queries.len());
        for gold in queries {
            let request = SearchRequest {
                query: gold.query.clone(),
                k: HITS,
                mode: SearchMode::Hybrid,
                filter: Filter::default(),
                caller: Caller::Owner,
                explain: false,
            };
            let found = retriever.search_in(&views, &request).await?;
            let ranked: Vec<&str> = found.hits.iter().map(|hit| hit.uri.as_str()).collect();
            scores.push(ndcg_at_10(&ranked, &gold.relevant));
        }
        let score = GenerationScore { queries_digest: digest.clone(), ndcg_at_10: scores, measured_at_ms: now_ms };
        retriever.store.save_score(generation.id, Some(&score)).await?;
        measured += 1;
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
    hasher.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
