//! One search: both legs, fusion, truth check, highlights.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::fusion::{Fused, fuse};
use super::highlight::{highlights, query_words};
use crate::generations::{LiveGenerations, OpenedGeneration};
use crate::keyword::{KeywordError, KeywordQuery};
use crate::models::EmbedError;
use crate::store::{ChunkInTruth, Store, StoreError};
use crate::types::{Caller, FacetQuery, Filter, FilterError, Hit, LegHit, SearchMode, document_facets};
use crate::vector::VectorError;

/// Candidates that each leg gives to fusion. Depth 100 is what the fusion weight was chosen at.
const CANDIDATES: usize = 100;

/// What to search for.
#[derive(Debug, Clone)]
pub struct SearchRequest {
    /// The question.
    pub query: String,
    /// How many hits.
    pub k: usize,
    /// Which legs.
    pub mode: SearchMode,
    /// What to narrow it to.
    pub filter: Filter,
    /// Who asks: only what this caller may read is searched.
    pub caller: Caller,
    /// Whether hits say what each leg said.
    pub explain: bool,
}

impl SearchRequest {
    /// A hybrid search for ten hits over everything, by the owner; fields that differ are set afterwards.
    pub fn new(query: impl Into<String>) -> Self {
        Self {
            query: query.into(),
            k: 10,
            mode: SearchMode::Hybrid,
            filter: Filter::default(),
            caller: Caller::Owner,
            explain: false,
        }
    }
}

/// What was found.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct SearchResponse {
    /// Best first.
    pub hits: Vec<Hit>,
    /// The legs that ran; hybrid falls back to keyword when there is no embedder.
    pub mode: SearchMode,
    /// Wall time in milliseconds.
    pub took_ms: f64,
}

/// Why a search could not be done.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The filter cannot be applied.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// The vector leg was asked for and there is no embedder.
    #[error("there is no embedding model, so only --mode keyword can be searched; `ibid doctor` says how to get one")]
    NoEmbedder,
    /// The truth fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keyword index fails.
    #[error(transparent)]
    Keyword(#[from] KeywordError),
    /// The vector index fails.
    #[error(transparent)]
    Vector(#[from] VectorError),
    /// The query cannot be embedded.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// The work was dropped before it ended.
    #[error("the search was cancelled")]
    Cancelled,
}

/// The read path with everything that it reads from.
#[derive(Clone)]
pub struct Retriever {
    /// The truth, which has the last word.
    pub store: Arc<dyn Store>,
    /// The legs; a search reads those of the generation that serves.
    pub generations: Arc<LiveGenerations>,
    /// The vector leg's share in fusion, 0 to 1.
    pub vector_weight: f32,
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
        let facets = request.caller.narrowed(request.filter.facets()?);
        let mode = match (request.mode, &views.embedder) {
            (SearchMode::Vector, None) => return Err(SearchError::NoEmbedder),
            (SearchMode::Hybrid, None) => SearchMode::Keyword,
            (asked, _) => asked,
        };
        let depth = request.k.max(CANDIDATES);
        let (keyword, vector) = match mode {
            SearchMode::Hybrid => tokio::try_join!(
                keyword_leg(views, &request.query, &facets, depth),
                vector_leg(views, &request.query, &facets, depth)
            )?,
            SearchMode::Keyword => (keyword_leg(views, &request.query, &facets, depth).await?, Vec::new()),
            SearchMode::Vector => (Vec::new(), vector_leg(views, &request.query, &facets, depth).await?),
        };
        let mut fused = fuse(&keyword, &vector, self.weight_for(views, mode));
        if mode != SearchMode::Hybrid {
            // One leg alone keeps its own scale.
            fused.iter_mut().for_each(|hit| hit.score = own_score(hit));
        }
        let hits = self.check_against_truth(fused, request, &facets).await?;
        let hits = highlighted(request.query.clone(), hits).await?;
        Ok(SearchResponse { hits, mode, took_ms: began.elapsed().as_secs_f64() * 1e3 })
    }

    /// The vector leg's share in fusion. While documents come in, the vector leg ranks the few that it has, and the best of
    /// a few says little.
    fn weight_for(&self, views: &OpenedGeneration, mode: SearchMode) -> f32 {
        match mode {
            SearchMode::Hybrid => self.vector_weight * views.embedded_share.get(),
            SearchMode::Keyword => 0.0,
            SearchMode::Vector => 1.0,
        }
    }

    /// Reads the best candidates from the truth; what is gone, not ready or outside the filter falls away, and the next
    /// ones take its place.
    async fn check_against_truth(
        &self,
        fused: Vec<Fused>,
        request: &SearchRequest,
        facets: &FacetQuery,
    ) -> Result<Vec<Hit>, SearchError> {
        let mut hits = Vec::with_capacity(request.k);
        for part in fused.chunks(request.k.max(1)) {
            let ids: Vec<_> = part.iter().map(|candidate| candidate.chunk).collect();
            let truth = self.store.chunks(&ids).await?;
            let mut truth: HashMap<_, _> = truth.into_iter().map(|found| (found.row.id, found)).collect();
            for candidate in part {
                let Some(found) = truth.remove(&candidate.chunk) else { continue };
                if hits.len() < request.k && facets.matches(&document_facets(&found.document)) {
                    hits.push(hit_of(found, candidate, request.explain));
                }
            }
            if hits.len() >= request.k {
                break;
            }
        }
        Ok(hits)
    }
}

async fn keyword_leg(
    views: &OpenedGeneration,
    query: &str,
    facets: &FacetQuery,
    k: usize,
) -> Result<Vec<LegHit>, SearchError> {
    let (index, query, facets) = (Arc::clone(&views.keyword), query.to_owned(), facets.clone());
    let work = move || index.search(&KeywordQuery::plain(query), &facets, k);
    Ok(tokio::task::spawn_blocking(work).await.map_err(|_| SearchError::Cancelled)??.hits)
}

async fn vector_leg(
    views: &OpenedGeneration,
    query: &str,
    facets: &FacetQuery,
    k: usize,
) -> Result<Vec<LegHit>, SearchError> {
    let Some(embedder) = views.embedder.as_ref().filter(|_| !query.trim().is_empty()) else {
        return Ok(Vec::new());
    };
    let vector = embedder.embed_query(query).await?;
    Ok(views.vector.search(&vector, facets, k).await?)
}

/// Marks the query's words in every hit, away from the threads that serve connections.
async fn highlighted(query: String, mut hits: Vec<Hit>) -> Result<Vec<Hit>, SearchError> {
    let work = move || {
        let words = query_words(&query);
        hits.iter_mut().for_each(|hit| hit.highlights = highlights(&hit.text, &words));
        hits
    };
    tokio::task::spawn_blocking(work).await.map_err(|_| SearchError::Cancelled)
}

fn own_score(fused: &Fused) -> f32 {
    fused.legs.keyword.or(fused.legs.vector).map_or(0.0, |rank| rank.score)
}

fn hit_of(found: ChunkInTruth, fused: &Fused, explain: bool) -> Hit {
    let ChunkInTruth { row, document } = found;
    Hit {
        chunk_id: row.id,
        document_id: document.id,
        collection: document.collection,
        uri: document.uri,
        title: document.title,
        media_type: document.media_type,
        heading_path: row.chunk.heading_path,
        page_first: row.chunk.page_first,
        page_last: row.chunk.page_last,
        span: row.chunk.span,
        text: row.text,
        highlights: Vec::new(),
        score: fused.score,
        legs: explain.then(|| fused.legs.clone()),
    }
}
