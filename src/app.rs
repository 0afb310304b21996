//! The services as values: what the doors are given.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::agent::Agent;
use crate::generations::LiveGenerations;
use crate::indexing::Indexer;
use crate::models::Reranker;
use crate::retrieval::Retriever;
use crate::store::Store;

/// Every service of one data folder.
#[derive(Clone)]
pub struct App {
    /// The truth.
    pub store: Arc<dyn Store>,
    /// What is searched, and what is built beside it.
    pub generations: Arc<LiveGenerations>,
    /// The read path.
    pub retriever: Retriever,
    /// The write path.
    pub indexer: Arc<Indexer>,
    /// The run.
    pub agent: Agent,
    /// Whether a folder is being mirrored at this moment.
    pub mirroring: Arc<AtomicBool>,
    /// Passages that an answer is written from.
    pub passages: usize,
    /// What reads the best passages of a search again, if anything does.
    pub reranker: Option<Arc<dyn Reranker>>,
    /// Passages that it reads, from the best on.
    pub rerank_candidates: usize,
    /// Longest time that it has in a search.
    pub rerank_budget: Duration,
}
