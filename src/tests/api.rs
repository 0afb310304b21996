//! The HTTP doors of a running server, the bad input included.

use serde_json::{Value, json};

use super::support::{Sandbox, Server, events, http, question};

async fn get(server: &Server, path: &str) -> (u16, Value) {
    let response = http().get(server.url(path)).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn served() -> (Sandbox, Server) {
    let sandbox = Sandbox::with_documents();
    assert_eq!(sandbox.ingest(), 0);
    let server = sandbox.serve();
    (sandbox, server)
}

#[tokio::test]
async fn search_answers_and_refuses() {
    let (_sandbox, server) = served();
    let (status, found) = server.post("/v1/search", &json!({"query": "tower", "k": 2, "explain": true})).await;
    assert_eq!(status, 200);
    assert_eq!(found["hits"][0]["uri"], "docs/tower.html");
    assert!(found["hits"][0]["legs"]["keyword"]["rank"].is_number());
    let narrowed = json!({"query": "tower", "filter": {"media_types": ["text/markdown"]}});
    let (_, found) = server.post("/v1/search", &narrowed).await;
    assert!(found["hits"].as_array().unwrap().iter().all(|hit| hit["media_type"] == "text/markdown"));
    for bad in [
        json!({}),
        json!({"query": 7}),
        json!({"query": "x", "k": 0}),
        json!({"query": "x", "k": 10_000}),
        json!({"query": "x", "mode": "magic"}),
        json!({"query": "x", "unknown": 1}),
        json!({"query": "x", "collections": ["../etc"]}),
        json!({"query": "x".repeat(200_000)}),
    ] {
        let (status, body) = server.post("/v1/search", &bad).await;
        assert_eq!(status, 422);
        assert_eq!(body["error"]["code"], "invalid");
    }
    for query in ["", "   ", "!!! ??? …", "the of and", "\u{0}\u{7}", "(a OR", "\"unclosed", &"가 ".repeat(20_000)] {
        let (status, body) = server.post("/v1/search", &json!({"query": query})).await;
        assert_eq!(status, 200, "{body}");
    }
}

#[tokio::test]
async fn documents_are_listed_read_and_deleted() {
    let (_sandbox, server) = served();
    let (_, page) = get(&server, "/v1/documents?limit=2").await;
    assert_eq!(page["documents"].as_array().unwrap().len(), 2);
    let cursor = page["next_cursor"].as_str().unwrap().to_owned();
    let (_, rest) = get(&server, &format!("/v1/documents?limit=100&cursor={cursor}")).await;
    assert_eq!(rest["documents"].as_array().unwrap().len(), 3);
    let (_, found) = server.post("/v1/search", &json!({"query": "참치"})).await;
    let hit = &found["hits"][0];
    let id = hit["document_id"].as_str().unwrap();
    let (start, end) = (&hit["span"]["start"], &hit["span"]["end"]);
    let (_, text) = get(&server, &format!("/v1/documents/{id}/text?start={start}&end={end}")).await;
    assert_eq!(text["text"], hit["text"]);
    // Offsets in the midst of a character move outwards, and beyond the end they stop there.
    let (_, part) = get(&server, &format!("/v1/documents/{id}/text?start=3&end=4")).await;
    assert_eq!((part["start"].as_u64(), part["text"].as_str()), (Some(2), Some("고")));
    let (status, far) = get(&server, &format!("/v1/documents/{id}/text?start=999999")).await;
    assert_eq!((status, far["text"].as_str()), (200, Some("")));
    let gone = http().delete(server.url(&format!("/v1/documents/{id}"))).send().await.unwrap();
    assert_eq!(gone.status().as_u16(), 204);
    assert_eq!(get(&server, &format!("/v1/documents/{id}")).await.0, 404);
    let (_, found) = server.post("/v1/search", &json!({"query": "참치"})).await;
    assert!(found["hits"].as_array().unwrap().iter().all(|hit| hit["document_id"] != id));
    for path in ["/v1/documents/nonsense", "/v1/nothing", "/chat/nothing.js"] {
        let (status, body) = get(&server, path).await;
        assert_eq!((status, body["error"]["code"].as_str()), (404, Some("not_found")), "{path}");
    }
    assert_eq!(get(&server, "/v1/documents?limit=x").await.0, 422);
}

#[tokio::test]
async fn errors_have_one_shape() {
    let (_sandbox, server) = served();
    let client = http();
    let typed = client.post(server.url("/v1/search")).header("content-type", "text/plain").body("{}");
    let large = client.post(server.url("/v1/search")).header("content-type", "application/json");
    let broken = client.post(server.url("/v1/search")).header("content-type", "application/json").body("{\"query\":");
    let method = client.get(server.url("/v1/search"));
    let foreign = client.get(server.url("/v1/status")).header("host", "evil.example");
    for (request, status, code) in [
        (typed, 415, "wrong_type"),
        (large.body(" ".repeat(9 << 20)), 413, "too_large"),
        (broken, 422, "invalid"),
        (method, 405, "method_not_allowed"),
        (foreign, 403, "forbidden"),
    ] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), status);
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], code);
        assert!(body["error"]["message"].as_str().unwrap().len() > 10);
    }
}

#[tokio::test]
async fn the_pages_and_probes_are_there() {
    let (_sandbox, server) = served();
    let root = http().get(server.url("/")).send().await.unwrap();
    assert_eq!((root.status().as_u16(), root.headers()["location"].to_str().unwrap()), (302, "/chat/"));
    for (path, kind) in [("/chat/", "text/html"), ("/chat/chat.js", "text/javascript"), ("/docs", "text/html")] {
        let response = http().get(server.url(path)).send().await.unwrap();
        assert!(response.headers()["content-type"].to_str().unwrap().starts_with(kind), "{path}");
        assert!(response.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'self'"));
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(get(&server, path).await.0, 200);
    }
    let (_, status) = get(&server, "/v1/status").await;
    assert_eq!((status["documents"].as_u64(), status["model"].as_str()), (Some(5), Some("extractive")));
    let (_, document) = get(&server, "/openapi.json").await;
    assert!(document["paths"]["/v1/search"]["post"].is_object());
}

#[test]
fn the_openapi_document_is_the_one_that_was_agreed() {
    let document = serde_json::to_string_pretty(&ibid::api::openapi_document()).unwrap() + "\n";
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    if std::env::var_os("IBID_UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &document).unwrap();
    }
    let agreed = std::fs::read_to_string(&path).unwrap();
    assert!(document == agreed, "the API changed; IBID_UPDATE_SNAPSHOTS=1 cargo test writes docs/openapi.json again");
}

#[tokio::test]
async fn a_run_streams_in_order_and_cites_what_it_retrieved() {
    let (_sandbox, server) = served();
    let events = events(&server, &question("How tall is the tower in Seoul?")).await;
    let types: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(
        types[..6],
        ["RUN_STARTED", "STEP_STARTED", "TOOL_CALL_START", "TOOL_CALL_ARGS", "TOOL_CALL_END", "TOOL_CALL_RESULT"]
    );
    assert_eq!(types[types.len() - 4..], ["TEXT_MESSAGE_END", "CUSTOM", "STEP_FINISHED", "RUN_FINISHED"]);
    let end = &events[types.len() - 4];
    let citation = &end["metadata"]["citations"][0];
    assert_eq!(end["metadata"]["citations"], events[types.len() - 3]["value"]["citations"]);
    let id = citation["documentId"].as_str().unwrap();
    let (start, stop) = (&citation["location"]["start"], &citation["location"]["end"]);
    let (_, text) = get(&server, &format!("/v1/documents/{id}/text?start={start}&end={stop}")).await;
    assert_eq!(text["text"], citation["sourceContent"][0]["text"]);
    let tool = events.iter().find(|event| event["type"] == "TOOL_CALL_RESULT").unwrap();
    assert!(tool["content"].as_str().unwrap().contains(citation["chunkId"].as_str().unwrap()));
}

#[tokio::test]
async fn a_run_id_that_comes_again_is_answered_from_its_journal() {
    let (_sandbox, server) = served();
    let body = question("What do otters eat?");
    let first = events(&server, &body).await;
    let (_, found) = server.post("/v1/search", &json!({"query": "otters eat crabs", "k": 1})).await;
    let id = found["hits"][0]["document_id"].as_str().unwrap();
    http().delete(server.url(&format!("/v1/documents/{id}"))).send().await.unwrap();
    let again = events(&server, &body).await;
    let text = |events: &[Value]| -> String {
        events
            .iter()
            .filter_map(|event| event["delta"].as_str().filter(|_| event["type"] == "TEXT_MESSAGE_CONTENT"))
            .collect()
    };
    assert_eq!(text(&first), text(&again));
}
