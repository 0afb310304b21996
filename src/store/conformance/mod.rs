//! What every member of the truth must do; each database runs all of it, each case on a database of its own.

mod contained;
mod documents;
mod embeddings;
mod generations;
mod ingests;
mod journal;
mod readers;
mod shared;
mod threads;

use std::collections::{BTreeMap, BTreeSet};

use ibid_ingest::{ChunkKind, ChunkOptions, Span};

use super::{Change, ChangeKind, NewDocument, Store};
use crate::types::{
    Chunk, ChunkId, CollectionName, DocumentId, GenerationId, ModelId, Principal, Seq, SourceStamp, Structure,
    TextHash, embedding_input,
};

pub(super) use contained::*;
pub(super) use documents::*;
pub(super) use embeddings::*;
pub(super) use generations::*;
pub(super) use ingests::*;
pub(super) use journal::*;
pub(super) use readers::*;
pub(super) use shared::*;
pub(super) use threads::*;

const NOW: i64 = 1_790_000_000_000;

fn collection() -> CollectionName {
    CollectionName::default_name()
}

/// The identity of the document at `uri` in the collection of the suite.
pub(super) fn id_of(uri: &str) -> DocumentId {
    DocumentId::of(&collection(), uri)
}

/// Parts of the text of a document of this title as its chunks; each stands on a line of its own.
fn chunks_of(title: &str, parts: &[&str]) -> Vec<Chunk> {
    let mut start = 0;
    let chunk = |part: &&str| {
        let span = Span { start, end: start + part.len() };
        start = span.end + 1;
        let heading_path = vec!["Part".to_owned()];
        let text_hash = TextHash::of(&embedding_input(title, &heading_path, part));
        let header = None;
        let (kind, location) = (Some(ChunkKind::List), Some("rows 1-9".to_owned()));
        let simhash = Some(u64::MAX - 1);
        Chunk { span, page_first: Some(1), page_last: None, heading_path, kind, location, header, text_hash, simhash }
    };
    parts.iter().map(chunk).collect()
}

/// A document that consists of these parts.
pub(super) fn written(uri: &str, parts: &[&str]) -> NewDocument {
    let text = parts.join("\n");
    let title = "About it".to_owned();
    NewDocument {
        collection: collection(),
        uri: uri.to_owned(),
        container: None,
        media_type: "text/plain".to_owned(),
        metadata: BTreeMap::from([("lang".to_owned(), "ko".to_owned())]),
        language: Some("ko".to_owned()),
        readers: None,
        source: SourceStamp { bytes: text.len() as u64, modified_ns: 7, sha256: "0".repeat(64) },
        ingest: None,
        warnings: vec!["a warning".to_owned()],
        boxes: Vec::new(),
        structure: Structure { body: Span { start: 0, end: text.len() }, ..Structure::default() },
        text,
        chunks: chunks_of(&title, parts),
        title,
    }
}

/// Puts documents, one of these parts each, into the generation that serves.
pub(super) async fn put(store: &dyn Store, documents: &[(&str, &[&str])]) -> GenerationId {
    store.ensure_collection(&collection(), NOW).await.unwrap();
    let generation = serving(store).await;
    for (uri, parts) in documents {
        store.put_document(&written(uri, parts), generation, NOW).await.unwrap();
    }
    generation
}

pub(super) async fn serving(store: &dyn Store) -> GenerationId {
    let generations = store.generations().await.unwrap();
    let serving: Vec<_> = generations.iter().filter(|generation| generation.serving).collect();
    assert_eq!(serving.len(), 1);
    serving[0].id
}

fn model(name: &str) -> ModelId {
    ModelId(name.to_owned())
}

/// The generation that serves, with a model.
pub(super) async fn with_model(store: &dyn Store) -> GenerationId {
    let generation = serving(store).await;
    store.settle_generation(generation, Some(&model("m")), &ChunkOptions::default()).await.unwrap();
    generation
}

/// A vector that differs from text to text.
pub(super) fn vector_of(hash: TextHash) -> Vec<f32> {
    hash.0[..4].iter().map(|byte| f32::from(*byte) - 127.5).collect()
}

/// Embeds what a document misses, and says whether it became complete.
pub(super) async fn embed(store: &dyn Store, generation: GenerationId, uri: &str) -> bool {
    let missing = store.missing_texts(id_of(uri), generation).await.unwrap();
    let vectors: Vec<_> = missing.iter().map(|text| (text.hash, vector_of(text.hash))).collect();
    store.save_embeddings(generation, &vectors, &[id_of(uri)]).await.unwrap() == 1
}

async fn all_changes(store: &dyn Store, generation: GenerationId) -> Vec<Change> {
    store.changes_after(generation, Seq(0), 10_000).await.unwrap()
}

/// The changes after `seq`, without their places.
async fn changes_since(store: &dyn Store, generation: GenerationId, seq: Seq) -> Vec<(DocumentId, ChangeKind)> {
    let changes = store.changes_after(generation, seq, 10_000).await.unwrap();
    assert!(changes.is_sorted_by_key(|change| change.seq) && changes.iter().all(|change| change.seq > seq));
    changes.iter().map(|change| (change.document, change.kind)).collect()
}

/// The numbers of a document's chunks.
async fn chunk_ids(store: &dyn Store, uri: &str, generation: GenerationId) -> Vec<ChunkId> {
    let indexed = store.indexed_document(id_of(uri), generation).await.unwrap();
    indexed.map(|indexed| indexed.chunks.iter().map(|row| row.id).collect()).unwrap_or_default()
}

pub(super) fn principals(names: &[&str]) -> BTreeSet<Principal> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}
