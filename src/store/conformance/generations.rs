//! Generations: built beside the one that serves, and swapped when nothing is missing.

use ibid_ingest::ChunkOptions;

use super::{
    NOW, all_changes, changes_since, chunk_ids, chunks_of, embed, id_of, model, put, serving, with_model, written,
};
use crate::store::{ChangeKind, ChunkSource, GoldQuery, Served, Store};
use crate::types::{DocumentState, GenerationId, GenerationScore};

/// A second generation with another model.
async fn second(store: &dyn Store) -> GenerationId {
    store.add_generation(Some(&model("n")), &ChunkOptions::default(), NOW).await.unwrap()
}

async fn source(store: &dyn Store, uri: &str) -> ChunkSource {
    store.chunk_source(id_of(uri)).await.unwrap().unwrap()
}

pub(in crate::store) async fn one_generation_serves_from_the_beginning(store: &dyn Store) {
    let first = serving(store).await;
    let generations = store.generations().await.unwrap();
    assert_eq!((generations.len(), &generations[0].model, &generations[0].chunking), (1, &None, &None));
    let settled = ChunkOptions::default();
    store.settle_generation(first, None, &settled).await.unwrap();
    store.settle_generation(first, Some(&model("m")), &settled).await.unwrap();
    store.settle_generation(first, Some(&model("other")), &settled).await.unwrap();
    let after = store.generations().await.unwrap();
    assert_eq!((&after[0].model, &after[0].chunking), (&Some(model("m")), &Some(settled)));
    let added = second(store).await;
    assert!(added > first);
    assert_eq!(serving(store).await, first, "it is built beside");
    assert_eq!(store.generations().await.unwrap()[1].created_at_ms, NOW);
}

pub(in crate::store) async fn a_generation_serves_when_nothing_is_missing(store: &dyn Store) {
    let first = with_model(store).await;
    put(store, &[("a", &["one", "two"]), ("b", &["three"])]).await;
    let added = second(store).await;
    assert_eq!(store.serve_generation(GenerationId(99), NOW).await.unwrap(), Served::Unknown);
    assert_eq!(store.serve_generation(added, NOW).await.unwrap(), Served::Incomplete(2));
    let mut waiting = store.documents_to_chunk(added, 9).await.unwrap();
    waiting.sort();
    let mut both = [id_of("a"), id_of("b")];
    both.sort();
    assert_eq!(waiting, both);
    assert_eq!(store.documents_to_chunk(added, 1).await.unwrap().len(), 1);

    let seen = (all_changes(store, first).await, store.last_seq(added).await.unwrap());
    assert!(store.put_chunks(&source(store, "a").await, added, &chunks_of("", &["one\ntwo"])).await.unwrap());
    assert!(store.put_chunks(&source(store, "b").await, added, &chunks_of("", &["three"])).await.unwrap());
    assert_eq!(all_changes(store, first).await, seen.0, "they concern the other generation only");
    let put_both = [(id_of("a"), ChangeKind::Put), (id_of("b"), ChangeKind::Put)];
    assert_eq!(changes_since(store, added, seen.1).await, put_both);
    assert_eq!(store.documents_to_chunk(added, 9).await.unwrap(), []);
    assert_eq!(store.serve_generation(added, NOW).await.unwrap(), Served::Incomplete(2));
    assert!(embed(store, added, "a").await);
    assert_eq!(store.serve_generation(added, NOW).await.unwrap(), Served::Incomplete(1));
    assert!(embed(store, added, "b").await);
    assert_eq!(store.document(id_of("a")).await.unwrap().unwrap().chunks, 2, "the first one still serves");

    assert_eq!(store.serve_generation(added, NOW + 1).await.unwrap(), Served::Done);
    assert_eq!(serving(store).await, added);
    let known = store.generations().await.unwrap();
    assert_eq!(known[1].served_at_ms, Some(NOW + 1));
    assert!(known[0].served_at_ms.is_some(), "the first one has served");
    let document = store.document(id_of("a")).await.unwrap().unwrap();
    assert_eq!((document.chunks, document.state), (1, DocumentState::Ready { embedded: true }));
    let words = store.indexed_document(id_of("a"), added).await.unwrap().unwrap().chunks;
    assert_eq!(words[0].text, "one\ntwo");
    assert_eq!(store.integrity_check().await.unwrap(), "ok");
}

pub(in crate::store) async fn chunks_of_an_older_text_are_refused(store: &dyn Store) {
    let first = put(store, &[("a", &["한글", "two"])]).await;
    let added = second(store).await;
    let old = source(store, "a").await;
    put(store, &[("a", &["three"])]).await;
    let seen = store.last_seq(added).await.unwrap();
    assert!(!store.put_chunks(&old, added, &chunks_of("", &["한글", "two"])).await.unwrap());
    let fresh = source(store, "a").await;
    assert!(!store.put_chunks(&fresh, first, &chunks_of("", &["three"])).await.unwrap(), "it is chunked there");
    assert!(!store.put_chunks(&fresh, GenerationId(99), &chunks_of("", &["three"])).await.unwrap());
    assert_eq!(changes_since(store, added, seen).await, []);
    assert!(store.put_chunks(&fresh, added, &chunks_of("", &["three"])).await.unwrap());
    assert!(!store.put_chunks(&fresh, added, &chunks_of("", &["three"])).await.unwrap(), "once");
    store.delete_documents(&[id_of("a")], None, 0).await.unwrap();
    assert!(!store.put_chunks(&fresh, added, &chunks_of("", &["three"])).await.unwrap(), "it is gone");
    assert_eq!(store.expected_chunk_ids(added).await.unwrap().0.len(), 0);
}

pub(in crate::store) async fn writing_a_document_removes_it_from_other_generations(store: &dyn Store) {
    let first = put(store, &[("a", &["한글", "two"])]).await;
    let added = second(store).await;
    assert!(store.put_chunks(&source(store, "a").await, added, &chunks_of("", &["한글", "two"])).await.unwrap());
    assert_eq!(store.indexed_document(id_of("a"), added).await.unwrap().unwrap().chunks[0].text, "한글");
    store.put_document(&written("a", &["new"]), first, NOW).await.unwrap();
    assert_eq!(chunk_ids(store, "a", added).await, []);
    assert_eq!(store.documents_to_chunk(added, 9).await.unwrap(), [id_of("a")]);
    let last = all_changes(store, added).await.last().map(|change| (change.document, change.kind));
    assert_eq!(last, Some((id_of("a"), ChangeKind::Put)), "every view hears of it");
}

pub(in crate::store) async fn a_generation_is_dropped_with_all_that_is_its_own(store: &dyn Store) {
    let first = with_model(store).await;
    put(store, &[("a", &["one"])]).await;
    assert!(embed(store, first, "a").await);
    let twins = (second(store).await, second(store).await);
    for generation in [twins.0, twins.1] {
        assert!(store.put_chunks(&source(store, "a").await, generation, &chunks_of("", &["one"])).await.unwrap());
    }
    assert!(embed(store, twins.0, "a").await);
    assert!(!store.drop_generation(first).await.unwrap(), "it serves");
    assert!(store.drop_generation(twins.0).await.unwrap());
    assert!(!store.drop_generation(twins.0).await.unwrap(), "it is gone");
    assert_eq!(store.expected_chunk_ids(twins.0).await.unwrap().0.len(), 0);
    assert_eq!(store.missing_texts(id_of("a"), twins.1).await.unwrap(), [], "the other one has the same model");
    assert!(store.drop_generation(twins.1).await.unwrap());
    let next = second(store).await;
    assert!(next > twins.1, "a number is never used twice");
    assert!(store.put_chunks(&source(store, "a").await, next, &chunks_of("", &["one"])).await.unwrap());
    assert_eq!(store.missing_texts(id_of("a"), next).await.unwrap().len(), 1, "its vectors went with it");
    assert!(store.document_vectors(id_of("a"), first).await.unwrap().is_some());
}

pub(in crate::store) async fn scores_are_forgotten_with_their_queries(store: &dyn Store) {
    let generation = serving(store).await;
    assert_eq!(store.gold_queries().await.unwrap(), []);
    let gold = |query: &str| GoldQuery { query: query.to_owned(), relevant: vec!["a".to_owned(), "b".to_owned()] };
    store.set_gold_queries(&[gold("z"), gold("a\0"), gold("한글")]).await.unwrap();
    let kept = store.gold_queries().await.unwrap();
    assert_eq!((kept.len(), &kept[0], &kept[2]), (3, &gold("z"), &gold("한글")));
    let score =
        GenerationScore { queries_digest: "digest".to_owned(), ndcg_at_10: vec![0.5, 1.0], measured_at_ms: NOW };
    store.save_score(generation, Some(&score)).await.unwrap();
    assert_eq!(store.generations().await.unwrap()[0].score, Some(score.clone()));
    store.set_gold_queries(&[gold("other")]).await.unwrap();
    assert_eq!(store.gold_queries().await.unwrap(), [gold("other")]);
    assert_eq!(store.generations().await.unwrap()[0].score, None);
    store.save_score(generation, Some(&score)).await.unwrap();
    store.save_score(generation, None).await.unwrap();
    assert_eq!(store.generations().await.unwrap()[0].score, None);
}
