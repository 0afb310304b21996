//! THE COMPOSITION ROOT: the only place that names a backend. Configuration comes in, services go out.

mod data_folder;
mod models;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;

pub use data_folder::{DataFolder, DataFolderError};
pub use models::{ModelProgress, fetch_default_model, model_folder};

use crate::agent::{Agent, AgentLimits};
use crate::app::App;
use crate::config::{Config, VectorBackend};
use crate::indexing::{ExtractorLimits, Indexer, IndexerParts, MirrorOptions};
use crate::keyword::{KeywordIndex, KeywordOptions};
use crate::models::Embedder;
use crate::retrieval::Retriever;
use crate::store::Store;
use crate::types::{CollectionName, ModelId, Seq};
use crate::vector::{EdgeIndex, EdgeOptions, ExactIndex, VectorIndex};

/// An open data folder with everything that runs on it.
pub struct Booted {
    /// The services.
    pub app: App,
    /// The folder, locked for this process.
    pub folder: DataFolder,
    /// What was missing and is done without, for a person.
    pub notices: Vec<String>,
    config: Config,
}

/// The setting that says which model's vectors a data folder holds.
const MODEL_SETTING: &str = "embedding_model";
/// Dimensions of an index that has no embedder and stays empty.
const NO_DIMENSIONS: usize = 1;

/// Opens the data folder and everything on it.
///
/// # Errors
/// One sentence by what is wrong: a folder that another process holds, a newer one, a full disk, a damaged index.
pub async fn open(config: &Config, data: &Path) -> anyhow::Result<Booted> {
    let folder = DataFolder::lock(data)?;
    let store = Store::open(&folder.database()).await?;
    let mut notices = Vec::new();
    let models = models::load(&config.embedding, &mut notices)?;
    let model = settle_model(&store, models.embedder.as_ref()).await?;
    let keyword = {
        let place = folder.keyword();
        let opened = tokio::task::spawn_blocking(move || KeywordIndex::open(&place, KeywordOptions::default()));
        Arc::new(opened.await.context("opening the keyword index")??)
    };
    let dimensions = models.embedder.as_ref().map(|embedder| embedder.dimensions());
    let vector = vector_index(config, &folder, &store, dimensions).await?;
    let retriever = Retriever {
        store: store.clone(),
        keyword: Arc::clone(&keyword),
        vector: Arc::clone(&vector),
        embedder: models.embedder.clone(),
        vector_weight: config.search.vector_weight.clamp(0.0, 1.0),
    };
    let indexer = Arc::new(Indexer::new(IndexerParts {
        store: store.clone(),
        keyword,
        vector,
        embedder: models.embedder.clone(),
        model,
        counter: models.counter,
        program: std::env::current_exe().context("the path of this program")?,
        extraction: extraction(config),
        extractor_limits: extractor_limits(config),
        lanes: config.ingest.lanes.unwrap_or_else(cores),
        clock: now_ms,
    }));
    let agent = Agent {
        retriever: retriever.clone(),
        model: models::chat_model(&config.chat, models.embedder)?,
        store: store.clone(),
        limits: AgentLimits {
            run_timeout: Duration::from_secs(config.chat.run_timeout_s),
            answer_bytes_max: config.chat.answer_bytes_max,
        },
        clock: now_ms,
    };
    let passages = config.search.passages.clamp(1, 64);
    let app = App { store, retriever, indexer, agent, mirroring: Arc::default(), passages };
    Ok(Booted { app, folder, notices, config: config.clone() })
}

impl Booted {
    /// How folders are mirrored into `collection`.
    pub fn mirror_options(&self, collection: CollectionName) -> MirrorOptions {
        let chunking = ibid_ingest::ChunkOptions {
            tokens_max: self.config.ingest.chunk_tokens_max.clamp(16, 448),
            ..ibid_ingest::ChunkOptions::default()
        };
        MirrorOptions {
            collection,
            file_bytes_max: self.config.ingest.file_bytes_max,
            chunking,
            excluded: self.folder.path().to_owned(),
        }
    }
}

/// Deletes both indexes of a data folder, so that a damaged one cannot keep it from opening. The truth holds all that
/// they are built from.
///
/// # Errors
/// When another process holds the folder, or an index cannot be deleted.
pub fn remove_views(data: &Path) -> anyhow::Result<()> {
    let folder = DataFolder::lock(data)?;
    for view in [folder.keyword(), folder.vector()] {
        if view.exists() {
            std::fs::remove_dir_all(&view).with_context(|| format!("deleting {}", view.display()))?;
        }
    }
    Ok(())
}

fn extraction(config: &Config) -> ibid_ingest::ExtractOptions {
    ibid_ingest::ExtractOptions { pdf_backend: config.ingest.pdf_backend, ..ibid_ingest::ExtractOptions::default() }
}

fn extractor_limits(config: &Config) -> ExtractorLimits {
    ExtractorLimits {
        memory_bytes_max: config.ingest.memory_bytes_max,
        cpu_seconds_max: config.ingest.cpu_seconds_max,
        wall_time_max: Duration::from_secs(config.ingest.wall_seconds_max),
    }
}

/// Cores of this machine, and never none.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Milliseconds since 1970 (UTC).
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Holds the folder to the model whose vectors it has. A folder without vectors takes any.
async fn settle_model(store: &Store, embedder: Option<&Arc<dyn Embedder>>) -> anyhow::Result<ModelId> {
    let held = store.setting(MODEL_SETTING).await?.map(ModelId);
    match (embedder.map(|embedder| embedder.id().clone()), held) {
        (None, held) => Ok(held.unwrap_or_else(|| ModelId("none".to_owned()))),
        (Some(wanted), Some(held)) if held != wanted => anyhow::bail!(
            "this data folder holds vectors of the model {held}, and {wanted} is configured; \
             set [embedding] model to the first, or use another --data folder"
        ),
        (Some(wanted), held) => {
            if held.is_none() {
                store.set_setting(MODEL_SETTING, &wanted.0).await?;
            }
            Ok(wanted)
        }
    }
}

async fn vector_index(
    config: &Config,
    folder: &DataFolder,
    store: &Store,
    dimensions: Option<usize>,
) -> anyhow::Result<Arc<dyn VectorIndex>> {
    match (config.vector.backend, dimensions) {
        (VectorBackend::Edge, Some(dimensions)) => {
            let opened = EdgeIndex::open(&folder.vector(), EdgeOptions::new(dimensions)).await?;
            let opened: Arc<dyn VectorIndex> = Arc::new(opened);
            if opened.count().await? == 0 {
                // A folder that was deleted by hand is built again; an empty one costs nothing to read again.
                store.set_checkpoint(crate::indexing::VECTOR_VIEW, Seq(0)).await?;
            }
            Ok(opened)
        }
        (backend, dimensions) => {
            if backend == VectorBackend::Exact {
                // It holds nothing at the start, so it follows from the start.
                store.set_checkpoint(crate::indexing::VECTOR_VIEW, Seq(0)).await?;
            }
            Ok(Arc::new(ExactIndex::new(dimensions.unwrap_or(NO_DIMENSIONS))))
        }
    }
}
