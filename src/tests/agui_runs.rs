//! Runs from outside: who stops them, who comes back to them, and what they say of themselves.

use std::time::{Duration, Instant};

use futures::StreamExt;
use serde_json::{Value, json};

use super::agui_rules::broken_rule;
use super::agui_wire::{answer, events_of, of_type, posted, run, with, without_version};
use super::support::{Server, http, question, until};
use super::told_model::{Say, ToldModel};

const TOWER: &str = "How tall is the tower in Seoul?";
const STALLS: [Say; 2] = [Say::Words("The tower is 236 metres tall [1]. "), Say::Nothing];

/// The frames of a run as they come, up to the one that holds `word`.
async fn until_said(
    pieces: &mut (impl StreamExt<Item = reqwest::Result<axum::body::Bytes>> + Unpin),
    word: &str,
) -> String {
    let mut text = String::new();
    while !(text.contains(word) && text.ends_with("\n\n")) {
        let piece = pieces.next().await.expect("the stream goes on").unwrap();
        text.push_str(std::str::from_utf8(&piece).unwrap());
    }
    text
}

/// Starts a run that stalls, and gives its response when words were said.
async fn stalled(
    server: &Server,
    body: &Value,
) -> (String, impl StreamExt<Item = reqwest::Result<axum::body::Bytes>> + Unpin + use<>) {
    let response = posted(server, body).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    let mut pieces = response.bytes_stream();
    let said = until_said(&mut pieces, "TEXT_MESSAGE_START").await;
    (said, pieces)
}

async fn rest(mut pieces: impl StreamExt<Item = reqwest::Result<axum::body::Bytes>> + Unpin) -> String {
    let mut text = String::new();
    while let Some(piece) = pieces.next().await {
        text.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
    }
    text
}

/// That a stream ended as a stopped run ends for its peer.
fn was_cancelled(events: &[Value], is_current: bool) {
    assert_eq!(broken_rule(events, is_current), None);
    let last = events.last().unwrap();
    if is_current {
        assert_eq!((&last["type"], &last["outcome"]["type"]), (&json!("RUN_FINISHED"), &json!("cancelled")));
        assert_eq!(of_type(events, "TEXT_MESSAGE_END").len(), of_type(events, "TEXT_MESSAGE_START").len());
    } else {
        assert_eq!((&last["type"], &last["code"]), (&json!("RUN_ERROR"), &json!("cancelled")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_over_its_time_is_cancelled_in_the_words_of_its_peer() {
    let model = ToldModel::start(&STALLS).await;
    let (_sandbox, server) = model.serve("[chat]\nrun_timeout_s = 1\n");
    for (body, is_current) in [(question(TOWER), true), (without_version(question(TOWER)), false)] {
        let begun = Instant::now();
        let events = run(&server, &body).await;
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        was_cancelled(&events, is_current);
        until("the model is left alone", || model.open() == 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_ends_its_streams_with_a_terminal_event() {
    let model = ToldModel::start(&STALLS).await;
    let (_sandbox, server) = model.serve("");
    let current = stalled(&server, &with(question(TOWER), json!({"threadId": "one"}))).await;
    let legacy = stalled(&server, &with(without_version(question(TOWER)), json!({"threadId": "two"}))).await;
    let begun = Instant::now();
    server.terminate();
    let ends = futures::future::join(rest(current.1), rest(legacy.1));
    let (current_rest, legacy_rest) = tokio::time::timeout(Duration::from_secs(5), ends).await.expect("both end");
    was_cancelled(&events_of(&(current.0 + &current_rest)), true);
    was_cancelled(&events_of(&(legacy.0 + &legacy_rest)), false);
    until("the server is gone", || {
        std::net::TcpStream::connect(server.base_url.trim_start_matches("http://")).is_err()
    });
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_another_thread_is_not_begun_again() {
    let model = ToldModel::start(&[Say::Words("The tower is 236 metres tall [1].")]).await;
    let (_sandbox, server) = model.serve("");
    let first = with(question(TOWER), json!({"threadId": "mine"}));
    run(&server, &first).await;
    let (_, before) = server.read("/v1/threads/mine").await;
    let stolen = with(first.clone(), json!({"threadId": "theirs"}));
    let (status, told) = server.post("/api/agent", &stolen).await;
    assert_eq!((status, &told["error"]["code"]), (409, &json!("conflict")), "{told}");
    assert_eq!(server.read("/v1/threads/theirs").await.0, 404);
    assert_eq!(server.read("/v1/threads/mine").await.1, before);
}

/// The numbers and the data of a stream whose frames carry ids.
fn numbered(text: &str) -> Vec<(usize, String)> {
    let frames = text.split_terminator("\n\n").filter(|frame| !frame.starts_with(':'));
    let line =
        |frame: &str, name: &str| frame.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
    frames.map(|frame| (line(frame, "id: ").parse().unwrap(), line(frame, "data: "))).collect()
}

fn data(text: &str) -> Vec<String> {
    text.split("\n\n").filter_map(|frame| frame.strip_prefix("data: ").map(str::to_owned)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_connection_is_taken_up_without_a_word_lost_or_said_twice() {
    let slow = [
        Say::Words("The tower is 236 metres tall [1]. "),
        Say::Wait(Duration::from_millis(600)),
        Say::Words("It stands on a hill [1]. "),
        Say::Wait(Duration::from_millis(600)),
        Say::Words("That is all."),
    ];
    let model = ToldModel::start(&slow).await;
    let (_sandbox, server) = model.serve("");
    let body = with(question(TOWER), json!({"forwardedProps": {"on_disconnect": "continue"}}));
    let (mut said, mut pieces) = stalled(&server, &body).await;
    said.push_str(&until_said(&mut pieces, "236").await);
    drop(pieces);
    let known = data(&said);
    let url = server.url(&format!("/v1/runs/{}/events?after={}", body["runId"].as_str().unwrap(), known.len()));
    let later = numbered(&http().get(url).send().await.unwrap().text().await.unwrap());
    assert_eq!(later[0].0, known.len() + 1);
    let all: Vec<Value> = known
        .iter()
        .chain(later.iter().map(|(_, data)| data))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    assert_eq!(broken_rule(&all, true), None);
    assert_eq!(answer(&all), "The tower is 236 metres tall [1]. It stands on a hill [1]. That is all.");
    assert_eq!(model.requests().len(), 1, "the model is asked once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_tells_its_result_and_its_grounds_in_one_voice() {
    let script = [Say::Words("The tower is 236 metres tall [1]."), Say::Usage(120, 9)];
    let model = ToldModel::start(&script).await;
    let (_sandbox, server) = model.serve("");
    let body = question(TOWER);
    let events = run(&server, &body).await;
    let end = of_type(&events, "TEXT_MESSAGE_END")[0];
    let customs = of_type(&events, "CUSTOM");
    assert_eq!(customs.len(), 1, "annotations come when they are asked for: {customs:?}");
    let told = &customs[0]["value"];
    assert_eq!(customs[0]["name"], "ibid.citations");
    assert_eq!((&told["messageId"], &told["citations"]), (&end["messageId"], &end["metadata"]["citations"]));
    assert_eq!((&end["metadata"]["ibid.grounded"], &end["metadata"]["ibid.withheld"]), (&json!(true), &json!(0)));
    assert_eq!((&told["grounded"], &told["withheld"]), (&json!(true), &json!(0)));
    assert!(told.get("nearest").is_none(), "{told}");
    let citation = &end["metadata"]["citations"][0];
    assert_eq!(citation["verdict"], "supported", "{citation}");
    assert!(!citation["reason"].as_str().unwrap().is_empty() && !citation["judge"].as_str().unwrap().is_empty());
    let last = events.last().unwrap();
    let result = &last["result"];
    assert_eq!(result["answerMessageId"], end["messageId"]);
    assert_eq!((&result["tokensIn"], &result["tokensOut"]), (&json!(120), &json!(9)), "{result}");
    assert_eq!(last["usage"][0]["totalTokens"], 129);
    assert_eq!(result["tools"], json!(["search"]));
    let steps: Vec<&str> =
        result["steps"].as_array().unwrap().iter().filter_map(|step| step["name"].as_str()).collect();
    assert_eq!(steps, ["retrieve", "generate"]);
    let permalink = format!("/v1/citations/{}", citation["id"].as_str().unwrap());
    let (status, looked_up) = server.read(&permalink).await;
    assert_eq!((status, &looked_up["today"]["state"]), (200, &json!("same")), "{looked_up}");
    assert_eq!(looked_up["citation"]["sourceContent"], citation["sourceContent"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn annotations_follow_the_citations_for_those_who_read_them() {
    let model = ToldModel::start(&[Say::Words("🗼 It is 236 metres tall [1].")]).await;
    let (_sandbox, server) = model.serve("");
    let switched = with(question(TOWER), json!({"forwardedProps": {"annotations": true}}));
    let mut aliased = with(without_version(question(TOWER)), json!({"thread_id": "t", "run_id": "of-microsoft"}));
    aliased.as_object_mut().unwrap().retain(|name, _| !["threadId", "runId"].contains(&name.as_str()));
    for body in [switched, aliased] {
        let events = run(&server, &body).await;
        let names: Vec<&str> = of_type(&events, "CUSTOM").iter().filter_map(|event| event["name"].as_str()).collect();
        assert_eq!(names, ["ibid.citations", "annotations"], "{body}");
        let value = &of_type(&events, "CUSTOM")[1]["value"];
        assert_eq!(value["messageId"], of_type(&events, "TEXT_MESSAGE_END")[0]["messageId"]);
        let region = &value["annotations"][0]["annotated_regions"][0];
        assert_eq!((&region["start_index"], &region["end_index"]), (&json!(0), &json!(29)), "{value}");
    }
}
