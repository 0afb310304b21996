//! Any OpenAI-compatible chat endpoint.
//!
//! Requests go out over our own HTTP client: the library that knows them reads answers in a task of its own, into memory
//! without a bound, and follows redirects.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_openai::types::chat::ChatCompletionRequestMessage;
use async_trait::async_trait;
use futures::StreamExt;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::address::{innermost, public_address};
use super::completion::{Completion, Patience, message_of};
use super::{ChatDelta, ChatError, ChatModel, ChatRequest, ChatStream};
use crate::types::{Message, Role};

/// Where the endpoint is and how long to wait for it.
#[derive(Clone)]
pub struct OpenAiOptions {
    /// Up to and including the version, such as `http://localhost:11434/v1`.
    pub base_url: String,
    /// Sent as a bearer token; empty for servers that want none.
    pub api_key: String,
    /// The model's name there.
    pub model: String,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for the first piece, from the call on.
    pub first_timeout: Duration,
    /// Longest silence between two pieces.
    pub silence_timeout: Duration,
    /// Most tokens of an answer.
    pub tokens_max: u32,
    /// How freely words are chosen, 0 to 2.
    pub temperature: f64,
}

/// An OpenAI-compatible chat model.
pub struct OpenAi {
    http: reqwest::Client,
    url: url::Url,
    authorization: Option<HeaderValue>,
    options: OpenAiOptions,
    dialect: Dialect,
}

/// What this server does not understand, as it has said itself.
#[derive(Debug, Default)]
struct Dialect {
    /// `max_tokens`: OpenAI's reasoning models want `max_completion_tokens`.
    max_tokens: AtomicBool,
    /// `temperature`: the same models have one that cannot be chosen.
    temperature: AtomicBool,
    /// `stream_options`: some servers know no usage in a stream.
    stream_options: AtomicBool,
}

/// A server's refusal is read so far.
const REFUSAL_BYTES_MAX: usize = 16 << 10;
/// A list of models is read so far; OpenRouter's, the longest there is, has half a megabyte.
const MODELS_BYTES_MAX: usize = 4 << 20;

impl fmt::Debug for OpenAiOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiOptions")
            .field("base_url", &public_address(&self.base_url))
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

impl Dialect {
    /// Takes in that `parameter` is not understood; `false` when that is no news or not ours to leave out.
    fn learn(&self, parameter: &str) -> bool {
        let flag = match parameter {
            "max_tokens" => &self.max_tokens,
            "temperature" => &self.temperature,
            "stream_options" => &self.stream_options,
            _ => return false,
        };
        !flag.swap(true, Ordering::Relaxed)
    }
}

impl OpenAi {
    /// A client for the endpoint. Nothing is sent.
    ///
    /// # Errors
    /// [`ChatError::Local`] when the address is none, the key cannot be sent, or no HTTP client can be made.
    pub fn new(options: OpenAiOptions) -> Result<Self, ChatError> {
        // Two installations in one process are one too many only for the second, which is told so and may go on.
        drop(rustls::crypto::ring::default_provider().install_default());
        let parsed = url::Url::parse(&options.base_url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let no_address = || ChatError::Local("the chat model's base URL is not an http or https address".to_owned());
        let mut url = parsed.ok_or_else(no_address)?;
        if !options.api_key.is_empty() {
            // A name in the address would be a second authorization beside the key.
            url.set_username("").and_then(|()| url.set_password(None)).map_err(|()| no_address())?;
        }
        let http = reqwest::Client::builder()
            .connect_timeout(options.connect_timeout)
            // A redirect would carry question and passages to an address that nobody configured.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| ChatError::Local(innermost(&error)))?;
        let authorization = authorization(&options.api_key)?;
        Ok(Self { http, url, authorization, options, dialect: Dialect::default() })
    }

    /// The names of the models that the endpoint lists, or `None` when it answers and has no list.
    ///
    /// # Errors
    /// [`ChatError`] when it does not answer within `limit`, refuses the key or fails.
    pub async fn models(&self, limit: Duration) -> Result<Option<Vec<String>>, ChatError> {
        #[derive(Deserialize)]
        struct Listed {
            data: Vec<Named>,
        }
        #[derive(Deserialize)]
        struct Named {
            id: String,
        }
        let listing = async {
            let response = self.send(self.http.get(self.place("models"))).await?;
            match self.checked(response).await {
                Ok(response) => Ok(Some(self.read(response, MODELS_BYTES_MAX).await?)),
                Err((ChatError::Refused { .. }, _)) => Ok(None),
                Err((error, _)) => Err(error),
            }
        };
        let answered = tokio::time::timeout(limit, listing).await;
        let body = answered.map_err(|_| ChatError::TimedOut { seconds: limit.as_secs() })??;
        let listed = body.and_then(|body| serde_json::from_slice::<Listed>(&body).ok());
        Ok(listed.map(|listed| listed.data.into_iter().map(|model| model.id).collect()))
    }

    fn place(&self, path: &str) -> url::Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}/{path}", url.path().trim_end_matches('/')));
        url
    }

    fn body(&self, request: &ChatRequest) -> Value {
        let unknown = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        let tokens_max = request.tokens_max.map_or(self.options.tokens_max, |most| most.min(self.options.tokens_max));
        let tokens_name = if unknown(&self.dialect.max_tokens) { "max_completion_tokens" } else { "max_tokens" };
        let mut body = json!({
            "model": self.options.model,
            "messages": request.messages.iter().map(wire_message).collect::<Vec<_>>(),
            "stream": true,
            tokens_name: tokens_max,
        });
        if !unknown(&self.dialect.stream_options) {
            body["stream_options"] = json!({"include_usage": true});
        }
        if !unknown(&self.dialect.temperature) {
            body["temperature"] = json!(self.options.temperature);
        }
        body
    }

    /// The response with its first byte still to come. A server that does not know a parameter is asked again without it.
    async fn open(&self, request: &ChatRequest) -> Result<reqwest::Response, ChatError> {
        loop {
            let response = self.send(self.http.post(self.place("chat/completions")).json(&self.body(request))).await?;
            match self.checked(response).await {
                Ok(response) => return Ok(response),
                Err((_, Some(parameter))) if self.dialect.learn(&parameter) => {}
                Err((error, _)) => return Err(error),
            }
        }
    }

    async fn send(&self, mut request: reqwest::RequestBuilder) -> Result<reqwest::Response, ChatError> {
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        request.send().await.map_err(|error| ChatError::Unreachable {
            base_url: self.public_address(),
            reason: innermost(&error.without_url()),
        })
    }

    /// The response if it is an answer; else what it says, and the parameter that it names.
    async fn checked(&self, response: reqwest::Response) -> Result<reqwest::Response, (ChatError, Option<String>)> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let retry_after = retry_after(response.headers());
        // A refusal whose words do not come is a refusal all the same.
        let said = self.read(response, REFUSAL_BYTES_MAX).await.unwrap_or_default();
        let said: Value = serde_json::from_slice(&said).unwrap_or_default();
        let detail = if said["error"].is_null() { &said } else { &said["error"] };
        let message = message_of(detail).or_else(|| message_of(&detail["detail"]));
        let message = self.without_key(&message.unwrap_or_else(|| "it gives no reason".to_owned()));
        let no_quota = detail["code"] == "insufficient_quota" || detail["type"] == "insufficient_quota";
        let error = match status.as_u16() {
            401 | 403 => ChatError::Unauthorized(self.public_address()),
            429 if !no_quota => ChatError::Overloaded { retry_after },
            408 | 500..=599 => ChatError::ServerFailed { status: status.to_string(), message },
            _ => ChatError::Refused { status: status.to_string(), message },
        };
        Err((error, detail["param"].as_str().map(str::to_owned)))
    }

    /// The body up to so many bytes.
    async fn read(&self, mut response: reqwest::Response, bytes_max: usize) -> Result<Vec<u8>, ChatError> {
        let mut body = Vec::new();
        while body.len() < bytes_max {
            let next = tokio::time::timeout(self.options.silence_timeout, response.chunk()).await;
            let Some(piece) = next.map_err(|_| self.silent())?.map_err(|error| broken_off(&error))? else { break };
            body.extend_from_slice(&piece[..piece.len().min(bytes_max - body.len())]);
        }
        Ok(body)
    }

    fn silent(&self) -> ChatError {
        ChatError::TimedOut { seconds: self.options.silence_timeout.as_secs() }
    }

    fn public_address(&self) -> String {
        public_address(&self.options.base_url)
    }

    fn without_key(&self, message: &str) -> String {
        let key = &self.options.api_key;
        if key.is_empty() { message.to_owned() } else { message.replace(key.as_str(), "[key]") }
    }
}

#[async_trait]
impl ChatModel for OpenAi {
    fn name(&self) -> &str {
        &self.options.model
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, ChatError> {
        let limit = self.options.first_timeout;
        let first = (Instant::now() + limit, limit);
        let opened = tokio::time::timeout_at(first.0, self.open(&request)).await;
        let response = opened.map_err(|_| ChatError::TimedOut { seconds: limit.as_secs() })??;
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.starts_with("application/json") || kind.starts_with("text/html") {
            return Err(ChatError::Unreadable(format!("it is no event stream, but {kind}; check OPENAI_BASE_URL")));
        }
        let bytes = response.bytes_stream().map(|piece| piece.map_err(|error| broken_off(&error)));
        let patience = Patience { first, silence: self.options.silence_timeout };
        let mut completion = Completion::new(bytes, patience);
        // The first piece is awaited here, so that a refusal is an error before the answer and not in the midst of it.
        let spoken = completion.next().await?;
        let answering = ChatDelta::Answering { model: self.options.model.clone() };
        let begun = std::iter::once(answering).chain(spoken).map(Ok).collect::<Vec<_>>();
        Ok(futures::stream::iter(begun).chain(completion.into_deltas()).boxed())
    }
}

fn broken_off(error: &reqwest::Error) -> ChatError {
    ChatError::BrokenOff(innermost(error))
}

fn authorization(api_key: &str) -> Result<Option<HeaderValue>, ChatError> {
    if api_key.is_empty() {
        return Ok(None);
    }
    let unusable = |_| ChatError::Local("the chat model's key holds a character that no header may".to_owned());
    let mut value = HeaderValue::from_str(&format!("Bearer {api_key}")).map_err(unusable)?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// How long the server wants to be left alone: `Retry-After` in seconds (RFC 9110, 10.2.3; dates are passed over), or the
/// milliseconds that OpenAI and Azure say beside it.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name| headers.get(name).and_then(|value| value.to_str().ok()?.trim().parse::<f64>().ok());
    let seconds = number("retry-after-ms").map(|ms| ms / 1_000.0).or_else(|| number("retry-after"))?;
    Duration::try_from_secs_f64(seconds).ok()
}

fn wire_message(message: &Message) -> ChatCompletionRequestMessage {
    let content = message.content.as_str();
    match message.role {
        Role::System => ChatCompletionRequestMessage::System(content.into()),
        Role::User => ChatCompletionRequestMessage::User(content.into()),
        Role::Assistant => ChatCompletionRequestMessage::Assistant(content.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::TokenUsage;
    use super::super::conformance::chat_model_keeps_its_promises;
    use super::super::model_peer::{Asked, ModelPeer, Play, by_model};
    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    fn options(peer: &ModelPeer, model: &str) -> OpenAiOptions {
        OpenAiOptions {
            base_url: peer.base_url(),
            api_key: "sk-test".to_owned(),
            model: model.to_owned(),
            connect_timeout: LONG,
            first_timeout: LONG,
            silence_timeout: LONG,
            tokens_max: 300,
            temperature: 0.0,
        }
    }

    fn openai(peer: &ModelPeer, model: &str) -> OpenAi {
        OpenAi::new(options(peer, model)).unwrap()
    }

    fn request(question: &str) -> ChatRequest {
        let messages = vec![Message { role: Role::User, content: question.to_owned() }];
        ChatRequest { messages, ..ChatRequest::default() }
    }

    /// All that is said, and how it ends.
    async fn ask(model: &OpenAi, request: ChatRequest) -> (Vec<ChatDelta>, Option<ChatError>) {
        let mut stream = match model.stream(request).await {
            Ok(stream) => stream,
            Err(error) => return (Vec::new(), Some(error)),
        };
        let mut deltas = Vec::new();
        while let Some(delta) = stream.next().await {
            match delta {
                Ok(delta) => deltas.push(delta),
                Err(error) => return (deltas, Some(error)),
            }
        }
        (deltas, None)
    }

    fn text_of(deltas: &[ChatDelta]) -> String {
        let text = |delta: &ChatDelta| if let ChatDelta::Text(text) = delta { Some(text.clone()) } else { None };
        deltas.iter().filter_map(text).collect()
    }

    #[tokio::test]
    async fn an_endpoint_keeps_the_promises_of_a_chat_model() {
        let peer = ModelPeer::start(|asked: &Asked| match asked.prompt().contains("236 metres") {
            true => Play::text("The tower is 236 metres tall [2].", 4),
            false => Play::text("Nothing here says that.", 4),
        });
        chat_model_keeps_its_promises(&openai(&peer, "any")).await;
    }

    #[tokio::test]
    async fn the_smaller_limit_the_temperature_and_the_key_are_sent() {
        let peer = ModelPeer::start(by_model);
        let model = openai(&peer, "good");
        let few = ChatRequest { tokens_max: Some(20), ..request("q") };
        let many = ChatRequest { tokens_max: Some(1_000), ..request("q") };
        for request in [request("q"), few, many] {
            let (deltas, error) = ask(&model, request).await;
            assert_eq!((text_of(&deltas).as_str(), error), ("The tower is 236 metres tall [1].", None));
            assert_eq!(deltas[0], ChatDelta::Answering { model: "good".to_owned() });
            assert_eq!(deltas.last(), Some(&ChatDelta::Usage(TokenUsage { input: 90, output: 7 })));
        }
        let asked = peer.requests();
        let limits: Vec<u64> = asked.iter().map(|asked| asked.body["max_tokens"].as_u64().unwrap()).collect();
        assert_eq!(limits, [300, 20, 300]);
        assert_eq!(asked[0].authorization.as_deref(), Some("Bearer sk-test"));
        assert_eq!((&asked[0].body["temperature"], &asked[0].body["stream"]), (&json!(0.0), &json!(true)));
        let keyless = OpenAi::new(OpenAiOptions { api_key: String::new(), ..options(&peer, "good") }).unwrap();
        assert_eq!(ask(&keyless, request("q")).await.1, None);
        assert_eq!(peer.requests().last().unwrap().authorization, None);
    }

    #[tokio::test]
    async fn each_misbehaviour_is_one_error_after_the_words_that_came() {
        let peer = ModelPeer::start(by_model);
        let short = Duration::from_millis(300);
        for (model, code, said) in [
            ("silent", "model_timeout", ""),
            ("mute", "model_timeout", ""),
            ("stops", "model_timeout", "The tower is "),
            ("dies", "model_broke_off", "The tower is "),
            ("unfinished", "model_broke_off", "The tower is "),
            ("broken-json", "model_unreadable", "The tower is "),
            ("empty", "model_broke_off", ""),
            ("huge-line", "model_unreadable", ""),
            ("overloaded", "model_overloaded", ""),
            ("fails", "model_server_failed", ""),
            ("locked", "model_unauthorized", ""),
            ("absent", "model_refused", ""),
        ] {
            let patient = options(&peer, model);
            // A line that never ends has to end by its length and not by a time.
            let limit = if model == "huge-line" { LONG } else { short };
            let hurried = OpenAiOptions { first_timeout: limit, silence_timeout: limit, ..patient };
            let (deltas, error) = ask(&OpenAi::new(hurried).unwrap(), request("q")).await;
            let error = error.unwrap();
            assert_eq!((text_of(&deltas).as_str(), error.code()), (said, code), "{model}: {error}");
            assert!(!error.to_string().contains("sk-test"), "{error}");
        }
    }

    #[tokio::test]
    async fn an_answer_that_is_cut_off_says_so() {
        let peer = ModelPeer::start(by_model);
        let (deltas, error) = ask(&openai(&peer, "cut"), request("q")).await;
        assert!(error.is_none() && deltas.contains(&ChatDelta::Cut), "{deltas:?}");
        let (whole, none) = ask(&openai(&peer, "uncounted"), request("q")).await;
        let rest = |delta: &ChatDelta| matches!(delta, ChatDelta::Cut | ChatDelta::Usage(_));
        assert!(none.is_none() && !whole.iter().any(rest), "{whole:?}");
    }

    #[tokio::test]
    async fn whoever_drops_the_answer_or_the_wait_for_it_closes_the_connection() {
        let peer = ModelPeer::start(by_model);
        for (model, opens) in [("stops", true), ("forever", true), ("silent", false), ("mute", false)] {
            let model = openai(&peer, model);
            let asked = peer.requests().len();
            let mut opening = Box::pin(model.stream(request("q")));
            let opened = tokio::time::timeout(Duration::from_millis(500), opening.as_mut()).await;
            assert_eq!((opened.is_ok(), peer.requests().len()), (opens, asked + 1), "{}", model.name());
            let dropped = std::time::Instant::now();
            drop((opened, opening));
            let gone = async {
                while peer.dropped_after(dropped).is_none() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(1), gone).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_server_that_does_not_know_a_parameter_is_asked_without_it_from_then_on() {
        let peer = ModelPeer::start(|asked: &Asked| {
            let unknown = ["max_tokens", "temperature"].into_iter().find(|name| !asked.body[*name].is_null());
            match unknown {
                None => Play::answer(["yes"]),
                Some(name) => Play::Status {
                    status: 400,
                    retry_after: None,
                    body: json!({"error": {"message": "unsupported", "param": name}}),
                },
            }
        });
        let model = openai(&peer, "reasons");
        for calls in [3, 4] {
            let (deltas, error) = ask(&model, request("q")).await;
            assert_eq!((text_of(&deltas).as_str(), error, peer.requests().len()), ("yes", None, calls));
        }
        assert_eq!(peer.requests()[3].body["max_completion_tokens"], 300);
        let stubborn = ModelPeer::start(|_: &Asked| Play::Status {
            status: 400,
            retry_after: None,
            body: json!({"error": {"message": "no", "param": "temperature"}}),
        });
        let (_, error) = ask(&openai(&stubborn, "any"), request("q")).await;
        assert_eq!((error.unwrap().code(), stubborn.requests().len()), ("model_refused", 2));
    }

    #[tokio::test]
    async fn a_refusal_says_what_the_server_says_without_the_key() {
        for (body, said) in [
            (json!({"error": {"message": "no\nsuch sk-test"}}), "no such [key]"),
            (json!({"error": "plain"}), "plain"),
            (json!({"detail": "fastapi"}), "fastapi"),
            (json!({"message": "flat"}), "flat"),
            (json!("text"), "text"),
            (json!({}), "it gives no reason"),
        ] {
            let play = Play::Status { status: 422, retry_after: None, body };
            let peer = ModelPeer::start(move |_: &Asked| play.clone());
            let message = said.to_owned();
            let refused = ChatError::Refused { status: "422 Unprocessable Entity".to_owned(), message };
            assert_eq!(ask(&openai(&peer, "any"), request("q")).await.1, Some(refused));
        }
        let no_quota = json!({"error": {"message": "pay", "code": "insufficient_quota"}});
        let play = Play::Status { status: 429, retry_after: None, body: no_quota };
        let peer = ModelPeer::start(move |_: &Asked| play.clone());
        let (_, error) = ask(&openai(&peer, "any"), request("q")).await;
        assert!(!error.as_ref().unwrap().is_transient(), "{error:?} does not pass by waiting");
    }

    #[tokio::test]
    async fn an_endpoint_says_which_models_it_has() {
        let peer = ModelPeer::start(by_model);
        let model = openai(&peer, "good");
        assert_eq!(model.models(LONG).await, Ok(None));
        peer.list(&["good", "better"]);
        assert_eq!(model.models(LONG).await, Ok(Some(vec!["good".to_owned(), "better".to_owned()])));
        let nowhere =
            OpenAiOptions { base_url: "http://u:hunter2@127.0.0.1:9/v1".to_owned(), ..options(&peer, "good") };
        let error = OpenAi::new(nowhere).unwrap().models(LONG).await.unwrap_err().to_string();
        assert!(error.contains("127.0.0.1:9") && !error.contains("hunter2") && !error.contains("sk-test"), "{error}");
    }

    #[test]
    fn how_long_a_server_wants_to_be_left_alone_is_read_as_servers_say_it() {
        let read = |pairs: &[(&'static str, &'static str)]| {
            let pairs = pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
            retry_after(&pairs.collect()).map(|wait| wait.as_millis())
        };
        assert_eq!(read(&[("retry-after", "7")]), Some(7_000));
        assert_eq!(read(&[("retry-after", "1"), ("retry-after-ms", "250")]), Some(250));
        assert_eq!(read(&[("retry-after", "Fri, 31 Dec 1999 23:59:59 GMT")]), None);
        assert_eq!([read(&[("retry-after", "-1")]), read(&[("retry-after", "inf")]), read(&[])], [None; 3]);
    }

    #[test]
    fn an_address_that_is_none_and_a_key_that_cannot_be_sent_are_refused() {
        let options = |base_url: &str, api_key: &str| OpenAiOptions {
            base_url: base_url.to_owned(),
            api_key: api_key.to_owned(),
            model: "any".to_owned(),
            connect_timeout: LONG,
            first_timeout: LONG,
            silence_timeout: LONG,
            tokens_max: 1,
            temperature: 0.0,
        };
        for refused in [options("localhost:8080", ""), options("file:///etc", ""), options("http://localhost", "a\nb")]
        {
            let shown = format!("{refused:?}");
            assert!(matches!(OpenAi::new(refused), Err(ChatError::Local(_))), "{shown}");
        }
        let shown = format!("{:?}", options("http://u:hunter2@localhost/v1", "sk-test"));
        assert!(!shown.contains("hunter2") && !shown.contains("sk-test"), "{shown}");
    }
}
