//! Who may read what: a search as somebody finds that and nothing else, whichever index is asked.

use std::collections::BTreeSet;

use super::backend::Backend;
use super::support::{Sandbox, uris};

const MODES: [&str; 3] = ["keyword", "vector", "hybrid"];

/// A document that everyone may read, one with readers of its own, and one in a collection for a group.
fn told(backend: &Backend) -> Sandbox {
    let sandbox = backend.sandbox();
    sandbox.write("open/news.md", "# News\n\nThe volcano sleeps under the snow.\n");
    sandbox.write("secret/plan.md", "# Plan\n\nThe volcano is bought on Monday.\n");
    sandbox.write("team/minutes.md", "# Minutes\n\nThe team talked about the volcano.\n");
    sandbox.stdout(&["ingest", "open"]);
    sandbox.stdout(&["ingest", "secret", "--readers", "user:alice,group:board"]);
    sandbox.stdout(&["ingest", "team", "--collection", "team"]);
    sandbox.stdout(&["collections", "readers", "team", "group:staff"]);
    sandbox
}

fn found_as(sandbox: &Sandbox, principals: &str, mode: &str) -> BTreeSet<String> {
    uris(&sandbox.json(&["search", "volcano", "--mode", mode, "--as", principals])).into_iter().collect()
}

/// In every mode, and at once, they find these.
fn finds(sandbox: &Sandbox, principals: &str, expected: &[&str]) {
    for mode in MODES {
        let expected: BTreeSet<String> = expected.iter().map(|uri| (*uri).to_owned()).collect();
        assert_eq!(found_as(sandbox, principals, mode), expected, "{principals}, {mode}");
    }
}

fn each_finds_what_they_may_read(backend: &Backend) {
    let sandbox = told(backend);
    let (open, secret, team) = ("open/news.md", "secret/plan.md", "team/minutes.md");
    let mut all = sandbox.found("volcano", "hybrid");
    all.sort();
    assert_eq!(all, [open, secret, team], "the owner reads everything");
    finds(&sandbox, "everyone", &[open]);
    finds(&sandbox, "user:alice,everyone", &[open, secret]);
    finds(&sandbox, "group:board", &[secret]);
    finds(&sandbox, "group:staff", &[team]);
    finds(&sandbox, "user:mallory", &[]);
    let asked = sandbox.json(&["ask", "When is the volcano bought?", "--as", "user:mallory,everyone"]);
    assert!(!asked.to_string().contains("Monday"), "{asked}");
    let asked = sandbox.json(&["ask", "When is the volcano bought?", "--as", "user:alice"]);
    assert!(asked["answer"].as_str().unwrap().contains("Monday"), "{asked}");
    // The collection's readers hold for documents that name none, and for no other.
    sandbox.stdout(&["collections", "readers", "team", "user:bob"]);
    finds(&sandbox, "group:staff", &[]);
    finds(&sandbox, "user:bob", &[team]);
    sandbox.stdout(&["collections", "readers", "default"]);
    finds(&sandbox, "everyone,user:bob", &[team]);
    finds(&sandbox, "user:alice,everyone", &[secret]);
    assert!(sandbox.is_consistent());
}

#[test]
fn each_finds_what_they_may_read_on_sqlite_and_edge() {
    each_finds_what_they_may_read(&Backend::sqlite_edge());
}

#[test]
fn each_finds_what_they_may_read_on_postgres_and_pgvector() {
    each_finds_what_they_may_read(&Backend::postgres_pgvector());
}

#[test]
fn each_finds_what_they_may_read_on_postgres_and_qdrant() {
    each_finds_what_they_may_read(&Backend::postgres_qdrant());
}

/// Readers are given to documents that are there already, by the same command that brought them in.
#[test]
fn readers_that_an_ingest_names_take_the_place_of_those_before() {
    let sandbox = Backend::sqlite_edge().sandbox();
    sandbox.write("docs/plan.md", "# Plan\n\nThe volcano is bought on Monday.\n");
    sandbox.stdout(&["ingest", "docs", "--readers", "user:alice"]);
    finds(&sandbox, "user:alice", &["docs/plan.md"]);
    sandbox.stdout(&["ingest", "docs", "--readers", "user:bob"]);
    finds(&sandbox, "user:alice", &[]);
    finds(&sandbox, "user:bob", &["docs/plan.md"]);
}

#[test]
fn a_principal_that_is_none_and_a_collection_that_is_not_there_are_refused() {
    let sandbox = told(&Backend::sqlite_edge());
    let refused = sandbox.run(&["search", "volcano", "--as", "two words"]);
    assert_eq!(refused.status.code(), Some(2), "{}", String::from_utf8_lossy(&refused.stderr));
    assert!(sandbox.refusal(&["collections", "readers", "none-such", "everyone"]).contains("no collection none-such"));
}
