//! What a search does with what it found: near-duplicates, long documents, neighbours, sections, and reasons.

use serde_json::{Value, json};

use super::support::{Sandbox, prepared, uris};

const LIGHTHOUSE: &str = "The lighthouse keeper lights the lamp at dusk and writes the names of passing ships into a book. \
    Storms come from the west in November, and then the fog horn is sounded every minute until the morning. \
    Visitors may climb the tower on Sundays between ten and four, in groups of six, when the keeper is at home. \
    The stairs have one hundred and ninety steps and no handrail on the left side above the third landing.";

/// Documents of which some say nearly the same, and one is long.
fn library() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("lib/lamp.txt", LIGHTHOUSE);
    sandbox.write("lib/copy.txt", LIGHTHOUSE.replace("between ten and four", "between nine and four"));
    sandbox.write("lib/other.txt", "A lighthouse on the other side of the bay is painted red and white.\n");
    let words = |part: usize| (0..110).map(|word| format!("w{part}q{word}")).collect::<Vec<_>>().join(" ");
    let parts: Vec<String> =
        (0..12).map(|part| format!("## Part {part}\n\nThe lighthouse has a lamp: {}.\n", words(part))).collect();
    sandbox.write("lib/long.md", format!("# Lights\n\n{}", parts.join("\n")));
    let long: Vec<String> =
        (0..90).map(|line| format!("The harbour master counts crate {line} of the {} cargo.", line * 7 % 31)).collect();
    sandbox.write(
        "lib/harbour.md",
        format!("# Harbour\n\nIntroduction.\n\n## Crates\n\n{}\n\n## Ropes\n\nRope.\n", long.join(" ")),
    );
    assert_eq!(sandbox.ibid(&["ingest", "lib"]).status().unwrap().code(), Some(0));
    sandbox
}

fn search(sandbox: &Sandbox, query: &str, more: &[&str]) -> Value {
    let k: &[&str] = if more.contains(&"-k") { &[] } else { &["-k", "10"] };
    sandbox.json(&[&["search", query], k, more].concat())
}

#[test]
fn a_near_copy_is_one_hit_unless_it_is_wanted() {
    let sandbox = library();
    let copies = |found: &Value| {
        uris(found).iter().filter(|uri| ["lib/lamp.txt", "lib/copy.txt"].contains(&uri.as_str())).count()
    };
    assert_eq!(copies(&search(&sandbox, "fog horn storms keeper", &[])), 1);
    assert_eq!(copies(&search(&sandbox, "fog horn storms keeper", &["--keep-duplicates"])), 2);
}

#[test]
fn a_long_document_leaves_places_to_others() {
    let sandbox = library();
    let of_long = |found: &Value| uris(found).iter().filter(|uri| *uri == "lib/long.md").count();
    let found = uris(&search(&sandbox, "lighthouse lamp", &["--mode", "keyword", "-k", "5"]));
    assert!(found.contains(&"lib/other.txt".to_owned()), "{found:?}");
    assert_eq!(of_long(&search(&sandbox, "lighthouse lamp", &["--max-per-document", "1"])), 1);
    // Nothing else is left to fill ten places with.
    assert!(of_long(&search(&sandbox, "lighthouse lamp", &["--mode", "keyword"])) > 3);
}

#[test]
fn neighbours_become_one_passage_and_the_section_comes_on_request() {
    let sandbox = library();
    let source = std::fs::read_to_string(sandbox.path("lib/harbour.md")).unwrap();
    let at = |span: &Value, end: &str| usize::try_from(span[end].as_u64().unwrap()).unwrap();
    let passage = |span: &Value| source[at(span, "start")..at(span, "end")].to_owned();
    let found = search(&sandbox, "harbour master crate cargo", &["--mode", "keyword", "--expand", "section"]);
    let hit = found["hits"].as_array().unwrap().iter().find(|hit| !hit["merged_chunk_ids"].is_null()).unwrap();
    assert_eq!(hit["text"].as_str().unwrap(), passage(&hit["span"]));
    let section = &hit["section"];
    assert_eq!(section["text"].as_str().unwrap(), passage(&section["span"]));
    assert!(section["text"].as_str().unwrap().starts_with("## Crates"), "{section}");
    assert!(!section["text"].as_str().unwrap().contains("## Ropes"), "{section}");
    assert_eq!(section["cut"], false);
    let apart = search(&sandbox, "harbour master crate cargo", &["--mode", "keyword", "--expand", "none"]);
    assert!(apart["hits"].as_array().unwrap().iter().all(|hit| hit["merged_chunk_ids"].is_null()));
}

#[test]
fn an_explanation_adds_up() {
    let sandbox = library();
    let found = search(&sandbox, "what is the fog horn", &["--explain"]);
    let explanation = &found["explanation"];
    assert_eq!(explanation["fusion"], "adaptive");
    assert!(explanation["signals"]["known"]["value"].as_f64().unwrap() > 0.5);
    let terms = explanation["terms"].as_array().unwrap();
    assert!(terms.iter().any(|term| term["term"] == "what" && term["is_stop_word"] == true), "{terms:?}");
    for hit in found["hits"].as_array().unwrap() {
        let share = |leg: &str| {
            let leg = &hit["legs"][leg];
            leg["weight"].as_f64().unwrap_or(0.0) * leg["normalized"].as_f64().unwrap_or(0.0)
        };
        let score = hit["score"].as_f64().unwrap();
        assert!((share("keyword") + share("vector") - score).abs() < 1e-4, "{hit}");
        let of_terms: f64 =
            hit["matched_terms"].as_array().unwrap().iter().map(|term| term["score"].as_f64().unwrap()).sum();
        let words = hit["legs"]["keyword"]["score"].as_f64().unwrap_or(0.0);
        assert!(of_terms <= words + 1e-3, "terms add up to at most the keyword score: {hit}");
    }
    let table = sandbox.stdout(&["search", "fog horn", "--explain"]);
    for word in ["adaptive fusion", "signal", "idf", "words", "meaning", "horn"] {
        assert!(table.contains(word), "{table}");
    }
}

#[test]
fn why_not_names_the_reason() {
    let sandbox = library();
    let why = |query: &str, target: &str, more: &[&str]| {
        let found = search(&sandbox, query, &[&["--why-not", target], more].concat());
        (found["why_not"]["chunks"][0]["dropped_by"]["reason"].as_str().unwrap_or("none").to_owned(), found)
    };
    let copy =
        |found: &Value| if uris(found).contains(&"lib/lamp.txt".to_owned()) { "lib/copy.txt" } else { "lib/lamp.txt" };
    let dropped = copy(&search(&sandbox, "fog horn storms keeper", &[]));
    assert_eq!(why("fog horn storms keeper", dropped, &[]).0, "near_duplicate");
    assert_eq!(why("fog horn", "lib/harbour.md", &["--filter", "uri=lib/lamp.txt"]).0, "filter");
    assert_eq!(why("\"fog horn\" keeper", "lib/other.txt", &["--mode", "keyword"]).0, "clause");
    assert_eq!(why("fog horn", "lib/other.txt", &["--mode", "keyword"]).0, "not_found");
    let (reason, found) = why("lighthouse", "lib/other.txt", &["--mode", "keyword", "-k", "1", "--explain"]);
    let first = uris(&found)[0].clone();
    assert!(first == "lib/other.txt" && reason == "none" || reason == "rank", "{reason}");
    let (_, found) = why("fog horn", "lib/lamp.txt", &["--keep-duplicates"]);
    assert!(found["why_not"]["summary"].as_str().unwrap().contains("is hit"), "{found}");
    let chunk = found["hits"][0]["chunk_id"].as_str().unwrap();
    assert!(why("fog horn", chunk, &[]).1["why_not"]["summary"].as_str().unwrap().contains("is hit 1"), "{chunk}");
    let (_, unknown) = why("fog horn", "lib/none.txt", &[]);
    assert!(unknown["why_not"]["summary"].as_str().unwrap().contains("there is no"), "{unknown}");
    let missing =
        &why("fog horn trumpet", "lib/other.txt", &["--mode", "keyword"]).1["why_not"]["chunks"][0]["missing"];
    assert!(missing.as_array().unwrap().contains(&json!("trumpet")), "{missing}");
}

#[test]
fn a_reader_learns_nothing_of_what_they_may_not_read() {
    let sandbox = library();
    sandbox.stdout(&["collections", "readers", "default", "group:keepers"]);
    let asked = ["search", "fog horn", "--as", "user:eve", "--why-not", "lib/lamp.txt"];
    let summary = sandbox.json(&asked)["why_not"]["summary"].as_str().unwrap().to_owned();
    assert!(summary.contains("there is no"), "{summary}");
}

#[test]
fn the_query_language_narrows_and_a_broken_query_is_plain_words() {
    let sandbox = library();
    let found = |query: &str| search(&sandbox, query, &[]);
    assert_eq!(uris(&found("\"fog horn\"")).len(), 1);
    assert_eq!(uris(&search(&sandbox, "lighthouse -lamp", &["--mode", "keyword"])), ["lib/other.txt"]);
    let long_or_lamp = |uri: &String| ["lib/long.md", "lib/lamp.txt", "lib/copy.txt"].contains(&uri.as_str());
    assert!(!uris(&found("lighthouse -lamp")).iter().any(long_or_lamp), "what is excluded is no meaning either");
    assert!(uris(&found("title:harbour crate")).iter().all(|uri| uri == "lib/harbour.md"));
    assert!(uris(&found("lighthouse uri:lib/other.txt")).iter().all(|uri| uri == "lib/other.txt"));
    assert!(uris(&found("lighthouse lang:ko")).is_empty());
    let broken = found("fog \"horn");
    assert!(broken["notices"][0].as_str().unwrap().contains("plain words"), "{broken}");
    assert!(!uris(&broken).is_empty());
}

/// Runs the program with an embedding model.
fn with_embedder(sandbox: &Sandbox, embedder: &str, args: &[&str]) -> Value {
    let mut command = sandbox.ibid(&[args, &["--json"]].concat());
    let output = command.env("IBID_EMBEDDER", embedder).env("IBID_MODELS", prepared("IBID_MODELS")).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(said.lines().last().unwrap()).unwrap()
}

#[test]
fn a_question_that_the_documents_do_not_answer_has_too_little_evidence() {
    let on_topic = [
        "How tall is the tower in Seoul?",
        "What do otters eat?",
        "When is the meeting about the bridge?",
        "고양이는 무엇을 좋아하는가?",
        "고양이는 하루에 몇 시간을 자나요?",
        "otters",
        "tower seoul",
        "참치",
    ];
    let off_topic = [
        "Who won the chess championship in 1972?",
        "What is the capital of France?",
        "chess",
        "쿠버네티스를 어떻게 설치하나요?",
    ];
    for embedder in ["hashing", "e5-small-q4"] {
        let sandbox = Sandbox::with_documents();
        with_embedder(&sandbox, embedder, &["ingest", "docs"]);
        for (query, answered) in on_topic.map(|query| (query, true)).into_iter().chain(off_topic.map(|it| (it, false)))
        {
            for mode in ["hybrid", "keyword"] {
                let found = with_embedder(&sandbox, embedder, &["search", query, "--mode", mode]);
                assert_eq!(found["evidence"]["sufficient"], answered, "{embedder}, {mode}: {query}: {found}");
                let vectors = found["evidence"]["signals"]["vectors"].as_f64();
                let heard = embedder != "hashing" && mode == "hybrid";
                assert!(vectors.is_none_or(|vectors| (vectors > 0.0) == heard), "{embedder}, {mode}: {found}");
            }
        }
    }
}

#[test]
fn a_model_sees_an_answer_in_another_language_and_words_do_not() {
    let sandbox = Sandbox::with_documents();
    with_embedder(&sandbox, "e5-small-q4", &["ingest", "docs"]);
    let sufficient = |query: &str, mode: &str| {
        with_embedder(&sandbox, "e5-small-q4", &["search", query, "--mode", mode])["evidence"]["sufficient"] == true
    };
    assert!(sufficient("Wie hoch ist der Turm in Seoul?", "hybrid"));
    assert!(!sufficient("Wie hoch ist der Turm in Seoul?", "keyword"));
    assert!(!sufficient("Wer gewann die Schachweltmeisterschaft?", "hybrid"));
}

#[test]
fn explain_says_what_speaks_for_an_answer() {
    let sandbox = library();
    let said = sandbox.stdout(&["search", "fog horn storms keeper", "--explain"]);
    assert!(said.contains(": enough to answer") && said.contains("coverage"), "{said}");
    let nothing = sandbox.stdout(&["search", "quasar telescope", "--mode", "keyword", "--explain"]);
    assert!(nothing.contains("evidence 0.00: not enough to answer"), "{nothing}");
}
