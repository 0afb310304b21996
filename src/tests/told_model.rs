//! A chat model at an OpenAI-compatible address that says what a test tells it, and remembers what it was asked.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use axum::routing::post;
use futures::StreamExt;
use serde_json::{Value, json};

use super::support::{Sandbox, Server};

/// What the model does next.
#[derive(Debug, Clone, Copy)]
pub enum Say {
    /// These words.
    Words(&'static str),
    /// How many tokens it read and wrote.
    Usage(u64, u64),
    /// Nothing for a while.
    Wait(Duration),
    /// Nothing any more, with the connection open.
    Nothing,
    /// The connection breaks.
    Break,
}

/// The model.
#[derive(Clone)]
pub struct ToldModel {
    base_url: String,
    script: Arc<Vec<Say>>,
    requests: Arc<Mutex<Vec<Value>>>,
    open: Arc<AtomicUsize>,
}

impl ToldModel {
    /// A model that answers every request like this.
    pub async fn start(script: &[Say]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let model = Self {
            base_url: format!("http://{}/v1", listener.local_addr().unwrap()),
            script: Arc::new(script.to_vec()),
            requests: Arc::default(),
            open: Arc::default(),
        };
        let app = Router::new().route("/v1/chat/completions", post(complete)).with_state(model.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        model
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Value> {
        self.requests.lock().unwrap().clone()
    }

    /// How many answers are being given.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// A server over the documents of a sandbox whose answers come from this model. `settings` is its configuration.
    pub fn serve(&self, settings: &str) -> (Sandbox, Server) {
        let sandbox = Sandbox::with_documents();
        assert_eq!(sandbox.ingest(), 0);
        sandbox.write("ibid-data/ibid.toml", settings);
        let server = self.serve_over(&sandbox);
        (sandbox, server)
    }

    /// A server over a sandbox whose answers come from this model.
    pub fn serve_over(&self, sandbox: &Sandbox) -> Server {
        let mut command = sandbox.ibid(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("OPENAI_BASE_URL", &self.base_url).env("OPENAI_API_KEY", "sk-test").env("OPENAI_MODEL", "told");
        Server::start(command)
    }
}

/// Counts an answer for as long as its connection is there.
struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn complete(State(model): State<ToldModel>, axum::Json(request): axum::Json<Value>) -> Response<Body> {
    model.requests.lock().unwrap().push(request);
    model.open.fetch_add(1, Ordering::SeqCst);
    let open = Open(Arc::clone(&model.open));
    let script: Vec<Say> = model.script.to_vec();
    let frames = futures::stream::iter(script).then(frame).filter_map(|frame| async move { frame.transpose() });
    let done = futures::stream::once(async { Ok("data: [DONE]\n\n".to_owned()) });
    let body = frames.chain(done).map(move |frame: Result<String, std::io::Error>| {
        let _held = &open;
        frame
    });
    Response::builder().header("content-type", "text/event-stream").body(Body::from_stream(body)).unwrap()
}

async fn frame(say: Say) -> Result<Option<String>, std::io::Error> {
    // A moment between two frames, so that they are two reads.
    tokio::time::sleep(Duration::from_millis(2)).await;
    let chunk = match say {
        Say::Words(words) => json!({"choices": [{"index": 0, "delta": {"content": words}}]}),
        Say::Usage(read, written) => {
            json!({"choices": [], "usage": {"prompt_tokens": read, "completion_tokens": written}})
        }
        Say::Wait(time) => {
            tokio::time::sleep(time).await;
            return Ok(None);
        }
        Say::Nothing => return std::future::pending().await,
        Say::Break => return Err(std::io::Error::other("gone")),
    };
    Ok(Some(format!("data: {chunk}\n\n")))
}
