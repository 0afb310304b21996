//! The two followers: each reads the change log after its own checkpoint and brings its view up to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::IndexingError;
use crate::analysis;
use crate::faults;
use crate::generations::{OpenedGeneration, VectorFollower};
use crate::keyword::{KeywordBatch, KeywordEntry, KeywordIndex};
use crate::store::{ChangeKind, IndexedDocument, Store};
use crate::types::{DocumentId, document_facets};
use crate::vector::VectorPoint;

/// Changes that are looked at together.
const CHANGES_AT_ONCE: u32 = 512;
/// A commit costs a flush to disk, and what waits for it is not found: so one covers what comes in this time, or so much text.
const COMMIT_AFTER: Duration = Duration::from_secs(1);
const COMMIT_BYTES: u64 = 32 << 20;
/// How long nothing is looked for while changes are gathered.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Text that is handed to the keyword index at a time, while the next is read from the truth.
const WORDS_AT_ONCE: u64 = 1 << 20;
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

/// Until when changes are gathered for one commit.
#[derive(Clone, Copy)]
pub(super) struct Gathering<'a> {
    /// The longest.
    pub(super) window: Duration,
    /// Whether nobody waits for them, and more may come.
    pub(super) may_wait: &'a (dyn Fn() -> bool + Sync),
}

impl Gathering<'_> {
    /// Only what is there.
    pub(super) fn none() -> Self {
        Self { window: Duration::ZERO, may_wait: &|| false }
    }
}

/// Applies the next changes to a generation's keyword view, in one commit; says whether there were any.
pub(super) async fn follow_keyword(
    store: &dyn Store,
    views: &OpenedGeneration,
    gathering: Gathering<'_>,
) -> Result<bool, IndexingError> {
    let (index, began) = (&views.keyword, Instant::now());
    let from = index.checkpoint();
    let (mut reached, mut bytes, mut has_words) = (from, 0, false);
    let longest = || if (gathering.may_wait)() { gathering.window.max(COMMIT_AFTER) } else { COMMIT_AFTER };
    while bytes < COMMIT_BYTES && began.elapsed() < longest() {
        let changes = store.changes_after(views.id, reached, CHANGES_AT_ONCE).await?;
        let Some(last) = changes.last().map(|change| change.seq) else {
            if !has_words || began.elapsed() >= gathering.window || !(gathering.may_wait)() {
                break;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
            continue;
        };
        let words = changes.iter().filter(|change| change.kind != ChangeKind::Embedded);
        let changed: BTreeSet<DocumentId> = words.map(|change| change.document).collect();
        has_words |= !changed.is_empty();
        bytes += apply_words(store, views, changed).await?;
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
) -> Result<u64, IndexingError> {
    let documents: Vec<DocumentId> = documents.into_iter().collect();
    let lengths = store.text_lengths(&documents).await?;
    let mut left = portions(&documents, &lengths).into_iter();
    let mut ready = read_portion(store, views, left.next()).await?;
    while let Some((portion, found)) = ready {
        let apply = blocking(&views.keyword, move |index| index.apply(words_of(portion, &found)));
        let (next, ()) = tokio::try_join!(read_portion(store, views, left.next()), apply)?;
        ready = next;
    }
    Ok(lengths.values().sum())
}

/// Documents in the portions that are read at once: a few with much text, or many with little.
fn portions(documents: &[DocumentId], lengths: &BTreeMap<DocumentId, u64>) -> Vec<Vec<DocumentId>> {
    let (mut portions, mut bytes) = (Vec::<Vec<DocumentId>>::new(), 0);
    for id in documents {
        let length = lengths.get(id).copied().unwrap_or(0);
        bytes += length;
        match portions.last_mut() {
            Some(last) if bytes <= WORDS_AT_ONCE => last.push(*id),
            _ => {
                portions.push(vec![*id]);
                bytes = length;
            }
        }
    }
    portions
}

async fn read_portion(
    store: &dyn Store,
    views: &OpenedGeneration,
    portion: Option<Vec<DocumentId>>,
) -> Result<Option<(Vec<DocumentId>, Vec<IndexedDocument>)>, IndexingError> {
    let Some(portion) = portion else { return Ok(None) };
    let found = store.indexed_documents(&portion, views.id).await?;
    Ok(Some((portion, found)))
}

/// The words of documents; those that are gone or failed have none any more.
fn words_of(portion: Vec<DocumentId>, found: &[IndexedDocument]) -> KeywordBatch {
    let there: BTreeSet<DocumentId> = found.iter().map(|indexed| indexed.document.id).collect();
    let upserts = found.iter().map(|indexed| (indexed.document.id, entries(indexed))).collect();
    let deletes = portion.into_iter().filter(|id| !there.contains(id)).collect();
    KeywordBatch { upserts, deletes }
}

/// Applies the next changes to a generation's vector view; says whether there were any. An index that the truth writes, and
/// one that another process follows at this moment, are left alone. An index that all processes have is kept from the others
/// for `length`, which every batch of points extends.
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
    let embedded = store.embedded_among(&documents, views.id).await?;
    let mut waiting: Vec<VectorPoint> = Vec::new();
    for (place, id) in embedded.iter().enumerate() {
        waiting.extend(points(store, *id, views).await?);
        if waiting.len() < POINTS_AT_ONCE && place + 1 < embedded.len() {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::CollectionName;

    #[test]
    fn little_documents_are_read_together_and_a_large_one_alone() {
        let ids: Vec<DocumentId> =
            (0..6).map(|n| DocumentId::of(&CollectionName::default_name(), &n.to_string())).collect();
        let lengths = [10, 10, WORDS_AT_ONCE * 3, 10, WORDS_AT_ONCE - 10];
        // The last one is gone: it has no length, and its words are to go.
        let lengths: BTreeMap<_, _> = ids.iter().copied().zip(lengths).collect();
        let portions = portions(&ids, &lengths);
        assert_eq!(portions.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1, 3]);
        assert_eq!(portions.concat(), ids);
        assert!(super::portions(&[], &lengths).is_empty());
    }
}
