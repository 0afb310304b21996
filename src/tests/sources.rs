//! Ingests and sources at the door: how far they are, what they removed, how they are asked for and stopped.

use std::time::{Duration, Instant};

use futures::StreamExt;
use serde_json::Value;

use super::support::{Sandbox, Server, http, until, wait_for};

fn sources(server: &Server) -> Vec<Value> {
    server.get("/v1/sources").1["sources"].as_array().unwrap().clone()
}

fn are_idle(server: &Server) -> bool {
    sources(server).iter().all(|source| source["state"] == "idle")
}

/// Status and body of a POST without a body, from a page of this origin.
fn post(server: &Server, path: &str, origin: Option<&str>) -> (u16, Value) {
    wait_for(async {
        let mut request = http().post(server.url(path));
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    })
}

/// The events of an ingest to their end; `heard` is called with each.
async fn follow(server: &Server, id: &str, mut heard: impl FnMut(&Value)) -> Vec<Value> {
    let response = http().get(server.url(&format!("/v1/ingests/{id}/events"))).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    let (mut events, mut text) = (Vec::new(), String::new());
    let mut body = response.bytes_stream();
    while let Some(piece) = body.next().await {
        text.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
        while let Some((frame, rest)) = text.split_once("\n\n").map(|(frame, rest)| (frame.to_owned(), rest.to_owned()))
        {
            text = rest;
            let Some(data) = frame.strip_prefix("data: ") else { continue };
            events.push(serde_json::from_str(data).unwrap());
            heard(events.last().unwrap());
        }
    }
    events
}

#[test]
fn sources_fill_their_collections_by_their_rules() {
    let sandbox = Sandbox::with_documents();
    sandbox.write("notes/plan.md", "# Plan\n\nThe walrus sings at midnight.");
    sandbox.write("notes/draft.md", "# Draft\n\nThe seal barks at noon.");
    sandbox.write(
        "ibid-data/ibid.toml",
        "[[sources]]\nname = \"docs\"\npath = \"docs\"\nwatch = false\n\
         [[sources]]\nname = \"notes\"\npath = \"notes\"\ncollection = \"private\"\nevery_s = 1\nwatch = false\n\
         exclude = [\"draft*\"]\n",
    );
    let server = sandbox.serve();
    until("both are in", || {
        are_idle(&server) && sources(&server).iter().all(|source| source["succeeded_at_ms"].is_i64())
    });
    let of = |collection: &str| {
        let (_, page) = server.get(&format!("/v1/documents?collection={collection}"));
        let documents = page["documents"].as_array().unwrap().clone();
        documents.iter().map(|document| document["uri"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of("default").len(), 5);
    assert_eq!(of("private"), ["notes/plan.md"]);
    assert_eq!(sources(&server)[0]["watch"][0]["state"], "off");
    // Nobody watches, so the schedule finds it.
    sandbox.write("notes/plan.md", "# Plan\n\nThe walrus yodels.");
    until("the schedule finds it", || server.found("walrus yodels", "keyword") == ["notes/plan.md"]);
    let before = sources(&server)[0]["last_ingest"].clone();
    sandbox.write("docs/new.md", "The tortoise arrives.");
    for (path, origin, status) in [
        ("/v1/sources/docs/sync", Some("https://evil.example"), 403),
        ("/v1/sources/..%2Fnotes/sync", None, 404),
        ("/v1/sources/elsewhere/sync", None, 404),
        ("/v1/sources/docs/sync?confirm_deletions=perhaps", None, 422),
        ("/v1/sources/docs/sync", Some(server.base_url.as_str()), 202),
    ] {
        let (answered, body) = post(&server, path, origin);
        assert_eq!(answered, status, "{path}: {body}");
    }
    until("it is found", || server.found("tortoise arrives", "keyword") == ["docs/new.md"]);
    assert_ne!(sources(&server)[0]["last_ingest"], before);
    // Newest first, page by page.
    let (_, first) = server.get("/v1/ingests?collection=default&limit=1");
    assert_eq!(first["ingests"][0]["id"], sources(&server)[0]["last_ingest"]);
    let (_, second) =
        server.get(&format!("/v1/ingests?collection=default&cursor={}", first["next_cursor"].as_str().unwrap()));
    assert_eq!(second["ingests"][0]["id"], before);
}

#[test]
fn too_many_deletions_wait_until_somebody_agrees_and_the_receipt_proves_them() {
    let sandbox = Sandbox::with_documents();
    sandbox.write("ibid-data/ibid.toml", "[[sources]]\nname = \"docs\"\npath = \"docs\"\nwatch = false\n");
    let server = sandbox.serve();
    until("it is in", || are_idle(&server));
    for gone in ["docs/otters.md", "docs/ko/cats.md", "docs/tower.html"] {
        std::fs::remove_file(sandbox.path(gone)).unwrap();
    }
    sandbox.write("docs/new.md", "The tortoise arrives.");
    post(&server, "/v1/sources/docs/sync", None);
    until("the rest is done", || server.found("tortoise arrives", "keyword") == ["docs/new.md"]);
    until("it says so", || sources(&server)[0]["last_summary"]["withheld"] == 3);
    assert_eq!(server.found("otters hold hands", "keyword")[0], "docs/otters.md");
    post(&server, "/v1/sources/docs/sync?confirm_deletions=true", None);
    until("they are gone", || sources(&server)[0]["last_summary"]["removed"] == 3);
    let id = sources(&server)[0]["last_ingest"].as_str().unwrap().to_owned();
    let path = format!("/v1/ingests/{id}");
    until("it is proven", || {
        let removals = server.get(&path).1["removals"].as_array().unwrap().clone();
        removals.len() == 3 && removals.iter().all(|removal| removal["proof"].is_object())
    });
    let (_, receipt) = server.get(&path);
    for removal in receipt["removals"].as_array().unwrap() {
        let left = ["truth_left", "keyword_left", "vector_left"].map(|place| removal["proof"][place].as_u64().unwrap());
        assert_eq!(left, [0, 0, 0]);
        assert_eq!(removal["text_sha256"].as_str().unwrap().len(), 64);
    }
    assert_eq!(receipt["state"], "finished");
    let (_, page) = server.get(&format!("{path}?limit=2"));
    let (_, rest) = server.get(&format!("{path}?limit=2&after={}", page["next_removal"]));
    assert_eq!((page["removals"].as_array().unwrap().len(), rest["removals"].as_array().unwrap().len()), (2, 1));
    assert!(rest["next_removal"].is_null());
    assert!(!server.found("otters hold hands", "keyword").contains(&"docs/otters.md".to_owned()));
    // One that has ended is told whole, and cannot be stopped.
    let events = wait_for(follow(&server, &id, |_| ()));
    let last = events.last().unwrap();
    assert_eq!(
        (&last["event"], &last["state"], &last["summary"]["removed"]),
        (&"ended".into(), &"finished".into(), &3.into())
    );
    assert_eq!(post(&server, &format!("{path}/cancel"), None).0, 409);
    for unknown in ["/v1/ingests/x", "/v1/ingests/00000000-0000-7000-8000-000000000000"] {
        assert_eq!(server.get(unknown).0, 404);
        assert_eq!(post(&server, &format!("{unknown}/cancel"), None).0, 404);
    }
}

#[test]
fn an_ingest_is_looked_at_and_stopped_within_moments() {
    let sandbox = Sandbox::new();
    for number in 0..3_000 {
        sandbox.write(&format!("docs/{number}.md"), format!("# Number {number}\n\n{}", "The otter swims. ".repeat(40)));
    }
    sandbox.write("ibid-data/ibid.toml", "[[sources]]\nname = \"docs\"\npath = \"docs\"\nwatch = false\nevery_s = 0\n");
    let server = sandbox.serve();
    let id = || sources(&server)[0]["last_ingest"].as_str().map(str::to_owned);
    until("it has begun", || id().is_some());
    let id = id().unwrap();
    let cancel = format!("/v1/ingests/{id}/cancel");
    assert_eq!(post(&server, &cancel, Some("https://evil.example")).0, 403);
    assert_eq!(server.get(&format!("/v1/ingests/{id}")).1["state"], "running");
    let mut told = None;
    let events = wait_for(async {
        let (ask, asked) = tokio::sync::oneshot::channel();
        let mut ask = Some(ask);
        let following = follow(&server, &id, |event| {
            if let Some(ask) = ask.take_if(|_| event["event"] == "file") {
                ask.send(()).unwrap();
            }
        });
        let cancelling = async {
            asked.await.unwrap();
            let response = http().post(server.url(&cancel)).send().await.unwrap();
            told = Some((Instant::now(), response.status().as_u16()));
        };
        tokio::join!(following, cancelling).0
    });
    let (at, status) = told.unwrap();
    assert_eq!(status, 202);
    // Written as a second; a machine that runs every test at once takes its time.
    assert!(at.elapsed() < Duration::from_secs(5), "{:?}", at.elapsed());
    let names: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert!(names.contains(&"progress") && names.contains(&"file"), "{:?}", &names[..names.len().min(9)]);
    assert_eq!(names.iter().filter(|name| **name == "ended").count(), 1);
    assert_eq!(
        (&events.last().unwrap()["event"], &events.last().unwrap()["state"]),
        (&"ended".into(), &"cancelled".into())
    );
    let progress = events.iter().find(|event| event["event"] == "progress").unwrap();
    assert!(
        progress["files"].is_u64() && progress["stages"].is_object() && progress["memory"].is_object(),
        "{progress}"
    );
    assert_eq!(post(&server, &cancel, None).0, 409);
    until("the source rests", || are_idle(&server));
    assert!(sources(&server)[0]["last_error"].is_null());
    let (_, record) = server.get(&format!("/v1/ingests/{id}"));
    assert_eq!(record["state"], "cancelled");
    assert!(server.get("/v1/status").1["documents"].as_u64().unwrap() > 0, "what it did stays");
    // And a server that is told to stop does not wait for the next one.
    post(&server, "/v1/sources/docs/sync", None);
    until("it goes on", || sources(&server)[0]["state"] == "ingesting");
    let begun = Instant::now();
    server.terminate();
    until("it has stopped", || wait_for(http().get(server.url("/healthz")).send()).is_err());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn what_is_wrong_with_a_source_is_said_before_anything_is_served() {
    let sandbox = Sandbox::new();
    let one = "[[sources]]\nname = \"a\"\npath = \"docs\"\n";
    for (config, said) in [
        (one.repeat(2), "two sources have the name \"a\""),
        (format!("{one}max_delete = \"most\"\n"), "no percentage"),
        (format!("{one}include = [\"{{a\"]\n"), "glob"),
        (format!("{one}collection = \"no good/name\"\n"), "the source \"a\""),
        (format!("{one}readers = [\"nobody in particular\"]\n"), "the source \"a\""),
        ("[ingest]\nkeep_originals = \"/srv\"\n".to_owned(), "keep_originals"),
    ] {
        sandbox.write("ibid-data/ibid.toml", &config);
        let refusal = sandbox.refusal(&["serve", "--listen", "127.0.0.1:0"]);
        assert!(refusal.contains(said), "{refusal}");
    }
}
