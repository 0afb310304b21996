//! A server that speaks OpenAI's chat completions, says what it is told to say, and misbehaves when it is told to.
//!
//! It knows external crates only, so that unit tests and the promises can both include it. A script says for each request
//! what is played; what was asked, and when a client went away before the end, is kept.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    reason = "two test binaries include it, and each uses a part"
)]

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode};
use axum::routing::{get, post};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    /// When it came.
    pub at: Instant,
    /// How many came before it with the same model and the same last message.
    pub earlier: usize,
    /// The header, if there was one.
    pub authorization: Option<String>,
    /// The body.
    pub body: Value,
}

impl Asked {
    pub fn model(&self) -> &str {
        self.body["model"].as_str().unwrap_or_default()
    }

    /// The text of every message, one after another.
    pub fn prompt(&self) -> String {
        let messages = self.body["messages"].as_array().cloned().unwrap_or_default();
        messages.iter().filter_map(|message| message["content"].as_str()).collect::<Vec<_>>().join("\n")
    }

    /// The last message.
    pub fn question(&self) -> String {
        let last = self.body["messages"].as_array().and_then(|messages| messages.last());
        last.and_then(|message| message["content"].as_str()).unwrap_or_default().to_owned()
    }
}

/// What is played for one request.
#[derive(Debug, Clone)]
pub enum Play {
    /// Headers of a stream, these pieces with a pause before each, then an end.
    Stream { pieces: Vec<String>, pause: Duration, end: End },
    /// The same piece again and again, with a pause before each.
    Forever { piece: String, pause: Duration },
    /// Bytes without an end of a line.
    HugeLine,
    /// Not even headers.
    Mute,
    /// A refusal.
    Status { status: u16, retry_after: Option<String>, body: Value },
}

/// How a stream ends after its pieces.
#[derive(Debug, Clone)]
pub enum End {
    /// As it should, with a reason and a count of tokens.
    Well { reason: &'static str, usage: Option<(u64, u64)> },
    /// Nothing more comes, and the connection stays open.
    Silent,
    /// The connection breaks in the midst of a piece.
    Dies,
    /// A piece that is no JSON.
    BrokenJson,
    /// The stream ends as if it were whole, without saying so.
    Unfinished,
}

impl Play {
    /// A whole answer in these pieces, with a count of tokens.
    pub fn answer<T: Into<String>>(pieces: impl IntoIterator<Item = T>) -> Self {
        Self::ending(pieces, End::Well { reason: "stop", usage: Some((90, 7)) })
    }

    /// The text in pieces of so many characters, as a model writes it.
    pub fn text(text: &str, chars: usize) -> Self {
        let all: Vec<char> = text.chars().collect();
        Self::answer(all.chunks(chars.max(1)).map(|piece| piece.iter().collect::<String>()))
    }

    /// These pieces, then this end.
    pub fn ending<T: Into<String>>(pieces: impl IntoIterator<Item = T>, end: End) -> Self {
        Self::Stream { pieces: pieces.into_iter().map(Into::into).collect(), pause: Duration::ZERO, end }
    }

    /// Headers, then nothing.
    pub fn silent() -> Self {
        Self::ending(Vec::<String>::new(), End::Silent)
    }

    /// A refusal in OpenAI's words.
    pub fn status(status: u16, message: &str) -> Self {
        let body = json!({"error": {"message": message, "type": "error", "param": null, "code": null}});
        Self::Status { status, retry_after: None, body }
    }

    /// The same with a pause before each piece.
    pub fn slowly(mut self, each: Duration) -> Self {
        if let Self::Stream { pause, .. } | Self::Forever { pause, .. } = &mut self {
            *pause = each;
        }
        self
    }

    /// The same, and come back after so many seconds.
    pub fn retry_after(mut self, seconds: &str) -> Self {
        if let Self::Status { retry_after, .. } = &mut self {
            *retry_after = Some(seconds.to_owned());
        }
        self
    }
}

/// The script in which the model's name says what is played.
pub fn by_model(asked: &Asked) -> Play {
    by_name(asked.model(), asked)
}

/// What is known by a name.
pub fn by_name(name: &str, asked: &Asked) -> Play {
    let good = ["The tower is ", "236 metres ", "tall [", "1]."];
    match name {
        "good" => Play::answer(good),
        "uncounted" => Play::ending(good, End::Well { reason: "stop", usage: None }),
        "cut" => Play::ending(good, End::Well { reason: "length", usage: Some((90, 7)) }),
        "slow" => Play::answer(good).slowly(Duration::from_millis(200)),
        "forever" => Play::Forever { piece: "and so on ".to_owned(), pause: Duration::from_millis(20) },
        "flood" => Play::Forever { piece: "and so on ".repeat(100), pause: Duration::ZERO },
        "silent" => Play::silent(),
        "mute" => Play::Mute,
        "stops" => Play::ending([good[0]], End::Silent),
        "dies" => Play::ending([good[0]], End::Dies),
        "unfinished" => Play::ending([good[0]], End::Unfinished),
        "broken-json" => Play::ending([good[0]], End::BrokenJson),
        "empty" => Play::answer(Vec::<String>::new()),
        "huge-line" => Play::HugeLine,
        "overloaded-once" if asked.earlier == 0 => Play::status(429, "slow down").retry_after("0"),
        "fails-once" if asked.earlier == 0 => Play::status(500, "out of memory"),
        "dies-once" if asked.earlier == 0 => Play::ending(Vec::<String>::new(), End::Dies),
        "overloaded-once" | "fails-once" | "dies-once" => Play::answer(good),
        "overloaded" => Play::status(429, "slow down").retry_after("3600"),
        "fails" => Play::status(500, "out of memory"),
        "locked" => Play::status(401, "no such key sk-test"),
        _ => Play::status(404, "no such model"),
    }
}

/// A running server on a port of its own; it ends with the value.
pub struct ModelPeer {
    inner: Arc<Inner>,
    address: std::net::SocketAddr,
    runtime: Option<Runtime>,
}

struct Inner {
    script: Box<dyn Fn(&Asked) -> Play + Send + Sync>,
    requests: Mutex<Vec<Asked>>,
    dropped: Mutex<Vec<Instant>>,
    listed: Mutex<Option<Vec<String>>>,
}

/// Notices when a client goes before the end.
struct Watch {
    inner: Arc<Inner>,
    ended: bool,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.ended {
            held(&self.inner.dropped).push(Instant::now());
        }
    }
}

impl ModelPeer {
    /// Starts a server that plays what the script says.
    pub fn start(script: impl Fn(&Asked) -> Play + Send + Sync + 'static) -> Self {
        let inner = Arc::new(Inner {
            script: Box::new(script),
            requests: Mutex::default(),
            dropped: Mutex::default(),
            listed: Mutex::default(),
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new()
            .route("/v1/chat/completions", post(complete))
            .route("/v1/models", get(models))
            .with_state(Arc::clone(&inner));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.spawn(async move {
            axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), app).await.unwrap();
        });
        Self { inner, address, runtime: Some(runtime) }
    }

    /// The address up to the version.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// What was asked, in order.
    pub fn requests(&self) -> Vec<Asked> {
        held(&self.inner.requests).clone()
    }

    /// How long after `since` a client first went away before the end, if one did.
    pub fn dropped_after(&self, since: Instant) -> Option<Duration> {
        let after = |at: &Instant| at.checked_duration_since(since);
        held(&self.inner.dropped).iter().filter_map(after).min()
    }

    /// Lists these models from here on; without, there is no list.
    pub fn list(&self, models: &[&str]) {
        *held(&self.inner.listed) = Some(models.iter().map(|model| (*model).to_owned()).collect());
    }
}

impl Drop for ModelPeer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn models(State(inner): State<Arc<Inner>>) -> Response<Body> {
    let listed = held(&inner.listed).clone();
    match listed {
        Some(models) => {
            let data: Vec<Value> = models.iter().map(|id| json!({"id": id, "object": "model"})).collect();
            respond(StatusCode::OK, "application/json", Body::from(json!({"object": "list", "data": data}).to_string()))
        }
        None => respond(StatusCode::NOT_FOUND, "text/plain", Body::from("no list")),
    }
}

async fn complete(State(inner): State<Arc<Inner>>, headers: HeaderMap, sent: Bytes) -> Response<Body> {
    let body: Value = serde_json::from_slice(&sent).unwrap();
    let authorization = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
    let asked = {
        let mut requests = held(&inner.requests);
        let mut asked = Asked { at: Instant::now(), earlier: 0, authorization, body };
        let same = |other: &&Asked| other.model() == asked.model() && other.question() == asked.question();
        asked.earlier = requests.iter().filter(same).count();
        requests.push(asked.clone());
        asked
    };
    let play = (inner.script)(&asked);
    let mut watch = Watch { inner, ended: false };
    match play {
        Play::Mute => std::future::pending().await,
        Play::Status { status, retry_after, body: refusal } => {
            watch.ended = true;
            let status = StatusCode::from_u16(status).unwrap();
            let mut response = respond(status, "application/json", Body::from(refusal.to_string()));
            if let Some(seconds) = retry_after {
                response.headers_mut().insert("retry-after", seconds.parse().unwrap());
            }
            response
        }
        Play::Stream { pieces, pause, end } => stream(frames(&asked, &pieces, end), pause, watch),
        Play::Forever { piece, pause } => {
            let frame = frame(&asked, &json!({"content": piece}), None);
            stream(futures::stream::repeat_with(move || Ok(frame.clone())).boxed(), pause, watch)
        }
        Play::HugeLine => {
            let bytes = futures::stream::repeat_with(|| Ok("x".repeat(64 << 10)));
            let line = futures::stream::iter([Ok("data: \"".to_owned())]).chain(bytes);
            stream(line.boxed(), Duration::ZERO, watch)
        }
    }
}

type Frames = BoxStream<'static, std::io::Result<String>>;

/// The frames of an answer, the end included.
fn frames(asked: &Asked, pieces: &[String], end: End) -> Frames {
    let mut frames = vec![Ok(frame(asked, &json!({"role": "assistant", "content": ""}), None))];
    frames.extend(pieces.iter().map(|piece| Ok(frame(asked, &json!({"content": piece}), None))));
    let mut stays_open = false;
    match end {
        End::Well { reason, usage } => {
            frames.push(Ok(frame(asked, &json!({}), Some(reason))));
            let wanted = asked.body["stream_options"]["include_usage"] == true;
            if let Some((input, output)) = usage.filter(|_| wanted) {
                let counted =
                    json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output});
                frames.push(Ok(format!("data: {}\n\n", json!({"choices": [], "usage": counted}))));
            }
            frames.push(Ok("data: [DONE]\n\n".to_owned()));
        }
        End::Silent => stays_open = true,
        End::Dies => {
            frames.push(Ok("data: {\"choices\":[{\"delta\":{\"content\":\"mid-w".to_owned()));
            frames.push(Err(std::io::Error::other("gone")));
        }
        End::BrokenJson => frames.push(Ok("data: {broken\n\n".to_owned())),
        End::Unfinished => {}
    }
    let frames = futures::stream::iter(frames);
    if stays_open { frames.chain(futures::stream::pending()).boxed() } else { frames.boxed() }
}

fn frame(asked: &Asked, delta: &Value, finish_reason: Option<&str>) -> String {
    let chunk = json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": asked.model(),
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
    });
    format!("data: {chunk}\n\n")
}

/// The frames with a pause before each, watched to their end.
fn stream(
    frames: impl Stream<Item = std::io::Result<String>> + Send + Unpin + 'static,
    pause: Duration,
    watch: Watch,
) -> Response<Body> {
    let played = futures::stream::unfold((frames, watch), move |(mut frames, mut watch)| async move {
        // Also without a pause, the next piece goes out by itself and not together with the one before.
        tokio::time::sleep(pause.max(Duration::from_millis(1))).await;
        let next = frames.next().await;
        watch.ended = !matches!(next, Some(Ok(_)));
        Some((next?, (frames, watch)))
    });
    respond(StatusCode::OK, "text/event-stream", Body::from_stream(played))
}

fn respond(status: StatusCode, kind: &str, body: Body) -> Response<Body> {
    Response::builder().status(status).header("content-type", kind).body(body).unwrap()
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}
