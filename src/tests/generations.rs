//! Another way to chunk is built beside the one that serves, compared with it, and let serve without a restart.

use serde_json::Value;

use super::backend::Backend;
use super::support::{Sandbox, until};

/// Documents long enough that smaller chunks are other chunks.
fn long_documents(backend: &Backend) -> Sandbox {
    let sandbox = backend.with_documents();
    let tale =
        |number: usize| format!("Part {number}. The whale swam past the island of stones and sang a song of salt.\n\n");
    let text: String = (0..12).map(tale).collect();
    sandbox.write("docs/whale.md", format!("# The whale\n\n{text}"));
    assert_eq!(sandbox.ingest(), 0);
    sandbox
}

/// The generations as `ibid generations` lists them.
fn listed(sandbox: &Sandbox) -> Vec<Value> {
    sandbox.stdout(&["generations", "--json"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The number of the one that serves.
fn serving(sandbox: &Sandbox) -> u64 {
    let listed = listed(sandbox);
    let serving: Vec<&Value> = listed.iter().filter(|one| one["generation"]["serving"] == true).collect();
    assert_eq!(serving.len(), 1, "{listed:?}");
    serving[0]["generation"]["id"].as_u64().unwrap()
}

fn chunks(sandbox: &Sandbox) -> u64 {
    sandbox.json(&["collections"])[0]["chunks"].as_u64().unwrap()
}

fn other_chunks_serve_and_the_former_come_back(backend: &Backend) {
    let sandbox = long_documents(backend);
    let large = (chunks(&sandbox), sandbox.found("whale sang", "hybrid")[0].clone());
    let said = sandbox.stdout(&["models", "switch", "--chunk-tokens", "64"]);
    assert!(said.contains("generation 2 serves"), "{said}");
    assert_eq!(serving(&sandbox), 2);
    let small = chunks(&sandbox);
    assert!(small > large.0, "{small} chunks after {}", large.0);
    for mode in ["keyword", "vector", "hybrid"] {
        assert_eq!(sandbox.found("whale sang", mode)[0], "docs/whale.md", "{mode}");
    }
    assert!(sandbox.is_consistent());
    // What comes in now is cut in both ways.
    sandbox.write("docs/volcano.md", "# Volcano\n\nThe volcano sleeps under the snow.\n");
    sandbox.ingest();
    let said = sandbox.stdout(&["generations", "rollback"]);
    assert!(said.contains("generation 1 serves"), "{said}");
    assert_eq!((serving(&sandbox), chunks(&sandbox)), (1, large.0 + 1));
    assert_eq!(sandbox.found("volcano sleeps", "vector")[0], "docs/volcano.md");
    assert!(sandbox.is_consistent());
    assert!(sandbox.refusal(&["generations", "drop", "1"]).contains("generation 1 serves"));
    sandbox.stdout(&["generations", "drop", "2"]);
    assert_eq!(sandbox.found("whale sang", "hybrid")[0], large.1);
    assert_eq!(listed(&sandbox).len(), 1);
    for view in ["keyword-2", "vector-2"] {
        assert!(!sandbox.path(&format!("ibid-data/{view}")).exists(), "{view}");
    }
    assert!(sandbox.is_consistent());
}

#[test]
fn other_chunks_serve_and_the_former_come_back_on_sqlite_and_edge() {
    other_chunks_serve_and_the_former_come_back(&Backend::sqlite_edge());
}

#[test]
fn other_chunks_serve_and_the_former_come_back_on_postgres_and_pgvector() {
    other_chunks_serve_and_the_former_come_back(&Backend::postgres_pgvector());
}

fn a_server_builds_beside_what_it_serves(backend: &Backend) {
    let sandbox = long_documents(backend);
    let server = sandbox.serve();
    let longest = || {
        let (status, found) = server.search("whale sang a song", "hybrid");
        assert_eq!(status, 200, "{found}");
        assert_eq!(found["hits"][0]["uri"], "docs/whale.md");
        let lengths = found["hits"].as_array().unwrap().iter().map(|hit| hit["text"].as_str().unwrap().len());
        lengths.max().unwrap()
    };
    let before = longest();
    let said = sandbox.stdout(&["models", "switch", "--chunk-tokens", "32"]);
    assert!(said.contains("generation 2 is begun; the process that holds"), "{said}");
    until("generation 2 is complete", || {
        assert_eq!(longest(), before, "it does not serve yet");
        let progress = &listed(&sandbox)[1]["progress"];
        let count = |what: &str| progress[what].as_u64().unwrap();
        count("documents") > 0 && count("chunked") == count("documents") && count("embedded") == count("documents")
    });
    let said = sandbox.stdout(&["generations", "swap"]);
    assert!(said.contains("generation 2 serves"), "{said}");
    until("the server reads generation 2", || longest() < before);
    sandbox.stdout(&["generations", "rollback"]);
    until("the server reads generation 1", || longest() == before);
    sandbox.stdout(&["generations", "drop", "2"]);
    until("the folder is gone", || !sandbox.path("ibid-data/keyword-2").exists());
    assert_eq!(longest(), before);
    drop(server);
    assert!(sandbox.is_consistent());
}

#[test]
fn a_server_builds_beside_what_it_serves_on_sqlite_and_edge() {
    a_server_builds_beside_what_it_serves(&Backend::sqlite_edge());
}

#[test]
fn a_server_builds_beside_what_it_serves_on_postgres_and_pgvector() {
    a_server_builds_beside_what_it_serves(&Backend::postgres_pgvector());
}

/// For each pair of words one document has both, far apart, and two have one of them three times. In a large chunk both words
/// meet; in small ones they do not, and the other documents come first.
fn documents_that_small_chunks_tear_apart(backend: &Backend) -> Sandbox {
    let sandbox = backend.sandbox();
    let mut seed = 0;
    let mut filler = || {
        seed += 1;
        (0..40).map(|word| format!("w{seed}x{word}")).collect::<Vec<_>>().join(" ")
    };
    let mut gold = String::new();
    for (at, (left, right)) in [("walrus", "trumpet"), ("glacier", "velvet"), ("lantern", "cobalt")].iter().enumerate()
    {
        let both = format!("{left} {}\n\n{}\n\n{} {right}\n", filler(), filler(), filler());
        sandbox.write(&format!("docs/{at}/both.txt"), both);
        // A file's name is a title, so the words are not in it.
        for (number, word) in [left, right].iter().enumerate() {
            let often = format!("{word} {word} {word}\n\n{}\n\n{}\n\n{}\n", filler(), filler(), filler());
            sandbox.write(&format!("docs/{at}/often{number}.txt"), often);
        }
        let query =
            serde_json::json!({"query": format!("{left} {right}"), "relevant": [format!("docs/{at}/both.txt")]});
        gold.push_str(&format!("{query}\n"));
    }
    sandbox.write("gold.jsonl", gold);
    sandbox
}

fn a_generation_that_answers_worse_does_not_serve(backend: &Backend) {
    let sandbox = documents_that_small_chunks_tear_apart(backend);
    sandbox.ingest();
    sandbox.stdout(&["generations", "gold", "gold.jsonl"]);
    assert_eq!(sandbox.found("walrus trumpet", "hybrid")[0], "docs/0/both.txt");
    let refused = sandbox.run(&["models", "switch", "--chunk-tokens", "32"]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(1) && said.contains("it does not serve"), "{said}");
    assert_eq!(serving(&sandbox), 1);
    let refused = sandbox.refusal(&["generations", "swap", "2"]);
    assert!(refused.contains("worse") && refused.contains("--force"), "{refused}");
    assert_eq!(serving(&sandbox), 1);
    let said = sandbox.stdout(&["generations", "swap", "2", "--force"]);
    assert!(said.contains("generation 2 serves"), "{said}");
    assert_ne!(sandbox.found("walrus trumpet", "hybrid")[0], "docs/0/both.txt");
    assert_eq!(serving(&sandbox), 2);
    // The way back is a rise.
    let said = sandbox.stdout(&["generations", "swap", "1"]);
    assert!(said.contains("nDCG@10 1.0000"), "{said}");
}

#[test]
fn a_generation_that_answers_worse_does_not_serve_on_sqlite_and_edge() {
    a_generation_that_answers_worse_does_not_serve(&Backend::sqlite_edge());
}

#[test]
fn a_generation_that_answers_worse_does_not_serve_on_postgres_and_pgvector() {
    a_generation_that_answers_worse_does_not_serve(&Backend::postgres_pgvector());
}

fn another_embedder_is_refused(backend: &Backend) {
    let sandbox = backend.with_documents();
    sandbox.ingest();
    let refused = sandbox.refusal(&["search", "otters", "--embedder", "e5-small-q4"]);
    assert!(refused.contains("`ibid models switch e5-small-q4`"), "{refused}");
    assert_eq!(sandbox.found("otters", "hybrid")[0], "docs/otters.md");
}

#[test]
fn another_embedder_is_refused_on_sqlite_and_edge() {
    another_embedder_is_refused(&Backend::sqlite_edge());
}

#[test]
fn another_embedder_is_refused_on_postgres_and_pgvector() {
    another_embedder_is_refused(&Backend::postgres_pgvector());
}

#[test]
fn a_swap_to_nothing_is_refused() {
    let sandbox = Backend::sqlite_edge().with_documents();
    sandbox.ingest();
    assert!(sandbox.refusal(&["generations", "swap"]).contains("`ibid models switch` begins one"));
    assert!(sandbox.refusal(&["generations", "swap", "7", "--force"]).contains("there is no generation 7"));
    assert!(sandbox.refusal(&["generations", "rollback"]).contains("no generation served before"));
}
