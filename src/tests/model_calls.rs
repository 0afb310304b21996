//! A chat model behind an OpenAI-compatible address: when it answers, and each way in which it does not.

use std::process::Command;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::{Value, json};

use super::model_peer::{Asked, ModelPeer, Play, by_model, by_name};
use super::support::{Sandbox, Server, events, http, question};

const TOWER: &str = "How tall is the tower in Seoul?";
/// Short limits, so that a test sees each of them.
const SHORT: &str = "first_timeout_s = 2\nsilence_timeout_s = 2\nanswer_timeout_s = 8\nretry_wait_ms = 10\n";
/// Long ones, so that a test sees none of them.
const LONG: &str = "first_timeout_s = 60\nsilence_timeout_s = 60\nanswer_timeout_s = 60\nretry_wait_ms = 10\n";
/// What a run may take beyond its limits on a machine that is busy with other tests.
const SLACK: Duration = Duration::from_secs(20);

/// A folder of documents with this `[chat]`.
fn sandbox(chat: &str) -> Sandbox {
    let sandbox = Sandbox::with_documents();
    sandbox.ingest();
    sandbox.write("ibid-data/ibid.toml", format!("[chat]\n{chat}"));
    sandbox
}

fn asking(mut command: Command, base_url: &str, model: &str) -> Command {
    command.env("OPENAI_BASE_URL", base_url).env("OPENAI_API_KEY", "sk-test").env("OPENAI_MODEL", model);
    command
}

/// A server over it that asks this model at this address.
fn served(chat: &str, base_url: &str, model: &str) -> (Sandbox, Server) {
    let sandbox = sandbox(chat);
    let server = Server::start(asking(sandbox.ibid(&["serve", "--listen", "127.0.0.1:0"]), base_url, model));
    (sandbox, server)
}

/// A question that says in brackets what is to be played.
fn play(name: &str) -> Value {
    question(&format!("{TOWER} ({name})"))
}

/// The script in which the question says what is played, so that one server can see all of it.
fn by_question(asked: &Asked) -> Play {
    let question = asked.question();
    let name = question.rsplit_once('(').map_or("good", |(_, name)| name.trim_end_matches(')'));
    by_name(name, asked)
}

fn text(events: &[Value]) -> String {
    let piece =
        |event: &Value| event["delta"].as_str().filter(|_| event["type"] == "TEXT_MESSAGE_CONTENT").map(str::to_owned);
    events.iter().filter_map(piece).collect()
}

/// The code with which a run failed, or the type of its last event.
fn end(events: &[Value]) -> String {
    let last = events.last().unwrap();
    let said = last["code"].as_str().or_else(|| last["type"].as_str());
    said.unwrap_or_default().to_owned()
}

async fn ended(server: &Server, body: &Value) -> String {
    end(&events(server, body).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_answers_and_its_invented_markers_are_dropped() {
    let peer = ModelPeer::start(|asked: &Asked| {
        assert!(asked.prompt().contains("<passage number=\"1\""), "{}", asked.prompt());
        Play::answer(["The tower is ", "236 metres ", "tall [", "1] and red [9", "9]."])
    });
    let (_sandbox, server) = served(&format!("{LONG}tokens_max = 77\n"), &peer.base_url(), "any");
    let events = events(&server, &question(TOWER)).await;
    assert_eq!(text(&events), "The tower is 236 metres tall [1] and red .");
    let end = events.iter().find(|event| event["type"] == "TEXT_MESSAGE_END").unwrap();
    let citation = &end["metadata"]["citations"][0];
    assert_eq!(citation["sourceContent"][0]["text"], "The tower in Seoul is 236 metres tall.");
    assert_eq!(events.last().unwrap()["usage"][0]["totalTokens"], 97);
    let contents = events.iter().filter(|event| event["type"] == "TEXT_MESSAGE_CONTENT").count();
    assert!(contents > 1, "pieces come as they come");
    let body = &peer.requests()[0].body;
    assert_eq!((&body["max_tokens"], &body["temperature"]), (&json!(77), &json!(0.0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_misbehaviour_ends_the_run_within_its_limit_with_one_clear_error() {
    let peer = ModelPeer::start(by_question);
    let (_sandbox, server) = served(&format!("{SHORT}breaker_failures = 0\n"), &peer.base_url(), "any");
    let cases = [
        ("silent", "model_timeout", "", 3),
        ("mute", "model_timeout", "", 3),
        ("empty", "model_broke_off", "", 3),
        ("fails", "model_server_failed", "", 3),
        ("overloaded", "model_overloaded", "", 1),
        ("locked", "model_unauthorized", "", 1),
        ("absent", "model_refused", "", 1),
        ("huge-line", "model_unreadable", "", 1),
        ("stops", "model_timeout", "The tower is ", 1),
        ("dies", "model_broke_off", "The tower is ", 1),
        ("unfinished", "model_broke_off", "The tower is ", 1),
        ("broken-json", "model_unreadable", "The tower is ", 1),
        ("forever", "model_too_slow", "and so on and so on", 1),
        ("flood", "answer_too_long", "and so on and so on", 1),
    ];
    let began = Instant::now();
    let bodies = cases.map(|(name, ..)| play(name));
    let all = futures::future::join_all(bodies.iter().map(|body| events(&server, body))).await;
    assert!(began.elapsed() < Duration::from_secs(8) + SLACK, "{:?}", began.elapsed());
    for ((name, code, said, requests), events) in cases.into_iter().zip(all) {
        let last = events.last().unwrap();
        assert_eq!((last["type"].as_str(), last["code"].as_str()), (Some("RUN_ERROR"), Some(code)), "{name}: {last}");
        assert!(if said.is_empty() { text(&events).is_empty() } else { text(&events).starts_with(said) }, "{name}");
        assert!(!last["message"].as_str().unwrap().contains("sk-"), "{last}");
        assert_eq!(events.iter().filter(|event| event["type"] == "RUN_FINISHED").count(), 0);
        let mark = format!("({name})");
        let asked = peer.requests().iter().filter(|asked| asked.question().ends_with(&mark)).count();
        assert_eq!(asked, requests, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_is_tried_again_and_answers() {
    let peer = ModelPeer::start(by_question);
    let (_sandbox, server) = served(LONG, &peer.base_url(), "any");
    for (at, name) in ["overloaded-once", "fails-once", "dies-once"].into_iter().enumerate() {
        let events = events(&server, &play(name)).await;
        assert_eq!(
            (text(&events).as_str(), end(&events).as_str()),
            ("The tower is 236 metres tall [1].", "RUN_FINISHED")
        );
        assert_eq!(peer.requests().len(), 2 * (at + 1), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_where_nothing_answers_is_named() {
    let (_sandbox, server) = served("retry_wait_ms = 10\n", "http://127.0.0.1:9/v1", "any");
    let events = events(&server, &question(TOWER)).await;
    let last = events.last().unwrap();
    assert_eq!(last["code"], "model_unreachable");
    assert!(last["message"].as_str().unwrap().contains("http://127.0.0.1:9/v1"), "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_fails_again_and_again_is_left_alone_until_it_is_back() {
    let peer = ModelPeer::start(
        |asked: &Asked| if asked.earlier < 3 { by_name("fails", asked) } else { by_name("good", asked) },
    );
    let chat = "retries = 0\nbreaker_failures = 3\nbreaker_open_s = 5\n";
    let (_sandbox, server) = served(chat, &peer.base_url(), "any");
    for _ in 0..3 {
        assert_eq!(ended(&server, &question(TOWER)).await, "model_server_failed");
    }
    assert_eq!(ended(&server, &question(TOWER)).await, "model_circuit_open");
    assert_eq!(peer.requests().len(), 3, "it is left alone");
    let opened = Instant::now();
    while ended(&server, &question(TOWER)).await != "RUN_FINISHED" {
        assert!(opened.elapsed() < SLACK, "it is tried again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(peer.requests().len(), 4, "by one call");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fallback_answers_when_the_model_does_not() {
    let peer = ModelPeer::start(by_model);
    let chat = "retry_wait_ms = 10\nbreaker_failures = 3\n[chat.fallback]\nmodel = \"good\"\n";
    let (_sandbox, server) = served(chat, &peer.base_url(), "fails");
    for requests in [4, 5] {
        let events = events(&server, &question(TOWER)).await;
        assert_eq!(
            (text(&events).as_str(), end(&events).as_str()),
            ("The tower is 236 metres tall [1].", "RUN_FINISHED")
        );
        assert_eq!(peer.requests().len(), requests, "three tries once, and none while it is left alone");
    }
    let (_sandbox, server) = served("[chat.fallback]\nextractive = true\n", "http://127.0.0.1:9/v1", "any");
    let events = events(&server, &question(TOWER)).await;
    assert!(text(&events).contains("“The tower in Seoul is 236 metres tall.” [1]"), "{}", text(&events));
}

/// The frames of a run that is under way.
async fn running(server: &Server, body: &Value) -> BoxStream<'static, String> {
    let response = http().post(server.url("/api/agent")).json(body).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    response.bytes_stream().map(|bytes| String::from_utf8_lossy(&bytes.unwrap()).into_owned()).boxed()
}

async fn until(limit: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while !is_so() && began.elapsed() < limit {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    is_so()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_stops_the_model_within_a_second() {
    let peer = ModelPeer::start(by_question);
    let (_sandbox, server) = served(LONG, &peer.base_url(), "any");
    for (at, name) in ["forever", "stops", "silent", "mute"].into_iter().enumerate() {
        let mut frames = running(&server, &play(name)).await;
        if matches!(name, "forever" | "stops") {
            while !frames.next().await.unwrap().contains("TEXT_MESSAGE_CONTENT") {}
        }
        assert!(until(SLACK, || peer.requests().len() > at).await, "{name}: the model is asked");
        let gone = Instant::now();
        drop(frames);
        until(SLACK, || peer.dropped_after(gone).is_some()).await;
        let after = peer.dropped_after(gone).unwrap();
        assert!(after < Duration::from_secs(1), "{name}: {after:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_calls_than_may_run_are_told_to_come_back() {
    let peer = ModelPeer::start(by_question);
    let chat = format!("{LONG}calls_max = 1\ncall_wait_ms = 100\n");
    let (_sandbox, server) = served(&chat, &peer.base_url(), "any");
    let mut first = running(&server, &play("forever")).await;
    while !first.next().await.unwrap().contains("TEXT_MESSAGE_CONTENT") {}
    assert_eq!(ended(&server, &play("good")).await, "model_busy");
    drop(first);
    let mut last = String::new();
    for _ in 0..50 {
        last = ended(&server, &play("good")).await;
        if last != "model_busy" {
            break;
        }
    }
    assert_eq!((last.as_str(), peer.requests().len()), ("RUN_FINISHED", 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_would_be_over_its_limits_calls_no_model() {
    let peer = ModelPeer::start(by_model);
    let priced = "run_cost_max_usd = 0.000001\n[[chat.prices]]\nmodel = \"go*\"\ninput = 5\noutput = 15\n";
    for (chat, setting) in [("run_tokens_max = 10\n", "run_tokens_max"), (priced, "run_cost_max_usd")] {
        let (_sandbox, server) = served(chat, &peer.base_url(), "good");
        let events = events(&server, &question(TOWER)).await;
        let last = events.last().unwrap();
        assert_eq!(last["code"], "run_over_budget");
        assert!(last["message"].as_str().unwrap().contains(setting), "{last}");
    }
    assert_eq!(peer.requests().len(), 0);
}

/// What doctor says of chat models, without the key.
fn findings(chat: &str, base_url: &str, model: &str) -> Vec<(String, bool, String)> {
    let sandbox = Sandbox::new();
    sandbox.write("ibid-data/ibid.toml", format!("[chat]\n{chat}"));
    let output = asking(sandbox.ibid(&["doctor", "--json"]), base_url, model).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(!said.contains("sk-test") && !said.contains("hunter2"), "{said}");
    let findings: Vec<Value> = serde_json::from_str(&said).unwrap();
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    let chat = findings.iter().filter(|finding| text(finding, "what").contains("chat model"));
    chat.map(|finding| (text(finding, "what"), finding["well"] == true, text(finding, "detail"))).collect()
}

#[test]
fn doctor_says_which_model_answers_and_whether_its_address_does() {
    let peer = ModelPeer::start(by_model);
    let base_url = peer.base_url().replace("http://", "http://user:hunter2@");
    let found = |well, part: &str, model: &str, base_url: &str| {
        let found = findings("", base_url, model);
        let (what, is_well, detail) = &found[0];
        assert_eq!((found.len(), what.as_str(), *is_well), (1, "chat model", well), "{detail}");
        assert!(detail.contains(part), "{detail}");
    };
    found(true, "good at an address that answers and lists no models", "good", &base_url);
    peer.list(&["good", "better:latest"]);
    found(true, "good at an address that answers and lists it", "good", &base_url);
    found(true, "lists it", "better", &base_url);
    found(false, "best is not one of the 2 models", "best", &base_url);
    found(false, "cannot be reached", "good", "http://127.0.0.1:9/v1");
    found(false, "not an http or https address", "good", "localhost:11434");
    let fallbacks = findings("[chat.fallback]\nmodel = \"better\"\n", &base_url, "good");
    assert!(fallbacks.len() == 2 && fallbacks[1].0 == "fallback chat model" && fallbacks[1].1, "{fallbacks:?}");
    let quotes = findings("[chat.fallback]\nextractive = true\n", &base_url, "good");
    assert!(quotes[1].2.contains("extractive"), "{quotes:?}");
}

#[test]
fn a_fallback_that_is_none_is_refused_with_one_sentence() {
    let sandbox = Sandbox::with_documents();
    sandbox.write("ibid-data/ibid.toml", "[chat.fallback]\n");
    let command = asking(sandbox.ibid(&["ingest", "docs"]), "http://127.0.0.1:9/v1", "any");
    assert!(super::support::refusal(command).contains("names no base_url"));
}
