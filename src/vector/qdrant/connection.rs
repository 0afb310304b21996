//! A connection to a Qdrant server: where it is, the key that it asks for, and calls that are tried again.

use std::error::Error as _;
use std::time::Duration;

use qdrant_client::qdrant::HealthCheckRequest;
use qdrant_client::qdrant::collections_client::CollectionsClient;
use qdrant_client::qdrant::points_client::PointsClient;
use qdrant_client::qdrant::qdrant_client::QdrantClient;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint, Uri};
use tonic::{Code, Request, Response, Status};

use super::super::VectorError;
use super::QdrantOptions;

/// Where Qdrant answers gRPC when the address names no port.
const PORT: u16 = 6334;
/// Where it answers HTTP, which is the address that people know.
const HTTP_PORT: u16 = 6333;
/// The first release whose upserts read the vectors that this client sends (`Vector.dense`).
const VERSION_MIN: (u64, u64) = (1, 13);
/// An answer is larger only when something is wrong: a page of a scroll takes about 200 KB, 100,000 hits about 3 MB.
const ANSWER_BYTES_MAX: usize = 64 << 20;
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// How often a connection without traffic is asked whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Puts the key on every request.
#[derive(Clone)]
pub(super) struct Key(Option<MetadataValue<Ascii>>);

impl Interceptor for Key {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(key) = &self.0 {
            request.metadata_mut().insert("api-key", key.clone());
        }
        Ok(request)
    }
}

type Service = InterceptedService<Channel, Key>;

/// A connection, made at the first call and again whenever it was lost. Clones share it.
///
/// The generated stubs are called on a channel of our own: `qdrant_client::Qdrant` changes one alias at a time, repeats
/// calls by itself, and turns what a transport says into text.
#[derive(Clone)]
pub(super) struct Connection {
    service: Service,
    address: String,
    collection: String,
    attempts: u32,
    backoff: Duration,
}

impl Connection {
    /// A connection for work on `collection`. Nothing is sent.
    pub(super) fn new(options: &QdrantOptions, collection: String) -> Result<Self, VectorError> {
        let (uri, address) = server_address(&options.url)?;
        let unusable = |reason: String| VectorError::Url { reason };
        let secure = uri.scheme_str() == Some("https");
        let mut endpoint = Endpoint::from(uri)
            .user_agent(concat!("ibid/", env!("CARGO_PKG_VERSION")))
            .map_err(|error| unusable(error.to_string()))?
            .connect_timeout(options.connect_timeout)
            .timeout(options.request_timeout)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_while_idle(true);
        if secure {
            let tls = ClientTlsConfig::new().with_native_roots();
            endpoint = endpoint.tls_config(tls).map_err(|error| unusable(deepest(&error)))?;
        }
        let key = match &options.api_key {
            Some(key) => Some(key_value(key).ok_or_else(|| VectorError::Refused { address: address.clone() })?),
            None => None,
        };
        let service = InterceptedService::new(endpoint.connect_lazy(), Key(key));
        Ok(Self { service, address, collection, attempts: options.attempts.max(1), backoff: options.backoff })
    }

    /// Calls about points.
    pub(super) fn points(&self) -> PointsClient<Service> {
        PointsClient::new(self.service.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    /// Calls about collections and aliases.
    pub(super) fn collections(&self) -> CollectionsClient<Service> {
        CollectionsClient::new(self.service.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    /// Asks who is there: the first call, whose errors say whether the address and the key are right.
    pub(super) async fn check_version(&self) -> Result<(), VectorError> {
        let ask = || {
            let mut server = QdrantClient::new(self.service.clone());
            async move { server.health_check(HealthCheckRequest {}).await }
        };
        let found = self.call(ask).await?.version;
        if version(&found).is_some_and(|version| version >= VERSION_MIN) {
            return Ok(());
        }
        let needed = format!("{}.{}", VERSION_MIN.0, VERSION_MIN.1);
        Err(VectorError::TooOld { address: self.address.clone(), found: short(&found), needed })
    }

    /// Sends until an answer comes, an error that will not pass, or the attempts are used up. What is sent must be
    /// repeatable: an answer that was lost does not say whether the call took effect.
    pub(super) async fn try_call<R, Sent>(&self, send: impl Fn() -> Sent) -> Result<R, Status>
    where
        Sent: Future<Output = Result<Response<R>, Status>>,
    {
        let mut attempt = 1;
        loop {
            let failed = match send().await {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(failed) => failed,
            };
            if attempt >= self.attempts || !may_pass(&failed) {
                return Err(failed);
            }
            let pause = self.pause(attempt);
            tracing::debug!(attempt, code = ?failed.code(), "a call to the Qdrant server is tried again");
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    /// [`Connection::try_call`] with the error in the room's words.
    pub(super) async fn call<R, Sent>(&self, send: impl Fn() -> Sent) -> Result<R, VectorError>
    where
        Sent: Future<Output = Result<Response<R>, Status>>,
    {
        self.try_call(send).await.map_err(|failed| self.error(&failed))
    }

    /// Exponential with full jitter (Brooker, "Exponential Backoff And Jitter", 2015), so that clients that lost the same
    /// server do not come back together.
    fn pause(&self, attempt: u32) -> Duration {
        let longest = self.backoff.saturating_mul(1 << (attempt - 1).min(16)).min(PAUSE_MAX);
        longest.mul_f64(fastrand::f64())
    }

    /// What the caller can do about a status.
    pub(super) fn error(&self, status: &Status) -> VectorError {
        let address = self.address.clone();
        match status.code() {
            Code::Unauthenticated | Code::PermissionDenied => VectorError::Refused { address },
            _ if is_full(status) => VectorError::DiskFull,
            _ if was_cut(status) => VectorError::Unreachable { address, reason: deepest(status) },
            Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => {
                VectorError::Unreachable { address, reason: short(status.message()) }
            }
            Code::Unimplemented => VectorError::Unreachable { address, reason: "it is another service".to_owned() },
            Code::NotFound => VectorError::Missing { collection: self.collection.clone() },
            _ => VectorError::Engine(short(status.message())),
        }
    }
}

/// Whether the same call may succeed a moment later. A server that is stopped says `Internal` about the tasks that it
/// drops; what is wrong with a request is said in other codes.
fn may_pass(status: &Status) -> bool {
    let passing = [Code::Unavailable, Code::DeadlineExceeded, Code::ResourceExhausted, Code::Aborted, Code::Internal];
    !is_full(status) && (passing.contains(&status.code()) || was_cut(status))
}

/// Whether the server's disk is full, which it says as text.
fn is_full(status: &Status) -> bool {
    status.message().contains("No space left on device")
}

/// Whether the connection failed or timed out, and not the server: only then does a status have a source.
fn was_cut(status: &Status) -> bool {
    status.source().is_some()
}

/// What began a chain of errors: the words of the operating system or of TLS, which say more than those around them.
fn deepest(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    short(&cause.to_string())
}

/// The first line of a message, which may be long where it carries a trace.
fn short(message: &str) -> String {
    const CHARS_MAX: usize = 300;
    message.lines().next().unwrap_or_default().chars().take(CHARS_MAX).collect()
}

/// The address to connect to, and as it may be shown.
fn server_address(url: &str) -> Result<(Uri, String), VectorError> {
    let unusable = |reason: &str| VectorError::Url { reason: reason.to_owned() };
    let uri: Uri = url.trim().parse().map_err(|_| unusable("it is not an address"))?;
    let scheme = uri.scheme_str().filter(|scheme| ["http", "https"].contains(scheme));
    let scheme = scheme.ok_or_else(|| unusable("it has to begin with http:// or https://"))?;
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(unusable("it holds a user or a password; the key is given as QDRANT_API_KEY"));
    }
    if uri.path() != "/" || uri.query().is_some() {
        return Err(unusable("it has to end after the host and the port"));
    }
    let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| unusable("it names no host"))?;
    let port = uri.port_u16().unwrap_or(PORT);
    if port == HTTP_PORT {
        return Err(unusable(
            "6333 is the port of Qdrant's HTTP interface; give that of gRPC, 6334 unless set otherwise",
        ));
    }
    let address = format!("{scheme}://{host}:{port}");
    let connected = address.parse().map_err(|_| unusable("it is not an address"))?;
    Ok((connected, address))
}

fn key_value(key: &str) -> Option<MetadataValue<Ascii>> {
    let mut value: MetadataValue<Ascii> = key.parse().ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Major and minor number.
fn version(text: &str) -> Option<(u64, u64)> {
    let mut numbers = text.trim_start_matches('v').split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}
