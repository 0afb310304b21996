//! Runs that fail, that are too many, or that are asked for from elsewhere.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use ibid::api::ApiLimits;
use ibid::config::{Config, EmbeddingModel};
use ibid::models::{ChatDelta, ChatError, ChatModel, ChatRequest, ChatStream};
use serde_json::{Value, json};

use super::agui_rules::broken_rule;
use super::agui_wire::{STALLS, TOWER, events_of, posted, run, with, without_version};
use super::support::{Sandbox, http, node, question, until};
use super::told_model::{Say, ToldModel};

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_one_error_in_words_for_both_generations_of_the_client() {
    for (script, code) in [
        ([Say::Words("The tower "), Say::Break].as_slice(), "model_broke_off"),
        ([Say::Break].as_slice(), "model_broke_off"),
        ([Say::Nothing].as_slice(), "model_timeout"),
    ] {
        let model = ToldModel::start(script).await;
        let (_sandbox, server) =
            model.serve("[chat]\nfirst_timeout_s = 1\nsilence_timeout_s = 1\nretries = 0\nbreaker_failures = 0\n");
        for body in [question(TOWER), without_version(question(TOWER))] {
            let events = run(&server, &body).await;
            let last = events.last().unwrap();
            assert_eq!((&last["type"], &last["code"]), (&json!("RUN_ERROR"), &json!(code)));
            let message = last["message"].as_str().unwrap();
            assert!(message.len() > 10 && !message.contains("sk-") && !message.contains(".rs"), "{message}");
        }
        let base_url = server.base_url.clone();
        tokio::task::spawn_blocking(move || node("failures.mjs", &[&base_url, TOWER, code])).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_runs_are_told_when_to_come_back_and_a_client_that_goes_makes_room() {
    let model = ToldModel::start(&STALLS).await;
    let (_sandbox, server) = model.serve("[server]\nruns_max = 1\n");
    let held = posted(&server, &with(question(TOWER), json!({"threadId": "held"}))).send().await.unwrap();
    until("the model is asked", || model.open() == 1);
    let busy = posted(&server, &question(TOWER)).send().await.unwrap();
    assert_eq!(busy.status().as_u16(), 429);
    assert!(busy.headers()["retry-after"].to_str().unwrap().parse::<u32>().unwrap() > 0);
    let told: Value = busy.json().await.unwrap();
    assert_eq!(told["error"]["code"], "busy");
    let begun = Instant::now();
    drop(held);
    until("the model is left alone", || model.open() == 0);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    let freed = || async { posted(&server, &question(TOWER)).send().await.unwrap().status().as_u16() == 200 };
    let begun = Instant::now();
    while !freed().await {
        assert!(begun.elapsed() < Duration::from_secs(1), "the permit is released");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A model that breaks its promise never to panic, at once or in the midst of an answer.
struct Panics {
    after: usize,
}

#[async_trait::async_trait]
impl ChatModel for Panics {
    fn name(&self) -> &str {
        "panics"
    }

    async fn stream(&self, _: ChatRequest) -> Result<ChatStream, ChatError> {
        assert!(self.after > 0, "at once");
        let after = self.after;
        let pieces = (0..=after).map(move |at| {
            assert!(at < after, "in the midst");
            Ok(ChatDelta::Text("The tower ".to_owned()))
        });
        Ok(futures::stream::iter(pieces).boxed())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_panics_ends_with_an_error_and_the_next_one_is_taken() {
    for after in [0, 3] {
        let sandbox = Sandbox::with_documents();
        assert_eq!(sandbox.ingest(), 0);
        let mut config = Config::default();
        config.embedding.model = Some(EmbeddingModel::Hashing);
        let booted = ibid::boot::open(&config, &sandbox.path("ibid-data")).await.unwrap();
        let mut app = booted.app.clone();
        app.agent.model = Arc::new(Panics { after });
        app.agent.limits.runs_max = 1;
        let limits = ApiLimits {
            body_bytes_max: 1 << 20,
            upload_bytes_max: 1 << 20,
            body_silence: Duration::from_secs(30),
            uploads_max: 1,
            allowed_origins: Vec::new(),
            loopback_only: true,
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/api/agent", listener.local_addr().unwrap());
        let serving = tokio::spawn(axum::serve(listener, ibid::api::router(app, &limits)).into_future());
        for _ in 0..2 {
            let response = http().post(&url).json(&question(TOWER)).send().await.unwrap();
            assert_eq!(response.status().as_u16(), 200);
            let events = events_of(&response.text().await.unwrap());
            assert_eq!(broken_rule(&events, true), None);
            let last = events.last().unwrap();
            assert_eq!((&last["type"], &last["code"]), (&json!("RUN_ERROR"), &json!("internal")));
            assert!(!last["message"].as_str().unwrap().contains("midst"), "{last}");
        }
        serving.abort();
    }
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_call_and_others_may_not() {
    let sandbox = Sandbox::with_documents();
    assert_eq!(sandbox.ingest(), 0);
    sandbox.write("ibid-data/ibid.toml", "[server]\nallowed_origins = [\"https://app.example.org\"]\n");
    let server = sandbox.serve();
    let asked = |origin: &'static str| {
        let request = http().request(reqwest::Method::OPTIONS, server.url("/api/agent")).header("origin", origin);
        request
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type,authorization,last-event-id")
            .send()
    };
    let allowed = asked("https://app.example.org").await.unwrap();
    assert!(allowed.status().is_success());
    assert_eq!(allowed.headers()["access-control-allow-origin"], "https://app.example.org");
    assert!(allowed.headers().contains_key("access-control-allow-methods"));
    assert!(allowed.headers().contains_key("access-control-allow-headers"));
    let refused = asked("https://evil.example").await.unwrap();
    assert!(!refused.headers().contains_key("access-control-allow-origin"));
    let renamed = posted(&server, &question(TOWER)).header("host", "evil.example").send().await.unwrap();
    assert_eq!(renamed.status().as_u16(), 403);
}
