//! Questions that were asked, with what each search showed, kept so that any coefficients can be judged on them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context;
use ibid::boot;
use ibid::config::Config;
use ibid::eval::{Dataset, JudgedQuery};
use ibid::retrieval::{Retriever, SearchRequest};
use ibid::types::SearchMode;
use serde::{Deserialize, Serialize};

/// Questions of one set; of a larger one, as many spread over it.
const QUESTIONS_MAX: usize = 300;
/// Questions of one set that are asked of the documents of another.
const ELSEWHERE_MAX: usize = 100;
/// Hits of a search, as many as an answer is made of.
const HITS: usize = 8;

/// What a question is to the documents that it is asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// They answer it.
    Answered,
    /// They are about what it asks, and do not answer it.
    Near,
    /// It is a question of other documents.
    Elsewhere,
}

/// A question with what a search shows of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// The documents, and whose question it is when it is not theirs.
    pub(crate) set: String,
    pub(crate) kind: Kind,
    /// By words alone, or by words and meaning.
    pub(crate) mode: SearchMode,
    /// The half of its set that it is in, 0 or 1.
    pub(crate) half: usize,
    /// Whether the hits have what answers it.
    pub(crate) found: bool,
    pub(crate) question: String,
    pub(crate) signals: BTreeMap<String, f32>,
}

/// A dataset, the data folder that holds its documents, and the datasets whose questions these do not answer.
pub(crate) struct Source {
    pub(crate) dataset: PathBuf,
    pub(crate) folder: PathBuf,
    pub(crate) elsewhere: Vec<PathBuf>,
}

/// A question to be asked.
struct Question {
    text: String,
    kind: Kind,
    answered_by: BTreeSet<String>,
}

impl Source {
    /// Asks the documents their own questions and those of others, each by words alone and by words and meaning.
    pub(crate) async fn ask(&self) -> anyhow::Result<Vec<Asked>> {
        let booted = boot::open(&Config::default(), &self.folder).await?;
        let app = &booted.app;
        app.indexer.catch_up().await?;
        let own = if self.dataset.is_dir() {
            Dataset::read_beir(&self.dataset)?
        } else {
            Dataset::read_gold(&self.dataset, app.store.as_ref()).await?
        };
        let name = own.name.trim_end_matches(".gold.jsonl").to_owned();
        let mut questions = spread(of_dataset(&own, &self.dataset)?, QUESTIONS_MAX);
        let mut found = ask_all(&app.retriever, &name, &mut questions).await?;
        for other in &self.elsewhere {
            let mut others = spread(questions_elsewhere(other)?, ELSEWHERE_MAX);
            let set = format!("{name} < {}", name_of(other));
            found.extend(ask_all(&app.retriever, &set, &mut others).await?);
        }
        app.store.close().await;
        Ok(found)
    }
}

async fn ask_all(retriever: &Retriever, set: &str, questions: &mut [Question]) -> anyhow::Result<Vec<Asked>> {
    let mut all = Vec::with_capacity(2 * questions.len());
    for (place, question) in questions.iter().enumerate() {
        for mode in [SearchMode::Keyword, SearchMode::Hybrid] {
            let request = SearchRequest { k: HITS, mode, plain: true, ..SearchRequest::new(question.text.clone()) };
            let response = retriever.search(&request).await?;
            all.push(Asked {
                set: set.to_owned(),
                kind: question.kind,
                mode,
                // Not every other one: questions to the same passage stand side by side, and should stay together.
                half: place * 2 / questions.len(),
                found: response.hits.iter().any(|hit| question.answered_by.contains(&hit.uri)),
                question: question.text.clone(),
                signals: response.evidence.signals,
            });
        }
    }
    eprintln!("{set}: {} questions", questions.len());
    Ok(all)
}

/// The questions of a dataset, those that none of its documents answers included.
fn of_dataset(dataset: &Dataset, path: &Path) -> anyhow::Result<Vec<Question>> {
    let answered = |query: &JudgedQuery| Question {
        text: query.text.clone(),
        kind: Kind::Answered,
        answered_by: query.grades.iter().filter(|(_, grade)| **grade > 0.0).map(|(uri, _)| uri.clone()).collect(),
    };
    let mut questions: Vec<Question> = dataset.queries.iter().map(answered).collect();
    if dataset.unanswerable > 0 && path.is_dir() {
        let known: BTreeSet<&str> = dataset.queries.iter().map(|query| query.id.as_str()).collect();
        let near = |line: Line| Question { text: line.text, kind: Kind::Near, answered_by: BTreeSet::new() };
        let lines = lines(&path.join("queries.jsonl"))?;
        questions.extend(lines.into_iter().filter(|line| !known.contains(line.id.as_str())).map(near));
    }
    Ok(questions)
}

/// A line of a file of questions, in the layout of BEIR or as `ibid eval --make` writes it.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "_id", default)]
    id: String,
    #[serde(alias = "query")]
    text: String,
}

fn lines(file: &Path) -> anyhow::Result<Vec<Line>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| serde_json::from_str(line).with_context(|| format!("a line of {}", file.display()))).collect()
}

fn questions_elsewhere(path: &Path) -> anyhow::Result<Vec<Question>> {
    let file = if path.is_dir() { path.join("queries.jsonl") } else { path.to_owned() };
    let question = |line: Line| Question { text: line.text, kind: Kind::Elsewhere, answered_by: BTreeSet::new() };
    Ok(lines(&file)?.into_iter().map(question).collect())
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.trim_end_matches(".gold.jsonl").to_owned()
}

/// At most so many of each kind, spread over all.
fn spread(questions: Vec<Question>, most: usize) -> Vec<Question> {
    let mut kept = Vec::new();
    for kind in [Kind::Answered, Kind::Near, Kind::Elsewhere] {
        let count = questions.iter().filter(|question| question.kind == kind).count();
        kept.push((kind, count, 0_usize));
    }
    let is_kept = |question: &Question| {
        let (_, count, seen) = kept.iter_mut().find(|(kind, ..)| *kind == question.kind).expect("every kind is there");
        *seen += 1;
        // So many of them fall on a whole number as are kept.
        *seen * most / (*count).max(most) > (*seen - 1) * most / (*count).max(most)
    };
    questions.into_iter().filter(is_kept).collect()
}
