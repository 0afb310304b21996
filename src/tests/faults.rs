//! The process is stopped between any two writes; the next start repairs everything.
//!
//! `IBID_FAULT_AT=n` stops the program at the n-th such place (see `faults.rs`). Each round is compared with a folder
//! that was never disturbed.

use serde_json::Value;

use super::formats::tar_of;
use super::support::Sandbox;

/// Places that one scenario tries; they are spread evenly, so that every kind of write is met.
const ROUNDS: u64 = 24;

/// What a user can see of the data folder, without identities that depend on how often it was written.
pub(super) fn visible_state(sandbox: &Sandbox) -> Vec<String> {
    let documents = sandbox.stdout(&["documents", "--json"]);
    let mut state: Vec<String> = documents
        .lines()
        .map(|line| {
            let mut document: Value = serde_json::from_str(line).unwrap();
            document.as_object_mut().unwrap().remove("updated_at_ms");
            document["source"].as_object_mut().unwrap().remove("modified_ns");
            document.to_string()
        })
        .collect();
    for query in ["otters hold hands", "고양이 참치", "tower Seoul metres", "tunnel", "volcano", "bridge Tuesday"]
    {
        for mode in ["keyword", "vector"] {
            let found = sandbox.json(&["search", query, "--mode", mode, "-k", "20"]);
            // BM25 counts documents that are deleted and not merged away yet, so scores depend on history.
            let hit = |hit: &Value| format!("{} {} {}", hit["uri"], hit["span"], hit["text"]);
            let mut hits: Vec<String> = found["hits"].as_array().unwrap().iter().map(hit).collect();
            // Equal scores are ordered by chunk id, and ids depend on how often a document was written.
            hits.sort();
            state.push(format!("{mode} {query}: {hits:?}"));
        }
    }
    state.sort();
    state
}

/// Documents, some of them in an archive.
fn documents() -> Sandbox {
    let sandbox = Sandbox::with_documents();
    let files = [
        ("otters.md", &b"# Otters\n\nOtters hold hands in an archive."[..]),
        ("bridge.txt", b"The bridge is closed on Tuesday."),
    ];
    sandbox.write("docs/all.tar", tar_of(&files));
    sandbox
}

pub(super) fn edit(sandbox: &Sandbox) {
    if sandbox.path("docs/all.tar").exists() {
        let files =
            [("otters.md", &b"# Otters\n\nOtters sleep near the volcano."[..]), ("new.txt", b"The tunnel is open.")];
        sandbox.write("docs/all.tar", tar_of(&files));
    }
    sandbox.write("docs/notes.txt", "The meeting about the tunnel is on Friday, and it is long.\n");
    std::fs::remove_file(sandbox.path("docs/otters.md")).unwrap();
    sandbox.write("docs/volcano.md", "# Volcano\n\nThe volcano sleeps under the snow.\n");
    sandbox.write("docs/ko/cats.md", "# 고양이\n\n고양이는 참치를 좋아한다.\n");
    sandbox.write("docs/broken.pdf", "%PDF-1.7 and nothing more");
}

pub(super) fn places(sandbox: &Sandbox) -> u64 {
    let counter = sandbox.path("places");
    let output = sandbox.ibid(&["ingest", "docs"]).env("IBID_FAULT_COUNT", &counter).output().unwrap();
    assert!(output.status.code().is_some_and(|code| code == 0 || code == 3));
    std::fs::metadata(counter).unwrap().len()
}

pub(super) fn stop_at(sandbox: &Sandbox, place: u64) -> bool {
    let output = sandbox.ibid(&["ingest", "docs"]).env("IBID_FAULT_AT", place.to_string()).output().unwrap();
    output.status.code().is_none()
}

#[test]
fn a_first_ingest_that_is_stopped_anywhere_is_finished_by_the_next() {
    let whole = documents();
    let places = places(&whole);
    let expected = visible_state(&whole);
    let mut stopped = 0;
    for round in 0..ROUNDS.min(places) {
        let place = 1 + round * places / ROUNDS.min(places);
        let sandbox = documents();
        stopped += u64::from(stop_at(&sandbox, place));
        assert_eq!(sandbox.ingest(), 0, "after a stop at {place} of {places}");
        assert!(sandbox.is_consistent(), "after a stop at {place} of {places}");
        assert_eq!(visible_state(&sandbox), expected, "after a stop at {place} of {places}");
    }
    assert!(stopped * 4 >= ROUNDS.min(places) * 3, "only {stopped} rounds were stopped");
}

#[test]
fn a_second_ingest_that_is_stopped_anywhere_is_finished_by_the_next() {
    let whole = documents();
    whole.ingest();
    edit(&whole);
    let places = places(&whole);
    let expected = visible_state(&whole);
    for round in 0..ROUNDS.min(places) {
        let place = 1 + round * places / ROUNDS.min(places);
        let sandbox = documents();
        sandbox.ingest();
        edit(&sandbox);
        stop_at(&sandbox, place);
        assert_eq!(sandbox.ingest(), 3, "after a stop at {place} of {places}");
        assert!(sandbox.is_consistent(), "after a stop at {place} of {places}");
        assert_eq!(visible_state(&sandbox), expected, "after a stop at {place} of {places}");
    }
}
