//! Ingests, the work on documents, what was removed, and documents under another name.

use std::time::Duration;

use super::{NOW, all_changes, chunk_ids, collection, embed, id_of, put, with_model, written};
use crate::store::{
    ChangeKind, DocumentMove, IngestEnd, IngestQuery, NewDocument, NewIngest, NewTask, Store, TaskEnd, TaskQuery,
};
use crate::types::{
    Failure, IngestId, IngestState, RemovalCause, RemovalProof, Seq, SourceStamp, TaskAction, TaskState,
};

const LEASE: Duration = Duration::from_secs(60);

async fn begun(store: &dyn Store, lease: Duration) -> IngestId {
    let id = IngestId::new();
    let new = NewIngest { id, collection: collection(), roots: vec!["docs".to_owned()] };
    store.begin_ingest(&new, lease, NOW).await.unwrap();
    id
}

fn finished() -> IngestEnd {
    IngestEnd { state: IngestState::Finished, summary: Some(serde_json::json!({"added": 2})), error: None }
}

async fn state(store: &dyn Store, id: IngestId) -> IngestState {
    store.ingest(id).await.unwrap().unwrap().state
}

pub(in crate::store) async fn ingests_are_kept_and_listed(store: &dyn Store) {
    assert!(store.ingest(IngestId::new()).await.unwrap().is_none());
    let (first, second) = (begun(store, LEASE).await, begun(store, LEASE).await);
    store.end_ingest(first, &finished(), NOW + 5).await.unwrap();
    let record = store.ingest(first).await.unwrap().unwrap();
    assert_eq!((record.state, record.finished_at_ms), (IngestState::Finished, Some(NOW + 5)));
    assert_eq!((record.roots, record.summary.unwrap()["added"].as_u64()), (vec!["docs".to_owned()], Some(2)));
    let page = store.ingests(&IngestQuery { limit: 1, ..IngestQuery::default() }).await.unwrap();
    assert_eq!((page.ingests[0].id, page.next_cursor), (second, Some(second)), "the newest comes first");
    let older = IngestQuery { before: page.next_cursor, collection: Some(collection()), limit: 9 };
    let rest = store.ingests(&older).await.unwrap();
    assert_eq!((rest.ingests.len(), rest.ingests[0].id, rest.next_cursor), (1, first, None));
}

pub(in crate::store) async fn an_ingest_without_its_process_is_interrupted(store: &dyn Store) {
    let dead = begun(store, Duration::ZERO).await;
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(state(store, dead).await, IngestState::Interrupted, "nobody has to come for that");
    let listed = store.ingests(&IngestQuery { limit: 9, ..IngestQuery::default() }).await.unwrap().ingests;
    assert_eq!((listed[0].state, listed[0].finished_at_ms.is_some()), (IngestState::Interrupted, true));
    let next = begun(store, LEASE).await;
    assert_eq!((state(store, dead).await, state(store, next).await), (IngestState::Interrupted, IngestState::Running));
}

pub(in crate::store) async fn work_of_a_dead_ingest_ends_with_the_next_of_the_same_folders(store: &dyn Store) {
    let task = |uri: &str| NewTask { document: id_of(uri), uri: uri.to_owned(), bytes: 3, action: TaskAction::Add };
    let dead = begun(store, Duration::ZERO).await;
    store.plan_tasks(dead, &[task("a"), task("b")], NOW).await.unwrap();
    store.claim_tasks(dead, &[id_of("a")], LEASE, NOW).await.unwrap();
    let elsewhere = NewIngest { id: IngestId::new(), collection: collection(), roots: vec!["other".to_owned()] };
    store.begin_ingest(&elsewhere, Duration::ZERO, NOW).await.unwrap();
    store.plan_tasks(elsewhere.id, &[task("c")], NOW).await.unwrap();
    tokio::time::sleep(Duration::from_millis(5)).await;
    let next = begun(store, LEASE).await;
    let open = async || {
        let tasks = store.tasks(&TaskQuery { limit: 9, ..TaskQuery::default() }).await.unwrap();
        let open = tasks.into_iter().filter(|each| each.state != TaskState::Done);
        open.map(|each| each.uri).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(open().await.len(), 3);
    store.end_ingest(next, &finished(), NOW).await.unwrap();
    assert_eq!(open().await, ["c".to_owned()].into(), "it found a and b as they shall be");
}

pub(in crate::store) async fn work_goes_with_its_document(store: &dyn Store) {
    put(store, &[("a", &["one"])]).await;
    let ingest = begun(store, LEASE).await;
    let task = NewTask { document: id_of("a"), uri: "a".to_owned(), bytes: 3, action: TaskAction::Change };
    store.plan_tasks(ingest, &[task], NOW).await.unwrap();
    store.delete_documents(&[id_of("a")], None, NOW).await.unwrap();
    assert!(store.tasks(&TaskQuery { limit: 9, ..TaskQuery::default() }).await.unwrap().is_empty());
}

pub(in crate::store) async fn work_is_taken_counted_and_settled(store: &dyn Store) {
    let ingest = begun(store, LEASE).await;
    let task = |uri: &str| NewTask { document: id_of(uri), uri: uri.to_owned(), bytes: 3, action: TaskAction::Add };
    store.plan_tasks(ingest, &[task("a"), task("b")], NOW).await.unwrap();
    let waiting = TaskQuery { state: Some(TaskState::Waiting), limit: 9, ..TaskQuery::default() };
    assert_eq!(store.tasks(&waiting).await.unwrap().len(), 2);
    let claimed = store.claim_tasks(ingest, &[id_of("a"), id_of("b"), id_of("c")], LEASE, NOW).await.unwrap();
    assert_eq!(claimed.len(), 2, "what is not planned cannot be taken");
    assert!(claimed.iter().all(|(_, attempt)| *attempt == 1));
    let failure = Failure { code: "timeout".to_owned(), message: "it took too long".to_owned() };
    let failed =
        TaskEnd { document: id_of("a"), state: TaskState::Failed, failure: Some(failure), retry_at_ms: Some(NOW + 9) };
    let done = TaskEnd { document: id_of("b"), state: TaskState::Done, failure: None, retry_at_ms: None };
    store.settle_tasks(&[failed, done], NOW).await.unwrap();
    let all = store.tasks(&TaskQuery { ingest: Some(ingest), limit: 9, ..TaskQuery::default() }).await.unwrap();
    let of = |uri: &str| all.iter().find(|known| known.uri == uri).unwrap();
    assert_eq!((of("a").state, of("a").attempt, of("a").retry_at_ms), (TaskState::Failed, 1, Some(NOW + 9)));
    assert_eq!(of("a").failure_code.as_deref(), Some("timeout"));
    assert_eq!((of("b").state, of("b").attempt, of("b").lease_until_ms), (TaskState::Done, 0, None));
    // The next ingest tries again, and the tries add up.
    let second = begun(store, LEASE).await;
    store.plan_tasks(second, &[task("a")], NOW).await.unwrap();
    assert_eq!(store.claim_tasks(second, &[id_of("a")], LEASE, NOW).await.unwrap(), [(id_of("a"), 2)]);
    store.end_ingest(second, &finished(), NOW).await.unwrap();
    assert_eq!(store.tasks(&waiting).await.unwrap().len(), 1, "what an ingest leaves is nobody's");
}

pub(in crate::store) async fn a_failure_waits_for_its_time(store: &dyn Store) {
    let ingest = begun(store, LEASE).await;
    let task = NewTask { document: id_of("d/a"), uri: "d/a".to_owned(), bytes: 3, action: TaskAction::Add };
    store.plan_tasks(ingest, &[task], NOW).await.unwrap();
    let failure = Failure { code: "crashed".to_owned(), message: "it died".to_owned() };
    store.ensure_collection(&collection(), NOW).await.unwrap();
    store.fail_document(&written("d/a", &[]), &failure, NOW).await.unwrap();
    let end = TaskEnd {
        document: id_of("d/a"),
        state: TaskState::Failed,
        failure: Some(failure),
        retry_at_ms: Some(NOW + 7),
    };
    store.settle_tasks(&[end], NOW).await.unwrap();
    let known = store.known_sources(&collection(), &["d".to_owned()]).await.unwrap();
    assert_eq!(known["d/a"].retry_at_ms, Some(NOW + 7));
}

pub(in crate::store) async fn what_is_removed_is_written_down(store: &dyn Store) {
    let generation = put(store, &[("a", &["one", "two"]), ("b", &["three"]), ("c", &["four"])]).await;
    let ingest = begun(store, LEASE).await;
    let chunks: Vec<u64> = chunk_ids(store, "a", generation).await.into_iter().map(|chunk| chunk.0).collect();
    assert!(store.removals(ingest, 0, 9).await.unwrap().is_empty());
    let by_ingest = |new: NewDocument| NewDocument { ingest: Some(ingest), ..new };
    store.put_document(&by_ingest(written("a", &["other"])), generation, NOW + 1).await.unwrap();
    store.put_document(&by_ingest(written("new", &["new"])), generation, NOW + 1).await.unwrap();
    let failure = Failure { code: "empty".to_owned(), message: "nothing".to_owned() };
    store.fail_document(&by_ingest(written("b", &[])), &failure, NOW + 1).await.unwrap();
    store.delete_documents(&[id_of("c"), id_of("nobody")], Some(ingest), NOW + 1).await.unwrap();
    let removals = store.removals(ingest, 0, 9).await.unwrap();
    let said: Vec<_> = removals.iter().map(|removal| (removal.uri.as_str(), removal.cause)).collect();
    let causes = [RemovalCause::Replaced, RemovalCause::Unreadable, RemovalCause::Deleted];
    assert_eq!(said, ["a", "b", "c"].into_iter().zip(causes).collect::<Vec<_>>());
    let first = &removals[0];
    assert_eq!((first.chunks.as_slice(), first.chunk_count), (&[(chunks[0], chunks[1])][..], 2));
    assert_eq!(first.text_sha256, sha("one\ntwo"));
    assert_eq!((first.text_bytes, first.proof), (7, None));
    assert!(all_changes(store, generation).await.iter().any(|change| change.seq == removals[2].seq));
    for removal in &removals {
        assert_eq!(store.left_of(removal).await.unwrap(), 0);
    }
    let unproven = store.unproven_removals(removals[1].seq, 0, 9).await.unwrap();
    assert_eq!(unproven.len(), 2, "only up to the change that was followed");
    let proof = RemovalProof { verified_at_ms: NOW + 2, truth_left: 0, keyword_left: 0, vector_left: 1 };
    store.prove_removals(&[(first.number, proof)]).await.unwrap();
    assert_eq!(store.removals(ingest, 0, 1).await.unwrap()[0].proof, Some(proof));
    assert_eq!(store.unproven_removals(Seq(u64::MAX >> 1), 0, 9).await.unwrap().len(), 2);
    assert_eq!(store.removals(ingest, first.number, 9).await.unwrap().len(), 2);
}

fn sha(text: &str) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(in crate::store) async fn a_document_moves_with_what_it_holds(store: &dyn Store) {
    let generation = with_model(store).await;
    let inside = NewDocument { container: Some(id_of("d/old.zip")), ..written("d/old.zip/x.md", &["inside"]) };
    store.ensure_collection(&collection(), NOW).await.unwrap();
    store.put_document(&inside, generation, NOW).await.unwrap();
    let itself = NewDocument { title: "old.zip".to_owned(), ..written("d/old.zip", &["list"]) };
    store.put_document(&itself, generation, NOW).await.unwrap();
    assert!(embed(store, generation, "d/old.zip").await && embed(store, generation, "d/old.zip/x.md").await);
    let before = chunk_ids(store, "d/old.zip/x.md", generation).await;
    let seen = store.last_seq(generation).await.unwrap();
    let source = SourceStamp { bytes: 9, modified_ns: 77, sha256: "1".repeat(64) };
    let moved = DocumentMove { from: id_of("d/old.zip"), uri: "d/sub/new.zip".to_owned(), source: source.clone() };
    let ingest = begun(store, LEASE).await;
    assert!(store.move_document(&moved, Some(ingest), NOW + 1).await.unwrap());
    assert!(!store.move_document(&moved, Some(ingest), NOW + 1).await.unwrap(), "it is not there any more");

    assert!(store.document(id_of("d/old.zip")).await.unwrap().is_none());
    assert!(store.document(id_of("d/old.zip/x.md")).await.unwrap().is_none());
    let file = store.document(id_of("d/sub/new.zip")).await.unwrap().unwrap();
    assert_eq!((file.title.as_str(), file.source), ("new.zip", source));
    let within = store.document(id_of("d/sub/new.zip/x.md")).await.unwrap().unwrap();
    assert_eq!((within.title.as_str(), within.container), ("About it", Some(file.id)));
    assert_eq!(within.source.modified_ns, 77, "what is inside has the file's date");
    let after = chunk_ids(store, "d/sub/new.zip/x.md", generation).await;
    assert!(after.len() == 1 && after.iter().all(|chunk| !before.contains(chunk)), "numbers are never used twice");
    // Nothing waits for a vector.
    let status = store.embedding_status(generation).await.unwrap();
    assert_eq!((status.documents, status.embedded, status.chunks_embedded), (2, 2, 2));
    let kinds: Vec<_> = super::changes_since(store, generation, seen).await.into_iter().map(|(_, kind)| kind).collect();
    let count = |kind: ChangeKind| kinds.iter().filter(|other| **other == kind).count();
    assert_eq!((count(ChangeKind::Delete), count(ChangeKind::Put), count(ChangeKind::Embedded)), (2, 2, 2));
    let removals = store.removals(ingest, 0, 9).await.unwrap();
    assert!(removals.iter().all(|removal| removal.cause == RemovalCause::Moved && removal.moved_to.is_some()));
    assert_eq!(removals.len(), 2);
    // Somebody is at the new name.
    put(store, &[("d/a", &["a"]), ("d/b", &["b"])]).await;
    let onto = DocumentMove { from: id_of("d/a"), uri: "d/b".to_owned(), source: moved.source.clone() };
    assert!(!store.move_document(&onto, None, NOW).await.unwrap());
    assert!(store.document(id_of("d/a")).await.unwrap().is_some());
}
