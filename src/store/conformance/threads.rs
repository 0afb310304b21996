//! Threads and turns: whose they are, what a run leaves behind, and what goes with what.

use futures::future::join_all;
use ibid_ingest::Span;
use serde_json::json;

use super::{NOW, id_of};
use crate::store::{ANSWERED_STEP, Begun, NewRun, RunEnd, RunOutcome, Store, ThreadQuery};
use crate::types::{Citation, CitationId, Feedback, RunState, StepTime, Thread, Turn, Utf16Offset};

const ANN: &str = "as:user:ann";
const BOB: &str = "as:user:bob";

/// A run of Ann's.
pub(super) fn run(id: &str, thread_id: &str) -> NewRun {
    NewRun {
        id: id.to_owned(),
        thread_id: thread_id.to_owned(),
        account: ANN.to_owned(),
        title: format!("about {id}"),
        question: format!("수달은 {id}?"),
        model: "echo".to_owned(),
        expires_at_ms: None,
    }
}

fn citation(run_id: &str, n: usize) -> Citation {
    let quote = Span { start: n, end: n + 3 };
    let value = json!({
        "n": n, "id": CitationId::of(run_id, n, Utf16Offset(n)), "chunkId": "c7", "documentId": id_of("a.md"),
        "collection": "default", "title": "Otters \"at sea\"", "source": "a.md", "url": "/v1/x",
        "sourceContent": [{"text": "손을 잡는다\u{0}"}], "start": 0, "end": 9, "textOffset": 9, "score": 0.1,
        "location": {
            "type": "span", "unit": "bytes", "start": quote.start, "end": quote.end, "pageFirst": 2,
            "headingPath": ["Part"],
        },
        "verdict": "supported", "reasonCode": "verbatim", "reason": "It stands there.", "judge": "lexical",
    });
    serde_json::from_value(value).unwrap()
}

fn outcome(run_id: &str) -> RunOutcome {
    RunOutcome {
        search_query: Some("수달 손".to_owned()),
        answer: Some("Otters hold hands [2] [1].".to_owned()),
        grounded: Some(true),
        citations: vec![citation(run_id, 2), citation(run_id, 1)],
        withheld: 3,
        model: Some("other".to_owned()),
        tokens_in: Some(1200),
        tokens_out: Some(40),
        cost_micros: Some(5_000_000_000),
        steps: vec![StepTime { name: "retrieve".to_owned(), took_ms: 12 }],
        tools: vec!["search".to_owned()],
        ..RunOutcome::of(RunEnd::Finished)
    }
}

async fn begin(store: &dyn Store, run: &NewRun, now_ms: i64) -> Begun {
    store.begin_run(run, now_ms).await.unwrap()
}

async fn turn_ids(store: &dyn Store, thread: &str, newest: u32) -> Vec<String> {
    store.turns(thread, ANN, newest).await.unwrap().into_iter().map(|turn| turn.run_id).collect()
}

async fn thread_ids(store: &dyn Store, now_ms: i64) -> Vec<String> {
    let query = ThreadQuery { limit: 99, after: None };
    store.threads(ANN, &query, now_ms).await.unwrap().into_iter().map(|thread| thread.id).collect()
}

pub(in crate::store) async fn a_thread_is_made_by_its_first_run(store: &dyn Store) {
    assert_eq!(store.thread("t", ANN, NOW).await.unwrap(), None);
    assert_eq!(begin(store, &run("r1", "t"), NOW).await, Begun::New);
    assert_eq!(begin(store, &run("r2", "t"), NOW + 5).await, Begun::New);
    let thread = Thread {
        id: "t".to_owned(),
        title: "about r1".to_owned(),
        created_at_ms: NOW,
        updated_at_ms: NOW + 5,
        expires_at_ms: None,
        turns: 2,
    };
    assert_eq!(store.thread("t", ANN, NOW).await.unwrap(), Some(thread));
    assert!(store.rename_thread("t", ANN, "바다 수달").await.unwrap());
    begin(store, &run("r3", "t"), NOW + 6).await;
    assert_eq!(store.thread("t", ANN, NOW).await.unwrap().unwrap().title, "바다 수달");
    store.rename_thread("t", ANN, "").await.unwrap();
    begin(store, &run("r4", "t"), NOW + 6).await;
    assert_eq!(store.thread("t", ANN, NOW).await.unwrap().unwrap().title, "about r4", "an empty title is none");
}

pub(in crate::store) async fn a_turn_is_what_its_run_left(store: &dyn Store) {
    begin(store, &run("r", "t"), NOW).await;
    let running = store.turn("r", ANN).await.unwrap().unwrap();
    assert_eq!(
        (running.state, running.question.as_str(), running.finished_at_ms),
        (RunState::Running, "수달은 r?", None)
    );
    assert!(running.answer.is_none() && running.citations.is_empty() && running.steps.is_empty());
    store.end_run("r", &outcome("r"), NOW + 9).await.unwrap();
    store.end_run("r", &outcome("r"), NOW + 9).await.unwrap();
    let left = outcome("r");
    let expected = Turn {
        run_id: "r".to_owned(),
        thread_id: "t".to_owned(),
        state: RunState::Finished,
        error_code: None,
        question: "수달은 r?".to_owned(),
        search_query: left.search_query,
        answer: left.answer,
        grounded: left.grounded,
        citations: left.citations,
        withheld: 3,
        model: "other".to_owned(),
        tokens_in: left.tokens_in,
        tokens_out: left.tokens_out,
        cost_micros: left.cost_micros,
        steps: left.steps,
        tools: left.tools,
        feedback: None,
        started_at_ms: NOW,
        finished_at_ms: Some(NOW + 9),
    };
    assert_eq!(store.turn("r", ANN).await.unwrap(), Some(expected.clone()));
    assert_eq!(store.turns("t", ANN, 9).await.unwrap(), [expected]);
    for (end, state, code) in [
        (RunEnd::Failed("model\0".to_owned()), RunState::Failed, true),
        (RunEnd::Cancelled, RunState::Cancelled, false),
    ] {
        begin(store, &run("x", "t"), NOW).await;
        store.end_run("x", &RunOutcome::of(end), NOW).await.unwrap();
        let turn = store.turn("x", ANN).await.unwrap().unwrap();
        assert_eq!((turn.state, turn.error_code.is_some(), turn.model.as_str()), (state, code, "echo"));
    }
}

pub(in crate::store) async fn accounts_do_not_see_each_other(store: &dyn Store) {
    begin(store, &run("r", "t"), NOW).await;
    store.end_run("r", &outcome("r"), NOW).await.unwrap();
    let id = CitationId::of("r", 1, Utf16Offset(1));
    assert_eq!(store.thread("t", BOB, NOW).await.unwrap(), None);
    assert_eq!(store.threads(BOB, &ThreadQuery { limit: 9, after: None }, NOW).await.unwrap(), []);
    assert_eq!(store.turns("t", BOB, 9).await.unwrap(), []);
    assert_eq!(store.turn("r", BOB).await.unwrap(), None);
    assert_eq!(store.citation(&id, BOB).await.unwrap(), None);
    assert!(!store.rename_thread("t", BOB, "mine").await.unwrap());
    assert!(!store.delete_thread("t", BOB).await.unwrap());
    let said = Feedback { helpful: false, note: String::new(), at_ms: NOW };
    assert!(!store.set_feedback("r", BOB, Some(&said)).await.unwrap());
    assert_eq!(store.thread("t", ANN, NOW).await.unwrap().unwrap().title, "about r");
    assert_eq!(store.turn("r", ANN).await.unwrap().unwrap().feedback, None);
}

pub(in crate::store) async fn foreign_ids_write_nothing(store: &dyn Store) {
    begin(store, &run("r", "t"), NOW).await;
    store.end_run("r", &outcome("r"), NOW).await.unwrap();
    let before = store.turn("r", ANN).await.unwrap();
    let bobs = |id: &str, thread_id: &str| NewRun { account: BOB.to_owned(), ..run(id, thread_id) };
    for foreign in [bobs("new", "t"), bobs("r", "t"), bobs("r", "other"), run("r", "other")] {
        assert_eq!(begin(store, &foreign, NOW + 7).await, Begun::Foreign, "{foreign:?}");
    }
    assert_eq!(store.turn("r", ANN).await.unwrap(), before);
    assert_eq!(store.turn("new", ANN).await.unwrap(), None);
    assert_eq!(store.turn("new", BOB).await.unwrap(), None);
    for account in [ANN, BOB] {
        assert_eq!(store.thread("other", account, NOW).await.unwrap(), None);
    }
    let thread = store.thread("t", ANN, NOW).await.unwrap().unwrap();
    assert_eq!((thread.updated_at_ms, thread.turns), (NOW, 1));
}

pub(in crate::store) async fn a_deleted_thread_takes_all_of_its_own(store: &dyn Store) {
    for (id, thread_id) in [("r", "t"), ("kept", "kept")] {
        begin(store, &run(id, thread_id), NOW).await;
        store
            .record_step(id, &format!("{ANSWERED_STEP}:1"), "{\"query\":\"q\",\"relevant\":[\"a\"]}", 1)
            .await
            .unwrap();
        store.append_events(id, 1, &["{}".to_owned()]).await.unwrap();
        store.end_run(id, &outcome(id), NOW).await.unwrap();
    }
    assert!(store.delete_thread("t", ANN).await.unwrap());
    assert!(!store.delete_thread("t", ANN).await.unwrap());
    let held = async |id: &str| {
        let step = store.step_result(id, &format!("{ANSWERED_STEP}:1")).await.unwrap();
        let citation = store.citation(&CitationId::of(id, 2, Utf16Offset(2)), ANN).await.unwrap();
        let (turn, events) = (store.turn(id, ANN).await.unwrap(), store.events_after(id, 0).await.unwrap());
        [step.is_some(), citation.is_some(), turn.is_some(), !events.is_empty()]
    };
    assert_eq!((held("r").await, held("kept").await), ([false; 4], [true; 4]));
    assert_eq!(thread_ids(store, NOW).await, ["kept"]);
    assert_eq!(store.logged_queries(9).await.unwrap().len(), 1);
    // A run that was at work meanwhile leaves nothing, and the ids are free for anybody.
    store.end_run("r", &outcome("r"), NOW).await.unwrap();
    assert!(store.append_events("r", 2, &["{}".to_owned()]).await.is_err());
    assert_eq!(held("r").await, [false; 4]);
    let bobs = NewRun { account: BOB.to_owned(), ..run("r", "t") };
    assert_eq!(begin(store, &bobs, NOW).await, Begun::New);
}

pub(in crate::store) async fn a_thread_expires_unless_a_run_begins_in_it(store: &dyn Store) {
    let until = |id: &str, thread_id: &str, ms: i64| NewRun { expires_at_ms: Some(NOW + ms), ..run(id, thread_id) };
    for first in [until("a", "soon", 10), until("b", "later", 20), run("c", "never"), until("d", "renewed", 10)] {
        begin(store, &first, NOW).await;
    }
    begin(store, &until("e", "renewed", 30), NOW + 1).await;
    assert_eq!(thread_ids(store, NOW + 9).await.len(), 4);
    assert_eq!(thread_ids(store, NOW + 10).await, ["renewed", "never", "later"]);
    assert_eq!(store.thread("soon", ANN, NOW + 10).await.unwrap(), None);
    // What is out of date and still there is another's to begin anew.
    let bobs = NewRun { account: BOB.to_owned(), ..until("a", "soon", 10) };
    assert_eq!(begin(store, &bobs, NOW + 5).await, Begun::Foreign);
    assert_eq!(begin(store, &until("f", "later", 90), NOW + 20).await, Begun::New);
    assert_eq!(turn_ids(store, "later", 9).await, ["f"]);
    assert_eq!(store.thread("later", ANN, NOW).await.unwrap().unwrap().turns, 1);
    assert_eq!(store.expire_threads(NOW + 29).await.unwrap(), 1);
    assert_eq!(store.expire_threads(NOW + 29).await.unwrap(), 0);
    assert_eq!(store.turn("a", ANN).await.unwrap(), None);
    assert_eq!(store.expire_threads(NOW + 30).await.unwrap(), 1);
    assert_eq!(thread_ids(store, NOW).await, ["later", "never"]);
}

pub(in crate::store) async fn threads_are_listed_page_by_page(store: &dyn Store) {
    // Ids of several scripts and cases, some at the same moment: their order is that of their bytes.
    let ids = ["b", "B", "가", "a", "é", "_", "a-b", "ab", "A"];
    for (place, id) in (0_i64..).zip(ids) {
        begin(store, &run(id, id), NOW + place / 4).await;
    }
    let mut expected: Vec<(i64, &str)> = (0_i64..).zip(ids).map(|(place, id)| (NOW + place / 4, id)).collect();
    expected.sort_unstable_by(|a, b| b.cmp(a));
    let mut seen: Vec<(i64, String)> = Vec::new();
    loop {
        let query = ThreadQuery { limit: 2, after: seen.last().cloned() };
        let page = store.threads(ANN, &query, NOW).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 2);
        seen.extend(page.into_iter().map(|thread| (thread.updated_at_ms, thread.id)));
        // What comes in meanwhile stands before what was read.
        begin(store, &run(&format!("new {}", seen.len()), &format!("new {}", seen.len())), NOW + 99).await;
    }
    let seen: Vec<(i64, &str)> = seen.iter().map(|(at_ms, id)| (*at_ms, id.as_str())).collect();
    assert_eq!(seen, expected);
}

pub(in crate::store) async fn turns_stand_in_the_order_in_which_they_began(store: &dyn Store) {
    // The order of beginning counts, not the clock.
    for (id, at) in [("z", 0), ("y", 0), ("x", -5), ("w", 3), ("v", 3)] {
        begin(store, &run(id, "t"), NOW + at).await;
    }
    begin(store, &run("y", "t"), NOW + 99).await;
    assert_eq!(turn_ids(store, "t", 9).await, ["z", "y", "x", "w", "v"]);
    assert_eq!(turn_ids(store, "t", 2).await, ["w", "v"]);
    assert_eq!(turn_ids(store, "t", 0).await, [""; 0]);
    assert_eq!(store.thread("t", ANN, NOW).await.unwrap().unwrap().turns, 5);
}

pub(in crate::store) async fn runs_that_begin_at_once_all_have_their_turn(store: &dyn Store) {
    let runs: Vec<NewRun> = (0..12).map(|number| run(&format!("r{number}"), "t")).collect();
    let begun = join_all(runs.iter().map(|run| begin(store, run, NOW))).await;
    assert_eq!(begun, [Begun::New; 12]);
    assert_eq!(store.thread("t", ANN, NOW).await.unwrap().unwrap().turns, 12);
    let mut ids = turn_ids(store, "t", 99).await;
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 12);
    // The same run in several threads at once is in one of them.
    let same: Vec<NewRun> = (0..6).map(|number| run("same", &format!("thread {number}"))).collect();
    let same_begun = join_all(same.iter().map(|run| begin(store, run, NOW))).await;
    assert_eq!(same_begun.iter().filter(|one| **one == Begun::New).count(), 1, "{same_begun:?}");
    assert_eq!(thread_ids(store, NOW).await.len(), 2);
}

pub(in crate::store) async fn a_run_that_begins_again_keeps_its_steps(store: &dyn Store) {
    let first = NewRun { title: String::new(), ..run("r", "t") };
    begin(store, &first, NOW).await;
    store.record_step("r", "retrieve", "{}", 12).await.unwrap();
    store.append_events("r", 1, &["one".to_owned(), "two".to_owned()]).await.unwrap();
    // Killed here. It says its events anew.
    assert_eq!(begin(store, &run("r", "t"), NOW + 5).await, Begun::Again);
    assert_eq!(store.step_result("r", "retrieve").await.unwrap().as_deref(), Some("{}"));
    assert_eq!(store.events_after("r", 0).await.unwrap(), []);
    store.append_events("r", 1, &["uno".to_owned()]).await.unwrap();
    store.end_run("r", &outcome("r"), NOW + 9).await.unwrap();
    let said = Feedback { helpful: true, note: "고마워".to_owned(), at_ms: NOW + 10 };
    assert!(store.set_feedback("r", ANN, Some(&said)).await.unwrap());
    let ended = store.turn("r", ANN).await.unwrap().unwrap();
    assert_eq!((ended.started_at_ms, ended.finished_at_ms), (NOW, Some(NOW + 9)));
    // Asked for once more after its end.
    assert_eq!(begin(store, &NewRun { question: "other?".to_owned(), ..run("r", "t") }, NOW + 20).await, Begun::Again);
    let again = store.turn("r", ANN).await.unwrap().unwrap();
    assert_eq!((again.state, again.question.as_str(), again.started_at_ms), (RunState::Running, "other?", NOW));
    assert_eq!((again.answer, again.grounded, again.finished_at_ms, again.withheld), (None, None, None, 0));
    assert_eq!((again.citations, again.steps, again.feedback), (Vec::new(), Vec::new(), Some(said)));
    assert_eq!(store.citation(&CitationId::of("r", 1, Utf16Offset(1)), ANN).await.unwrap(), None);
    store.end_run("r", &RunOutcome { citations: vec![citation("r", 1)], ..outcome("r") }, NOW + 29).await.unwrap();
    assert_eq!(store.turn("r", ANN).await.unwrap().unwrap().citations, [citation("r", 1)]);
    let thread = store.thread("t", ANN, NOW).await.unwrap().unwrap();
    assert_eq!((thread.turns, thread.updated_at_ms), (1, NOW + 20));
}

pub(in crate::store) async fn feedback_is_what_was_said_last(store: &dyn Store) {
    begin(store, &run("r", "t"), NOW).await;
    let said = |helpful, note: &str| Feedback { helpful, note: note.to_owned(), at_ms: NOW };
    assert!(!store.set_feedback("nobody", ANN, Some(&said(true, ""))).await.unwrap());
    for feedback in [Some(said(true, "")), Some(said(false, "틀렸다 \"\0")), None] {
        assert!(store.set_feedback("r", ANN, feedback.as_ref()).await.unwrap());
        assert_eq!(store.turn("r", ANN).await.unwrap().unwrap().feedback, feedback);
    }
}

pub(in crate::store) async fn events_come_back_in_order_and_once(store: &dyn Store) {
    let events = |numbers: std::ops::RangeInclusive<u64>| -> Vec<(u64, String)> {
        numbers.map(|number| (number, format!("{{\"수달\":{number}}}"))).collect()
    };
    let texts = |numbers| events(numbers).into_iter().map(|(_, event)| event).collect::<Vec<_>>();
    for id in ["r", "s", "late"] {
        begin(store, &run(id, "t"), NOW).await;
    }
    store.append_events("r", 1, &texts(1..=3)).await.unwrap();
    // Sent twice, and in parts that overlap.
    store.append_events("r", 1, &texts(1..=3)).await.unwrap();
    store.append_events("r", 3, &["something else".to_owned(), texts(4..=4).remove(0)]).await.unwrap();
    store.append_events("r", 5, &texts(5..=12)).await.unwrap();
    store.append_events("r", 13, &[]).await.unwrap();
    store.append_events("s", 1, &texts(1..=1)).await.unwrap();
    store.append_events("late", 1, &texts(1..=1)).await.unwrap();
    assert_eq!(store.events_after("r", 0).await.unwrap(), events(1..=12));
    assert_eq!(store.events_after("r", 9).await.unwrap(), events(10..=12));
    assert_eq!(store.events_after("r", u64::MAX).await.unwrap(), []);
    assert!(store.append_events("nobody", 1, &texts(1..=1)).await.is_err(), "an event belongs to a run");
    store.end_run("r", &RunOutcome::of(RunEnd::Finished), NOW + 1).await.unwrap();
    store.end_run("late", &RunOutcome::of(RunEnd::Finished), NOW + 2).await.unwrap();
    assert_eq!(store.forget_events(NOW + 2).await.unwrap(), 1, "one is running, one ended later");
    assert_eq!(store.forget_events(NOW + 2).await.unwrap(), 0);
    assert_eq!(store.events_after("r", 0).await.unwrap(), []);
    assert_eq!(store.events_after("s", 0).await.unwrap(), events(1..=1));
    assert_eq!(store.events_after("late", 0).await.unwrap(), events(1..=1));
    assert!(store.turn("r", ANN).await.unwrap().is_some());
}

pub(in crate::store) async fn citations_are_looked_up(store: &dyn Store) {
    begin(store, &run("r", "t"), NOW).await;
    let twice = vec![citation("r", 2), citation("r", 1), Citation { title: "again".to_owned(), ..citation("r", 2) }];
    store.end_run("r", &RunOutcome { citations: twice, ..outcome("r") }, NOW + 9).await.unwrap();
    for n in [1, 2] {
        let found = store.citation(&CitationId::of("r", n, Utf16Offset(n)), ANN).await.unwrap().unwrap();
        assert_eq!((found.citation, found.run_id.as_str(), found.made_at_ms), (citation("r", n), "r", NOW + 9));
    }
    assert_eq!(store.citation(&CitationId::of("r", 3, Utf16Offset(3)), ANN).await.unwrap(), None);
    assert_eq!(store.turn("r", ANN).await.unwrap().unwrap().citations, [citation("r", 2), citation("r", 1)]);
}

pub(in crate::store) async fn processes_that_begin_runs_count_every_turn(a: &dyn Store, b: &dyn Store) {
    let runs: Vec<NewRun> = (0..20).map(|number| run(&format!("r{number}"), "t")).collect();
    let store = |place: usize| if place.is_multiple_of(2) { a } else { b };
    let begun = join_all(runs.iter().enumerate().map(|(place, run)| begin(store(place), run, NOW))).await;
    assert_eq!(begun, [Begun::New; 20]);
    assert_eq!(a.thread("t", ANN, NOW).await.unwrap().unwrap().turns, 20);
    assert_eq!(turn_ids(b, "t", 99).await.len(), 20);
    // While turns end and events come in, the thread goes away: nobody is stopped by another, and nothing is left.
    let ends = runs.iter().enumerate().map(async |(place, run)| {
        store(place).append_events(&run.id, 1, &["{}".to_owned()]).await.ok();
        store(place + 1).end_run(&run.id, &outcome(&run.id), NOW).await.unwrap();
    });
    let ((), deleted) = futures::join!(async { drop(join_all(ends).await) }, b.delete_thread("t", ANN));
    assert!(deleted.unwrap());
    for run in &runs {
        assert_eq!(a.turn(&run.id, ANN).await.unwrap(), None);
        assert_eq!(a.events_after(&run.id, 0).await.unwrap(), []);
    }
}
