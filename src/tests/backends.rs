//! One story, told on every pair of database and vector index, with the same answers on all.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::backend::Backend;
use super::support::{Sandbox, events, question, uris, wait_for};

const QUERIES: [&str; 6] =
    ["otters hold hands", "고양이는 물을 싫어한다", "tower in Seoul", "tunnel on Friday", "volcano", "add numbers"];
const MODES: [&str; 3] = ["keyword", "vector", "hybrid"];

/// What is found for a query in a mode: the best, and all.
type Found = (String, Option<String>, BTreeSet<String>);

/// The answers on the plainest pair, where a scan looks at every vector.
static EXPECTED: LazyLock<Vec<Vec<Found>>> = LazyLock::new(|| story(&Backend::sqlite_exact()));

fn all_found(sandbox: &Sandbox) -> Vec<Found> {
    let pairs = QUERIES.iter().flat_map(|query| MODES.map(|mode| (query, mode)));
    let found = pairs.map(|(query, mode)| {
        let found = uris(&sandbox.json(&["search", query, "--mode", mode, "-k", "50"]));
        (format!("{mode} {query}"), found.first().cloned(), found.into_iter().collect())
    });
    found.collect()
}

/// Tells the story, and gives what was found at its stations.
fn story(backend: &Backend) -> Vec<Vec<Found>> {
    let name = backend.name;
    let sandbox = backend.with_documents();
    assert_eq!(sandbox.ingest(), 0, "{name}");
    let first = all_found(&sandbox);
    sandbox.write("docs/notes.txt", "The meeting about the tunnel is on Friday.\n");
    std::fs::remove_file(sandbox.path("docs/otters.md")).unwrap();
    sandbox.write("docs/volcano.md", "# Volcano\n\nThe volcano sleeps under the snow.\n");
    assert_eq!(sandbox.ingest(), 0, "{name}");
    let second = all_found(&sandbox);
    let server = sandbox.serve();
    let answer = wait_for(events(&server, &question("How tall is the tower in Seoul?")));
    let text: String = answer.iter().filter_map(|event| event["delta"].as_str()).collect();
    assert!(text.contains("236 metres"), "{name}: {answer:?}");
    assert_eq!(answer.last().unwrap()["type"], "RUN_FINISHED", "{name}");
    for mode in MODES {
        assert_eq!(server.found("volcano sleeps", mode)[0], "docs/volcano.md", "{name}, {mode}");
    }
    drop(server);
    sandbox.stdout(&["reindex"]);
    assert!(sandbox.is_consistent(), "{name}");
    assert_eq!(all_found(&sandbox), second, "{name}");
    vec![first, second]
}

#[test]
fn sqlite_and_edge_answer_as_a_scan_does() {
    assert_eq!(story(&Backend::sqlite_edge()), *EXPECTED);
}

#[test]
fn sqlite_and_qdrant_answer_as_a_scan_does() {
    assert_eq!(story(&Backend::sqlite_qdrant()), *EXPECTED);
}

#[test]
fn postgres_and_pgvector_answer_as_a_scan_does() {
    assert_eq!(story(&Backend::postgres_pgvector()), *EXPECTED);
}

#[test]
fn postgres_and_qdrant_answer_as_a_scan_does() {
    assert_eq!(story(&Backend::postgres_qdrant()), *EXPECTED);
}
