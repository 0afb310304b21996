//! Files that are handed over at the door: read like any other, replaced by name, and never half there.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;

use serde_json::{Value, json};

use super::formats::tar_of;
use super::support::{Sandbox, Server, http, until, wait_for};

const BOUNDARY: &str = "----ibid-boundary";
const PLACE: &str = "/v1/collections/default/documents";

/// A form with files of these names.
fn form(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, bytes) in files {
        body.extend(
            format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n").bytes(),
        );
        body.extend(b"content-type: application/octet-stream\r\n\r\n");
        body.extend(*bytes);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{BOUNDARY}--\r\n").bytes());
    body
}

fn form_type() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

/// Status and body of a request with this body.
fn send(server: &Server, path: &str, kind: &str, body: Vec<u8>) -> (u16, Value) {
    wait_for(async {
        let request = http().post(server.url(path)).header("content-type", kind).body(body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    })
}

/// The documents that an upload gives.
fn uploaded(server: &Server, files: &[(&str, &[u8])]) -> Vec<Value> {
    let (status, body) = send(server, PLACE, &form_type(), form(files));
    assert_eq!(status, 202, "{body}");
    body["documents"].as_array().unwrap().clone()
}

fn document_uris(server: &Server) -> Vec<String> {
    let (_, page) = server.get("/v1/documents");
    let documents = page["documents"].as_array().unwrap();
    let mut uris: Vec<String> = documents.iter().map(|document| document["uri"].as_str().unwrap().to_owned()).collect();
    uris.sort();
    uris
}

/// Every file below a folder.
fn files_below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files_below(&path)),
            false => found.push(path.display().to_string()),
        }
    }
    found.sort();
    found
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/documents").join(name)).unwrap()
}

#[test]
fn bytes_that_come_in_are_found_and_a_name_that_comes_again_replaces() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve();
    let pdf = fixture("harbour-en.pdf");
    let documents =
        uploaded(&server, &[("folder/수달.md", "# 수달\n\n수달은 손을 잡고 잔다.".as_bytes()), ("harbour.pdf", &pdf)]);
    let said: Vec<_> =
        documents.iter().map(|document| (document["uri"].as_str().unwrap(), document["state"].as_str())).collect();
    assert_eq!(said, [("uploads/수달.md", Some("ready")), ("uploads/harbour.pdf", Some("ready"))]);
    assert_eq!(documents[0]["title"], "수달");
    for mode in ["keyword", "vector"] {
        until("it is found", || server.found("수달 손", mode).first().is_some_and(|uri| uri == "uploads/수달.md"));
    }
    let again = uploaded(&server, &[("수달.md", "# 해달\n\n해달은 조개를 먹는다.".as_bytes())]);
    assert_eq!(again[0]["id"], documents[0]["id"]);
    until("the new text is found", || server.found("해달 조개", "keyword") == ["uploads/수달.md"]);
    assert!(server.found("손을 잡고", "keyword").is_empty());
    assert_eq!(document_uris(&server), ["uploads/harbour.pdf", "uploads/수달.md"]);
    let (_, document) = server.get(&format!("/v1/documents/{}", documents[0]["id"].as_str().unwrap()));
    assert!(
        document["source"]["modified_ns"].as_i64().unwrap() > 1_600_000_000_000_000_000,
        "it has the date of its upload"
    );
}

#[test]
fn what_cannot_be_read_says_why_and_what_is_inside_goes_with_its_file() {
    let sandbox = Sandbox::new();
    sandbox.write("ibid-data/ibid.toml", "[ingest]\nfile_bytes_max = 10000\n");
    let server = sandbox.serve();
    let archive = tar_of(&[("a.md", b"# Otters\n\nOtters hold hands."), ("b.txt", b"The bridge is closed.")]);
    let long = "long ".repeat(3_000);
    let documents = uploaded(
        &server,
        &[
            ("broken.pdf", b"%PDF-1.7 and nothing more"),
            ("empty.txt", b""),
            ("all.tar", &archive),
            ("long.txt", long.as_bytes()),
        ],
    );
    let said: Vec<_> = documents
        .iter()
        .map(|document| (document["state"].as_str().unwrap(), document["failure_code"].as_str()))
        .collect();
    assert!(said[0].0 == "failed" && said[0].1.is_some(), "{said:?}");
    assert_eq!(said[1..], [("failed", Some("empty")), ("ready", None), ("failed", Some("too_large"))]);
    assert!(documents[3]["failure_message"].as_str().unwrap().contains("10000"));
    until("what is inside is found", || server.found("otters hands", "keyword") == ["uploads/all.tar/a.md"]);
    uploaded(&server, &[("all.tar", &tar_of(&[("b.txt", b"The bridge is open.")])), ("empty.txt", b"no longer")]);
    assert_eq!(
        document_uris(&server),
        ["uploads/all.tar", "uploads/all.tar/b.txt", "uploads/broken.pdf", "uploads/empty.txt", "uploads/long.txt"]
    );
}

#[test]
fn a_text_comes_as_json() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve();
    let put = |body: Value| wait_for(server.post("/v1/collections/notes/documents", &body));
    let text = "# Otters\n\nOtters hold hands.";
    let (status, body) =
        put(json!({"uri": "otters", "title": "About otters", "text": text, "media_type": "text/markdown"}));
    assert_eq!(status, 202, "{body}");
    let document = &body["documents"][0];
    assert_eq!((document["uri"].as_str(), document["title"].as_str()), (Some("uploads/otters"), Some("About otters")));
    let id = document["id"].as_str().unwrap();
    let (_, read) = server.get(&format!("/v1/documents/{id}"));
    assert_eq!((read["media_type"].as_str(), read["collection"].as_str()), (Some("text/markdown"), Some("notes")));
    assert_eq!(server.get(&format!("/v1/documents/{id}/text")).1["text"], text);
    let untitled = put(json!({"uri": "otters", "text": text, "media_type": "text/markdown"})).1;
    assert_eq!(
        (&untitled["documents"][0]["id"], untitled["documents"][0]["title"].as_str()),
        (&json!(id), Some("Otters"))
    );
    for bad in [
        json!({"text": "x"}),
        json!({"uri": "..", "text": "x"}),
        json!({"uri": "a", "text": "x", "media_type": "application/magic"}),
        json!({"uri": "a", "text": "x", "unknown": 1}),
    ] {
        let (refused, error) = put(bad);
        assert_eq!((refused, error["error"]["code"].as_str()), (422, Some("invalid")), "{error}");
    }
    assert_eq!(document_uris(&server).len(), 1);
}

#[test]
fn what_is_no_upload_is_refused_and_leaves_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("ibid-data/ibid.toml", "[server]\nupload_bytes_max = 200000\n");
    let server = sandbox.serve();
    let one = form(&[("a.md", b"# A")]);
    let many: Vec<(String, &[u8])> = (0..101).map(|number| (format!("{number}.md"), &b"# A"[..])).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
    let nameless =
        format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"note\"\r\n\r\nx\r\n--{BOUNDARY}--\r\n");
    let multipart = form_type();
    for (path, kind, body, status, code) in [
        (PLACE, "text/plain", one.clone(), 415, "wrong_type"),
        (PLACE, "multipart/form-data", one.clone(), 422, "invalid"),
        (PLACE, multipart.as_str(), one[..one.len() - 30].to_vec(), 422, "invalid"),
        (PLACE, &multipart, b"nonsense".to_vec(), 422, "invalid"),
        (PLACE, &multipart, nameless.into_bytes(), 422, "invalid"),
        (PLACE, &multipart, form(&[("good.md", b"# A"), ("docs/..", b"# A")]), 422, "invalid"),
        (PLACE, &multipart, form(&[("a.md", b"# A"), ("x/a.md", b"# B")]), 422, "invalid"),
        (PLACE, &multipart, form(&many), 422, "invalid"),
        (PLACE, &multipart, form(&[("good.md", b"# A"), ("large.txt", &[b'a'; 300_000])]), 413, "too_large"),
        (PLACE, &multipart, form(&[("large.txt", &vec![b'a'; 20 << 20])]), 413, "too_large"),
        ("/v1/collections/-bad/documents", &multipart, one.clone(), 422, "invalid"),
    ] {
        let shown = String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned();
        let (refused, error) = send(&server, path, kind, body);
        assert_eq!((refused, error["error"]["code"].as_str()), (status, Some(code)), "{error} {shown}");
    }
    let foreign = http().post(server.url(PLACE)).header("content-type", &multipart).body(one);
    let foreign = wait_for(foreign.header("origin", "https://evil.example").send()).unwrap();
    assert_eq!(foreign.status().as_u16(), 403);
    assert_eq!(document_uris(&server), [""; 0]);
}

#[test]
fn an_upload_that_breaks_off_or_falls_silent_leaves_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("ibid-data/ibid.toml", "[server]\nbody_silence_s = 1\nuploads_max = 1\n");
    let server = sandbox.serve();
    let before = files_below(&sandbox.path("ibid-data"));
    let host = server.base_url.strip_prefix("http://").unwrap().to_owned();
    let begun = |path: &str, kind: &str, body: &[u8]| {
        let mut stream = TcpStream::connect(&host).unwrap();
        let head =
            format!("POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: {kind}\r\ncontent-length: 900000\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        stream
    };
    let part = form(&[("a.md", &[b'a'; 100_000])]);
    let half = &part[..part.len() / 2];
    for (path, kind, body) in [
        (PLACE, form_type(), half),
        (PLACE, "application/json".to_owned(), &b"{\"uri\":"[..]),
        ("/v1/search", "application/json".to_owned(), b"{\"query\":"),
    ] {
        let mut silent = begun(path, &kind, body);
        let mut answer = String::new();
        silent.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("\"timeout\""), "{answer}");
    }
    // Whoever goes away makes room for the next one.
    let gone = begun(PLACE, &form_type(), half);
    gone.shutdown(Shutdown::Both).unwrap();
    drop(gone);
    until("the next one is let in", || send(&server, PLACE, &form_type(), form(&[("../..", b"")])).0 == 422);
    assert_eq!(document_uris(&server), [""; 0]);
    assert_eq!(files_below(&sandbox.path("ibid-data")), before);
}

#[test]
fn one_upload_too_many_is_told_to_come_back() {
    let sandbox = Sandbox::new();
    sandbox.write("ibid-data/ibid.toml", "[server]\nuploads_max = 1\n");
    let server = sandbox.serve();
    let host = server.base_url.strip_prefix("http://").unwrap().to_owned();
    let mut slow = TcpStream::connect(&host).unwrap();
    let body = form(&[("slow.md", b"# Slow\n\nThe tortoise arrives.")]);
    let kind = form_type();
    let head = format!(
        "POST {PLACE} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    slow.write_all(head.as_bytes()).unwrap();
    until("it is busy", || send(&server, PLACE, &kind, form(&[("../..", b"")])).0 == 429);
    slow.write_all(&body).unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    assert_eq!(document_uris(&server), ["uploads/slow.md"]);
}

#[test]
fn a_mirror_does_not_touch_what_was_handed_over() {
    let sandbox = Sandbox::with_documents();
    sandbox.write("uploads/mine.md", "# Mine\n\nThe walrus sings.");
    let server = sandbox.serve();
    uploaded(&server, &[("seal.md", b"# Seals\n\nSeals bark."), ("mine.md", b"# Yours\n\nThe whale sings.")]);
    drop(server);
    // A folder of that name gets another one, whatever comes and goes in it.
    for folder in ["docs", "uploads", "uploads"] {
        assert_eq!(sandbox.run(&["ingest", folder]).status.code(), Some(0));
    }
    assert_eq!(sandbox.found("seals bark", "keyword"), ["uploads/seal.md"]);
    assert_eq!(sandbox.found("whale", "keyword"), ["uploads/mine.md"]);
    assert_eq!(sandbox.found("walrus", "keyword"), ["uploads-2/mine.md"]);
    std::fs::remove_file(sandbox.path("uploads/mine.md")).unwrap();
    assert_eq!(sandbox.run(&["ingest", "uploads", "--yes"]).status.code(), Some(0));
    assert!(sandbox.found("walrus", "keyword").is_empty());
    assert_eq!(sandbox.found("whale", "keyword"), ["uploads/mine.md"]);
    assert!(sandbox.is_consistent());
    // And where a folder had the name first, the door takes another one.
    let other = Sandbox::new();
    other.write("uploads/mine.md", "# Mine\n\nThe walrus sings.");
    assert_eq!(other.run(&["ingest", "uploads"]).status.code(), Some(0));
    let second = other.serve();
    assert_eq!(uploaded(&second, &[("seal.md", b"Seals bark.")])[0]["uri"], "uploads-2/seal.md");
    drop(second);
    assert_eq!(other.run(&["ingest", "uploads"]).status.code(), Some(0));
    assert_eq!(other.found("seals bark", "keyword"), ["uploads-2/seal.md"]);
}
