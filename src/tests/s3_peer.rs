//! An object store that speaks as much of S3 as keeping originals needs: objects and uploads in parts, path style.
//!
//! It knows external crates only, so that unit tests and the promises can both include it. It keeps what it is given in
//! memory, refuses what is not signed, and fails when it is told to.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    reason = "two test binaries include it, and each uses a part"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, Response, Uri};

/// What is in the store, and what it does next.
#[derive(Debug, Default)]
pub struct Bucket {
    /// Objects by their path, the bucket's name included.
    pub objects: BTreeMap<String, Bytes>,
    /// Parts of uploads that are neither complete nor given up.
    pub parts: BTreeMap<(String, u32), Bytes>,
    /// Every request: method and path.
    pub asked: Vec<String>,
    /// What every request is answered from now on: a status and a body.
    pub refusal: Option<(u16, String)>,
    /// When its objects were written, if they were written long ago.
    pub modified: Option<&'static str>,
    /// Uploads that were begun, and those that are open.
    begun: usize,
    open: BTreeSet<String>,
}

/// A running store, which ends with the test.
pub struct S3Peer {
    bucket: Arc<Mutex<Bucket>>,
    pub endpoint: String,
    runtime: Option<tokio::runtime::Runtime>,
}

impl S3Peer {
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let bucket: Arc<Mutex<Bucket>> = Arc::default();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).layer(DefaultBodyLimit::disable()).with_state(Arc::clone(&bucket));
        runtime.spawn(async move { axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), router).await });
        Self { bucket, endpoint, runtime: Some(runtime) }
    }

    /// What is in the store.
    pub fn bucket(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap()
    }

    /// The environment of somebody with a key.
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", self.endpoint.as_str()),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_REGION", "eu-north-1"),
            ("AWS_ACCESS_KEY_ID", "AKIAIBIDTEST"),
            ("AWS_SECRET_ACCESS_KEY", "s3cr3t-k3y"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }
}

impl Drop for S3Peer {
    fn drop(&mut self) {
        // A test with a runtime may not wait for another one.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The value of a parameter.
fn parameter(uri: &Uri, name: &str) -> Option<String> {
    let pairs = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    pairs.into_iter().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

fn answered(status: u16, body: impl Into<Body>) -> Response<Body> {
    Response::builder().status(status).header("etag", "\"etag\"").body(body.into()).unwrap()
}

async fn answer(
    State(bucket): State<Arc<Mutex<Bucket>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let mut bucket = bucket.lock().unwrap();
    let path = uri.path().to_owned();
    bucket.asked.push(format!("{method} {path}"));
    if let Some((status, words)) = &bucket.refusal {
        return answered(*status, words.clone());
    }
    let signed = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !signed.starts_with("AWS4-HMAC-SHA256 Credential=AKIAIBIDTEST/") || !signed.contains("Signature=") {
        return answered(403, "<Error><Code>AccessDenied</Code></Error>");
    }
    let upload = parameter(&uri, "uploadId");
    match (method, upload) {
        (Method::HEAD, _) => match bucket.objects.get(&path) {
            Some(object) => with_length(object, bucket.modified, Body::empty()),
            None => answered(404, Body::empty()),
        },
        (Method::GET, _) => match bucket.objects.get(&path) {
            Some(object) => with_length(object, bucket.modified, Body::from(object.clone())),
            None => answered(404, "<Error><Code>NoSuchKey</Code></Error>"),
        },
        (Method::PUT, None) => {
            bucket.objects.insert(path, body);
            answered(200, Body::empty())
        }
        (_, Some(id)) if !bucket.open.contains(&id) => answered(404, "<Error><Code>NoSuchUpload</Code></Error>"),
        (Method::PUT, Some(id)) => {
            let number = parameter(&uri, "partNumber").unwrap().parse().unwrap();
            bucket.parts.insert((id, number), body);
            answered(200, Body::empty())
        }
        (Method::POST, None) => {
            bucket.begun += 1;
            let id = bucket.begun;
            bucket.open.insert(format!("u{id}"));
            answered(
                200,
                format!("<InitiateMultipartUploadResult><UploadId>u{id}</UploadId></InitiateMultipartUploadResult>"),
            )
        }
        (Method::POST, Some(id)) => {
            let whole: Vec<u8> = bucket
                .parts
                .iter()
                .filter(|((known, _), _)| *known == id)
                .flat_map(|(_, part)| part.to_vec())
                .collect();
            bucket.parts.retain(|(known, _), _| *known != id);
            bucket.objects.insert(path, whole.into());
            answered(200, "<CompleteMultipartUploadResult><ETag>\"etag\"</ETag></CompleteMultipartUploadResult>")
        }
        (Method::DELETE, Some(id)) => {
            bucket.open.remove(&id);
            bucket.parts.retain(|(known, _), _| *known != id);
            answered(204, Body::empty())
        }
        (Method::DELETE, None) => {
            bucket.objects.remove(&path);
            answered(204, Body::empty())
        }
        _ => answered(405, Body::empty()),
    }
}

fn with_length(object: &Bytes, modified: Option<&str>, body: Body) -> Response<Body> {
    Response::builder()
        .header("etag", "\"etag\"")
        .header("content-length", object.len())
        .header("last-modified", modified.unwrap_or("Fri, 01 Jan 2100 00:00:00 GMT"))
        .body(body)
        .unwrap()
}

/// Looks until a count is zero.
pub async fn until_gone(count: impl Fn() -> usize, what: &str) {
    for _ in 0..1_000 {
        if count() == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("{} are left: {what}", count());
}
