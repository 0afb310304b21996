//! Opens the indexes of a generation: which engines, in which places, with which model.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use ibid_ingest::ChunkOptions;

use super::data_folder::DataFolder;
use super::models::{self, Models};
use crate::config::{self, Config, QdrantQuantization, VectorBackend};
use crate::generations::{OpenError, OpenGeneration, OpenedGeneration, VectorFollower};
use crate::keyword::{KeywordError, KeywordIndex, KeywordOptions};
use crate::store::Store;
use crate::types::{Generation, GenerationId, Seq};
use crate::vector::{
    EdgeIndex, EdgeOptions, ExactIndex, PgvectorIndex, PgvectorOptions, PgvectorStorage, QdrantIndex, QdrantOptions,
    Quantisation, VectorIndex,
};

/// Dimensions of an index that has no embedder and stays empty.
const NO_DIMENSIONS: usize = 1;

/// What opening an index takes.
pub(super) struct Opener {
    pub(super) config: Config,
    pub(super) store: Arc<dyn Store>,
    /// The views of this process, one folder each.
    pub(super) folder: PathBuf,
    /// Which database it is.
    pub(super) truth: String,
    /// Which data folder it is, among those that follow the same database.
    pub(super) replica: String,
    /// What was missing and is done without, for a person.
    pub(super) notices: Arc<Mutex<Vec<String>>>,
}

/// A vector index, and how it follows.
struct VectorView {
    index: Arc<dyn VectorIndex>,
    follower: VectorFollower,
    checkpoint: String,
}

#[async_trait]
impl OpenGeneration for Opener {
    async fn open(&self, generation: &Generation) -> Result<OpenedGeneration, OpenError> {
        self.opened(generation).await.map_err(|error| format!("{error:#}").into())
    }

    async fn remove(&self, id: GenerationId) -> Result<(), OpenError> {
        for folder in [DataFolder::keyword_of(&self.folder, id), DataFolder::vector_of(&self.folder, id)] {
            match std::fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    async fn promote(&self, generation: &OpenedGeneration) -> Result<(), OpenError> {
        Ok(generation.vector.promote().await?)
    }
}

impl Opener {
    async fn opened(&self, generation: &Generation) -> anyhow::Result<OpenedGeneration> {
        let mut notices = Vec::new();
        let loaded = models::load(&self.config.embedding, generation.model.as_ref(), &mut notices)?;
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).extend(notices);
        let chunking = generation.chunking.clone().unwrap_or_else(|| super::chunking(&self.config));
        if generation.model.is_none() || generation.chunking.is_none() {
            let model = loaded.embedder.as_ref().map(|embedder| embedder.id());
            self.store.settle_generation(generation.id, model, &chunking).await?;
        }
        let keyword = self.keyword(generation.id).await?;
        let vector = self.vector(generation.id, &loaded).await?;
        let own = vector.follower != VectorFollower::Truth;
        let is_empty = own && vector.index.count().await? == 0;
        if is_empty && self.store.embedding_status(generation.id).await?.chunks_embedded > 0 {
            // An index that is new, or was deleted by hand, is built again.
            self.store.rewind_checkpoint(&vector.checkpoint, Seq(0)).await?;
        }
        Ok(assembled(generation.id, chunking, loaded, keyword, vector))
    }

    async fn keyword(&self, id: GenerationId) -> anyhow::Result<Arc<KeywordIndex>> {
        let place = DataFolder::keyword_of(&self.folder, id);
        let opened = tokio::task::spawn_blocking(move || open_keyword(&place));
        let (keyword, outdated) = opened.await.context("opening the keyword index")??;
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).extend(outdated);
        let keyword = Arc::new(keyword);
        if keyword.checkpoint() > self.store.last_seq(id).await? {
            // The database is older than the index: it was restored from a backup.
            keyword.clear()?;
        }
        Ok(keyword)
    }

    async fn vector(&self, id: GenerationId, loaded: &Models) -> anyhow::Result<VectorView> {
        let Some(dimensions) = loaded.embedder.as_ref().map(|embedder| embedder.dimensions()) else {
            let checkpoint = self.own_checkpoint("none", id);
            return Ok(VectorView {
                index: Arc::new(ExactIndex::new(NO_DIMENSIONS)),
                follower: VectorFollower::Own,
                checkpoint,
            });
        };
        let default = if self.store.is_shared() { VectorBackend::Pgvector } else { VectorBackend::Edge };
        let (index, follower, checkpoint): (Arc<dyn VectorIndex>, _, _) =
            match self.config.vector.backend.unwrap_or(default) {
                VectorBackend::Edge => {
                    let place = DataFolder::vector_of(&self.folder, id);
                    let edge = EdgeIndex::open(&place, EdgeOptions::new(dimensions)).await?;
                    (Arc::new(edge), VectorFollower::Own, self.own_checkpoint("vector", id))
                }
                VectorBackend::Exact => {
                    (Arc::new(ExactIndex::new(dimensions)), VectorFollower::Own, self.own_checkpoint("exact", id))
                }
                VectorBackend::Qdrant => {
                    let qdrant = QdrantIndex::open(self.qdrant_options(id, dimensions)).await?;
                    (Arc::new(qdrant), VectorFollower::Shared, format!("qdrant:{id}"))
                }
                VectorBackend::Pgvector => {
                    let pgvector = PgvectorIndex::open(self.pgvector_options(id, dimensions)?).await?;
                    (Arc::new(pgvector), VectorFollower::Truth, format!("pgvector:{id}"))
                }
            };
        Ok(VectorView { index, follower, checkpoint })
    }

    fn pgvector_options(&self, id: GenerationId, dimensions: usize) -> anyhow::Result<PgvectorOptions> {
        let config = &self.config.vector.pgvector;
        let url = self.config.store.url.as_ref().context(
            "pgvector is in the Postgres that holds the documents: give it with --store postgres://..., or take another --vector",
        )?;
        Ok(PgvectorOptions {
            storage: match config.storage {
                config::PgvectorStorage::Vector => PgvectorStorage::Vector,
                config::PgvectorStorage::Halfvec => PgvectorStorage::Halfvec,
            },
            m: config.m,
            ef_construction: config.ef_construction,
            ef_search: config.ef_search,
            max_scan_tuples: config.max_scan_tuples,
            connections_max: self.config.store.connections_max.div_ceil(2).max(2),
            ..PgvectorOptions::new(url, id.0, dimensions)
        })
    }

    fn qdrant_options(&self, id: GenerationId, dimensions: usize) -> QdrantOptions {
        let config = &self.config.vector.qdrant;
        let own =
            || format!("ibid_{}", self.truth.chars().filter(char::is_ascii_alphanumeric).take(12).collect::<String>());
        let collection = config.collection.clone().unwrap_or_else(own);
        QdrantOptions {
            api_key: config.api_key.clone(),
            generation: u64::from(id.0),
            replication_factor: config.replication_factor,
            shard_number: config.shard_number,
            write_consistency_factor: config.write_consistency_factor,
            quantisation: config.quantization.map(|quantization| match quantization {
                QdrantQuantization::Scalar => Quantisation::Scalar,
                QdrantQuantization::Binary => Quantisation::Binary,
            }),
            on_disk: config.on_disk,
            request_timeout: Duration::from_secs(config.timeout_s),
            batch_points: config.batch_points,
            parallel_requests: config.requests_max,
            ef_search: config.ef_search,
            ..QdrantOptions::new(&config.url, collection, dimensions)
        }
    }

    /// The name of a checkpoint of an index that only this data folder has.
    fn own_checkpoint(&self, engine: &str, id: GenerationId) -> String {
        let name = if id == GenerationId(1) { engine.to_owned() } else { format!("{engine}:{id}") };
        if self.store.is_shared() { format!("{name}@{}", self.replica) } else { name }
    }
}

/// Opens a keyword index, and begins it anew when another version of this program made it: the followers fill it from the
/// truth. Says so for a person.
fn open_keyword(place: &Path) -> anyhow::Result<(KeywordIndex, Option<String>)> {
    let open = || KeywordIndex::open(place, KeywordOptions::default());
    match open() {
        Err(KeywordError::Version { found, expected, .. }) => {
            std::fs::remove_dir_all(place).context("deleting a keyword index of another version")?;
            let notice = format!("the keyword index had version {found}, it is built again in version {expected}");
            Ok((open()?, Some(notice)))
        }
        opened => Ok((opened?, None)),
    }
}

fn assembled(
    id: GenerationId,
    chunking: ChunkOptions,
    loaded: Models,
    keyword: Arc<KeywordIndex>,
    vector: VectorView,
) -> OpenedGeneration {
    OpenedGeneration {
        id,
        chunking,
        keyword,
        vector: vector.index,
        vector_follower: vector.follower,
        vector_view: vector.checkpoint,
        embedder: loaded.embedder,
        counter: loaded.counter,
        embedded_share: Default::default(),
    }
}
