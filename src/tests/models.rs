//! A chat model behind an OpenAI-compatible address: when it answers, and each way in which it does not.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Response, StatusCode};
use axum::routing::post;
use futures::StreamExt;
use serde_json::{Value, json};

use super::support::{Sandbox, Server, events, question};

/// A scripted endpoint: what it does is in the model's name.
async fn endpoint() -> String {
    let app = Router::new().route("/v1/chat/completions", post(complete));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}/v1")
}

async fn complete(axum::Json(request): axum::Json<Value>) -> Response<Body> {
    let prompt = request["messages"].to_string();
    assert!(prompt.contains("<passage number=\\\"1\\\""), "{prompt}");
    assert_eq!(request["stream"], true);
    let piece = |text: &str| format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": {"content": text}}]}));
    let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":90,\"completion_tokens\":7}}\n\ndata: [DONE]\n\n";
    let good = ["The tower is ", "236 metres ", "tall [", "1] and red [9", "9]."].map(piece);
    match request["model"].as_str().unwrap() {
        "good" => stream(good.into_iter().chain([usage.to_owned()]).map(Some).collect()),
        "dies" => stream(vec![Some(good[0].clone()), None]),
        "garbage" => stream(vec![Some(good[0].clone()), Some("data: {broken\n\n".to_owned())]),
        "empty" => stream(vec![Some("data: [DONE]\n\n".to_owned())]),
        "silent" => {
            let pending = futures::stream::pending::<Result<String, Infallible>>();
            Response::builder().header("content-type", "text/event-stream").body(Body::from_stream(pending)).unwrap()
        }
        "key" => error(StatusCode::UNAUTHORIZED, "no such key sk-123"),
        _ => error(StatusCode::BAD_REQUEST, "no such model"),
    }
}

/// Pieces as separate frames; `None` breaks the connection.
fn stream(pieces: Vec<Option<String>>) -> Response<Body> {
    let pieces = futures::stream::iter(pieces).then(|piece| async move {
        tokio::time::sleep(Duration::from_millis(5)).await;
        piece.ok_or_else(|| std::io::Error::other("gone"))
    });
    Response::builder().header("content-type", "text/event-stream").body(Body::from_stream(pieces)).unwrap()
}

fn error(status: StatusCode, message: &str) -> Response<Body> {
    let body = json!({"error": {"message": message, "type": "invalid_request_error", "param": null, "code": null}});
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap()
}

fn served(base_url: &str, model: &str) -> (Sandbox, Server) {
    let sandbox = Sandbox::with_documents();
    sandbox.ingest();
    sandbox.write("ibid-data/ibid.toml", "[chat]\nsilence_timeout_s = 1\n");
    let mut command = sandbox.ibid(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("OPENAI_BASE_URL", base_url).env("OPENAI_API_KEY", "sk-test").env("OPENAI_MODEL", model);
    let server = Server::start(command);
    (sandbox, server)
}

fn text(events: &[Value]) -> String {
    let piece =
        |event: &Value| event["delta"].as_str().filter(|_| event["type"] == "TEXT_MESSAGE_CONTENT").map(str::to_owned);
    events.iter().filter_map(piece).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_answers_and_its_invented_markers_are_dropped() {
    let (_sandbox, server) = served(&endpoint().await, "good");
    let events = events(&server, &question("How tall is the tower in Seoul?")).await;
    assert_eq!(text(&events), "The tower is 236 metres tall [1] and red .");
    let end = events.iter().find(|event| event["type"] == "TEXT_MESSAGE_END").unwrap();
    let citation = &end["metadata"]["citations"][0];
    assert_eq!(citation["sourceContent"][0]["text"], "The tower in Seoul is 236 metres tall.");
    assert_eq!(events.last().unwrap()["usage"][0]["totalTokens"], 97);
    assert!(
        events.iter().filter(|event| event["type"] == "TEXT_MESSAGE_CONTENT").count() > 1,
        "tokens come as they come"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_is_one_clear_error() {
    let base_url = endpoint().await;
    for (model, code, said) in [
        ("dies", "model_broke_off", "The tower is "),
        ("garbage", "model_broke_off", "The tower is "),
        ("silent", "model_timeout", ""),
        ("key", "model_unauthorized", ""),
        ("missing", "model_refused", ""),
        ("empty", "model_broke_off", ""),
    ] {
        let (_sandbox, server) = served(&base_url, model);
        let events = events(&server, &question("How tall is the tower in Seoul?")).await;
        let last = events.last().unwrap();
        assert_eq!((last["type"].as_str(), last["code"].as_str()), (Some("RUN_ERROR"), Some(code)), "{model}: {last}");
        assert_eq!(text(&events), said, "{model}");
        assert!(!last["message"].as_str().unwrap().contains("sk-"), "{last}");
        assert_eq!(events.iter().filter(|event| event["type"] == "RUN_FINISHED").count(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_where_nothing_answers_is_named() {
    let (_sandbox, server) = served("http://127.0.0.1:9/v1", "any");
    let events = events(&server, &question("How tall is the tower in Seoul?")).await;
    let last = events.last().unwrap();
    assert_eq!(last["code"], "model_unreachable");
    assert!(last["message"].as_str().unwrap().contains("http://127.0.0.1:9/v1"), "{last}");
}
