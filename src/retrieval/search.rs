//! One search: both legs, fusion, truth check, choice, rerank, highlights.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use super::evidence::{Evidence, FinishedSearch};
use super::explain;
use super::fusion::{Fused, Fusion};
use super::highlight::{highlights, query_words};
use super::legs::{self, LegAnswers, LegQuestion};
use super::passages::{self, Shown};
use super::query::{ParsedQuery, parse_query};
use super::request::{Expand, SearchError, SearchRequest, SearchResponse};
use super::rerank::{RerankStage, rerank};
use super::selection::{Candidate, Rules, Selection};
use super::signals::Signals;
use super::why_not;
use crate::generations::{LiveGenerations, OpenedGeneration};
use crate::keyword::KeywordQuery;
use crate::store::Store;
use crate::types::{ChunkId, DroppedBy, Hit, Legs, SearchMode, document_facets};

/// Candidates that each leg gives to fusion. Depth 100 is what the weights were fitted at.
const CANDIDATES: usize = 100;

/// The read path with everything that it reads from.
#[derive(Clone)]
pub struct Retriever {
    /// The truth, which has the last word.
    pub store: Arc<dyn Store>,
    /// The legs; a search reads those of the generation that serves.
    pub generations: Arc<LiveGenerations>,
    /// How the lists of both legs become one.
    pub fusion: Fusion,
    /// What may have the last word on the order.
    pub rerank: Option<RerankStage>,
}

/// A search under way: what was asked, as it was understood.
pub(super) struct Search<'a> {
    pub(super) views: &'a OpenedGeneration,
    pub(super) request: &'a SearchRequest,
    pub(super) parsed: ParsedQuery,
    pub(super) question: LegQuestion,
}

/// What fusion made of both lists.
pub(super) struct FusedLists {
    pub(super) answers: LegAnswers,
    pub(super) signals: Signals,
    pub(super) vector_weight: f32,
    pub(super) fused: Vec<Fused>,
}

/// Hits, and what happened to those that are none.
pub(super) struct Chosen {
    pub(super) hits: Vec<Hit>,
    /// What the legs said of each hit.
    pub(super) legs: Vec<Legs>,
    pub(super) dropped: HashMap<ChunkId, DroppedBy>,
    pub(super) notices: Vec<String>,
    pub(super) reranked: bool,
}

impl Retriever {
    /// Searches.
    ///
    /// # Errors
    /// [`SearchError`] by the part that fails. A query without words finds nothing by keyword and is no error.
    pub async fn search(&self, request: &SearchRequest) -> Result<SearchResponse, SearchError> {
        self.search_in(&self.generations.serving(), request).await
    }

    /// Searches a generation, be it the one that serves or not.
    ///
    /// # Errors
    /// As [`Self::search`].
    pub async fn search_in(
        &self,
        views: &OpenedGeneration,
        request: &SearchRequest,
    ) -> Result<SearchResponse, SearchError> {
        let began = Instant::now();
        let search = Search::new(views, request)?;
        let lists = self.fused(&search).await?;
        let chosen = self.choose(&search, &lists).await?;
        let why_not = match &request.why_not {
            Some(target) => Some(why_not::why_not(self, &search, &lists, &chosen, target).await?),
            None => None,
        };
        let Chosen { mut hits, legs, mut notices, reranked, .. } = chosen;
        if request.expand == Expand::Section {
            passages::add_sections(self.store.as_ref(), &mut hits).await?;
        }
        let mut explanation = None;
        if request.explain {
            explain::add_matched_terms(&search, &mut hits).await?;
            let reranker = self.rerank.as_ref().filter(|_| reranked).map(|stage| stage.reranker.id().to_owned());
            explanation = Some(explain::query(&self.fusion, &search, &lists, reranker));
        }
        let FusedLists { answers, signals, .. } = lists;
        let (question, trust_in_vectors) = (search.parsed.text.clone(), search.evidence_of_vectors());
        let finished = FinishedSearch { question, answers, signals, trust_in_vectors, hits, legs };
        let (marked, evidence) = read(finished).await?;
        notices.splice(0..0, search.parsed.notices);
        let took_ms = began.elapsed().as_secs_f64() * 1e3;
        Ok(SearchResponse {
            hits: marked,
            evidence,
            mode: search.question.mode,
            notices,
            explanation,
            why_not,
            took_ms,
        })
    }

    /// What both legs of the generation that serves find, with what they show of the question: to fit and to judge fusion.
    ///
    /// # Errors
    /// As [`Self::search`].
    pub async fn legs(&self, request: &SearchRequest) -> Result<(LegAnswers, Signals), SearchError> {
        let views = self.generations.serving();
        Search::new(&views, request)?.ask().await
    }

    async fn fused(&self, search: &Search<'_>) -> Result<FusedLists, SearchError> {
        let (answers, signals) = search.ask().await?;
        // While documents come in, the vector leg ranks the few that it has, and the best of a few says little. A model that
        // cannot read the question says nothing.
        let vector_weight = match search.question.mode {
            SearchMode::Hybrid => self.fusion.vector_weight(&signals) * search.trust_in_vectors(),
            SearchMode::Keyword => 0.0,
            SearchMode::Vector => 1.0,
        };
        let fused = self.fusion.fuse(&answers, &signals, vector_weight);
        Ok(FusedLists { answers, signals, vector_weight, fused })
    }

    async fn choose(&self, search: &Search<'_>, lists: &FusedLists) -> Result<Chosen, SearchError> {
        let request = search.request;
        let stage = self.rerank.as_ref().filter(|_| request.rerank);
        let wanted = stage.map_or(request.k, |stage| request.k.max(stage.candidates));
        let (passages, dropped) = self.selection(search, &lists.fused, wanted).await?.finish();
        let mut notices = Vec::new();
        let ordered: Vec<_> = match stage {
            None => passages.into_iter().map(|passage| (passage, None)).collect(),
            Some(stage) => {
                let reranked = rerank(stage, &search.parsed.text, passages).await;
                notices.extend(reranked.notice);
                reranked.passages
            }
        };
        let reranked = ordered.iter().any(|(_, reranked)| reranked.is_some());
        let shown = Shown { hybrid: search.question.mode == SearchMode::Hybrid, explain: request.explain };
        let (mut hits, mut legs) = (Vec::with_capacity(request.k), Vec::with_capacity(request.k));
        for (passage, scored) in ordered.into_iter().take(request.k) {
            let said = passage.best.fused.legs.clone();
            if let Some(hit) = passages::hit(self.store.as_ref(), passage, scored, shown).await? {
                hits.push(hit);
                legs.push(said);
            }
        }
        Ok(Chosen { hits, legs, dropped, notices, reranked })
    }

    /// Reads the best candidates from the truth and chooses among them; what is gone, not ready or outside the filter falls
    /// away, and the next ones take its place.
    async fn selection(&self, search: &Search<'_>, fused: &[Fused], wanted: usize) -> Result<Selection, SearchError> {
        let SearchRequest { per_document, keep_duplicates, expand, .. } = *search.request;
        let mut selection = Selection::new(Rules { wanted, per_document, keep_duplicates, expand });
        for part in fused.chunks(wanted.max(1)) {
            let ids: Vec<_> = part.iter().map(|candidate| candidate.chunk).collect();
            let truth = self.store.chunks(&ids).await?;
            let mut truth: HashMap<_, _> = truth.into_iter().map(|found| (found.row.id, found)).collect();
            for candidate in part {
                let Some(found) = truth.remove(&candidate.chunk) else { continue };
                if search.question.facets.matches(&document_facets(&found.document)) {
                    selection.offer(Candidate { fused: candidate.clone(), found });
                }
            }
            if selection.is_full() {
                break;
            }
        }
        Ok(selection)
    }
}

impl<'a> Search<'a> {
    fn new(views: &'a OpenedGeneration, request: &'a SearchRequest) -> Result<Self, SearchError> {
        let parsed = if request.plain {
            ParsedQuery { text: request.query.clone(), ..ParsedQuery::default() }
        } else {
            parse_query(&request.query)
        };
        let facets = request.filter.facets()?.and(parsed.filter.facets()?);
        let mode = match (request.mode, &views.embedder) {
            (SearchMode::Vector, None) => return Err(SearchError::NoEmbedder),
            (SearchMode::Hybrid, None) => SearchMode::Keyword,
            (asked, _) => asked,
        };
        let query = KeywordQuery {
            text: parsed.text.clone(),
            phrases: parsed.phrases.clone(),
            excluded: parsed.excluded.clone(),
            titles: parsed.titles.clone(),
        };
        let facets = request.caller.narrowed(facets);
        let question = LegQuestion { query, facets, mode, depth: request.k.max(CANDIDATES) };
        Ok(Self { views, request, parsed, question })
    }

    async fn ask(&self) -> Result<(LegAnswers, Signals), SearchError> {
        let answers = legs::ask(self.views, &self.question).await?;
        let signals = Signals::of(&answers.keyword, &answers.vector);
        Ok((answers, signals))
    }

    /// How much of its weight the vector leg deserves, 0 to 1: the share of the chunks that have their vectors, and the share
    /// of the question that the model can read.
    pub(super) fn trust_in_vectors(&self) -> f32 {
        let reads = self.views.embedder.as_ref().map_or(0.0, |embedder| embedder.reads(&self.parsed.text));
        self.views.embedded_share.get() * reads
    }

    /// How much the vector leg says of whether there is an answer, 0 to 1: hashed words say nothing beside the words.
    fn evidence_of_vectors(&self) -> f32 {
        let knows = self.views.embedder.as_ref().is_some_and(|embedder| embedder.knows_meaning());
        if knows && self.question.mode != SearchMode::Keyword { self.trust_in_vectors() } else { 0.0 }
    }
}

/// Marks the query's words in every hit and weighs whether they answer, away from the threads that serve connections.
async fn read(mut finished: FinishedSearch) -> Result<(Vec<Hit>, Evidence), SearchError> {
    let work = move || {
        let words: BTreeSet<String> = query_words(&finished.question);
        finished.hits.iter_mut().for_each(|hit| hit.highlights = highlights(&hit.text, &words));
        let evidence = Evidence::of(&finished);
        (finished.hits, evidence)
    };
    tokio::task::spawn_blocking(work).await.map_err(|_| SearchError::Cancelled)
}

impl FusedLists {
    /// The place of a chunk in the fused list, from 1.
    pub(super) fn rank_of(&self, chunk: ChunkId) -> Option<usize> {
        self.fused.iter().position(|fused| fused.chunk == chunk).map(|place| place + 1)
    }
}
