//! A reranker by configuration: found, done without, or refused with one sentence.

use std::path::Path;

use axum::Router;
use serde_json::{Value, json};

use super::support::Sandbox;

fn finding(sandbox: &Sandbox) -> Value {
    let output = sandbox.run(&["doctor", "--json"]);
    let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
    findings.as_array().unwrap().iter().find(|finding| finding["what"] == "reranker").unwrap().clone()
}

fn configured(rerank: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("ibid-data/ibid.toml", format!("[embedding]\nfolder = \"models\"\n[rerank]\n{rerank}\n"));
    sandbox
}

fn tiny() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("encoder/tests/fixtures/xlm-roberta").display().to_string()
}

/// A server of `app` on a thread of its own.
fn served(app: Router) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        super::support::wait_for(async move {
            axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), app).await.unwrap();
        });
    });
    format!("http://{address}")
}

#[test]
fn doctor_tries_the_reranker_that_is_configured() {
    let found = finding(&configured(&format!("folder = {:?}", tiny())));
    assert_eq!((&found["well"], &found["detail"]), (&json!(true), &json!("xlm-roberta gives scores")));
    let found = finding(&configured(""));
    assert!(found["well"] == true && found["detail"].as_str().unwrap().starts_with("none"), "{found}");
    let scores = axum::routing::post(async || axum::Json(json!([{"index": 0, "score": 0.5}])));
    let base_url = served(Router::new().route("/rerank", scores));
    let found = finding(&configured(&format!("endpoint = {base_url:?}\napi = \"tei\"")));
    assert!(found["well"] == true && found["detail"].as_str().unwrap().contains(&base_url), "{found}");
    let found = finding(&configured(&format!("endpoint = {base_url:?}\napi = \"jina\"")));
    assert!(found["well"] == false && found["detail"].as_str().unwrap().contains("404"), "{found}");
}

#[test]
fn a_reranker_that_is_not_there_is_done_without_and_one_that_cannot_be_is_refused() {
    let absent = configured("model = \"ms-marco-minilm\"");
    absent.write("docs/otters.md", "# Otters\n\nOtters eat crabs.\n");
    let output = absent.run(&["ingest", "docs"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("ibid models fetch ms-marco-minilm"), "{said}");
    assert_eq!(finding(&absent)["well"], false);
    assert_eq!(absent.found("crabs", "keyword").len(), 1);
    for (rerank, part) in [
        ("model = \"gpt\"".to_owned(), "there is ms-marco-minilm"),
        ("folder = \"nowhere\"".to_owned(), "config.json"),
        ("endpoint = \"localhost\"".to_owned(), "not an http or https address"),
        (format!("endpoint = \"http://localhost\"\nfolder = {:?}", tiny()), "two rerankers"),
    ] {
        let refused = configured(&rerank).refusal(&["ingest", "."]);
        assert!(refused.contains(part), "{rerank}: {refused}");
    }
}

#[test]
fn a_hub_that_gives_other_bytes_leaves_nothing_behind() {
    let hub = served(Router::new().fallback(async || "not the file"));
    let sandbox = configured("");
    let mut fetch = sandbox.ibid(&["models", "fetch", "ms-marco-minilm"]);
    let output = fetch.env("HF_ENDPOINT", &hub).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.contains("sha256 of what came is"), "{said}");
    assert_eq!(std::fs::read_dir(sandbox.path("models/ms-marco-minilm")).unwrap().count(), 0);
    let listed = sandbox.json(&["models", "list"]);
    assert_eq!((&listed[1]["name"], &listed[1]["state"]), (&json!("ms-marco-minilm"), &json!("absent")));
    assert!(sandbox.refusal(&["models", "fetch", "gpt"]).contains("no reranker \"gpt\""));
}
