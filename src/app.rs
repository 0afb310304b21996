//! The services as values: what the doors are given.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::agent::Agent;
use crate::generations::LiveGenerations;
use crate::indexing::Indexer;
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
}
