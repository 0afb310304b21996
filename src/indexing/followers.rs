//! The two followers: each reads the change log after its own checkpoint and brings its view up to it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::IndexingError;
use crate::analysis;
use crate::faults;
use crate::generations::{OpenedGeneration, VectorFollower};
use crate::keyword::{KeywordBatch, KeywordEntry, KeywordIndex};
use crate::store::{ChangeKind, IndexedDocument, Store};
use crate::types::{DocumentId, Seq, document_facets};
use crate::vector::VectorPoint;

/// Changes that are looked at together.
const CHANGES_AT_ONCE: u32 = 512;
/// A commit costs a flush to disk, and what waits for it is not found: so one covers what comes in this time, or so much text.
const COMMIT_AFTER: Duration = Duration::from_secs(1);
const COMMIT_BYTES: usize = 32 << 20;
/// Text that is handed to the keyword index at a time, while the next is read from the truth.
const WORDS_AT_ONCE: usize = 1 << 20;
/// Points that are handed to the vector index at a time.
const POINTS_AT_ONCE: usize = 1_024;
/// Characters that tell a document's language.
const LANGUAGE_SAMPLE_CHARS: usize = 2_000;

/// The right to follow for all, which others get when it is not extended for so long.
#[derive(Debug, Clone, Copy)]
struct Lease<'a> {
    name: &'a str,
    length: Duration,
}

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

/// Applies the next changes to a generation's keyword view, in one commit; says whether there were any.
pub(super) async fn follow_keyword(store: &dyn Store, views: &OpenedGeneration) -> Result<bool, IndexingError> {
    let (index, began) = (&views.keyword, Instant::now());
    let from = index.checkpoint();
    let (mut reached, mut bytes) = (from, 0);
    while bytes < COMMIT_BYTES && began.elapsed() < COMMIT_AFTER {
        let changes = store.changes_after(views.id, reached, CHANGES_AT_ONCE).await?;
        let Some(last) = changes.last().map(|change| change.seq) else { break };
        let words = changes.iter().filter(|change| change.kind != ChangeKind::Embedded);
        bytes += apply_words(store, views, words.map(|change| change.document).collect()).await?;
        reached = last;
    }
    if reached == from {
        return Ok(false);
    }
    faults::point();
    blocking(index, move |index| index.commit(reached)).await?;
    faults::point();
    Ok(true)
}

/// Puts the words of documents as they are now in the place of what the index has, and says how many bytes they were. While
/// it takes some, the next are read.
async fn apply_words(
    store: &dyn Store,
    views: &OpenedGeneration,
    documents: BTreeSet<DocumentId>,
) -> Result<usize, IndexingError> {
    let (mut left, mut total) = (documents.into_iter(), 0);
    let mut ready = words_of(store, views, &mut left).await?;
    while let Some((batch, bytes)) = ready {
        total += bytes;
        let apply = blocking(&views.keyword, move |index| index.apply(batch));
        let (next, ()) = tokio::try_join!(words_of(store, views, &mut left), apply)?;
        ready = next;
    }
    Ok(total)
}

/// The words of the next documents, with their bytes; `None` when there are none left.
async fn words_of(
    store: &dyn Store,
    views: &OpenedGeneration,
    left: &mut impl Iterator<Item = DocumentId>,
) -> Result<Option<(KeywordBatch, usize)>, IndexingError> {
    let (mut batch, mut bytes) = (KeywordBatch::default(), 0);
    for id in left {
        match store.indexed_document(id, views.id).await? {
            Some(document) => {
                bytes += document.chunks.iter().map(|row| row.text.len()).sum::<usize>();
                batch.upserts.push((id, entries(&document)));
            }
            None => batch.deletes.push(id),
        }
        if bytes >= WORDS_AT_ONCE {
            break;
        }
    }
    let is_empty = batch.upserts.is_empty() && batch.deletes.is_empty();
    Ok((!is_empty).then_some((batch, bytes)))
}

/// Applies the next changes to a generation's vector view; says whether there were any. An index that the truth writes, and
/// one that another process follows at this moment, are left alone. An index that all processes have is kept from the others
/// for `length`, which every document extends.
pub(super) async fn follow_vector(
    store: &dyn Store,
    views: &OpenedGeneration,
    length: Duration,
) -> Result<bool, IndexingError> {
    match views.vector_follower {
        VectorFollower::Truth => Ok(false),
        VectorFollower::Own => Ok(apply_to_vector(store, views, None).await? == Applied::Some),
        VectorFollower::Shared => {
            // Whoever has nothing to do does not keep the others from it.
            let checkpoint = store.checkpoint(&views.vector_view).await?;
            if store.changes_after(views.id, checkpoint, 1).await?.is_empty() {
                return Ok(false);
            }
            let name = format!("follow:{}", views.vector_view);
            let lease = Lease { name: &name, length };
            if !still_held(store, Some(lease)).await? {
                return Ok(false);
            }
            let applied = apply_as_holder(store, views, lease).await;
            // It is not kept for the next time, because a process may end before that.
            store.release_lease(&name).await?;
            Ok(applied? == Applied::Some)
        }
    }
}

async fn apply_as_holder(
    store: &dyn Store,
    views: &OpenedGeneration,
    lease: Lease<'_>,
) -> Result<Applied, IndexingError> {
    let began_at = store.checkpoint(&views.vector_view).await?;
    let applied = apply_to_vector(store, views, Some(lease)).await;
    if !matches!(applied, Ok(Applied::None | Applied::Some)) && !still_held(store, Some(lease)).await.unwrap_or(false) {
        // What this process wrote late may have replaced what its successor wrote, so it has to be written again.
        store.rewind_checkpoint(&views.vector_view, began_at).await?;
    }
    applied
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Applied {
    None,
    Some,
    LeaseLost,
}

async fn apply_to_vector(
    store: &dyn Store,
    views: &OpenedGeneration,
    lease: Option<Lease<'_>>,
) -> Result<Applied, IndexingError> {
    let (index, view) = (&views.vector, &views.vector_view);
    let from = store.checkpoint(view).await?;
    let changes = store.changes_after(views.id, from, CHANGES_AT_ONCE).await?;
    let Some(last) = changes.last().map(|change| change.seq) else { return Ok(Applied::None) };
    let documents: BTreeSet<DocumentId> = changes.iter().map(|change| change.document).collect();
    let documents: Vec<DocumentId> = documents.into_iter().collect();
    index.delete_documents(&documents).await?;
    faults::point();
    if !still_held(store, lease).await? {
        return Ok(Applied::LeaseLost);
    }
    let mut waiting: Vec<VectorPoint> = Vec::new();
    for (place, id) in documents.iter().enumerate() {
        waiting.extend(points(store, *id, views).await?);
        if waiting.len() < POINTS_AT_ONCE && place + 1 < documents.len() {
            continue;
        }
        if !waiting.is_empty() {
            index.upsert(std::mem::take(&mut waiting)).await?;
            faults::point();
        }
        if !still_held(store, lease).await? {
            return Ok(Applied::LeaseLost);
        }
    }
    index.flush().await?;
    faults::point();
    if !still_held(store, lease).await? {
        return Ok(Applied::LeaseLost);
    }
    // Where somebody moved the checkpoint back meanwhile, it stays there, and what follows it is applied again.
    store.advance_checkpoint(view, from, last).await?;
    faults::point();
    Ok(Applied::Some)
}

async fn still_held(store: &dyn Store, lease: Option<Lease<'_>>) -> Result<bool, IndexingError> {
    match lease {
        None => Ok(true),
        Some(lease) => Ok(store.acquire_lease(lease.name, lease.length).await?),
    }
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
        text: row.words_in_context().into_owned(),
        language,
    };
    indexed.chunks.iter().map(entry).collect()
}

async fn points(
    store: &dyn Store,
    id: DocumentId,
    views: &OpenedGeneration,
) -> Result<Vec<VectorPoint>, IndexingError> {
    let Some((document, vectors)) = store.document_vectors(id, views.id).await? else { return Ok(Vec::new()) };
    let facets = Arc::new(document_facets(&document));
    let point = |(chunk, vector)| VectorPoint { chunk, document: id, facets: Arc::clone(&facets), vector };
    Ok(vectors.into_iter().map(point).collect())
}
