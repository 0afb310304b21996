//! The door for clients of OpenAI: their package, what Open WebUI sends, and what goes wrong.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::clients::served;
use super::support::{Server, http, python, python_script, until};
use super::told_model::{Say, ToldModel};

const QUESTION: &str = "How tall is the tower in Seoul?";
const PATH: &str = "/v1/chat/completions";

fn body(more: Value) -> Value {
    let mut body = json!({"model": "ibid", "messages": [{"role": "user", "content": QUESTION}]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// The frames of a stream, without its comments.
async fn frames(server: &Server, body: &Value) -> Vec<String> {
    let response = http().post(server.url(PATH)).json(body).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["cache-control"], "no-cache, no-transform");
    let text = response.text().await.unwrap();
    assert!(text.ends_with("\n\n") && !text.contains('\r'), "{text}");
    text.split_terminator("\n\n").filter_map(|frame| frame.strip_prefix("data: ").map(str::to_owned)).collect()
}

fn delta(frame: &str) -> Value {
    serde_json::from_str::<Value>(frame).unwrap()["choices"][0]["delta"].clone()
}

#[test]
fn the_package_of_openai_reads_models_answers_streams_and_refusals() {
    let (_sandbox, server) = served();
    let script = python_script("openai_client.py");
    python(&[&script, &server.base_url, QUESTION, "236 metres", "고양이는 무엇을 좋아하는가?", "참치"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_open_webui_sends_is_answered_with_sources_that_it_shows() {
    let script = [Say::Words("🗼 The tower is 236 metres "), Say::Words("tall [1]."), Say::Usage(90, 7)];
    let model = ToldModel::start(&script).await;
    let (_sandbox, server) = model.serve("");
    let sent = body(json!({
        "stream": true, "stream_options": {"include_usage": true}, "temperature": 0.8, "user": {"name": "n", "id": "u"},
        "chat_id": "c-1", "session_id": "s-1", "id": "m-1", "model_item": {"id": "ibid"}, "params": {}, "tool_ids": null,
        "features": {"web_search": false}, "variables": {"{{USER_NAME}}": "n"}, "background_tasks": {"title_generation": true},
        "metadata": {"chat_id": "c-1"}, "reasoning": {"effort": "low"}, "keep_alive": "5m",
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": [
                {"type": "text", "text": QUESTION, "cache_control": {"type": "ephemeral"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
            ]},
        ],
    }));
    let frames = frames(&server, &sent).await;
    let Some((done, chunks)) = frames.split_last() else { panic!("there is no frame") };
    assert_eq!(done, "[DONE]");
    let content: String =
        chunks.iter().filter_map(|frame| delta(frame)["content"].as_str().map(str::to_owned)).collect();
    assert_eq!(content, "🗼 The tower is 236 metres tall [1].");
    let sourced: Vec<Value> =
        chunks.iter().map(|frame| delta(frame)).filter(|delta| delta["annotations"].is_array()).collect();
    assert_eq!(sourced.len(), 1);
    let cited = &sourced[0]["annotations"][0]["url_citation"];
    assert!(cited["url"].as_str().unwrap().starts_with(&format!("{}/v1/", server.base_url)), "{cited}");
    assert_eq!(cited["title"], "The tower");
    // The tower is one code point and two UTF-16 units.
    assert_eq!((cited["start_index"].as_u64(), cited["end_index"].as_u64()), (Some(0), Some(35)));
    let usage: Value = serde_json::from_str(&chunks[chunks.len() - 1]).unwrap();
    assert_eq!(usage["usage"], json!({"prompt_tokens": 90, "completion_tokens": 7, "total_tokens": 97}));
    assert_eq!(usage["choices"], json!([]));
    let prompt = model.requests()[0]["messages"].to_string();
    assert!(prompt.contains("You are a helpful assistant."), "a system message is context: {prompt}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_reaches_the_model_and_usage_is_told() {
    let model = ToldModel::start(&[Say::Words("They eat crabs [1]."), Say::Usage(50, 5)]).await;
    let (_sandbox, server) = model.serve("");
    let messages = json!([
        {"role": "user", "content": "Do otters swim?"}, {"role": "assistant", "content": "Very well."},
        {"role": "user", "content": "What do otters eat?"},
    ]);
    let (status, whole) = server.post(PATH, &body(json!({"messages": messages}))).await;
    assert_eq!(status, 200, "{whole}");
    assert_eq!(whole["choices"][0]["message"]["content"], "They eat crabs [1].");
    assert_eq!(whole["usage"]["total_tokens"], 55);
    let asked = &model.requests()[0]["messages"];
    let said: Vec<&str> = asked.as_array().unwrap().iter().filter_map(|message| message["role"].as_str()).collect();
    assert_eq!(said, ["system", "user", "assistant", "user"], "{asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_breaks_off_ends_a_stream_with_an_error_and_a_whole_answer_with_a_status() {
    let model = ToldModel::start(&[Say::Words("The tower is "), Say::Break]).await;
    let (_sandbox, server) = model.serve("");
    let frames = frames(&server, &body(json!({"stream": true}))).await;
    let last: Value = serde_json::from_str(frames.last().unwrap()).unwrap();
    assert_eq!((&last["error"]["code"], &last["error"]["type"]), (&json!("model_broke_off"), &json!("server_error")));
    assert!(last["error"]["message"].as_str().unwrap().len() > 10, "{last}");
    let (status, whole) = server.post(PATH, &body(json!({}))).await;
    assert_eq!((status, &whole["error"]["code"]), (502, &json!("model_broke_off")), "{whole}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_has_the_shape_of_openai() {
    let model = ToldModel::start(&[Say::Words("Wait"), Say::Nothing]).await;
    let (_sandbox, server) = model.serve("[server]\nruns_max = 1\nbody_bytes_max = 10000\n");
    let post = |kind: &str, body: String| http().post(server.url(PATH)).header("content-type", kind).body(body).send();
    let _held = http().post(server.url(PATH)).json(&body(json!({"stream": true}))).send().await.unwrap();
    let json_type = "application/json";
    let members = BTreeSet::from(["code", "message", "param", "type"]);
    for (status, kind, code, sent) in [
        (415, "text/plain", "wrong_type", "{}".to_owned()),
        (422, json_type, "invalid", "{\"model\":".to_owned()),
        (422, json_type, "invalid", json!({"model": "ibid"}).to_string()),
        (422, json_type, "invalid", json!({"messages": []}).to_string()),
        (422, json_type, "invalid", body(json!({"n": 2})).to_string()),
        (404, json_type, "model_not_found", body(json!({"model": "gpt-4o"})).to_string()),
        (413, json_type, "too_large", body(json!({"padding": "x".repeat(20_000)})).to_string()),
        (429, json_type, "busy", body(json!({})).to_string()),
    ] {
        let response = post(kind, sent).await.unwrap();
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.headers().contains_key("retry-after"), status == 429);
        let told: Value = response.json().await.unwrap();
        let error = told["error"].as_object().unwrap();
        assert_eq!(error.keys().map(String::as_str).collect::<BTreeSet<_>>(), members, "{told}");
        assert_eq!(error["code"], code);
        let expected = if status == 429 { "rate_limit_error" } else { "invalid_request_error" };
        assert_eq!(error["type"], expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_stops_the_model() {
    let model = ToldModel::start(&[Say::Words("Wait"), Say::Nothing]).await;
    let (_sandbox, server) = model.serve("");
    for more in [json!({"stream": true}), json!({"stream": false})] {
        let request = http().post(server.url(PATH)).json(&body(more)).send();
        let client = tokio::spawn(async move { request.await.unwrap().text().await });
        until("the model is asked", || model.open() == 1);
        client.abort();
        let begun = std::time::Instant::now();
        until("the model is left alone", || model.open() == 0);
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    }
}
