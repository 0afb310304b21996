//! Gold files out of one's own documents: questions whose answer is known, because they were made from it.
//!
//! A question is made of a heading with the titles above it, or of the rarest words of a sentence, in their order and without
//! those that link them, so that it is no copy; with a chat model, also one that the model writes from a chunk. Questions
//! are spread over languages and documents, and a seed gives the same ones again, but for those that a model writes.
//! "Known-item" questions of this kind rank systems much as people's do: Azzopardi, de Rijke and Balog 2007, "Building
//! simulated queries for known-item topics".

mod headings;
mod sentences;
mod statistics;
mod written;

use std::collections::{BTreeMap, HashSet};

use ibid_ingest::Span;

use self::statistics::Statistics;
use super::gold::{GoldLine, PlacedSpan, every_document};
use crate::analysis::query_terms;
use crate::models::{ChatError, ChatModel};
use crate::store::{ChunkSource, Store, StoreError};
use crate::types::{Document, DocumentState, GenerationId};

/// Why no questions can be made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// The truth fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The chat model fails.
    #[error(transparent)]
    Chat(#[from] ChatError),
    /// The documents give no question.
    #[error(
        "none of the {0} documents gives a question: each needs a heading of its own or a sentence of a few rare words"
    )]
    Nothing(usize),
}

/// How questions are made.
#[derive(Clone, Copy)]
pub struct MakeOptions<'a> {
    /// How many, at most.
    pub questions: usize,
    /// The same seed and documents give the same questions.
    pub seed: u64,
    /// Whose chunks a model writes questions from.
    pub generation: GenerationId,
    /// What writes questions beside those that are made; `None` for no such.
    pub writer: Option<&'a dyn ChatModel>,
}

/// A question and the place that it was made from.
struct Made {
    query: String,
    span: Span,
}

/// What a question is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Heading,
    Sentence,
    Written,
}

/// A document that questions are made of.
struct Subject {
    document: Document,
    /// Places that have given a question.
    used: HashSet<Span>,
}

/// Fewer words say too little to find anything by.
const TERMS_MIN: usize = 2;

/// Makes questions from the documents of `store`.
///
/// # Errors
/// [`MakeError`]; nothing is written.
pub async fn make_gold(store: &dyn Store, options: MakeOptions<'_>) -> Result<Vec<GoldLine>, MakeError> {
    let mut maker = Maker::of(store, options).await?;
    let documents = maker.subjects.len();
    let mut questions = Vec::new();
    for round in 0.. {
        let before = questions.len();
        for at in 0..documents {
            if questions.len() < options.questions
                && let Some(question) = maker.question(at, round).await?
            {
                questions.push(question);
            }
        }
        if questions.len() == before || questions.len() >= options.questions {
            break;
        }
    }
    if questions.is_empty() { Err(MakeError::Nothing(documents)) } else { Ok(questions) }
}

struct Maker<'a> {
    store: &'a dyn Store,
    options: MakeOptions<'a>,
    kinds: Vec<Kind>,
    subjects: Vec<Subject>,
    statistics: Statistics,
    asked: HashSet<String>,
    random: fastrand::Rng,
}

impl<'a> Maker<'a> {
    async fn of(store: &'a dyn Store, options: MakeOptions<'a>) -> Result<Self, StoreError> {
        let mut random = fastrand::Rng::with_seed(options.seed);
        let mut documents = every_document(store).await?;
        documents.retain(|document| matches!(document.state, DocumentState::Ready { .. }));
        let mut statistics = Statistics::default();
        let mut by_language: BTreeMap<String, Vec<Document>> = BTreeMap::new();
        for document in documents {
            let Some(source) = store.chunk_source(document.id).await? else { continue };
            by_language.entry(statistics.add(&source)).or_default().push(document);
        }
        let groups = by_language.into_values().map(|mut group| {
            random.shuffle(&mut group);
            group
        });
        let subjects = in_turn(groups.collect()).into_iter();
        let subjects = subjects.map(|document| Subject { document, used: HashSet::new() }).collect();
        let mut kinds = vec![Kind::Heading, Kind::Sentence];
        kinds.extend(options.writer.map(|_| Kind::Written));
        Ok(Self { store, options, kinds, subjects, statistics, asked: HashSet::new(), random })
    }

    /// A question from a document, of the kind whose turn it is, or of another one when that finds nothing.
    async fn question(&mut self, at: usize, round: usize) -> Result<Option<GoldLine>, MakeError> {
        let Some(source) = self.store.chunk_source(self.subjects[at].document.id).await? else { return Ok(None) };
        for turn in 0..self.kinds.len() {
            let kind = self.kinds[(at + round + turn) % self.kinds.len()];
            let Some(made) = self.made(kind, at, &source).await? else { continue };
            let says_enough = terms(&made.query) >= TERMS_MIN;
            self.subjects[at].used.insert(made.span);
            if !says_enough || !self.asked.insert(made.query.to_lowercase()) {
                continue;
            }
            let uri = self.subjects[at].document.uri.clone();
            let span = PlacedSpan { uri: uri.clone(), start: made.span.start, end: made.span.end };
            return Ok(Some(GoldLine { query: made.query, relevant: vec![uri], spans: vec![span] }));
        }
        Ok(None)
    }

    async fn made(&mut self, kind: Kind, at: usize, source: &ChunkSource) -> Result<Option<Made>, MakeError> {
        let Subject { document, used } = &self.subjects[at];
        let random = &mut self.random;
        Ok(match (kind, self.options.writer) {
            (Kind::Heading, _) => headings::question(document, source, &self.statistics, used, random),
            (Kind::Sentence, _) => sentences::question(source, &self.statistics, used, random),
            (Kind::Written, None) => None,
            (Kind::Written, Some(writer)) => {
                let indexed = self.store.indexed_document(document.id, self.options.generation).await?;
                let chunks = indexed.map(|indexed| indexed.chunks).unwrap_or_default();
                written::question(writer, document, &chunks, used, random).await?
            }
        })
    }
}

/// One of each group after the other, until all have had their turn.
fn in_turn<T>(groups: Vec<Vec<T>>) -> Vec<T> {
    let mut groups: Vec<_> = groups.into_iter().map(Vec::into_iter).collect();
    let mut all = Vec::new();
    loop {
        let before = all.len();
        all.extend(groups.iter_mut().filter_map(Iterator::next));
        if all.len() == before {
            return all;
        }
    }
}

/// Terms of a question that name something.
fn terms(query: &str) -> usize {
    query_terms(query, &[]).iter().filter(|term| !term.is_stop_word).count()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ibid_ingest::{ExtractOptions, extract};

    use super::*;
    use crate::types::{CollectionName, DocumentId, SourceStamp, Structure};

    /// A document of this title, as the truth knows it.
    pub(super) fn document(title: &str) -> Document {
        let collection = CollectionName::default_name();
        Document {
            id: DocumentId::of(&collection, "docs/a.md"),
            collection,
            uri: "docs/a.md".to_owned(),
            container: None,
            media_type: "text/markdown".to_owned(),
            title: title.to_owned(),
            metadata: BTreeMap::new(),
            language: None,
            readers: Default::default(),
            state: DocumentState::Ready { embedded: true },
            source: SourceStamp { bytes: 0, modified_ns: 0, sha256: String::new() },
            chunks: 1,
            text_bytes: 0,
            warnings: Vec::new(),
            updated_at_ms: 0,
        }
    }

    /// What extraction makes of a Markdown text.
    pub(super) fn source(text: &str) -> ChunkSource {
        let read = extract("a.md", text.as_bytes(), &ExtractOptions::default()).unwrap();
        assert_eq!(read.text, text);
        ChunkSource {
            id: document("").id,
            revision: 1,
            media_type: "text/markdown".to_owned(),
            title: String::new(),
            structure: Structure { body: read.body, headings: read.headings, ..Structure::default() },
            text: read.text,
        }
    }

    #[test]
    fn groups_take_turns_until_all_are_through() {
        assert_eq!(in_turn(vec![vec!["a1", "a2", "a3"], vec!["b1"], vec![]]), ["a1", "b1", "a2", "a3"]);
    }
}
