//! Documents: whole or not at all, in pages, and their words byte by byte.

use std::collections::BTreeSet;

use super::{NOW, all_changes, changes_since, chunk_ids, collection, id_of, put, serving, with_model, written};
use crate::store::{ChangeKind, DocumentQuery, Store};
use crate::types::{CollectionName, Document, DocumentState, Failure, GenerationId, Principal, SourceStamp};

const KOREAN: &[&str] = &["ascii, then 한글과 漢字", "emoji 🦀🦀 and é", "", "end"];

pub(in crate::store) async fn a_document_is_read_back_as_it_was_written(store: &dyn Store) {
    let generation = put(store, &[("docs/a.md", KOREAN)]).await;
    let new = written("docs/a.md", KOREAN);
    let document = store.document(id_of("docs/a.md")).await.unwrap().unwrap();
    let expected = Document {
        id: id_of("docs/a.md"),
        collection: collection(),
        uri: new.uri,
        container: None,
        media_type: new.media_type,
        title: new.title,
        metadata: new.metadata,
        language: Some("ko".to_owned()),
        readers: BTreeSet::from([Principal::everyone()]),
        state: DocumentState::Ready { embedded: false },
        source: new.source,
        chunks: 4,
        text_bytes: new.text.len() as u64,
        warnings: new.warnings,
        updated_at_ms: NOW,
    };
    assert_eq!(document, expected);
    let indexed = store.indexed_document(document.id, generation).await.unwrap().unwrap();
    assert_eq!(indexed.document, document);
    assert_eq!(indexed.chunks.iter().map(|row| row.text.as_str()).collect::<Vec<_>>(), KOREAN);
    assert_eq!(indexed.chunks.into_iter().map(|row| row.chunk).collect::<Vec<_>>(), new.chunks);
    let source = store.chunk_source(document.id).await.unwrap().unwrap();
    assert_eq!((source.text, source.structure, source.revision), (new.text, new.structure, 1));
    assert!(store.document(id_of("docs/b.md")).await.unwrap().is_none());
}

pub(in crate::store) async fn writing_again_replaces_text_and_chunks(store: &dyn Store) {
    let generation = put(store, &[("a", &["one", "two"])]).await;
    let before = chunk_ids(store, "a", generation).await;
    let seen = store.last_seq(generation).await.unwrap();
    let seq = store.put_document(&written("a", &["three"]), generation, NOW + 1).await.unwrap();
    assert_eq!(seq, store.last_seq(generation).await.unwrap());
    assert_eq!(changes_since(store, generation, seen).await, [(id_of("a"), ChangeKind::Put)]);
    let after = chunk_ids(store, "a", generation).await;
    assert_eq!(after.len(), 1);
    assert!(before.iter().all(|id| *id < after[0]), "a chunk's number is never used twice");
    assert!(store.chunks(&before).await.unwrap().is_empty());
    assert_eq!(store.chunks(&after).await.unwrap()[0].row.text, "three");
    let document = store.document(id_of("a")).await.unwrap().unwrap();
    assert_eq!((document.chunks, document.text_bytes, document.updated_at_ms), (1, 5, NOW + 1));
    assert_eq!(store.chunk_source(id_of("a")).await.unwrap().unwrap().revision, 2);
}

pub(in crate::store) async fn a_failure_removes_what_was_indexed(store: &dyn Store) {
    let generation = put(store, &[("a", &["one"])]).await;
    let chunks = chunk_ids(store, "a", generation).await;
    let failure = Failure { code: "encrypted".to_owned(), message: "needs a\0 password".to_owned() };
    let seq = store.fail_document(&written("a", &[]), &failure, NOW).await.unwrap();
    assert_eq!(all_changes(store, generation).await.last().map(|c| (c.seq, c.kind)), Some((seq, ChangeKind::Delete)));
    let document = store.document(id_of("a")).await.unwrap().unwrap();
    assert!(matches!(document.state, DocumentState::Failed { failure: kept } if kept.code == "encrypted"));
    assert!(store.chunks(&chunks).await.unwrap().is_empty());
    assert!(store.indexed_document(id_of("a"), generation).await.unwrap().is_none());
    assert!(store.text_slice(id_of("a"), 0, 9).await.unwrap().is_none());
    assert!(store.chunk_source(id_of("a")).await.unwrap().is_none());
    let known = store.known_sources(&collection(), &["a".to_owned()]).await.unwrap();
    assert_eq!(known["a"].failure_code.as_deref(), Some("encrypted"));
    let summary = &store.collections().await.unwrap()[0];
    assert_eq!((summary.documents, summary.failed, summary.chunks), (0, 1, 0));
    put(store, &[("a", &["back again"])]).await;
    assert_eq!(store.collections().await.unwrap()[0].documents, 1);
}

pub(in crate::store) async fn a_write_that_cannot_be_finished_leaves_nothing(store: &dyn Store) {
    let generation = put(store, &[("a", &["one"])]).await;
    let (seen, chunks) = (store.last_seq(generation).await.unwrap(), chunk_ids(store, "a", generation).await);
    let nowhere = GenerationId(4_000);
    assert!(store.put_document(&written("a", &["two"]), nowhere, NOW).await.is_err());
    assert!(store.put_document(&written("b", &["two"]), nowhere, NOW).await.is_err());
    let mut homeless = written("c", &["two"]);
    homeless.collection = "nobody-made-it".parse().unwrap();
    assert!(store.put_document(&homeless, generation, NOW).await.is_err());
    assert_eq!(store.last_seq(generation).await.unwrap(), seen);
    assert_eq!(store.chunks(&chunks).await.unwrap()[0].row.text, "one");
    assert_eq!(store.chunk_source(id_of("a")).await.unwrap().unwrap().revision, 1);
    assert!(store.document(id_of("b")).await.unwrap().is_none());
}

pub(in crate::store) async fn deleting_leaves_nothing_but_a_change(store: &dyn Store) {
    let generation = put(store, &[("a", &["one"]), ("b", &["two"]), ("c", &["three"])]).await;
    let seen = store.last_seq(generation).await.unwrap();
    assert_eq!(store.delete_documents(&[id_of("c"), id_of("a"), id_of("nobody")], None, 0).await.unwrap(), 2);
    let changes = changes_since(store, generation, seen).await;
    assert_eq!(changes.len(), 2);
    for uri in ["a", "c"] {
        assert!(changes.contains(&(id_of(uri), ChangeKind::Delete)));
        assert!(store.document(id_of(uri)).await.unwrap().is_none());
        assert!(store.text_slice(id_of(uri), 0, 1).await.unwrap().is_none());
    }
    let (words, meaning) = store.expected_chunk_ids(generation).await.unwrap();
    assert_eq!(words.into_iter().collect::<Vec<_>>(), chunk_ids(store, "b", generation).await);
    assert!(meaning.is_empty());
    assert_eq!(store.delete_documents(&[id_of("a")], None, 0).await.unwrap(), 0);
    assert_eq!(changes_since(store, generation, seen).await.len(), 2);
    assert_eq!(store.integrity_check().await.unwrap(), "ok");
}

pub(in crate::store) async fn touching_a_document_changes_its_stamp_only(store: &dyn Store) {
    let generation = put(store, &[("a", &["one"])]).await;
    let seen = store.last_seq(generation).await.unwrap();
    let before = store.document(id_of("a")).await.unwrap().unwrap();
    let stamp = SourceStamp { bytes: 99, modified_ns: 98, sha256: before.source.sha256.clone() };
    store.touch_document(id_of("a"), &stamp).await.unwrap();
    let after = store.document(id_of("a")).await.unwrap().unwrap();
    assert_eq!(after, Document { source: stamp, ..before });
    assert_eq!(store.last_seq(generation).await.unwrap(), seen);
}

pub(in crate::store) async fn touching_a_document_on_another_day_is_a_change(store: &dyn Store) {
    const DAY_NS: i64 = 86_400_000_000_000;
    let generation = put(store, &[("a", &["one"])]).await;
    let mut dated = written("b", &["two"]);
    dated.metadata.insert("date".to_owned(), "2024-05-17".to_owned());
    store.put_document(&dated, generation, NOW).await.unwrap();
    let (seen, chunks) = (store.last_seq(generation).await.unwrap(), chunk_ids(store, "a", generation).await);
    let stamp = SourceStamp { bytes: 3, modified_ns: DAY_NS, sha256: String::new() };
    for uri in ["a", "b", "nobody"] {
        store.touch_document(id_of(uri), &stamp).await.unwrap();
    }
    // What names its date keeps it, whatever happens to its source.
    assert_eq!(changes_since(store, generation, seen).await, [(id_of("a"), ChangeKind::Put)]);
    let date = |text: &str| Some(text.parse().unwrap());
    assert_eq!(store.document(id_of("a")).await.unwrap().unwrap().date(), date("1970-01-02"));
    assert_eq!(store.document(id_of("b")).await.unwrap().unwrap().date(), date("2024-05-17"));
    assert_eq!(chunk_ids(store, "a", generation).await, chunks);
}

pub(in crate::store) async fn a_language_is_that_of_the_last_reading(store: &dyn Store) {
    let generation = put(store, &[("a", &["one"])]).await;
    let mut again = written("a", &["two"]);
    for language in [Some("en".to_owned()), None] {
        again.language.clone_from(&language);
        store.put_document(&again, generation, NOW).await.unwrap();
        assert_eq!(store.document(id_of("a")).await.unwrap().unwrap().language, language);
        let listed = store.documents(&DocumentQuery { limit: 9, ..DocumentQuery::default() }).await.unwrap();
        assert_eq!(listed.documents[0].language, language);
    }
}

pub(in crate::store) async fn sources_are_known_under_their_roots(store: &dyn Store) {
    let uris = ["docs", "docs/a.md", "docs/b/c.md", "docs2/a.md", "d_cs/a.md", "한글/가.md", "한글나/가.md"];
    let documents: Vec<(&str, &[&str])> = uris.iter().map(|uri| (*uri, ["word"].as_slice())).collect();
    put(store, &documents).await;
    for (roots, expected) in [
        (&["docs"][..], &["docs", "docs/a.md", "docs/b/c.md"][..]),
        (&["d_cs", "한글"], &["d_cs/a.md", "한글/가.md"]),
        (&["docs", "docs/b"], &["docs", "docs/a.md", "docs/b/c.md"]),
        (&["doc", "%"], &[]),
        (&[], &[]),
    ] {
        let roots: Vec<String> = roots.iter().map(|root| (*root).to_owned()).collect();
        let known = store.known_sources(&collection(), &roots).await.unwrap();
        assert_eq!(known.keys().map(String::as_str).collect::<Vec<_>>(), expected, "{roots:?}");
        assert!(known.iter().all(|(uri, source)| source.id == id_of(uri) && source.stamp.modified_ns == 7));
    }
    let other: CollectionName = "other".parse().unwrap();
    assert!(store.known_sources(&other, &["docs".to_owned()]).await.unwrap().is_empty());
}

pub(in crate::store) async fn documents_are_listed_page_by_page(store: &dyn Store) {
    let other: CollectionName = "other".parse().unwrap();
    store.ensure_collection(&other, NOW).await.unwrap();
    let uris: Vec<String> = (0..23).map(|number| format!("{number}")).collect();
    let one: &[&str] = &["one"];
    put(store, &uris.iter().map(|uri| (uri.as_str(), one)).collect::<Vec<_>>()).await;
    let mut elsewhere = written("elsewhere", one);
    elsewhere.collection = other.clone();
    store.put_document(&elsewhere, serving(store).await, NOW).await.unwrap();
    let failure = Failure { code: "empty".to_owned(), message: String::new() };
    store.fail_document(&written("5", &[]), &failure, NOW).await.unwrap();

    let mut query = DocumentQuery { collection: Some(collection()), limit: 5, ..DocumentQuery::default() };
    let (mut listed, mut pages) = (Vec::new(), 0);
    loop {
        let page = store.documents(&query).await.unwrap();
        listed.extend(page.documents.iter().map(|document| document.id));
        pages += 1;
        query.after = page.next_cursor;
        if query.after.is_none() {
            break;
        }
        assert_eq!(page.documents.len(), 5);
    }
    let mut expected: Vec<_> = uris.iter().map(|uri| id_of(uri)).collect();
    expected.sort();
    assert_eq!((listed, pages), (expected, 5));
    let exactly = DocumentQuery { limit: 24, ..DocumentQuery::default() };
    let whole = store.documents(&exactly).await.unwrap();
    assert!(whole.documents.len() == 24 && whole.next_cursor.is_none());
    let failed = DocumentQuery { failed_only: true, limit: 9, ..DocumentQuery::default() };
    let listing = store.documents(&failed).await.unwrap();
    assert_eq!(listing.documents.iter().map(|document| document.id).collect::<Vec<_>>(), [id_of("5")]);
    let names: Vec<_> = store.collections().await.unwrap().into_iter().map(|c| (c.name, c.documents)).collect();
    assert_eq!(names, [(collection(), 22), (other, 1)]);
}

pub(in crate::store) async fn pieces_of_a_text_end_at_characters(store: &dyn Store) {
    let text = "é한🦀z";
    put(store, &[("a", &[text])]).await;
    // The characters begin at bytes 0, 2, 5, 9.
    for (start, end, expected) in [
        (0, 10, (0, 10, text)),
        (0, 0, (0, 0, "")),
        (1, 2, (0, 2, "é")),
        (1, 3, (0, 5, "é한")),
        (3, 4, (2, 5, "한")),
        (4, 6, (2, 9, "한🦀")),
        (8, 9, (5, 9, "🦀")),
        (9, 1_000, (9, 10, "z")),
        (5, 2, (5, 5, "")),
        (1_000, 2_000, (10, 10, "")),
        (0, usize::MAX, (0, 10, text)),
    ] {
        let slice = store.text_slice(id_of("a"), start, end).await.unwrap();
        let found = slice.as_ref().map(|slice| (slice.start, slice.end, slice.text.as_str()));
        assert_eq!(found, Some(expected), "{start}..{end}");
        assert_eq!(slice.map(|slice| slice.total_bytes), Some(10));
    }
    assert!(store.text_slice(id_of("b"), 0, 1).await.unwrap().is_none());
}

pub(in crate::store) async fn chunks_come_in_the_order_asked_for(store: &dyn Store) {
    let generation = put(store, &[("a", KOREAN), ("b", &["two"]), ("c", &["gone"])]).await;
    let mut asked = chunk_ids(store, "c", generation).await;
    asked.extend(chunk_ids(store, "b", generation).await);
    asked.extend(chunk_ids(store, "a", generation).await.into_iter().rev());
    store.delete_documents(&[id_of("c")], None, 0).await.unwrap();
    let found = store.chunks(&asked).await.unwrap();
    assert_eq!(found.iter().map(|chunk| chunk.row.id).collect::<Vec<_>>(), asked[1..]);
    let words: Vec<_> = found.iter().map(|chunk| chunk.row.text.as_str()).collect();
    assert_eq!(words, ["two", "end", "", KOREAN[1], KOREAN[0]]);
    assert!(found.iter().all(|chunk| chunk.document.id == chunk.row.document));
    assert!(store.chunks(&[]).await.unwrap().is_empty());
}

pub(in crate::store) async fn any_character_can_be_stored(store: &dyn Store) {
    let generation = with_model(store).await;
    store.ensure_collection(&collection(), NOW).await.unwrap();
    let mut strange = written("a\0b", &["words\0and \u{1}\u{10ffff}", "more"]);
    strange.title = "a\0title".to_owned();
    strange.metadata.insert("key\0".to_owned(), "\0\u{fffe}".to_owned());
    strange.chunks[0].heading_path = vec!["\0".to_owned(), "\"}{\\".to_owned()];
    store.put_document(&strange, generation, NOW).await.unwrap();
    let indexed = store.indexed_document(id_of("a\0b"), generation).await.unwrap().unwrap();
    assert_eq!(indexed.chunks[0].text, "words\0and \u{1}\u{10ffff}");
    assert_eq!(indexed.chunks[0].chunk.heading_path, ["\0", "\"}{\\"]);
    assert_eq!(indexed.document.metadata["key\0"], "\0\u{fffe}");
}
