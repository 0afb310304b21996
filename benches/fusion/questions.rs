//! Questions with what both legs find for them, kept so that any fusion can be judged without searching again.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context;
use ibid::boot;
use ibid::config::Config;
use ibid::eval::{Dataset, Grades, RankScores};
use ibid::retrieval::{Fusion, LegAnswers, Retriever, SearchRequest, Signals};
use ibid::store::Store;
use ibid::types::ChunkId;

/// Questions of one dataset; of a larger one, as many spread over it.
const QUESTIONS_MAX: usize = 1_500;
/// Documents of a ranking.
const DEPTH: usize = 100;

/// A dataset's questions.
pub(crate) struct QuestionSet {
    pub(crate) name: String,
    questions: Vec<Question>,
    /// The document of each chunk that was found.
    documents: HashMap<ChunkId, String>,
}

/// A question with what both legs find.
struct Question {
    answers: LegAnswers,
    signals: Signals,
    grades: Grades,
}

impl QuestionSet {
    /// Asks both legs every question of a dataset whose documents are in a data folder.
    pub(crate) async fn read(dataset: &Path, folder: &Path) -> anyhow::Result<Self> {
        let dataset = Dataset::read_beir(dataset)?;
        let booted = boot::open(&Config::default(), folder).await?;
        booted.app.indexer.catch_up().await?;
        let retriever: &Retriever = &booted.app.retriever;
        let mut set = Self { name: dataset.name.clone(), questions: Vec::new(), documents: HashMap::new() };
        let step = dataset.queries.len().div_ceil(QUESTIONS_MAX).max(1);
        for query in dataset.queries.iter().step_by(step) {
            let (answers, signals) = retriever.legs(&SearchRequest::for_documents(&query.text, DEPTH)).await?;
            set.learn(retriever.store.as_ref(), &answers).await?;
            set.questions.push(Question { answers, signals, grades: query.grades.clone() });
        }
        booted.app.store.close().await;
        Ok(set)
    }

    pub(crate) fn len(&self) -> usize {
        self.questions.len()
    }

    /// The mean nDCG@10 under a fusion.
    pub(crate) fn mean(&self, fusion: &Fusion) -> f64 {
        let sum: f64 = self.questions.iter().map(|question| self.ndcg(question, fusion)).sum();
        sum / self.questions.len().max(1) as f64
    }

    fn ndcg(&self, question: &Question, fusion: &Fusion) -> f64 {
        let weight = fusion.vector_weight(&question.signals);
        let all = fusion.fuse(&question.answers, &question.signals, weight);
        let scored = all.iter().filter(|fused| fused.score > 0.0 || weight > 0.0 && weight < 1.0);
        let mut ranked: Vec<&str> = Vec::with_capacity(DEPTH);
        for document in scored.filter_map(|fused| self.documents.get(&fused.chunk)) {
            if ranked.len() < DEPTH && !ranked.contains(&document.as_str()) {
                ranked.push(document);
            }
        }
        RankScores::of(&ranked, &question.grades).ndcg_at_10
    }

    async fn learn(&mut self, store: &dyn Store, answers: &LegAnswers) -> anyhow::Result<()> {
        let found = answers.keyword.hits.iter().chain(&answers.vector).map(|hit| hit.chunk);
        let unknown: Vec<ChunkId> = found.filter(|chunk| !self.documents.contains_key(chunk)).collect();
        for known in store.chunks(&unknown).await.context("the documents of what was found")? {
            self.documents.insert(known.row.id, known.document.uri);
        }
        Ok(())
    }
}
