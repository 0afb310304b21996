//! What holds when several processes write: `a` and `b` are two of them on one database.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;

use super::{NOW, collection, embed, id_of, principals, put, serving, with_model, written};
use crate::store::Store;
use crate::types::{DocumentId, Seq};

const LEASE: Duration = Duration::from_secs(60);
const ENDED: Duration = Duration::ZERO;

pub(in crate::store) async fn two_processes_are_never_given_the_same_document(a: &dyn Store, b: &dyn Store) {
    let generation = with_model(a).await;
    let uris: Vec<String> = (0..60).map(|number| number.to_string()).collect();
    for uri in &uris {
        put(a, &[(uri, &[uri])]).await;
    }
    let claims = (0..20).map(|turn| {
        let store = if turn % 2 == 0 { a } else { b };
        async move { (turn % 2, store.claim_documents(generation, 6, LEASE).await.unwrap()) }
    });
    let mut given: [BTreeSet<DocumentId>; 2] = Default::default();
    for (who, claimed) in join_all(claims).await {
        given[who].extend(claimed);
    }
    assert!(given[0].is_disjoint(&given[1]));
    assert!(!given[0].is_empty() && !given[1].is_empty());
}

pub(in crate::store) async fn a_claim_is_free_when_its_lease_ends(a: &dyn Store, b: &dyn Store) {
    let generation = with_model(a).await;
    put(a, &[("x", &["one", "two"]), ("y", &["three"])]).await;
    assert_eq!(a.claim_documents(generation, 1, LEASE).await.unwrap(), [id_of("y")]);
    assert_eq!(b.claim_documents(generation, 9, ENDED).await.unwrap(), [id_of("x")]);
    assert_eq!(a.claim_documents(generation, 9, LEASE).await.unwrap(), [id_of("y"), id_of("x")]);
    assert_eq!(b.claim_documents(generation, 9, LEASE).await.unwrap(), []);
    assert!(embed(b, generation, "y").await, "whoever comes first");
    assert!(!embed(a, generation, "y").await);
    a.close().await;
    assert_eq!(b.claim_documents(generation, 9, LEASE).await.unwrap(), [id_of("x")], "closing gives up");
}

pub(in crate::store) async fn saving_begins_the_lease_anew(a: &dyn Store, b: &dyn Store) {
    let generation = with_model(a).await;
    put(a, &[("x", &["one", "two"])]).await;
    let short = Duration::from_millis(400);
    assert_eq!(a.claim_documents(generation, 1, short).await.unwrap(), [id_of("x")]);
    let missing = a.missing_texts(id_of("x"), generation).await.unwrap();
    let begun = std::time::Instant::now();
    while begun.elapsed() < short * 2 {
        a.save_embeddings(generation, &[(missing[0].hash, vec![1.0])], &[id_of("x")]).await.unwrap();
        assert_eq!(b.claim_documents(generation, 1, LEASE).await.unwrap(), []);
    }
    while b.claim_documents(generation, 1, LEASE).await.unwrap().is_empty() {
        assert!(begun.elapsed() < short * 20, "the lease never ended");
    }
    a.save_embeddings(generation, &[], &[id_of("x")]).await.unwrap();
    assert_eq!(a.claim_documents(generation, 1, LEASE).await.unwrap(), [], "the other one's lease stays");
}

pub(in crate::store) async fn a_named_lease_has_one_holder(a: &dyn Store, b: &dyn Store) {
    assert!(a.acquire_lease("evaluate", LEASE).await.unwrap());
    assert!(!b.acquire_lease("evaluate", LEASE).await.unwrap());
    assert!(b.acquire_lease("other", LEASE).await.unwrap());
    b.release_lease("evaluate").await.unwrap();
    assert!(!b.acquire_lease("evaluate", LEASE).await.unwrap(), "it was not b's to give up");
    assert!(a.acquire_lease("evaluate", ENDED).await.unwrap());
    assert!(b.acquire_lease("evaluate", LEASE).await.unwrap(), "it has ended");
    b.release_lease("evaluate").await.unwrap();
    assert!(a.acquire_lease("evaluate", LEASE).await.unwrap());
    a.close().await;
    assert!(b.acquire_lease("evaluate", LEASE).await.unwrap());
}

pub(in crate::store) async fn whoever_sets_first_decides_for_all(a: &dyn Store, b: &dyn Store) {
    let values: Vec<String> = (0..24).map(|number| number.to_string()).collect();
    let racing = values.iter().enumerate().map(|(turn, value)| {
        let store = if turn % 2 == 0 { a } else { b };
        store.setting_or("key", value)
    });
    let answers: BTreeSet<String> = join_all(racing).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.len(), 1);
    assert_eq!(a.setting("key").await.unwrap().as_ref(), answers.first());
}

/// Writers race while a reader follows the log: what it has read up to never changes behind it.
pub(in crate::store) async fn the_log_has_no_holes_that_fill_later(a: &dyn Store, b: &dyn Store) {
    const WRITERS: usize = 8;
    const EACH: usize = 25;
    let generation = put(a, &[]).await;
    let ended = AtomicBool::new(false);
    let write = |writer: usize| {
        let store = if writer.is_multiple_of(2) { a } else { b };
        async move {
            for number in 0..EACH {
                let new = written(&format!("{writer}/{number}"), &["word", "word"]);
                store.put_document(&new, generation, NOW).await.unwrap();
            }
        }
    };
    let follow = async {
        let (mut seq, mut followed) = (Seq(0), Vec::new());
        loop {
            let last = ended.load(Ordering::SeqCst);
            let changes = b.changes_after(generation, seq, 7).await.unwrap();
            if last && changes.is_empty() {
                return followed;
            }
            seq = changes.last().map_or(seq, |change| change.seq);
            followed.extend(changes);
        }
    };
    let write_all = async {
        join_all((0..WRITERS).map(write)).await;
        ended.store(true, Ordering::SeqCst);
    };
    let (followed, ()) = futures::join!(follow, write_all);
    assert_eq!(followed.len(), WRITERS * EACH);
    assert_eq!(followed, super::all_changes(a, generation).await);
}

pub(in crate::store) async fn writers_in_each_others_way_all_succeed(a: &dyn Store, b: &dyn Store) {
    let generation = with_model(a).await;
    let uris = ["k", "l", "m", "n", "o", "p"];
    let parts: &[&str] = &["one", "two"];
    put(a, &uris.map(|uri| (uri, parts))).await;
    let ids: Vec<DocumentId> = uris.iter().map(|uri| id_of(uri)).collect();
    let backwards: Vec<DocumentId> = ids.iter().rev().copied().collect();
    let name = collection();
    let (staff, bob) = (principals(&["group:staff"]), principals(&["user:bob"]));
    for round in 0..12 {
        let texts = a.missing_texts(ids[0], generation).await.unwrap();
        let vectors: Vec<_> = texts.iter().map(|text| (text.hash, vec![1.0, 2.0])).collect();
        let mut opposite = vectors.clone();
        opposite.reverse();
        let readers = if round % 2 == 0 { &staff } else { &bob };
        let again = written("m", &["one", "two", "three"]);
        let (put, saved, other, own, shared, gone) = futures::join!(
            a.put_document(&again, generation, NOW),
            a.save_embeddings(generation, &vectors, &ids),
            b.save_embeddings(generation, &opposite, &backwards),
            b.set_readers(&backwards, Some(readers)),
            a.set_collection_readers(&name, readers),
            b.delete_documents(&backwards[..3], None, 0),
        );
        let done = [put.map(drop), saved.map(drop), other.map(drop), own.map(drop), shared.map(drop), gone.map(drop)];
        done.into_iter().for_each(Result::unwrap);
        put_again(a, &uris).await;
    }
    assert_eq!(a.integrity_check().await.unwrap(), "ok");
    assert_eq!(serving(b).await, generation);
}

async fn put_again(store: &dyn Store, uris: &[&str]) {
    let parts: &[&str] = &["one", "two"];
    put(store, &uris.iter().map(|uri| (*uri, parts)).collect::<Vec<_>>()).await;
}

pub(in crate::store) async fn a_change_is_heard_in_another_process(a: &dyn Store, b: &dyn Store) {
    assert!(a.is_shared());
    let generation = put(a, &[]).await;
    let hear = async {
        // Listening begins in its own time; until then writes go unheard, and any later one is as good.
        tokio::time::timeout(Duration::from_secs(20), b.changed()).await.unwrap();
    };
    let write = async {
        for number in 0.. {
            a.put_document(&written(&number.to_string(), &["word"]), generation, NOW).await.unwrap();
        }
    };
    futures::pin_mut!(hear, write);
    futures::future::select(hear, write).await;
}
