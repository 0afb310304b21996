//! A dataset's documents into a data folder, by the path that every document takes from its text on.

use std::collections::HashMap;

use super::gold::every_document;
use crate::indexing::{FileOutcome, Indexer, IndexingError, MirrorEvent, MirrorListener, TextDocument};
use crate::store::{Store, StoreError};

/// The setting of a data folder that holds a dataset's documents: the digest of all of them.
const CORPUS_SETTING: &str = "evaluation_corpus";

/// Why documents cannot be put into a data folder.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// It holds those of another dataset.
    #[error("{0} holds the documents of another dataset; take another folder, or delete this one")]
    Another(String),
    /// It holds documents of a person.
    #[error("{0} holds documents that no measurement put there; take a folder of its own")]
    InUse(String),
    /// The truth fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The write path fails.
    #[error(transparent)]
    Indexing(#[from] IndexingError),
}

/// Writes the documents that the truth does not have yet, so that what was cut off is continued. `digest` is that of the
/// whole corpus; a data folder belongs to one corpus for ever. The views follow elsewhere.
///
/// # Errors
/// [`CorpusError`]; documents that are written stay.
pub async fn put_corpus(
    indexer: &Indexer,
    store: &dyn Store,
    corpus: &[TextDocument],
    digest: &str,
    listener: MirrorListener<'_>,
) -> Result<(), CorpusError> {
    let held = every_document(store).await?;
    match store.setting(CORPUS_SETTING).await? {
        Some(known) if known == digest => {}
        Some(_) => return Err(CorpusError::Another(store.place())),
        None if !held.is_empty() => return Err(CorpusError::InUse(store.place())),
        None => store.set_setting(CORPUS_SETTING, digest).await?,
    }
    let held: HashMap<String, String> =
        held.into_iter().map(|document| (document.uri, document.source.sha256)).collect();
    let is_missing = |document: &&TextDocument| held.get(&document.uri) != Some(&document.sha256());
    let missing: Vec<&TextDocument> = corpus.iter().filter(is_missing).collect();
    listener(&MirrorEvent::Planned {
        moved: 0,
        read: missing.len(),
        bytes: missing.iter().map(|document| document.text.len() as u64).sum(),
        unchanged: corpus.len() - missing.len(),
        remove: 0,
    });
    for document in missing {
        let chunks = indexer.put_text(document.clone()).await?;
        let (uri, bytes) = (document.uri.clone(), document.text.len() as u64);
        listener(&MirrorEvent::File { uri, bytes, outcome: FileOutcome::Added { chunks } });
    }
    Ok(())
}
