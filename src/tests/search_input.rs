//! What a search is given: filters that hold in every mode, and bad input that ends in a defined answer.

use std::process::Output;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::backend::Backend;
use super::support::{Sandbox, Server, uris};

const MODES: [&str; 3] = ["keyword", "vector", "hybrid"];
/// Words that only somebody knows who knows what the service is built of.
const INNER_WORDS: [&str; 10] =
    ["tantivy", "qdrant", "sqlx", "sqlite", "usize", "struct", "panicked", "src/", "Error(", "database"];

fn with_mode(body: &Value, mode: &str) -> Value {
    let mut body = body.clone();
    body.as_object_mut().unwrap().entry("mode").or_insert_with(|| json!(mode));
    body
}

fn served() -> (Sandbox, Server) {
    let sandbox = Sandbox::with_documents();
    assert_eq!(sandbox.ingest(), 0);
    let server = sandbox.serve();
    (sandbox, server)
}

#[tokio::test]
async fn any_text_is_a_query() {
    let (_sandbox, server) = served();
    let long = ["tower ".repeat(16_000), "가".repeat(33_000), "\"".repeat(100_000), "-a title:".repeat(11_000)];
    let short = [
        "",
        " \t\n\u{3000}",
        "\u{0}",
        "\u{0}\u{1}\u{7}\u{1b}[31m\u{7f}\u{85}\u{feff}\u{202e}",
        "the of and",
        "은 는 이 가",
        "!!! ??? … ---",
        "。、「」",
        "\"",
        "“",
        "title:",
        "lang:nonsense date:never",
        "-tower",
        "a\u{0}b tower",
        "* ? ~ ^ [a TO b] (a OR",
        "'; drop table documents; --",
        "%_\\",
        "🦦",
        "\u{301}\u{301}",
        "\u{10ffff}\u{fffe}",
    ];
    for query in long.iter().map(String::as_str).chain(short) {
        for mode in MODES {
            let (status, body) =
                server.post("/v1/search", &json!({"query": query, "mode": mode, "explain": true})).await;
            let shown: String = query.chars().take(40).collect();
            assert!(status == 200 && body["hits"].is_array(), "{mode} {shown:?}: {status} {body}");
            let has_no_word = mode == "keyword" && !query.chars().any(|c| c.is_alphanumeric());
            assert!(!has_no_word || uris(&body).is_empty(), "{shown:?}: {body}");
        }
    }
    let (_, found) = server.post("/v1/search", &json!({"query": "a\u{0}b tower", "mode": "keyword"})).await;
    assert_eq!(uris(&found)[0], "docs/tower.html");
}

#[tokio::test]
async fn what_is_out_of_bounds_is_refused_in_the_words_of_the_service() {
    let (_sandbox, server) = served();
    let thousand: Vec<String> = (0..1_000).map(|number| format!("text/x-{number}")).collect();
    let fields: serde_json::Map<_, _> = (0..1_000).map(|number| (format!("field{number}"), json!("x"))).collect();
    for (body, said) in [
        (json!({}), "query"),
        (json!({"query": null}), "string"),
        (json!({"query": ["tower"]}), "string"),
        (json!({"query": "x".repeat(100_001)}), "100001 bytes, the limit is 100000"),
        (json!({"query": "x", "k": 0}), "k is 0, it has to be a whole number from 1 to 1000"),
        (json!({"query": "x", "k": 10_000}), "k is 10000"),
        (json!({"query": "x", "k": -1}), "k is -1"),
        (json!({"query": "x", "k": 1.5}), "k is 1.5"),
        (json!({"query": "x", "k": "ten"}), "k is \"ten\""),
        (json!({"query": "x", "k": null}), "k is null"),
        (json!({"query": "x", "k": ["y".repeat(100_000)]}), "k is [\"yyyy"),
        (json!({"query": "x", "mode": "magic"}), "magic"),
        (json!({"query": "x", "colour": "red"}), "colour"),
        (json!({"query": "x", "collections": ["../etc"]}), "../etc"),
        (json!({"query": "x", "filter": {"colour": "red"}}), "colour"),
        (json!({"query": "x", "filter": []}), "sequence"),
        (json!({"query": "x", "filter": [["notes"]]}), "sequence"),
        (json!({"query": "x", "filter": null}), "null"),
        (json!({"query": "x", "filter": {"media_types": thousand}}), "1000 values, the limit is 256"),
        (json!({"query": "x", "filter": {"languages": vec!["ko"; 1_000]}}), "1000 values, the limit is 256"),
        (json!({"query": "x", "filter": {"metadata": fields}}), "1000 values, the limit is 256"),
        (json!({"query": "x", "filter": {"languages": ["korean"]}}), "language \"korean\" is not an ISO 639-1 code"),
        (json!({"query": "x", "filter": {"date_from": "yesterday"}}), "date \"yesterday\" is not"),
        (json!({"query": "x", "filter": {"date_to": "2024-02-30"}}), "date \"2024-02-30\" is not"),
        (json!({"query": "x", "filter": {"date_from": 2024}}), "string"),
        (json!({"query": "x", "filter": {"date_from": "2025", "date_to": "2024"}}), "no date is from 2025 on"),
    ] {
        for mode in MODES {
            let (status, answer) = server.post("/v1/search", &with_mode(&body, mode)).await;
            assert_eq!((status, answer["error"]["code"].as_str()), (422, Some("invalid")), "{said}: {answer}");
            let message = answer["error"]["message"].as_str().unwrap();
            assert!(message.contains(said) && message.len() < 400, "{said}: {message}");
            assert!(INNER_WORDS.iter().all(|word| !message.contains(word)), "{message}");
        }
    }
}

#[tokio::test]
async fn the_bounds_themselves_are_allowed() {
    let (_sandbox, server) = served();
    let types: Vec<String> =
        (0..255).map(|number| format!("text/x-{number}")).chain(["text/html".to_owned()]).collect();
    for body in [
        json!({"query": "tower", "k": 1}),
        json!({"query": "tower", "k": 1_000}),
        json!({"query": "tower", "filter": {"media_types": types}}),
        json!({"query": "tower ".repeat(16_666)}),
        json!({"query": "tower", "filter": {"metadata": {}, "uri_prefix": ""}}),
    ] {
        for mode in MODES {
            let (status, found) = server.post("/v1/search", &with_mode(&body, mode)).await;
            assert!(status == 200 && uris(&found).contains(&"docs/tower.html".to_owned()), "{mode}: {status} {found}");
        }
    }
    for filter in [
        json!({"uri_prefix": "\u{0}\u{7}"}),
        json!({"uri_prefix": "x/".repeat(100_000)}),
        json!({"metadata": {"\u{0}=": "\u{0}"}}),
        json!({"media_types": ["\u{0}"]}),
        json!({"languages": ["zu"]}),
        json!({"date_to": "1900"}),
    ] {
        for mode in MODES {
            let (status, found) =
                server.post("/v1/search", &json!({"query": "tower", "mode": mode, "filter": filter})).await;
            assert!(status == 200 && uris(&found).is_empty(), "{mode}: {status} {found}");
        }
    }
}

/// The exit code, and at most this many lines on standard error.
fn ended(output: &Output, code: i32) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(!said.contains("panicked") && (code == 0) == said.is_empty(), "{said}");
}

#[test]
fn the_command_ends_with_the_code_that_it_promises() {
    let sandbox = Sandbox::with_documents();
    assert_eq!(sandbox.ingest(), 0);
    for mode in MODES {
        for query in ["", "   ", "\u{1}\u{7}", "the of and", "!!! ???", "\"unclosed", &"가 ".repeat(20_000)] {
            ended(&sandbox.run(&["search", query, "--mode", mode]), 0);
        }
    }
    for usage in [
        vec!["search"],
        vec!["search", "x", "-k", "0"],
        vec!["search", "x", "-k", "10000"],
        vec!["search", "x", "-k", "-1"],
        vec!["search", "x", "-k", "1.5"],
        vec!["search", "x", "-k", "ten"],
        vec!["search", "x", "--mode", "magic"],
        vec!["search", "x", "--colour"],
        vec!["search", "x", "--collection", "../etc"],
        vec!["search", "x", "--filter", "nonsense"],
        vec!["search", "x", "--filter", "=x"],
        vec!["search", "x", "--filter", "lang=korean"],
        vec!["search", "x", "--filter", "after=soon"],
        vec!["ask", "x", "--filter", "type=nonsense"],
    ] {
        ended(&sandbox.run(&usage), 2);
    }
    let filters: Vec<String> = (0..1_000).map(|number| format!("field{number}=x")).collect();
    let args = ["search", "x"].into_iter().chain(filters.iter().flat_map(|filter| ["--filter", filter]));
    assert!(sandbox.refusal(&args.collect::<Vec<_>>()).contains("1000 values, the limit is 256"));
    let crossed = ["search", "x", "--filter", "after=2025", "--filter", "before=2024"];
    assert!(sandbox.refusal(&crossed).contains("no date is from 2025 on and up to 2023-12-31"));
}

/// Documents that all speak of otters, in several languages and of several dates.
fn dated(backend: &Backend) -> Sandbox {
    let sandbox = backend.sandbox();
    let english = "The otter holds its breath for eight minutes when it looks for crabs under the water of the river.";
    sandbox.write("docs/otter/year.md", format!("---\ndate: 2023\nlang: en_US\n---\n{english}\n"));
    let day =
        "Every otter has a pouch of loose skin under its arm, and in it the stone with which it opens shells at noon.";
    sandbox.write("docs/otter/day.md", format!("---\ncreated: 2024-05-17T23:59:00+09:00\n---\n{day}\n"));
    sandbox.write(
        "docs/otter/korean.md",
        "---\ndate: 2024-06-01\n---\n수달 otter 는 강에서 게를 잡아먹으며 물속에서 팔 분 동안 숨을 참는다.\n",
    );
    sandbox.write("docs/otter/code.rs", "// The otter holds its breath.\nfn otter() {}\n");
    set_modified(&sandbox, "docs/otter/code.rs", 1_583_366_400);
    assert_eq!(sandbox.ingest(), 0);
    sandbox
}

fn set_modified(sandbox: &Sandbox, file: &str, unix_seconds: u64) {
    let file = std::fs::File::options().write(true).open(sandbox.path(file)).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(unix_seconds)).unwrap();
}

/// In every mode, a search for the otter with these filters finds these.
fn finds(sandbox: &Sandbox, filters: &[&str], expected: &[&str]) {
    for mode in MODES {
        let mut args = vec!["search", "otter", "--mode", mode, "-k", "100"];
        args.extend(filters.iter().flat_map(|filter| ["--filter", filter]));
        let mut found = uris(&sandbox.json(&args));
        found.sort();
        found.dedup();
        let expected: Vec<String> = expected.iter().map(|name| format!("docs/otter/{name}")).collect();
        assert_eq!(found, expected, "{mode} {filters:?}");
    }
}

fn languages_and_dates_are_filters(backend: &Backend) {
    let sandbox = dated(backend);
    let (code, day, korean, year) = ("code.rs", "day.md", "korean.md", "year.md");
    finds(&sandbox, &[], &[code, day, korean, year]);
    finds(&sandbox, &["lang=en"], &[day, year]);
    finds(&sandbox, &["lang=ko-KR"], &[korean]);
    finds(&sandbox, &["lang=ko", "lang=en"], &[day, korean, year]);
    finds(&sandbox, &["lang=ja"], &[]);
    finds(&sandbox, &["metadata.lang=en_US"], &[year]);
    finds(&sandbox, &["date=2024"], &[day, korean]);
    finds(&sandbox, &["date=2024-05"], &[day]);
    finds(&sandbox, &["date=2023"], &[year]);
    finds(&sandbox, &["date=2023-05"], &[]);
    finds(&sandbox, &["date=2020-03-05"], &[code]);
    finds(&sandbox, &["after=2024-05-17"], &[day, korean]);
    finds(&sandbox, &["after=2024-05-18"], &[korean]);
    finds(&sandbox, &["before=2024-05-17"], &[code, year]);
    finds(&sandbox, &["after=2020-03-05", "before=2024"], &[code, year]);
    finds(&sandbox, &["after=2021", "lang=en", "type=md", "uri=docs/otter"], &[day, year]);
    // A file that is touched has another date, though nothing in it changed.
    set_modified(&sandbox, "docs/otter/code.rs", 1_625_097_600);
    assert_eq!(sandbox.json(&["ingest", "docs"])["summary"]["unchanged"], 4);
    finds(&sandbox, &["date=2020"], &[]);
    finds(&sandbox, &["date=2021-07-01"], &[code]);
    assert!(sandbox.is_consistent());
    let documents = sandbox.stdout(&["documents", "--json"]);
    let languages: Vec<Value> =
        documents.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["language"].clone()).collect();
    assert_eq!(languages.iter().filter(|language| **language == "en").count(), 2, "{documents}");
    assert_eq!(languages.iter().filter(|language| language.is_null()).count(), 1, "{documents}");
}

#[test]
fn languages_and_dates_are_filters_in_one_process() {
    languages_and_dates_are_filters(&Backend::sqlite_edge());
}

#[test]
fn languages_and_dates_are_filters_in_postgres() {
    languages_and_dates_are_filters(&Backend::postgres_pgvector());
}
