//! A reranker behind HTTP, in the three shapes that servers speak: Cohere, Jina and Text Embeddings Inference.
//!
//! Cohere's shape is version 2 of its interface (docs.cohere.com/reference/rerank), Jina's version 1 (api.jina.ai), which
//! vLLM and llama.cpp serve as well; the third is that of Hugging Face's Text Embeddings Inference.

use std::fmt;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};

use super::address::{innermost, public_address};
use super::{RerankError, Reranked, Reranker};

/// How requests and answers look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RerankShape {
    /// `POST /v2/rerank`.
    Cohere,
    /// `POST /v1/rerank`.
    Jina,
    /// `POST /rerank` of Text Embeddings Inference.
    Tei,
}

/// Where the endpoint is.
#[derive(Clone)]
pub struct RerankEndpointOptions {
    /// How it is spoken to.
    pub shape: RerankShape,
    /// The address without the path of the shape, such as `https://api.cohere.com`.
    pub base_url: String,
    /// Sent as a bearer token; empty for servers that want none.
    pub api_key: String,
    /// The model's name there; Text Embeddings Inference has one model and is told none.
    pub model: String,
    /// Longest wait for a connection, within the deadline of a call.
    pub connect_timeout: Duration,
}

/// A client of one endpoint.
pub struct RerankEndpoint {
    http: reqwest::Client,
    url: url::Url,
    authorization: Option<HeaderValue>,
    shape: RerankShape,
    model: String,
    /// The address as it may be shown.
    base_url: String,
    id: String,
}

/// Passages of one request to Text Embeddings Inference, whose default `--max-client-batch-size` this is.
const TEI_PASSAGES_MAX: usize = 32;
/// Passages of one request to the others; Cohere takes up to 1,000 and asks for no more.
const PASSAGES_MAX: usize = 1_000;
/// Longest answer: 1,000 results of 100 bytes, several times over.
const ANSWER_BYTES_MAX: usize = 1 << 20;

#[derive(Deserialize)]
struct Results {
    results: Vec<Scored>,
}

/// One result; the three shapes differ in the name of the score only.
#[derive(Deserialize)]
struct Scored {
    index: usize,
    #[serde(alias = "relevance_score")]
    score: f64,
}

impl RerankShape {
    fn path(self) -> &'static str {
        match self {
            Self::Cohere => "/v2/rerank",
            Self::Jina => "/v1/rerank",
            Self::Tei => "/rerank",
        }
    }

    fn passages_max(self) -> usize {
        if self == Self::Tei { TEI_PASSAGES_MAX } else { PASSAGES_MAX }
    }

    fn body(self, model: &str, query: &str, passages: &[String]) -> Value {
        let top_n = passages.len();
        match self {
            Self::Cohere => json!({"model": model, "query": query, "documents": passages, "top_n": top_n}),
            Self::Jina => json!({
                "model": model, "query": query, "documents": passages, "top_n": top_n, "return_documents": false,
            }),
            Self::Tei => json!({"query": query, "texts": passages, "truncate": true}),
        }
    }

    fn results(self, answer: &[u8]) -> Result<Vec<Scored>, String> {
        let read = match self {
            Self::Tei => serde_json::from_slice(answer),
            Self::Cohere | Self::Jina => serde_json::from_slice(answer).map(|answer: Results| answer.results),
        };
        // The position says enough; the parser's own words may repeat a piece of the answer.
        read.map_err(|error| {
            format!("no list of results can be read at line {}, column {}", error.line(), error.column())
        })
    }
}

impl fmt::Debug for RerankEndpointOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RerankEndpointOptions")
            .field("shape", &self.shape)
            .field("base_url", &public_address(&self.base_url))
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RerankEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RerankEndpoint").field("id", &self.id).field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

impl RerankEndpoint {
    /// A client for the endpoint. Nothing is sent.
    ///
    /// # Errors
    /// [`RerankError::Local`] when the address is none, the key cannot be sent, or no HTTP client can be made.
    pub fn new(options: RerankEndpointOptions) -> Result<Self, RerankError> {
        // Two installations in one process are one too many only for the second, which is told so and may go on.
        drop(rustls::crypto::ring::default_provider().install_default());
        let base_url = public_address(&options.base_url);
        let parsed = url::Url::parse(&options.base_url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let Some(mut url) = parsed else {
            return Err(RerankError::Local("endpoint in [rerank] is not an http or https address".to_owned()));
        };
        url.set_path(&format!("{}{}", url.path().trim_end_matches('/'), options.shape.path()));
        let http = reqwest::Client::builder()
            .connect_timeout(options.connect_timeout)
            // A redirect would carry question and passages to an address that nobody configured.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| RerankError::Local(innermost(&error)))?;
        let model = if options.model.is_empty() { "one model" } else { &options.model };
        Ok(Self {
            http,
            url,
            authorization: authorization(&options.api_key)?,
            shape: options.shape,
            id: format!("{model} at {base_url}"),
            model: options.model,
            base_url,
        })
    }

    /// The scores of one request's passages, in their order.
    async fn scores(&self, query: &str, passages: &[String]) -> Result<Vec<f32>, RerankError> {
        let mut request = self.http.post(self.url.clone()).json(&self.shape.body(&self.model, query, passages));
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let response = request.send().await.map_err(|error| self.unreachable(error))?;
        match response.status().as_u16() {
            200 => {}
            401 | 403 => return Err(RerankError::Unauthorized(self.base_url.clone())),
            _ => {
                let status = response.status().to_string();
                return Err(RerankError::Refused { base_url: self.base_url.clone(), status });
            }
        }
        let answer = self.read(response).await?;
        let results = self.shape.results(&answer).map_err(|what| self.malformed(what))?;
        in_order(&results, passages.len()).map_err(|what| self.malformed(what))
    }

    async fn read(&self, mut response: reqwest::Response) -> Result<Vec<u8>, RerankError> {
        let mut answer = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| self.unreachable(error))? {
            if answer.len() + piece.len() > ANSWER_BYTES_MAX {
                return Err(self.malformed(format!("it is longer than {ANSWER_BYTES_MAX} bytes")));
            }
            answer.extend_from_slice(&piece);
        }
        Ok(answer)
    }

    fn unreachable(&self, error: reqwest::Error) -> RerankError {
        RerankError::Unreachable { base_url: self.base_url.clone(), reason: innermost(&error.without_url()) }
    }

    fn malformed(&self, what: String) -> RerankError {
        RerankError::Malformed { base_url: self.base_url.clone(), what }
    }
}

#[async_trait]
impl Reranker for RerankEndpoint {
    fn id(&self) -> &str {
        &self.id
    }

    async fn rerank(&self, query: &str, passages: &[String], deadline: Instant) -> Result<Reranked, RerankError> {
        let mut reranked = Reranked::default();
        for some in passages.chunks(self.shape.passages_max()) {
            // A request that comes too late is not even begun, so that nobody pays for it.
            if Instant::now() >= deadline {
                break;
            }
            match tokio::time::timeout_at(deadline.into(), self.scores(query, some)).await {
                Ok(scores) => reranked.scores.extend(scores?),
                Err(_) => break,
            }
        }
        Ok(reranked)
    }
}

fn authorization(api_key: &str) -> Result<Option<HeaderValue>, RerankError> {
    if api_key.is_empty() {
        return Ok(None);
    }
    let unusable = |_| RerankError::Local("the key of the reranker holds a character that no header may".to_owned());
    let mut value = HeaderValue::from_str(&format!("Bearer {api_key}")).map_err(unusable)?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// The scores in the order of the passages, each there exactly once.
fn in_order(results: &[Scored], passages: usize) -> Result<Vec<f32>, String> {
    let mut scores = vec![None; passages];
    for scored in results {
        let Some(place) = scores.get_mut(scored.index) else {
            return Err(format!("index {} of {passages} passages", scored.index));
        };
        let score = scored.score as f32;
        if !score.is_finite() {
            return Err(format!("the score of index {} is not a number", scored.index));
        }
        if place.replace(score).is_some() {
            return Err(format!("index {} is there twice", scored.index));
        }
    }
    let missing = scores.iter().position(Option::is_none);
    missing.map_or_else(|| Ok(scores.iter().flatten().copied().collect()), |at| Err(format!("index {at} is missing")))
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::extract::State;
    use axum::http::{HeaderMap, StatusCode, Uri};
    use axum::response::{IntoResponse, Response};

    use super::super::conformance::reranker_keeps_its_promises;
    use super::*;

    /// What the scripted server answers; `None` is a server that never does.
    type Script = fn(&Uri, &HeaderMap, &Value) -> Option<Response>;

    async fn serve(script: Script) -> String {
        async fn answer(
            State(script): State<Script>,
            uri: Uri,
            headers: HeaderMap,
            axum::Json(body): axum::Json<Value>,
        ) -> Response {
            match script(&uri, &headers, &body) {
                Some(response) => response,
                None => std::future::pending().await,
            }
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().fallback(answer).with_state(script);
        tokio::spawn(async move { axum::serve(listener, app).await });
        format!("http://{address}")
    }

    fn endpoint(shape: RerankShape, base_url: &str) -> RerankEndpoint {
        RerankEndpoint::new(RerankEndpointOptions {
            shape,
            base_url: base_url.to_owned(),
            api_key: "sk-secret".to_owned(),
            model: "rerank-v3.5".to_owned(),
            connect_timeout: Duration::from_secs(5),
        })
        .unwrap()
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    async fn scores_of(script: Script, shape: RerankShape, passages: &[&str]) -> Result<Vec<f32>, RerankError> {
        let passages: Vec<String> = passages.iter().map(|text| (*text).to_owned()).collect();
        let endpoint = endpoint(shape, &serve(script).await);
        Ok(endpoint.rerank("blue otter", &passages, soon()).await?.scores)
    }

    /// Share of the question's words that a passage has.
    fn score(body: &Value, passage: &Value) -> f64 {
        let words: Vec<&str> = body["query"].as_str().unwrap().split_whitespace().collect();
        let held = words.iter().filter(|word| passage.as_str().unwrap().contains(**word)).count();
        held as f64 / words.len().max(1) as f64
    }

    /// Results best first, as servers give them.
    fn results(body: &Value, passages: &Value, name: &str) -> Value {
        let passages = passages.as_array().unwrap().iter().enumerate();
        let mut scored: Vec<(usize, f64)> = passages.map(|(at, text)| (at, score(body, text))).collect();
        scored.sort_by(|a, b| b.1.total_cmp(&a.1));
        scored.into_iter().map(|(index, score)| json!({"index": index, name: score})).collect()
    }

    /// A server of all three shapes that holds requests against what their documentation says.
    fn well(uri: &Uri, headers: &HeaderMap, body: &Value) -> Option<Response> {
        assert_eq!(headers["authorization"], "Bearer sk-secret");
        let answer = match uri.path() {
            "/rerank" => {
                assert!(body["texts"].as_array().unwrap().len() <= 32 && body["truncate"] == true);
                results(body, &body["texts"], "score")
            }
            path => {
                assert!(path == "/v2/rerank" || path == "/v1/rerank");
                let documents = &body["documents"];
                assert_eq!(
                    (&body["model"], &body["top_n"]),
                    (&json!("rerank-v3.5"), &json!(documents.as_array().unwrap().len()))
                );
                json!({"id": "1", "results": results(body, documents, "relevance_score"), "meta": {}})
            }
        };
        Some(axum::Json(answer).into_response())
    }

    const SHAPES: [RerankShape; 3] = [RerankShape::Cohere, RerankShape::Jina, RerankShape::Tei];

    #[tokio::test]
    async fn every_shape_keeps_the_promises_of_a_reranker() {
        let base_url = serve(well).await;
        for shape in SHAPES {
            reranker_keeps_its_promises(&endpoint(shape, &base_url)).await;
        }
    }

    #[tokio::test]
    async fn scores_come_in_the_order_of_the_passages_whatever_the_order_of_the_results() {
        for shape in SHAPES {
            let scores = scores_of(well, shape, &["a red fox", "a blue otter", "an otter"]).await.unwrap();
            assert_eq!(scores, [0.0, 1.0, 0.5], "{shape:?}");
        }
    }

    #[tokio::test]
    async fn more_passages_than_a_request_takes_are_sent_in_several() {
        let mut passages = vec!["nothing"; 40];
        passages[35] = "a blue otter";
        let scores = scores_of(well, RerankShape::Tei, &passages).await.unwrap();
        assert_eq!((scores.len(), scores[35], scores[3]), (40, 1.0, 0.0));
    }

    #[tokio::test]
    async fn a_server_that_never_answers_costs_the_budget_and_no_more() {
        let endpoint = endpoint(RerankShape::Cohere, &serve(|_, _, _| None).await);
        let began = Instant::now();
        let reranked = endpoint.rerank("q", &["p".to_owned()], began + Duration::from_millis(100)).await.unwrap();
        assert_eq!(reranked, Reranked::default());
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn a_deadline_between_two_requests_keeps_the_first() {
        fn once(uri: &Uri, headers: &HeaderMap, body: &Value) -> Option<Response> {
            if body["texts"][0] == "first" { well(uri, headers, body) } else { None }
        }
        let endpoint = endpoint(RerankShape::Tei, &serve(once).await);
        let mut passages = vec!["otter".to_owned(); 33];
        "first".clone_into(&mut passages[0]);
        let deadline = Instant::now() + Duration::from_millis(1_500);
        let scores = endpoint.rerank("otter", &passages, deadline).await.unwrap().scores;
        assert_eq!((scores.len(), scores[1]), (32, 1.0));
    }

    #[tokio::test]
    async fn an_answer_that_does_not_hold_each_passage_once_is_an_error() {
        let cases: [(Script, &str); 7] = [
            (|_, _, _| json_of("{\"results\":[{\"index\":0,\"relevance_score\":1}]}"), "index 1 is missing"),
            (|_, _, _| json_of("{\"results\":[{\"index\":2,\"relevance_score\":1}]}"), "index 2 of 2 passages"),
            (
                |_, _, _| {
                    json_of("{\"results\":[{\"index\":0,\"relevance_score\":1},{\"index\":0,\"relevance_score\":2}]}")
                },
                "index 0 is there twice",
            ),
            (|_, _, _| json_of("{\"results\":[{\"index\":0,\"relevance_score\":1e300}]}"), "index 0 is not a number"),
            (|_, _, _| json_of("{\"results\":[{\"index\":-1,\"relevance_score\":1}]}"), "no list of results"),
            (|_, _, _| json_of("{\"results\":[{\"index\":0,\"relevance_score\":NaN}]}"), "no list of results"),
            (|_, _, _| json_of("<html>sk-secret blue otter</html>"), "no list of results"),
        ];
        for (script, said) in cases {
            let error = scores_of(script, RerankShape::Cohere, &["a", "b"]).await.unwrap_err();
            assert!(matches!(error, RerankError::Malformed { .. }), "{error:?}");
            assert!(error.to_string().contains(said), "{error}");
            assert!(!error.to_string().contains("otter"), "{error}");
        }
    }

    fn json_of(text: &str) -> Option<Response> {
        Some(text.to_owned().into_response())
    }

    #[tokio::test]
    async fn an_answer_without_end_is_cut_off() {
        let script: Script = |_, _, _| Some(" ".repeat(ANSWER_BYTES_MAX + 1).into_response());
        let error = scores_of(script, RerankShape::Tei, &["a"]).await.unwrap_err();
        assert!(error.to_string().contains("longer than"), "{error}");
    }

    #[tokio::test]
    async fn a_refusal_says_what_to_check_and_repeats_neither_key_nor_text() {
        let refuse: Script = |_, headers, body| {
            let echo = format!("{headers:?} {body} sk-secret");
            Some((StatusCode::UNPROCESSABLE_ENTITY, echo).into_response())
        };
        let locked: Script = |_, _, _| Some((StatusCode::UNAUTHORIZED, "no such key sk-secret").into_response());
        let refused = scores_of(refuse, RerankShape::Jina, &["a"]).await.unwrap_err();
        assert!(matches!(&refused, RerankError::Refused { status, .. } if status.starts_with("422")), "{refused}");
        let unauthorized = scores_of(locked, RerankShape::Jina, &["a"]).await.unwrap_err();
        assert!(matches!(unauthorized, RerankError::Unauthorized(_)), "{unauthorized}");
        for error in [refused, unauthorized] {
            assert!(!format!("{error} {error:?}").contains("sk-secret"), "{error:?}");
        }
    }

    #[tokio::test]
    async fn a_redirect_is_refused_and_takes_nothing_along() {
        let elsewhere: Script = |uri, _, _| {
            assert_eq!(uri.path(), "/v2/rerank", "the redirect was followed");
            Some((StatusCode::TEMPORARY_REDIRECT, [("location", "/elsewhere")]).into_response())
        };
        let error = scores_of(elsewhere, RerankShape::Cohere, &["a"]).await.unwrap_err();
        assert!(matches!(&error, RerankError::Refused { status, .. } if status.starts_with("307")), "{error}");
    }

    #[tokio::test]
    async fn an_address_where_nothing_answers_is_named_without_its_secrets() {
        let endpoint = endpoint(RerankShape::Cohere, "http://user:hunter2@127.0.0.1:9/?token=t0ken");
        let error = endpoint.rerank("q", &["p".to_owned()], soon()).await.unwrap_err();
        let said = format!("{error} {error:?} {endpoint:?}");
        assert!(matches!(error, RerankError::Unreachable { .. }), "{said}");
        assert!(said.contains("127.0.0.1:9"), "{said}");
        ["hunter2", "t0ken", "sk-secret"].iter().for_each(|secret| assert!(!said.contains(secret), "{said}"));
    }

    #[test]
    fn options_show_no_secrets_and_an_address_that_is_none_is_refused() {
        let options = RerankEndpointOptions {
            shape: RerankShape::Tei,
            base_url: "http://user:hunter2@localhost/".to_owned(),
            api_key: "sk-secret".to_owned(),
            model: String::new(),
            connect_timeout: Duration::from_secs(5),
        };
        let shown = format!("{options:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("sk-secret"), "{shown}");
        let none = RerankEndpointOptions { base_url: "localhost:8080".to_owned(), ..options };
        assert!(matches!(RerankEndpoint::new(none), Err(RerankError::Local(_))));
    }
}
