//! THE COMPOSITION ROOT: the only place that names a backend. Configuration comes in, services go out.

mod chat;
mod data_folder;
mod evaluation;
mod models;
mod opener;
mod reranker;
mod sources;
mod store;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use ibid_ingest::{ChunkOptions, ExtractOptions};

pub use chat::{ChatProbe, probe_chat};
pub use data_folder::{DataFolder, DataFolderError};
pub use evaluation::{for_evaluation, same_index, temporary_folder};
pub use models::{ModelProgress, fetch_model, model_folder, model_id};
pub use reranker::{fetch_reranker, open_reranker};
pub use store::{open_store, store_exists};

use crate::agent::{Agent, AgentLimits, LiveRuns};
use crate::app::App;
use crate::citation::Verifier;
use crate::config::{Config, FusionKind, IngestConfig, OcrEngine, SearchConfig};
use crate::extraction::{ExtractorLimits, ExtractorParts, Tesseract, TextRecognizer};
use crate::generations::LiveGenerations;
use crate::indexing::{Indexer, IndexerParts, Sources};
use crate::memory::{Memory, in_flight_bytes};
use crate::models::Embedder;
use crate::retrieval::{Fusion, RerankStage, Retriever, WeightModel};
use crate::store::Store;
use crate::types::GenerationId;
use opener::Opener;

/// An open data folder with everything that runs on it.
pub struct Booted {
    /// The services.
    pub app: App,
    /// The folder, locked for this process.
    pub folder: DataFolder,
    /// What was missing and is done without, for a person.
    pub notices: Vec<String>,
}

/// The setting that tells one database from another.
const TRUTH_SETTING: &str = "truth_id";
/// The constant of reciprocal rank fusion that its authors found and that everybody takes.
const RRF_K: f32 = 60.0;
/// Lanes beyond one a core: with as many as cores, all wait for their readers at times and no core works. On 2 cores, 4 take
/// 0.8 of the time that 2 take, and 8 no less.
const LANES_WAITING: usize = 2;
/// Tokens of a chunk when nobody says otherwise.
const CHUNK_TOKENS: usize = 256;
/// Passages that a reranker may be given: as many as a leg of the search finds.
const RERANK_CANDIDATES_MAX: usize = 100;

/// Opens the data folder and everything on it.
///
/// # Errors
/// One sentence by what is wrong: a folder that another process holds, a newer one, a full disk, a damaged index.
pub async fn open(config: &Config, data: &Path) -> anyhow::Result<Booted> {
    let folder = DataFolder::lock(data)?;
    let store = open_store(config, folder.path()).await?;
    let notices = Arc::new(Mutex::new(Vec::new()));
    let generations = Arc::new(open_generations(config, &folder, &store, &notices).await?);
    let serving = generations.serving();
    let mut notices = std::mem::take(&mut *notices.lock().expect("nobody panics with the notices"));
    let reranker = open_reranker(config, &mut notices)?;
    let retriever = Retriever {
        store: Arc::clone(&store),
        generations: Arc::clone(&generations),
        fusion: fusion(&config.search)?,
        rerank: reranker.map(|reranker| RerankStage {
            reranker,
            candidates: config.rerank.candidates.clamp(1, RERANK_CANDIDATES_MAX),
            budget: Duration::from_millis(config.rerank.budget_ms),
        }),
    };
    let extraction = extraction(config, &mut notices)?;
    let gauge = Arc::clone(&extraction.gauge);
    let indexer = Arc::new(Indexer::new(IndexerParts {
        store: Arc::clone(&store),
        generations: Arc::clone(&generations),
        extraction,
        memory: Arc::new(Memory::new(config.ingest.max_memory_bytes, Box::new(move || gauge.current()))),
        embed: config.ingest.embed,
        lanes: config.ingest.lanes.unwrap_or_else(|| cores() + LANES_WAITING),
        lease: Duration::from_secs(config.ingest.lease_s.max(1)),
        originals: sources::originals(config, folder.path())?,
        clock: now_ms,
    }));
    let agent = agent(config, &store, &retriever, serving.embedder.clone())?;
    let passages = config.search.passages.clamp(1, 64);
    let mut app = App {
        store,
        generations,
        retriever,
        indexer,
        agent,
        mirroring: Arc::default(),
        passages,
        folder: folder.path().to_owned(),
        file_bytes_max: config.ingest.file_bytes_max,
        keep_originals: config.ingest.keep_originals.is_on(),
        sources: Sources::new(Vec::new(), now_ms),
    };
    app.sources = Sources::new(sources::sources(config, &app)?, now_ms);
    Ok(Booted { app, folder, notices })
}

fn agent(
    config: &Config,
    store: &Arc<dyn Store>,
    retriever: &Retriever,
    embedder: Option<Arc<dyn Embedder>>,
) -> anyhow::Result<Agent> {
    let days = config.threads.keep_days;
    Ok(Agent {
        retriever: retriever.clone(),
        model: chat::chat_model(&config.chat, embedder.clone())?,
        prices: Arc::new(chat::prices(&config.chat)),
        verifier: Verifier::lexical(embedder),
        store: Arc::clone(store),
        limits: AgentLimits {
            calls: chat::call_limits(&config.chat),
            run_timeout: Duration::from_secs(config.chat.run_timeout_s),
            answer_bytes_max: config.chat.answer_bytes_max,
            runs_max: config.server.runs_max,
            threads_kept: (days > 0).then(|| Duration::from_secs(days.saturating_mul(24 * 60 * 60))),
        },
        live: LiveRuns::default(),
        clock: now_ms,
    })
}

/// How the lists of both legs become one.
fn fusion(config: &SearchConfig) -> anyhow::Result<Fusion> {
    let fixed = config.vector_weight.map_or(FusionKind::Adaptive, |_| FusionKind::Convex);
    Ok(match config.fusion.unwrap_or(fixed) {
        FusionKind::Convex => Fusion::Convex { vector_weight: config.vector_weight.unwrap_or(0.5).clamp(0.0, 1.0) },
        FusionKind::Rrf => Fusion::Rrf { k: RRF_K },
        FusionKind::Adaptive => Fusion::Adaptive(match &config.weights {
            None => WeightModel::built_in().clone(),
            Some(path) => {
                let text = std::fs::read_to_string(path);
                let text = text.with_context(|| format!("the file of weights {} cannot be read", path.display()))?;
                WeightModel::read(&text).with_context(|| format!("the file of weights {}", path.display()))?
            }
        }),
    })
}

/// Deletes the indexes of a data folder, so that a damaged one cannot keep it from opening. The truth holds all that they
/// are built from.
///
/// # Errors
/// When another process holds the folder, or an index cannot be deleted.
pub fn remove_views(data: &Path) -> anyhow::Result<()> {
    DataFolder::lock(data)?.remove_views(None).context("deleting the indexes")
}

/// How chunks of a new data folder are cut.
pub fn chunking(config: &Config) -> ChunkOptions {
    let tokens_max = config.ingest.chunk_tokens_max.unwrap_or(CHUNK_TOKENS);
    ChunkOptions { tokens_max: tokens_max.clamp(16, 448), ..ChunkOptions::default() }
}

async fn open_generations(
    config: &Config,
    folder: &DataFolder,
    store: &Arc<dyn Store>,
    notices: &Arc<Mutex<Vec<String>>>,
) -> anyhow::Result<LiveGenerations> {
    let truth = store.setting_or(TRUTH_SETTING, &uuid::Uuid::new_v4().to_string()).await?;
    if folder.bind(&truth, store.is_shared())? {
        notices
            .lock()
            .expect("nobody panics with the notices")
            .push(format!("{} held the indexes of another database; they are built again", folder.path().display()));
    }
    let known = store.generations().await?;
    let ids: Vec<GenerationId> = known.iter().map(|generation| generation.id).collect();
    folder.remove_views(Some(&ids))?;
    if let Some(serving) = known.iter().find(|generation| generation.serving) {
        models::check_configured(config, serving)?;
    }
    let opener = Opener {
        config: config.clone(),
        store: Arc::clone(store),
        folder: folder.path().to_owned(),
        truth,
        replica: folder.replica(uuid::Uuid::new_v4().to_string())?,
        notices: Arc::clone(notices),
    };
    Ok(LiveGenerations::open(Arc::clone(store), Box::new(opener)).await?)
}

/// What reads documents. Says in `notices` what was configured and is not there.
///
/// # Errors
/// When this program does not know where it is.
pub fn extraction(config: &Config, notices: &mut Vec<String>) -> anyhow::Result<ExtractorParts> {
    let IngestConfig { pdf_backend, passwords, html_article, .. } = config.ingest.clone();
    let recognizer = match config.ingest.ocr {
        OcrEngine::Off => None,
        OcrEngine::Tesseract => Tesseract::new(&config.ingest.ocr_languages)
            .map_err(|reason| notices.push(format!("scanned pages are not read: {reason}")))
            .ok(),
    };
    Ok(ExtractorParts {
        program: std::env::current_exe().context("the path of this program")?,
        options: ExtractOptions { pdf_backend, passwords: passwords.0, html_article, ..ExtractOptions::default() },
        limits: ExtractorLimits {
            memory_bytes_max: config.ingest.memory_bytes_max,
            resident_bytes_max: config.ingest.memory_bytes_max.min(in_flight_bytes(config.ingest.max_memory_bytes)),
            cpu_seconds_max: config.ingest.cpu_seconds_max,
            wall_time_max: Duration::from_secs(config.ingest.wall_seconds_max),
        },
        recognizer: recognizer.map(|tesseract| Arc::new(tesseract) as Arc<dyn TextRecognizer>),
        gauge: Arc::default(),
    })
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
