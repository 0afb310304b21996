//! The two followers: each reads the change log after its own checkpoint and brings its view up to it.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::IndexingError;
use crate::analysis;
use crate::faults;
use crate::keyword::{KeywordBatch, KeywordEntry, KeywordIndex};
use crate::store::{ChangeKind, IndexedDocument, Store};
use crate::types::{DocumentId, ModelId, Seq, document_facets};
use crate::vector::{VectorIndex, VectorPoint};

/// The checkpoint of the vector view in the store.
pub const VECTOR_VIEW: &str = "vector";

/// Changes that one commit covers: a commit costs a flush to disk, and what waits for it is not found.
const CHANGES_PER_COMMIT: u32 = 512;
/// Characters that tell a document's language.
const LANGUAGE_SAMPLE_CHARS: usize = 2_000;

/// How far a view is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ViewState {
    /// The last change that it holds.
    pub checkpoint: Seq,
    /// The newest change there is.
    pub last: Seq,
    /// Chunks that it holds.
    pub chunks: u64,
}

/// Applies the next changes to the keyword view; says whether there were any.
pub(super) async fn follow_keyword(store: &Store, index: &Arc<KeywordIndex>) -> Result<bool, IndexingError> {
    let changes = store.changes_after(index.checkpoint(), CHANGES_PER_COMMIT).await?;
    let Some(last) = changes.last().map(|change| change.seq) else { return Ok(false) };
    let words = changes.iter().filter(|change| change.kind != ChangeKind::Embedded);
    let documents: BTreeSet<DocumentId> = words.map(|change| change.document).collect();
    for id in documents {
        let batch = match store.indexed_document(id).await? {
            Some(document) => KeywordBatch { upserts: vec![(id, entries(&document))], deletes: Vec::new() },
            None => KeywordBatch { upserts: Vec::new(), deletes: vec![id] },
        };
        blocking(index, move |index| index.apply(batch)).await?;
    }
    faults::point();
    blocking(index, move |index| index.commit(last)).await?;
    faults::point();
    Ok(true)
}

/// Applies the next changes to the vector view; says whether there were any.
pub(super) async fn follow_vector(
    store: &Store,
    index: &Arc<dyn VectorIndex>,
    model: &ModelId,
) -> Result<bool, IndexingError> {
    let changes = store.changes_after(store.checkpoint(VECTOR_VIEW).await?, CHANGES_PER_COMMIT).await?;
    let Some(last) = changes.last().map(|change| change.seq) else { return Ok(false) };
    let documents: BTreeSet<DocumentId> = changes.iter().map(|change| change.document).collect();
    let documents: Vec<DocumentId> = documents.into_iter().collect();
    index.delete_documents(&documents).await?;
    faults::point();
    for id in documents {
        let points = points(store, id, model).await?;
        if !points.is_empty() {
            index.upsert(points).await?;
            faults::point();
        }
    }
    index.flush().await?;
    faults::point();
    store.set_checkpoint(VECTOR_VIEW, last).await?;
    faults::point();
    Ok(true)
}

async fn blocking<F>(index: &Arc<KeywordIndex>, work: F) -> Result<(), IndexingError>
where
    F: FnOnce(&KeywordIndex) -> Result<(), crate::keyword::KeywordError> + Send + 'static,
{
    let index = Arc::clone(index);
    let done = tokio::task::spawn_blocking(move || work(&index)).await;
    Ok(done.map_err(|_| IndexingError::Cancelled)??)
}

fn entries(indexed: &IndexedDocument) -> Vec<KeywordEntry> {
    let facets = Arc::new(document_facets(&indexed.document));
    let words = indexed.chunks.iter().map(|row| row.text.as_str());
    let sample: String = words.flat_map(str::chars).take(LANGUAGE_SAMPLE_CHARS).collect();
    let language = analysis::detect_language(&sample);
    let entry = |row: &crate::types::ChunkRow| KeywordEntry {
        chunk: row.id,
        document: row.document,
        facets: Arc::clone(&facets),
        title: indexed.document.title.clone(),
        heading_path: row.chunk.heading_path.clone(),
        text: row.text.clone(),
        language,
    };
    indexed.chunks.iter().map(entry).collect()
}

async fn points(store: &Store, id: DocumentId, model: &ModelId) -> Result<Vec<VectorPoint>, IndexingError> {
    let Some(document) = store.document(id).await? else { return Ok(Vec::new()) };
    if document.state != (crate::types::DocumentState::Ready { embedded: true }) {
        return Ok(Vec::new());
    }
    let facets = Arc::new(document_facets(&document));
    let vectors = store.document_vectors(id, model).await?;
    let point = |(chunk, vector)| VectorPoint { chunk, document: id, facets: Arc::clone(&facets), vector };
    Ok(vectors.into_iter().map(point).collect())
}
