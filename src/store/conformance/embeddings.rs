//! Embeddings: each text once, and a document when all of its are there.

use std::time::Duration;

use super::{changes_since, collection, embed, id_of, put, vector_of, with_model};
use crate::store::{ChangeKind, EmbeddingStatus, Store};
use crate::types::{DocumentState, TextHash};

const LEASE: Duration = Duration::from_secs(60);

pub(in crate::store) async fn a_document_is_embedded_when_all_its_vectors_are_there(store: &dyn Store) {
    let generation = with_model(store).await;
    put(store, &[("a", &["one", "two", "two"])]).await;
    let seen = store.last_seq(generation).await.unwrap();
    assert_eq!(store.claim_documents(generation, 9, LEASE).await.unwrap(), [id_of("a")]);
    let missing = store.missing_texts(id_of("a"), generation).await.unwrap();
    let inputs: Vec<_> = missing.iter().map(|text| text.input.as_str()).collect();
    assert_eq!(missing.len(), 2, "each text once");
    assert!(inputs.contains(&"About it > Part\none") && inputs.contains(&"About it > Part\ntwo"));
    assert!(missing.iter().all(|text| TextHash::of(&text.input) == text.hash));

    let vector = |place: usize| (missing[place].hash, vector_of(missing[place].hash));
    assert_eq!(store.save_embeddings(generation, &[vector(0)], &[id_of("a")]).await.unwrap(), 0);
    assert!(store.document_vectors(id_of("a"), generation).await.unwrap().is_none());
    assert_eq!(store.missing_texts(id_of("a"), generation).await.unwrap(), [missing[1].clone()]);
    assert_eq!(changes_since(store, generation, seen).await, []);
    assert_eq!(store.claim_documents(generation, 9, LEASE).await.unwrap(), [id_of("a")], "its owner may go on");

    let both = [vector(1), vector(1), vector(0)];
    assert_eq!(store.save_embeddings(generation, &both, &[id_of("a")]).await.unwrap(), 1);
    assert_eq!(store.save_embeddings(generation, &both, &[id_of("a")]).await.unwrap(), 0, "once");
    assert_eq!(changes_since(store, generation, seen).await, [(id_of("a"), ChangeKind::Embedded)]);
    assert!(store.claim_documents(generation, 9, LEASE).await.unwrap().is_empty());
    let (document, vectors) = store.document_vectors(id_of("a"), generation).await.unwrap().unwrap();
    assert_eq!(document.state, DocumentState::Ready { embedded: true });
    let rows = store.indexed_document(id_of("a"), generation).await.unwrap().unwrap().chunks;
    let expected: Vec<_> = rows.iter().map(|row| (row.id, vector_of(row.chunk.text_hash))).collect();
    assert_eq!(vectors, expected);
}

pub(in crate::store) async fn the_same_text_is_not_embedded_twice(store: &dyn Store) {
    let generation = with_model(store).await;
    put(store, &[("a", &["one", "two"])]).await;
    assert!(embed(store, generation, "a").await);
    let seen = store.last_seq(generation).await.unwrap();
    put(store, &[("b", &["two", "one"])]).await;
    let both = [(id_of("b"), ChangeKind::Put), (id_of("b"), ChangeKind::Embedded)];
    assert_eq!(changes_since(store, generation, seen).await, both);
    store.delete_documents(&[id_of("a"), id_of("b")], None, 0).await.unwrap();
    put(store, &[("a", &["one", "three"])]).await;
    assert_eq!(store.missing_texts(id_of("a"), generation).await.unwrap().len(), 1);
    put(store, &[("empty", &[])]).await;
    let document = store.document(id_of("empty")).await.unwrap().unwrap();
    assert_eq!(document.state, DocumentState::Ready { embedded: true }, "nothing is missing");
}

pub(in crate::store) async fn without_a_model_nothing_is_embedded(store: &dyn Store) {
    let generation = put(store, &[("a", &["one"]), ("empty", &[])]).await;
    let missing = store.missing_texts(id_of("a"), generation).await.unwrap();
    let vectors: Vec<_> = missing.iter().map(|text| (text.hash, vec![1.0])).collect();
    let documents = [id_of("a"), id_of("empty")];
    assert_eq!(store.save_embeddings(generation, &vectors, &documents).await.unwrap(), 0);
    with_model(store).await;
    assert_eq!(store.missing_texts(id_of("a"), generation).await.unwrap(), missing);
    assert!(embed(store, generation, "a").await);
}

pub(in crate::store) async fn short_documents_are_claimed_first(store: &dyn Store) {
    let generation = with_model(store).await;
    put(store, &[("long", &["1", "2", "3"]), ("short", &["4"]), ("middle", &["5", "6"])]).await;
    let claimed = store.claim_documents(generation, 2, LEASE).await.unwrap();
    assert_eq!(claimed, [id_of("short"), id_of("middle")]);
    assert!(embed(store, generation, "short").await);
    assert!(embed(store, generation, "middle").await);
    assert_eq!(store.claim_documents(generation, 2, LEASE).await.unwrap(), [id_of("long")]);
}

pub(in crate::store) async fn the_status_counts_documents_and_chunks(store: &dyn Store) {
    let generation = with_model(store).await;
    assert_eq!(store.embedding_status(generation).await.unwrap(), EmbeddingStatus::default());
    put(store, &[("a", &["1", "2", "3"]), ("b", &["4"])]).await;
    let failure = crate::types::Failure { code: "empty".to_owned(), message: String::new() };
    store.fail_document(&super::written("c", &[]), &failure, super::NOW).await.unwrap();
    assert!(embed(store, generation, "a").await);
    let status = store.embedding_status(generation).await.unwrap();
    let expected = EmbeddingStatus { documents: 2, chunked: 2, embedded: 1, failed: 1, chunks: 4, chunks_embedded: 3 };
    assert_eq!(status, expected);
    assert!(!status.is_complete());
    let summary = &store.collections().await.unwrap()[0];
    assert_eq!((&summary.name, summary.embedded, summary.chunks), (&collection(), 1, 4));
    let (words, meaning) = store.expected_chunk_ids(generation).await.unwrap();
    assert_eq!((words.len(), meaning.len()), (4, 3));
}
