//! The truth moves from a file to a server and back, with its vectors.

use std::path::Path;

use super::backend::Backend;
use super::support::Sandbox;

const QUERIES: [&str; 4] = ["otters hold hands", "고양이 참치", "tower Seoul metres", "bridge Tuesday"];

/// What is found by every query in both ways, with the text of each hit.
fn hits(sandbox: &Sandbox) -> Vec<String> {
    let pairs = QUERIES.iter().flat_map(|query| ["keyword", "vector"].map(|mode| (query, mode)));
    let hits = pairs.map(|(query, mode)| {
        let found = sandbox.json(&["search", query, "--mode", mode, "-k", "20"]);
        let mut hits: Vec<String> = found["hits"]
            .as_array()
            .unwrap()
            .iter()
            .map(|hit| format!("{} {} {} {}", hit["document_id"], hit["uri"], hit["span"], hit["text"]))
            .collect();
        hits.sort();
        format!("{mode} {query}: {hits:?}")
    });
    hits.collect()
}

/// The lines of an export, which is all of the truth; documents come in an order of their own.
fn lines(file: &Path) -> Vec<String> {
    let mut lines: Vec<String> = std::fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// Moves everything from one sandbox to another, and gives the file.
fn moved(from: &Sandbox, to: &Sandbox) -> std::path::PathBuf {
    let file = from.path("all.jsonl");
    let exported = from.json(&["export", file.to_str().unwrap()]);
    let imported = to.json(&["import", file.to_str().unwrap()]);
    assert_eq!(exported, imported);
    assert!(imported["documents"].as_u64().unwrap() > 0 && imported["vectors"].as_u64().unwrap() > 0, "{imported}");
    file
}

fn source() -> Sandbox {
    let sandbox = Backend::sqlite_edge().with_documents();
    sandbox.write("docs/broken.pdf", "%PDF-1.7 and nothing more");
    sandbox.write("more/secret.md", "# Plan\n\nThe bridge is sold on Tuesday.\n");
    assert_eq!(sandbox.ingest(), 3);
    sandbox.stdout(&["ingest", "more", "--collection", "more", "--readers", "user:alice"]);
    sandbox.stdout(&["collections", "readers", "default", "group:staff"]);
    sandbox
}

#[test]
fn what_moves_to_a_server_and_back_is_the_same_and_is_not_embedded_again() {
    let first = source();
    let expected = hits(&first);
    let backend = Backend::postgres_pgvector();
    let (second, third) = (backend.sandbox(), Backend::sqlite_edge().sandbox());
    let said = lines(&moved(&first, &second));
    let again = second.path("again.jsonl");
    // Nothing that embeds has run there, and every vector is there.
    second.stdout(&["export", again.to_str().unwrap()]);
    assert_eq!(lines(&again), said);
    let summary = |sandbox: &Sandbox| sandbox.json(&["collections"]);
    assert_eq!(summary(&second), summary(&first));
    assert_eq!(hits(&second), expected);
    assert!(second.is_consistent());
    assert_eq!(lines(&moved(&second, &third)), said);
    assert_eq!(summary(&third), summary(&first));
    assert_eq!(hits(&third), expected);
    assert!(third.is_consistent());
    let read = |sandbox: &Sandbox| sandbox.json(&["search", "bridge", "--as", "user:alice"])["hits"].clone();
    assert_eq!(read(&third).as_array().unwrap().len(), 1);
    assert_eq!(read(&third)[0]["uri"], read(&first)[0]["uri"]);
}

#[test]
fn the_mirror_goes_on_where_it_was_when_the_truth_has_moved() {
    let first = Backend::sqlite_edge().with_documents();
    first.ingest();
    let backend = Backend::postgres_pgvector();
    let second = first.replica("second").on(&backend);
    moved(&first, &second);
    let again = second.json(&["ingest", "docs"]);
    assert_eq!((&again["summary"]["unchanged"], &again["summary"]["added"]), (&5.into(), &0.into()), "{again}");
}

#[test]
fn an_export_that_was_cut_short_is_refused() {
    let first = source();
    let file = first.path("all.jsonl");
    first.stdout(&["export", file.to_str().unwrap()]);
    let whole = std::fs::read_to_string(&file).unwrap();
    let without_end = whole.trim_end().rsplit_once('\n').unwrap().0.to_owned() + "\n";
    let in_a_line = whole[..whole.len() / 2].to_owned();
    for (cut, said) in
        [(without_end, "it was cut short"), (in_a_line, "cannot be understood"), (String::new(), "cut short")]
    {
        let second = Backend::sqlite_edge().sandbox();
        second.write("cut.jsonl", cut);
        let refused = second.refusal(&["import", "cut.jsonl"]);
        assert!(refused.contains(said), "{refused}");
    }
}

#[test]
fn an_import_into_a_database_with_documents_is_refused_and_changes_nothing() {
    let first = source();
    let file = first.path("all.jsonl");
    first.stdout(&["export", file.to_str().unwrap()]);
    let backend = Backend::postgres_pgvector();
    let second = backend.sandbox();
    second.write("docs/volcano.md", "# Volcano\n\nThe volcano sleeps.\n");
    second.ingest();
    let refused = second.refusal(&["import", file.to_str().unwrap()]);
    assert!(refused.contains("holds 1 documents already"), "{refused}");
    assert_eq!(second.found("volcano", "hybrid"), ["docs/volcano.md"]);
    assert!(second.found("otters", "keyword").is_empty());
}
