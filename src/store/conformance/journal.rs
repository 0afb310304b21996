//! Checkpoints, settings, leases of one process, the journal of runs, and measurements.

use std::time::Duration;

use super::threads::run;
use super::{NOW, all_changes, id_of, put};
use crate::store::{ANSWERED_STEP, Evaluation, GoldQuery, NewEvaluation, RunEnd, RunOutcome, Store};
use crate::types::Seq;

pub(in crate::store) async fn changes_are_read_from_any_place(store: &dyn Store) {
    let generation = put(store, &[("a", &["one"]), ("b", &["two"]), ("c", &["three"])]).await;
    let all = all_changes(store, generation).await;
    let documents: Vec<_> = all.iter().map(|change| change.document).collect();
    assert_eq!(documents, ["a", "b", "c"].map(id_of));
    assert_eq!(store.changes_after(generation, all[0].seq, 1).await.unwrap(), all[1..2]);
    assert_eq!(store.changes_after(generation, all[2].seq, 9).await.unwrap(), []);
    assert_eq!(store.changes_after(generation, Seq(u64::MAX), 9).await.unwrap(), []);
    assert_eq!(store.last_seq(generation).await.unwrap(), all[2].seq);
}

pub(in crate::store) async fn a_checkpoint_is_the_last_one_noted(store: &dyn Store) {
    assert_eq!(store.checkpoint("vector").await.unwrap(), Seq(0));
    let advance = |from, to| store.advance_checkpoint("vector", Seq(from), Seq(to));
    assert!(advance(0, 5).await.unwrap() && advance(5, 9).await.unwrap());
    assert!(!advance(5, 7).await.unwrap(), "somebody else moved it");
    assert!(!advance(0, 7).await.unwrap(), "somebody else moved it");
    store.rewind_checkpoint("vector", Seq(11)).await.unwrap();
    assert_eq!(store.checkpoint("vector").await.unwrap(), Seq(9), "it is behind that already");
    store.rewind_checkpoint("vector", Seq(3)).await.unwrap();
    assert_eq!(store.checkpoint("vector").await.unwrap(), Seq(3));
    assert_eq!(store.checkpoint("keyword").await.unwrap(), Seq(0));
}

pub(in crate::store) async fn a_setting_is_what_was_set_last_or_first(store: &dyn Store) {
    assert_eq!(store.setting("key").await.unwrap(), None);
    assert_eq!(store.setting_or("key", "first").await.unwrap(), "first");
    assert_eq!(store.setting_or("key", "second").await.unwrap(), "first");
    store.set_setting("key", "third").await.unwrap();
    assert_eq!(store.setting("key").await.unwrap().as_deref(), Some("third"));
}

pub(in crate::store) async fn a_lease_is_extended_by_its_owner(store: &dyn Store) {
    for _ in 0..2 {
        assert!(store.acquire_lease("evaluate", Duration::from_secs(60)).await.unwrap());
    }
    store.release_lease("evaluate").await.unwrap();
    store.release_lease("never taken").await.unwrap();
    assert!(store.acquire_lease("evaluate", Duration::MAX).await.unwrap());
}

pub(in crate::store) async fn a_finished_step_keeps_its_first_result(store: &dyn Store) {
    store.begin_run(&run("r1", "thread"), NOW).await.unwrap();
    assert_eq!(store.step_result("r1", "retrieve").await.unwrap(), None);
    store.record_step("r1", "retrieve", "{\"hits\":1}", 12).await.unwrap();
    store.begin_run(&run("r1", "thread"), NOW + 5).await.unwrap();
    store.record_step("r1", "retrieve", "{\"hits\":2}", 13).await.unwrap();
    assert_eq!(store.step_result("r1", "retrieve").await.unwrap().as_deref(), Some("{\"hits\":1}"));
    assert_eq!(store.step_result("r2", "retrieve").await.unwrap(), None);
    assert!(store.record_step("nobody", "retrieve", "{}", 1).await.is_err(), "a step belongs to a run");
    store.end_run("r1", &RunOutcome::of(RunEnd::Failed("model\0".to_owned())), NOW).await.unwrap();
}

pub(in crate::store) async fn questions_of_finished_runs_are_logged(store: &dyn Store) {
    let failed = RunEnd::Failed("x".to_owned());
    let ends = [RunEnd::Finished, RunEnd::Cancelled, RunEnd::Finished, failed, RunEnd::Finished];
    for (place, end) in (0_i64..).zip(&ends) {
        let id = format!("r{place}");
        store.begin_run(&run(&id, "thread"), NOW + place).await.unwrap();
        // The last question is that of the first run once more.
        let gold = |relevant: &[&str]| GoldQuery {
            query: format!("question {}", place % 4),
            relevant: relevant.iter().map(|uri| (*uri).to_owned()).collect(),
        };
        let step = |query: &GoldQuery| serde_json::to_string(query).unwrap();
        store.record_step(&id, &format!("{ANSWERED_STEP}:1"), &step(&gold(&["a.md"])), 1).await.unwrap();
        store.record_step(&id, &format!("{ANSWERED_STEP}:2"), &step(&gold(&[])), 1).await.unwrap();
        store.record_step(&id, &format!("x{ANSWERED_STEP}"), &step(&gold(&["b.md"])), 1).await.unwrap();
        store.end_run(&id, &RunOutcome::of(end.clone()), NOW + place).await.unwrap();
    }
    let logged = |place: usize| GoldQuery { query: format!("question {place}"), relevant: vec!["a.md".to_owned()] };
    assert_eq!(store.logged_queries(9).await.unwrap(), [logged(0), logged(2)]);
}

pub(in crate::store) async fn the_last_evaluation_of_the_same_queries_is_found(store: &dyn Store) {
    assert_eq!(store.last_evaluation("a").await.unwrap(), None);
    let new = |digest: &str, report: &str| NewEvaluation {
        dataset: "말뭉치".to_owned(),
        digest: digest.to_owned(),
        report: report.to_owned(),
    };
    for (at, (digest, report)) in (0_i64..).zip([("a", "{\"first\": 1}"), ("a", "{}"), ("b", "[]")]) {
        // The order of writing counts, not the clock.
        store.save_evaluation(&new(digest, report), NOW - at).await.unwrap();
    }
    let kept = Evaluation { measured_at_ms: NOW - 1, report: "{}".to_owned() };
    assert_eq!(store.last_evaluation("a").await.unwrap(), Some(kept));
    assert_eq!(store.last_evaluation("c").await.unwrap(), None);
}
