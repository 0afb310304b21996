//! What formats bring: documents inside documents, tables with headers, places and boxes.

use std::collections::BTreeSet;

use ibid_ingest::{Block, ChunkKind, LineBox, Place, Position, Span};

use super::{NOW, changes_since, chunk_ids, collection, id_of, principals, put, serving, written};
use crate::store::{ChangeKind, NewDocument, Store};
use crate::types::{Failure, TextHash, embedding_input};

async fn put_inside(store: &dyn Store, container: &str, uri: &str) {
    let inside = NewDocument { container: Some(id_of(container)), ..written(uri, &["inside"]) };
    store.ensure_collection(&collection(), NOW).await.unwrap();
    store.put_document(&inside, serving(store).await, NOW).await.unwrap();
}

async fn readers(store: &dyn Store, uri: &str) -> BTreeSet<crate::types::Principal> {
    store.document(id_of(uri)).await.unwrap().unwrap().readers
}

pub(in crate::store) async fn what_is_inside_goes_with_what_contains_it(store: &dyn Store) {
    put_inside(store, "a.zip", "a.zip/x.md").await;
    put_inside(store, "a.zip", "a.zip/y.md").await;
    let generation = put(store, &[("a.zip", &["list"]), ("b.md", &["alone"])]).await;
    let failure = Failure { code: "empty".to_owned(), message: "nothing".to_owned() };
    let broken = NewDocument { container: Some(id_of("a.zip")), ..written("a.zip/z.md", &[]) };
    store.fail_document(&broken, &failure, NOW).await.unwrap();
    let mut inside = store.contained_documents(id_of("a.zip")).await.unwrap();
    inside.sort_unstable();
    let mut expected = ["a.zip/x.md", "a.zip/y.md", "a.zip/z.md"].map(id_of);
    expected.sort_unstable();
    assert_eq!(inside, expected);
    assert_eq!(store.document(id_of("a.zip/x.md")).await.unwrap().unwrap().container, Some(id_of("a.zip")));
    let seen = store.last_seq(generation).await.unwrap();
    assert_eq!(store.delete_documents(&[id_of("a.zip/x.md"), id_of("a.zip")], None, 0).await.unwrap(), 4);
    assert_eq!(changes_since(store, generation, seen).await.len(), 4);
    assert!(store.document(id_of("a.zip/y.md")).await.unwrap().is_none());
    assert!(store.document(id_of("b.md")).await.unwrap().is_some());
}

pub(in crate::store) async fn a_mirror_knows_files_and_what_lost_its_file(store: &dyn Store) {
    put_inside(store, "d/a.zip", "d/a.zip/x.md").await;
    put(store, &[("d/a.zip", &["list"])]).await;
    put_inside(store, "d/gone.zip", "d/gone.zip/y.md").await;
    let known = store.known_sources(&collection(), &["d".to_owned()]).await.unwrap();
    assert_eq!(known.into_keys().collect::<Vec<_>>(), ["d/a.zip", "d/gone.zip/y.md"]);
}

pub(in crate::store) async fn what_is_inside_has_the_readers_of_what_contains_it(store: &dyn Store) {
    let generation = put(store, &[("a.zip", &["list"])]).await;
    let (bob, ann) = (principals(&["user:bob"]), principals(&["user:ann"]));
    store.set_readers(&[id_of("a.zip")], Some(&bob)).await.unwrap();
    put_inside(store, "a.zip", "a.zip/x.md").await;
    assert_eq!(readers(store, "a.zip/x.md").await, bob, "what comes in later, too");
    let seen = store.last_seq(generation).await.unwrap();
    assert_eq!(store.set_readers(&[id_of("a.zip")], Some(&ann)).await.unwrap(), 2);
    assert_eq!(readers(store, "a.zip/x.md").await, ann);
    let changed: Vec<_> = changes_since(store, generation, seen).await.into_iter().map(|(_, kind)| kind).collect();
    assert_eq!(changed, [ChangeKind::Put, ChangeKind::Put]);
    store.set_readers(&[id_of("a.zip/x.md")], Some(&bob)).await.unwrap();
    put_inside(store, "a.zip", "a.zip/x.md").await;
    assert_eq!(readers(store, "a.zip/x.md").await, bob, "what it names itself stays");
}

pub(in crate::store) async fn tables_places_and_boxes_come_back(store: &dyn Store) {
    let generation = put(store, &[]).await;
    let mut new = written("t.csv", &["이름,나이", "Kim,7", "Lee,8"]);
    let header = Span::new(0, "이름,나이".len());
    new.structure.blocks =
        vec![Block { span: Span::new(0, new.text.len()), kind: ChunkKind::Table, header: Some(header) }];
    new.structure.places = vec![Place { span: header, position: Position::Row { number: 1 } }];
    new.boxes = vec![LineBox { span: header, page: 1, rect: [1.5, 2.0, 30.0, 12.5] }];
    for chunk in &mut new.chunks[1..] {
        chunk.kind = Some(ChunkKind::Table);
        chunk.header = Some(header);
        chunk.location = Some("row 2".to_owned());
        let words = format!("이름,나이\n{}", &new.text[chunk.span.start..chunk.span.end]);
        chunk.text_hash = TextHash::of(&embedding_input("About it", &chunk.heading_path, &words));
    }
    store.put_document(&new, generation, NOW).await.unwrap();
    let ids = chunk_ids(store, "t.csv", generation).await;
    let found = store.chunks(&ids).await.unwrap();
    assert_eq!(found.iter().map(|chunk| chunk.row.chunk.clone()).collect::<Vec<_>>(), new.chunks);
    assert_eq!(found[1].row.words_in_context(), "이름,나이\nKim,7");
    assert_eq!(found[0].row.header, None);
    assert_eq!(store.chunk_source(id_of("t.csv")).await.unwrap().unwrap().structure, new.structure);
    assert_eq!(store.boxes(id_of("t.csv")).await.unwrap(), new.boxes);
    assert_eq!(store.boxes(id_of("nobody")).await.unwrap(), []);
    let missing = store.missing_texts(id_of("t.csv"), generation).await.unwrap();
    assert!(missing.iter().any(|text| text.input.ends_with("\n이름,나이\nKim,7")), "{missing:?}");
    let indexed = store.indexed_document(id_of("t.csv"), generation).await.unwrap().unwrap();
    assert_eq!(indexed.chunks[2].words_in_context(), "이름,나이\nLee,8");
}
