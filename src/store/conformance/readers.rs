//! Readers: a document's own, or its collection's, and a change for whoever can be read by others.

use std::collections::BTreeSet;

use super::{NOW, changes_since, collection, id_of, principals, put, serving, written};
use crate::store::{ChangeKind, Store};
use crate::types::{CollectionName, Principal, document_facets};

async fn readers(store: &dyn Store, uri: &str) -> Vec<String> {
    let document = store.document(id_of(uri)).await.unwrap().unwrap();
    let named: Vec<String> = document.readers.iter().map(ToString::to_string).collect();
    let facets = document_facets(&document);
    assert!(named.iter().all(|name| facets.contains(&format!("r:{name}"))));
    named
}

pub(in crate::store) async fn readers_are_the_documents_own_or_its_collections(store: &dyn Store) {
    let generation = put(store, &[("a", &["one"]), ("b", &["two"])]).await;
    assert_eq!(readers(store, "a").await, ["everyone"]);
    let mut own = written("b", &["two"]);
    own.readers = Some(principals(&["user:bob"]));
    store.put_document(&own, generation, NOW).await.unwrap();
    assert!(store.set_collection_readers(&collection(), &principals(&["group:staff"])).await.unwrap());
    assert_eq!(readers(store, "a").await, ["group:staff"]);
    assert_eq!(readers(store, "b").await, ["user:bob"]);
    assert_eq!(store.collections().await.unwrap()[0].readers, principals(&["group:staff"]));

    put(store, &[("b", &["written again without readers"])]).await;
    assert_eq!(readers(store, "b").await, ["user:bob"], "they stay");
    assert_eq!(store.set_readers(&[id_of("b")], None).await.unwrap(), 1);
    assert_eq!(readers(store, "b").await, ["group:staff"]);
    store.set_readers(&[id_of("b")], Some(&BTreeSet::new())).await.unwrap();
    assert_eq!(readers(store, "b").await, [""; 0], "nobody is not everybody");
    put(store, &[("new", &["three"])]).await;
    assert_eq!(readers(store, "new").await, ["group:staff"]);
    let ids = super::chunk_ids(store, "new", serving(store).await).await;
    assert_eq!(store.chunks(&ids).await.unwrap()[0].document.readers, principals(&["group:staff"]));
}

pub(in crate::store) async fn changed_readers_are_changes(store: &dyn Store) {
    let generation = put(store, &[("a", &["one"]), ("b", &["two"]), ("c", &["three"])]).await;
    let mut seen = store.last_seq(generation).await.unwrap();
    let bob: BTreeSet<Principal> = principals(&["user:bob"]);
    let all = [id_of("a"), id_of("b"), id_of("nobody")];
    assert_eq!(store.set_readers(&all, Some(&bob)).await.unwrap(), 2);
    let mut changes = changes_since(store, generation, seen).await;
    changes.sort_by_key(|(id, _)| *id);
    let mut expected = [(id_of("a"), ChangeKind::Put), (id_of("b"), ChangeKind::Put)];
    expected.sort_by_key(|(id, _)| *id);
    assert_eq!(changes, expected);
    seen = store.last_seq(generation).await.unwrap();
    assert_eq!(store.set_readers(&all, Some(&bob)).await.unwrap(), 0);
    assert_eq!(changes_since(store, generation, seen).await, []);
    assert!(store.set_collection_readers(&collection(), &bob).await.unwrap());
    let inherited = changes_since(store, generation, seen).await;
    assert_eq!(inherited, [(id_of("c"), ChangeKind::Put)], "the others have readers of their own");
    let other: CollectionName = "nobody-made-it".parse().unwrap();
    assert!(!store.set_collection_readers(&other, &bob).await.unwrap());
}
