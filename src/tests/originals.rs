//! Files that are kept as they were read, and given back.

use serde_json::{Value, json};

use super::s3_peer::S3Peer;
use super::support::{Sandbox, Server, http, until, wait_for};

const BYTES: &str = "<h1>Otters</h1><script>alert(1)</script><p>Otters hold hands.</p>";

/// Hands over a file, and gives the path of its original.
fn handed_over(server: &Server) -> String {
    let body = json!({"uri": "수달 1.html", "text": BYTES, "media_type": "text/html"});
    let (status, answer) = wait_for(server.post("/v1/collections/default/documents", &body));
    assert_eq!(status, 202, "{answer}");
    format!("/v1/documents/{}/original", answer["documents"][0]["id"].as_str().unwrap())
}

/// Status, headers and body.
fn fetched(server: &Server, path: &str) -> (u16, reqwest::header::HeaderMap, Vec<u8>) {
    wait_for(async {
        let response = http().get(server.url(path)).send().await.unwrap();
        (response.status().as_u16(), response.headers().clone(), response.bytes().await.unwrap().to_vec())
    })
}

#[test]
fn an_original_is_a_download_with_the_bytes_that_were_read() {
    let sandbox = Sandbox::new();
    sandbox.write("ibid-data/ibid.toml", "[ingest]\nkeep_originals = true\n");
    let server = sandbox.serve();
    let (status, headers, bytes) = fetched(&server, &handed_over(&server));
    assert_eq!((status, bytes.as_slice()), (200, BYTES.as_bytes()));
    for (name, value) in [
        ("content-type", "text/html"),
        ("content-length", "65"),
        ("content-disposition", "attachment; filename*=UTF-8''%EC%88%98%EB%8B%AC%201.html"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "sandbox; default-src 'none'"),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    assert_eq!(fetched(&server, "/v1/documents/00000000000000000000000000000000/original").0, 404);
    assert_eq!(fetched(&server, "/v1/documents/x/original").0, 404);
}

#[test]
fn without_being_asked_nothing_is_kept() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve();
    let (status, _, body) = fetched(&server, &handed_over(&server));
    assert_eq!(status, 404);
    let said: Value = serde_json::from_slice(&body).unwrap();
    assert!(said["error"]["message"].as_str().unwrap().contains("keep_originals"), "{said}");
    assert!(!sandbox.path("ibid-data/originals").exists());
}

#[test]
fn a_source_keeps_its_files_in_a_bucket_and_goes_on_when_it_takes_them_again() {
    let (sandbox, peer) = (Sandbox::with_documents(), S3Peer::start());
    sandbox.write(
        "ibid-data/ibid.toml",
        "[ingest]\nkeep_originals = \"s3://bucket/kept\"\n[[sources]]\nname = \"docs\"\npath = \"docs\"\n",
    );
    peer.bucket().refusal = Some((403, "<AWSAccessKeyId>AKIAIBIDTEST</AWSAccessKeyId>".to_owned()));
    let mut serve = sandbox.ibid(&["serve", "--listen", "127.0.0.1:0"]);
    serve.envs(peer.environment());
    let server = Server::start(serve);
    let source = || server.get("/v1/sources").1["sources"][0].clone();
    until("the bucket refuses", || source()["failures"].as_u64() > Some(0));
    let error = source()["last_error"].as_str().unwrap().to_owned();
    assert!(error.contains("s3://bucket/kept") && !error.contains("AKIA"), "{error}");
    peer.bucket().refusal = None;
    until("it is tried again", || source()["state"] == "idle");
    let (_, page) = server.get("/v1/documents");
    let documents = page["documents"].as_array().unwrap();
    assert_eq!((documents.len(), peer.bucket().objects.len()), (5, 5));
    for document in documents {
        let path = format!("/v1/documents/{}/original", document["id"].as_str().unwrap());
        let file = std::fs::read(sandbox.path(document["uri"].as_str().unwrap())).unwrap();
        assert_eq!(fetched(&server, &path).2, file);
    }
    peer.bucket().refusal = Some((503, "busy".to_owned()));
    let path = format!("/v1/documents/{}/original", documents[0]["id"].as_str().unwrap());
    let (status, _, body) = fetched(&server, &path);
    assert_eq!(status, 503, "{}", String::from_utf8_lossy(&body));
}
