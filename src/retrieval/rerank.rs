//! The last word on the order, when there is a model that reads question and passage together and time for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::selection::Passage;
use crate::models::Reranker;
use crate::types::{Reranked, embedding_input, own_title};

/// A reranker and what it may cost.
#[derive(Clone)]
pub struct RerankStage {
    /// What scores.
    pub reranker: Arc<dyn Reranker>,
    /// Passages that it reads, the best of fusion.
    pub candidates: usize,
    /// How long it may take; what it has not scored by then keeps its place behind what it has.
    pub budget: Duration,
}

/// Passages with what the reranker said of them, and what did not go as asked.
pub(super) struct RerankedPassages {
    pub(super) passages: Vec<(Passage, Option<Reranked>)>,
    pub(super) notice: Option<String>,
}

/// Puts the passages into the reranker's order. Those that it did not reach follow in the order that they had; when it
/// fails, all keep it.
pub(super) async fn rerank(stage: &RerankStage, query: &str, passages: Vec<Passage>) -> RerankedPassages {
    let texts: Vec<String> = passages.iter().take(stage.candidates).map(text_of).collect();
    if texts.is_empty() {
        return unranked(passages, None);
    }
    let deadline = Instant::now() + stage.budget;
    let budget_ms = stage.budget.as_millis();
    match stage.reranker.rerank(query, &texts, deadline).await {
        Err(error) => {
            tracing::warn!(%error, reranker = stage.reranker.id(), "passages are not reranked");
            unranked(passages, Some(format!("{error}; passages stand in the order of fusion")))
        }
        Ok(scored) => {
            let reached = scored.scores.len().min(texts.len());
            let notice = (reached < texts.len()).then(|| {
                format!(
                    "the reranker scored {reached} of {} passages in {budget_ms} ms; the others stand behind them in the order \
                     of fusion",
                    texts.len()
                )
            });
            RerankedPassages { passages: ordered(passages, &scored.scores[..reached]), notice }
        }
    }
}

/// The document's title and the headings say what a passage is about when its words do not.
fn text_of(passage: &Passage) -> String {
    let found = &passage.best.found;
    let title = own_title(&found.document.title, &found.document.uri);
    embedding_input(title, &found.row.chunk.heading_path, &found.row.words_in_context())
}

fn unranked(passages: Vec<Passage>, notice: Option<String>) -> RerankedPassages {
    RerankedPassages { passages: passages.into_iter().map(|passage| (passage, None)).collect(), notice }
}

fn ordered(passages: Vec<Passage>, scores: &[f32]) -> Vec<(Passage, Option<Reranked>)> {
    let scored = passages.into_iter().enumerate().map(|(place, passage)| {
        let reranked = scores.get(place).map(|score| Reranked { rank_before: place + 1, score: *score });
        (passage, reranked)
    });
    let mut scored: Vec<_> = scored.collect();
    // The sort is stable, so equal scores and passages without one stay as they were.
    scored.sort_by(|(_, a), (_, b)| match (a, b) {
        (Some(a), Some(b)) => b.score.total_cmp(&a.score),
        (Some(_), None) => std::cmp::Ordering::Less,
        (None, Some(_)) => std::cmp::Ordering::Greater,
        (None, None) => std::cmp::Ordering::Equal,
    });
    scored
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::super::selection::fixture::passage;
    use super::*;
    use crate::models::{RerankError, Reranked as Scored};

    /// Scores by what is written in it: so many of these, or an error.
    struct Scripted(Result<Vec<f32>, ()>);

    #[async_trait]
    impl Reranker for Scripted {
        fn id(&self) -> &str {
            "scripted"
        }

        async fn rerank(&self, _: &str, passages: &[String], _: Instant) -> Result<Scored, RerankError> {
            match &self.0 {
                Ok(scores) => Ok(Scored { scores: scores.iter().copied().take(passages.len()).collect() }),
                Err(()) => Err(RerankError::Local("it is broken".to_owned())),
            }
        }
    }

    async fn order(scores: Result<Vec<f32>, ()>, candidates: usize) -> (Vec<u64>, Option<String>) {
        let stage = RerankStage { reranker: Arc::new(Scripted(scores)), candidates, budget: Duration::from_millis(5) };
        let passages = (1..=4).map(|chunk| passage(chunk, "a", (0, 4))).collect();
        let found = rerank(&stage, "question", passages).await;
        (found.passages.iter().map(|(passage, _)| passage.best.fused.chunk.0).collect(), found.notice)
    }

    #[tokio::test]
    async fn scores_decide_and_the_rest_follows_in_its_order() {
        assert_eq!(order(Ok(vec![0.1, 0.9, 0.5, 0.7]), 4).await, (vec![2, 4, 3, 1], None));
        assert_eq!(order(Ok(vec![0.1, 0.9, 0.5, 0.7]), 2).await, (vec![2, 1, 3, 4], None));
        assert_eq!(order(Ok(vec![0.5, 0.5, 0.5, 0.5]), 4).await.0, [1, 2, 3, 4], "equal scores change nothing");
    }

    #[tokio::test]
    async fn a_late_or_broken_reranker_leaves_the_order_of_fusion_and_says_so() {
        let (late, said) = order(Ok(vec![0.1, 0.9]), 4).await;
        assert_eq!(late, [2, 1, 3, 4]);
        assert!(said.unwrap().starts_with("the reranker scored 2 of 4 passages in 5 ms"));
        let (broken, reason) = order(Err(()), 4).await;
        assert_eq!(broken, [1, 2, 3, 4]);
        assert!(reason.unwrap().ends_with("; passages stand in the order of fusion"));
    }
}
