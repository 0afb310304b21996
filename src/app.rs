//! The services as values: what the doors are given.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::agent::Agent;
use crate::generations::LiveGenerations;
use crate::indexing::{DeletionPolicy, Indexer, MirrorOptions, ScanRules, Sources};
use crate::retrieval::Retriever;
use crate::store::Store;
use crate::types::{CollectionName, Principal};

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
    /// The data folder, which is never mirrored and holds what is on its way in.
    pub folder: PathBuf,
    /// Largest file that is read.
    pub file_bytes_max: u64,
    /// Whether files are kept as they were read, unless a source says otherwise.
    pub keep_originals: bool,
    /// The folders that are followed while the server runs.
    pub sources: Sources,
}

impl App {
    /// How files come into `collection`.
    pub fn mirror_options(&self, collection: CollectionName, readers: Option<BTreeSet<Principal>>) -> MirrorOptions {
        MirrorOptions {
            collection,
            file_bytes_max: self.file_bytes_max,
            readers,
            excluded: self.folder.clone(),
            rules: ScanRules::default(),
            deletion: DeletionPolicy::default(),
            checksum: false,
            retry_failed: false,
            after_back_off: false,
            keep_originals: self.keep_originals,
        }
    }
}
