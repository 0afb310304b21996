//! Measuring: a dataset of ours whose scores are worked out by hand, the reference implementation, and what is malformed.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::routing::post;
use axum::{Json, Router};
use ibid::eval::{Grades, RankScores};
use serde_json::{Value, json};

use super::support::{Sandbox, prepared};

/// A sandbox that holds the dataset `fixtures/eval/mini` as `mini`.
fn with_dataset() -> Sandbox {
    let sandbox = Sandbox::new();
    for name in ["corpus.jsonl", "queries.jsonl", "qrels.tsv", "spans.jsonl"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/eval/mini").join(name);
        sandbox.write(&format!("mini/{name}"), std::fs::read(file).unwrap());
    }
    sandbox
}

/// A mode of a report.
fn mode<'a>(report: &'a Value, name: &str) -> &'a Value {
    let modes = report["modes"].as_array().unwrap();
    modes.iter().find(|mode| mode["mode"] == name).unwrap_or_else(|| panic!("{report}"))
}

fn mean(of: &Value) -> f64 {
    of["mean"].as_f64().unwrap_or_else(|| panic!("{of}"))
}

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-4, "{found} is not {expected}");
}

#[test]
fn a_dataset_is_measured_as_it_is_by_hand() {
    let sandbox = with_dataset();
    let report = sandbox.json(&["eval", "mini"]);
    assert_eq!((report["queries"].as_u64(), report["unanswerable"].as_u64()), (Some(4), Some(1)));
    assert_eq!((report["setup"]["documents"].as_u64(), report["setup"]["chunks"].as_u64()), (Some(7), Some(7)));
    let keyword = mode(&report, "keyword");
    // Otters and cats come first, Seoul second, and nothing is found for quasars: 1, 1, 1/log2(3), 0.
    near(mean(&keyword["ndcg_at_10"]), (2.0 + 0.630_93) / 4.0);
    near(mean(&keyword["mrr_at_10"]), 2.5 / 4.0);
    near(mean(&keyword["recall_at_10"]), 3.0 / 4.0);
    near(mean(&keyword["recall_at_100"]), 3.0 / 4.0);
    let by_query: Vec<f64> = serde_json::from_value(keyword["ndcg_by_query"].clone()).unwrap();
    assert_eq!((by_query[0], by_query[1], by_query[3]), (1.0, 1.0, 0.0));
    // The sentence has 35 of the 63 characters of its document, the other document has 52; the Korean one has 20 of 34.
    let spans = &keyword["spans"];
    assert_eq!(spans["queries"], 3);
    near(mean(&spans["recall"]), 2.0 / 3.0);
    near(mean(&spans["precision"]), (35.0 / (63.0 + 52.0) + 20.0 / 34.0) / 3.0);
    for name in ["vector", "hybrid"] {
        let measured = mode(&report, name);
        let ndcg = mean(&measured["ndcg_at_10"]);
        assert!(ndcg > 0.4 && ndcg <= 1.0, "{name}: {measured}");
        assert!(measured["latency"]["p50_ms"].as_f64().unwrap() > 0.0);
    }
    assert!(!sandbox.path("ibid-data").exists(), "nothing was asked to be kept");
}

#[test]
fn a_kept_folder_is_only_measured_and_belongs_to_its_documents() {
    let sandbox = with_dataset();
    let first = sandbox.json(&["eval", "mini", "--keep", "kept"]);
    // Other documents under the same name would be seen.
    let again = sandbox.json(&["eval", "mini", "--keep", "kept", "--worst", "1", "--dump", "dump.jsonl"]);
    assert_eq!(first["modes"][0]["ndcg_by_query"], again["modes"][0]["ndcg_by_query"]);
    assert_eq!(sandbox.json(&["search", "otters", "--data", "kept"])["hits"][0]["uri"], "otters");
    let worst = &again["worst"][0];
    assert_eq!((worst["id"].as_str(), worst["expected"][0]["document"].as_str()), (Some("q4"), Some("bridge")));
    let dumped = std::fs::read_to_string(sandbox.path("dump.jsonl")).unwrap();
    let rows: Vec<Value> = dumped.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((rows.len(), rows[0]["keyword"][0][0].as_str()), (4, Some("otters")), "{dumped}");
    let mut corpus = std::fs::read_to_string(sandbox.path("mini/corpus.jsonl")).unwrap();
    corpus.push_str("{\"_id\": \"new\", \"text\": \"One more.\"}\n");
    sandbox.write("mini/corpus.jsonl", corpus);
    let said = sandbox.run(&["eval", "mini", "--keep", "kept"]);
    assert!(String::from_utf8_lossy(&said.stderr).contains("holds the documents of another dataset"), "{said:?}");
    sandbox.write("docs/a.md", "# A\n\nMine.\n");
    sandbox.ingest();
    let said = sandbox.run(&["eval", "mini", "--keep", "ibid-data"]);
    assert!(String::from_utf8_lossy(&said.stderr).contains("that no measurement put there"), "{said:?}");
    assert_eq!(sandbox.found("mine", "keyword"), ["docs/a.md"]);
}

#[test]
fn documents_that_a_stopped_run_left_out_are_read_by_the_next() {
    let sandbox = with_dataset();
    // Each document passes four places; the third one is being written.
    let stopped = sandbox.ibid(&["eval", "mini", "--keep", "kept"]).env("IBID_FAULT_AT", "11").output().unwrap();
    assert!(!stopped.status.success());
    let report = sandbox.json(&["eval", "mini", "--keep", "kept"]);
    assert_eq!(report["setup"]["documents"], 7);
    near(mean(&mode(&report, "keyword")["ndcg_at_10"]), (2.0 + 0.630_93) / 4.0);
    let said = sandbox.stdout(&["eval", "mini", "--keep", "kept", "--worst", "1"]);
    assert!(said.contains("q4  quasar") && said.contains("expected bridge"), "{said}");
}

#[test]
fn a_folder_of_other_chunks_is_not_measured_in_their_place() {
    let sandbox = with_dataset();
    sandbox.write("small.toml", "[ingest]\nchunk_tokens_max = 16\n");
    sandbox.stdout(&["eval", "mini", "--keep", "kept"]);
    let said = sandbox.refusal(&["eval", "mini", "--keep", "kept", "--config", "small.toml"]);
    assert!(said.contains("holds chunks of 256 tokens, and 16 are configured"), "{said}");
}

#[test]
fn what_is_malformed_is_named_with_its_line() {
    let sandbox = with_dataset();
    let whole = std::fs::read_to_string(sandbox.path("mini/qrels.tsv")).unwrap();
    sandbox.write("mini/qrels.tsv", format!("{whole}q1\tnowhere\t1\n"));
    assert!(sandbox.refusal(&["eval", "mini"]).contains("qrels.tsv:8: there is no document \"nowhere\""));
    sandbox.write("mini/qrels.tsv", whole);
    let spans = std::fs::read_to_string(sandbox.path("mini/spans.jsonl")).unwrap();
    sandbox.write("mini/spans.jsonl", spans.replace("Otters hold", "Otters held"));
    assert!(sandbox.refusal(&["eval", "mini"]).contains("spans.jsonl:1: \"otters\" has another text"));
    assert!(sandbox.refusal(&["eval", "away.jsonl"]).contains("there is no data folder"));
}

#[test]
fn a_saved_report_is_what_the_next_one_is_compared_with() {
    let sandbox = torn_apart();
    sandbox.write("small.toml", "[ingest]\nchunk_tokens_max = 16\n");
    let first = sandbox.json(&["eval", "torn", "--save"]);
    assert!(first["previous"].is_null());
    let same = sandbox.json(&["eval", "torn"]);
    let keyword = &same["previous"]["differences"][0];
    assert_eq!((keyword["mode"].as_str(), keyword["p_value"].as_f64()), (Some("keyword"), Some(1.0)));
    let said = sandbox.stdout(&["eval", "torn", "--config", "small.toml"]);
    assert!(said.contains("since the report that was saved"), "{said}");
    let other = sandbox.json(&["eval", "torn", "--config", "small.toml", "--save"]);
    near(mean(&other["previous"]["differences"][0]["difference"]), -0.5);
    // The one that was saved last counts.
    let again = sandbox.json(&["eval", "torn", "--config", "small.toml"]);
    near(mean(&again["previous"]["differences"][0]["difference"]), 0.0);
}

#[test]
fn two_configurations_are_compared_question_by_question() {
    let sandbox = torn_apart();
    sandbox.write("large.toml", "[ingest]\nchunk_tokens_max = 256\n");
    sandbox.write("small.toml", "[ingest]\nchunk_tokens_max = 16\n");
    let found = sandbox.json(&["eval", "torn", "--compare", "large.toml", "small.toml"]);
    let keyword = &found["differences"][0];
    near(keyword["mean_before"].as_f64().unwrap(), 1.0);
    near(keyword["mean_after"].as_f64().unwrap(), 0.5);
    near(keyword["difference"]["low"].as_f64().unwrap(), -0.5);
    // Six differences of one sign: 2 of 64 assignments of signs are as far out.
    let p = keyword["p_value"].as_f64().unwrap();
    assert!((p - 0.031_25).abs() < 0.01, "{p}");
    assert!(found["a"]["setup"]["chunks"].as_u64() < found["b"]["setup"]["chunks"].as_u64());
    let said = sandbox.stdout(&["eval", "torn", "--compare", "large.toml", "large.toml"]);
    assert!(said.contains("b against a") && said.contains("+0.0000 [+0.0000, +0.0000]"), "{said}");
}

/// For each pair of words one document has both, far apart, and two have one of them three times. In a large chunk both words
/// meet; in small ones they do not, and the other documents come first.
fn torn_apart() -> Sandbox {
    let sandbox = Sandbox::new();
    let mut seed = 0;
    let mut filler = || {
        seed += 1;
        (0..30).map(|word| format!("w{seed}x{word}")).collect::<Vec<_>>().join(" ")
    };
    let pairs = [
        ("walrus", "trumpet"),
        ("glacier", "velvet"),
        ("lantern", "cobalt"),
        ("orchid", "hammer"),
        ("saddle", "pepper"),
        ("comet", "barley"),
    ];
    let (mut corpus, mut queries, mut qrels) = (String::new(), String::new(), String::new());
    let mut put = |id: String, text: String| {
        corpus.push_str(&format!("{}\n", json!({"_id": id, "title": "none", "text": text})));
    };
    for (at, (left, right)) in pairs.iter().enumerate() {
        put(format!("both{at}"), format!("{left}\n\n{}\n\n{}\n\n{right}\n", filler(), filler()));
        for (number, word) in [left, right].iter().enumerate() {
            put(format!("often{at}-{number}"), format!("{word} {word} {word}\n\n{}\n\n{}\n", filler(), filler()));
        }
        queries.push_str(&format!("{}\n", json!({"_id": format!("q{at}"), "text": format!("{left} {right}")})));
        qrels.push_str(&format!("q{at}\tboth{at}\t1\n"));
    }
    sandbox.write("torn/corpus.jsonl", corpus);
    sandbox.write("torn/queries.jsonl", queries);
    sandbox.write("torn/qrels/test.tsv", qrels);
    sandbox
}

#[test]
fn questions_are_made_from_documents_and_measured() {
    let sandbox = Sandbox::with_documents();
    sandbox.ingest();
    let made = sandbox.json(&["eval", "--make", "gold.jsonl", "-n", "6"]);
    let text = std::fs::read_to_string(sandbox.path("gold.jsonl")).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(made["questions"].as_u64().unwrap() as usize, lines.len());
    let mut uris: Vec<&str> = lines.iter().map(|line| line["relevant"][0].as_str().unwrap()).collect();
    uris.sort_unstable();
    uris.dedup();
    assert!(lines.len() >= 4 && uris.len() >= 3 && uris.contains(&"docs/ko/cats.md"), "{text}");
    let report = sandbox.json(&["eval", "gold.jsonl"]);
    assert_eq!(report["queries"].as_u64().unwrap() as usize, lines.len());
    assert!(mean(&mode(&report, "keyword")["ndcg_at_10"]) > 0.9, "{report}");
    assert!(mean(&mode(&report, "keyword")["spans"]["recall"]) > 0.9, "{report}");
    sandbox.stdout(&["eval", "--make", "again.jsonl", "-n", "6"]);
    assert_eq!(std::fs::read_to_string(sandbox.path("again.jsonl")).unwrap(), text, "the seed is the same");
    // The file is one that generations are compared on, too.
    let taken = sandbox.json(&["generations", "gold", "gold.jsonl"]);
    assert_eq!(taken["queries"].as_u64().unwrap() as usize, lines.len());
    for (line, said) in [
        ("{\"query\": \"a\", \"relevant\": [\"docs/away.md\"]}", "gold.jsonl:1: there is no document \"docs/away.md\""),
        (
            "{\"query\": \"a\", \"relevant\": [], \"spans\": [{\"uri\": \"docs/notes.txt\", \"start\": 3, \"end\": 9999}]}",
            "gold.jsonl:1: 3..9999 are no bytes",
        ),
        ("{\"query\": \"a\"}", "gold.jsonl:1: missing field `relevant`"),
    ] {
        sandbox.write("gold.jsonl", line);
        let refused = sandbox.refusal(&["eval", "gold.jsonl"]);
        assert!(refused.contains(said), "{refused}");
    }
}

/// A chat model that asks the same about everything, and keeps what it was told.
async fn asking_model(told: Arc<Mutex<Vec<Value>>>) -> String {
    let complete = move |Json(request): Json<Value>| async move {
        told.lock().unwrap().push(request);
        let piece = json!({"choices": [{"index": 0, "delta": {"content": "\"How long do river otters dive?\""}}]});
        let body = format!("data: {piece}\n\ndata: [DONE]\n\n");
        ([("content-type", "text/event-stream")], body)
    };
    let app = Router::new().route("/v1/chat/completions", post(complete));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}/v1")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_model_writes_questions_from_passages() {
    let sandbox = Sandbox::new();
    let text = "A river otter can hold its breath for eight minutes. ".repeat(5);
    sandbox.write("docs/otters.txt", &text);
    sandbox.ingest();
    let told = Arc::new(Mutex::new(Vec::new()));
    let mut make = sandbox.ibid(&["eval", "--make", "gold.jsonl", "-n", "5"]);
    let made = make.env("OPENAI_BASE_URL", asking_model(Arc::clone(&told)).await).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let line: Value = serde_json::from_slice(&std::fs::read(sandbox.path("gold.jsonl")).unwrap()).unwrap();
    let place = json!({"uri": "docs/otters.txt", "start": 0, "end": text.trim_end().len()});
    assert_eq!(line["query"], "How long do river otters dive?");
    assert_eq!((&line["relevant"], &line["spans"]), (&json!(["docs/otters.txt"]), &json!([place])));
    let told = told.lock().unwrap();
    assert!(told.len() == 1 && told[0]["messages"][1]["content"].as_str().unwrap().contains(text.trim_end()));
}

/// The extension alone, without the module around it, which wants numpy.
const REFERENCE: &str = "import json, sys
from pytrec_eval_ext import RelevanceEvaluator
given = json.load(sys.stdin)
measures = {'ndcg_cut.10', 'recall.10,100', 'recip_rank'}
scores = RelevanceEvaluator(given['judged'], measures).evaluate(given['runs'])
# Its reciprocal rank has no depth, so it is asked for the first ten alone.
first = {query: dict(sorted(run.items(), key=lambda item: -item[1])[:10]) for query, run in given['runs'].items()}
ranks = RelevanceEvaluator(given['judged'], {'recip_rank'}).evaluate(first)
json.dump({query: [s['ndcg_cut_10'], s['recall_10'], s['recall_100'], ranks[query]['recip_rank']]
           for query, s in scores.items()}, sys.stdout)";

/// What trec_eval says of runs: nDCG@10, recall@10, recall@100 and MRR@10 of each query.
fn reference(given: &Value) -> BTreeMap<String, [f64; 4]> {
    let mut python = Command::new("python3")
        .args(["-c", REFERENCE])
        .env("PYTHONPATH", prepared("IBID_TEST_TREC_EVAL"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(given.to_string().as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "trec_eval did not run");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn scores_are_those_of_trec_eval() {
    let mut random = fastrand::Rng::with_seed(7);
    let (mut judged, mut runs) = (json!({}), json!({}));
    let mut ours = BTreeMap::new();
    for number in 0..300 {
        let query = format!("q{number}");
        // Fewer and more documents than each depth, grades from -1 to 3, and always one that is relevant.
        let mut documents: Vec<String> = (0..random.usize(5..160)).map(|at| format!("d{at}")).collect();
        random.shuffle(&mut documents);
        let judgements = random.usize(1..=documents.len().min(25));
        let mut grades: Grades =
            documents[..judgements].iter().map(|document| (document.clone(), f64::from(random.i32(-1..=3)))).collect();
        grades.insert("never found".to_owned(), f64::from(random.i32(1..=3)));
        random.shuffle(&mut documents);
        documents.truncate(random.usize(1..=documents.len()));
        judged[&query] = grades.iter().map(|(name, grade)| (name.clone(), json!(*grade as i64))).collect();
        // Scores without ties, because ties are broken by names there.
        let last = documents.len();
        runs[&query] =
            documents.iter().enumerate().map(|(at, name)| (name.clone(), json!((last - at) as f64))).collect();
        let ranked: Vec<&str> = documents.iter().map(String::as_str).collect();
        ours.insert(query, RankScores::of(&ranked, &grades));
    }
    let theirs = reference(&json!({"judged": judged, "runs": runs}));
    assert_eq!(theirs.len(), ours.len());
    for (query, scores) in ours {
        let found = [scores.ndcg_at_10, scores.recall_at_10, scores.recall_at_100, scores.mrr_at_10];
        for (mine, reference) in found.iter().zip(theirs[&query]) {
            assert!((mine - reference).abs() < 1e-9, "{query}: {found:?} and {:?}", theirs[&query]);
        }
    }
}
