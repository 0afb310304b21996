//! A server that speaks Qdrant's protocol over the engine that runs in the process, and misbehaves when it is told to.
//!
//! It knows external crates only, so that unit tests and the promises can both include it. What it has answered to it
//! keeps over a stop and a restart, as a server does with its log.
#![allow(
    dead_code,
    deprecated,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::result_large_err,
    reason = "two test binaries include it, and each uses a part"
)]

mod collections;
mod points;
mod storage;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use qdrant_client::qdrant::collections_server::CollectionsServer;
use qdrant_client::qdrant::points_server::PointsServer;
use qdrant_client::qdrant::qdrant_server::{Qdrant, QdrantServer};
use qdrant_client::qdrant::{ChangeAliases, CreateCollection, HealthCheckReply, HealthCheckRequest};
use tokio::runtime::Runtime;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use storage::Collection;

/// How the server behaves; by default well.
#[derive(Debug, Clone)]
pub struct Conduct {
    /// The version that it reports.
    pub version: String,
    /// The key that it asks for.
    pub api_key: Option<String>,
    /// So many of the next calls are refused as if it were starting.
    pub unavailable: u32,
    /// So long it waits before each answer.
    pub delay: Duration,
    /// What happens in the middle of an upsert.
    pub cut: Option<Cut>,
    /// It builds graphs from so many kilobytes of vectors on, and scans fewer.
    pub graph_kb_min: usize,
}

impl Default for Conduct {
    fn default() -> Self {
        Self {
            version: "1.19.0".to_owned(),
            api_key: None,
            unavailable: 0,
            delay: Duration::ZERO,
            cut: None,
            graph_kb_min: 10_000,
        }
    }
}

/// An upsert of which only the first half is applied, and which is never answered.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    /// Upserts before it that are served well.
    pub after: u32,
    /// Whether the server comes back by itself.
    pub restarts: bool,
}

/// What the server was asked to do.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// Calls that were let in, by name.
    pub calls: BTreeMap<&'static str, u64>,
    pub creations: Vec<CreateCollection>,
    pub alias_changes: Vec<ChangeAliases>,
}

/// A running server on a port of its own; it ends with the value.
pub struct QdrantPeer {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    address: SocketAddr,
    conduct: Mutex<Conduct>,
    record: Mutex<Record>,
    names: Mutex<Names>,
    folders: AtomicU64,
    runtime: Mutex<Option<Runtime>>,
    place: tempfile::TempDir,
}

#[derive(Default, Clone)]
struct Names {
    collections: BTreeMap<String, Arc<Collection>>,
    aliases: BTreeMap<String, String>,
}

impl QdrantPeer {
    /// Starts a server with empty data.
    pub fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let inner = Arc::new(Inner {
            address: listener.local_addr().unwrap(),
            conduct: Mutex::default(),
            record: Mutex::default(),
            names: Mutex::default(),
            folders: AtomicU64::new(0),
            runtime: Mutex::default(),
            place: tempfile::tempdir().unwrap(),
        });
        inner.serve(listener);
        Self { inner }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.inner.address)
    }

    /// Ends every connection at once; the port refuses from then on.
    pub fn stop(&self) {
        self.inner.stop();
    }

    /// Serves again, on the same port and with the same data.
    pub fn restart(&self) {
        self.inner.restart();
    }

    /// Changes how the server behaves.
    pub fn set(&self, change: impl FnOnce(&mut Conduct)) {
        change(&mut self.inner.conduct());
    }

    pub fn record(&self) -> Record {
        self.inner.record.lock().unwrap().clone()
    }

    /// How often a call was let in.
    pub fn calls(&self, name: &str) -> u64 {
        self.record().calls.get(name).copied().unwrap_or_default()
    }

    /// Names of the collections.
    pub fn collections(&self) -> Vec<String> {
        self.inner.names().collections.keys().cloned().collect()
    }

    /// The collection that an alias stands for.
    pub fn alias(&self, name: &str) -> Option<String> {
        self.inner.names().aliases.get(name).cloned()
    }
}

impl Drop for QdrantPeer {
    fn drop(&mut self) {
        self.inner.stop();
    }
}

impl Inner {
    fn conduct(&self) -> MutexGuard<'_, Conduct> {
        self.conduct.lock().unwrap()
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap()
    }

    /// A runtime of its own lets the server die with everything that it has begun.
    fn serve(self: &Arc<Self>, listener: std::net::TcpListener) {
        listener.set_nonblocking(true).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let inner = Arc::clone(self);
        runtime.spawn(async move {
            // Small answers must not wait for the one before to be confirmed.
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
            let admit = {
                let inner = Arc::clone(&inner);
                move |request: Request<()>| inner.admit(request)
            };
            let service = Service(inner);
            let served = Server::builder()
                .add_service(QdrantServer::with_interceptor(service.clone(), admit.clone()))
                .add_service(CollectionsServer::with_interceptor(service.clone(), admit.clone()))
                .add_service(PointsServer::with_interceptor(service, admit))
                .serve_with_incoming(incoming);
            served.await.unwrap();
        });
        *self.runtime.lock().unwrap() = Some(runtime);
    }

    fn stop(&self) {
        let running = self.runtime.lock().unwrap().take();
        if let Some(runtime) = running {
            // Not here, because whoever stops it may be a task of another runtime, and those must not block.
            let ending = std::thread::spawn(move || runtime.shutdown_timeout(Duration::from_secs(5)));
            ending.join().unwrap();
        }
    }

    fn restart(self: &Arc<Self>) {
        self.stop();
        self.serve(std::net::TcpListener::bind(self.address).unwrap());
    }

    fn admit(&self, request: Request<()>) -> Result<Request<()>, Status> {
        let mut conduct = self.conduct();
        if conduct.unavailable > 0 {
            conduct.unavailable -= 1;
            return Err(Status::unavailable("the server is starting"));
        }
        let given = request.metadata().get("api-key").and_then(|key| key.to_str().ok());
        match &conduct.api_key {
            Some(key) if given != Some(key) => Err(Status::unauthenticated("Invalid API key or JWT")),
            _ => Ok(request),
        }
    }

    /// Notes a call, and lets it wait.
    async fn enter(&self, call: &'static str) {
        *self.record.lock().unwrap().calls.entry(call).or_default() += 1;
        let delay = self.conduct().delay;
        tokio::time::sleep(delay).await;
    }

    /// The collection of a name or an alias.
    fn collection(&self, name: &str) -> Result<Arc<Collection>, Status> {
        let names = self.names();
        let physical = names.aliases.get(name).map_or(name, String::as_str);
        let found = names.collections.get(physical).cloned();
        found.ok_or_else(|| Status::not_found(format!("Not found: Collection `{name}` doesn't exist!")))
    }

    fn new_folder(&self) -> std::path::PathBuf {
        let folder = self.place.path().join(self.folders.fetch_add(1, Ordering::Relaxed).to_string());
        std::fs::create_dir(&folder).unwrap();
        folder
    }

    /// Whether the upsert that asks is the one to be cut.
    fn is_cut(&self) -> Option<Cut> {
        let mut conduct = self.conduct();
        match &mut conduct.cut {
            Some(cut) if cut.after > 0 => {
                cut.after -= 1;
                None
            }
            _ => conduct.cut.take(),
        }
    }

    /// Ends the server from within.
    async fn die(self: &Arc<Self>, restarts: bool) -> ! {
        let inner = Arc::clone(self);
        std::thread::spawn(move || if restarts { inner.restart() } else { inner.stop() });
        std::future::pending().await
    }
}

/// The three services of the protocol that are used.
#[derive(Clone)]
struct Service(Arc<Inner>);

#[tonic::async_trait]
impl Qdrant for Service {
    async fn health_check(&self, _: Request<HealthCheckRequest>) -> Result<Response<HealthCheckReply>, Status> {
        self.0.enter("health_check").await;
        let version = self.0.conduct().version.clone();
        Ok(Response::new(HealthCheckReply { title: "a peer for tests".to_owned(), version, commit: None }))
    }
}

/// Runs the engine away from the runtime. A server that stops answers what it drops as Qdrant does: with an internal error.
async fn blocking<R: Send + 'static>(work: impl FnOnce() -> Result<R, Status> + Send + 'static) -> Result<R, Status> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|stopped| Err(Status::internal(format!("Service internal error: {stopped}"))))
}

/// Calls that nothing needs.
macro_rules! not_offered {
    ($($name:ident($request:ty) -> $answer:ty;)*) => {$(
        fn $name<'life0, 'async_trait>(
            &'life0 self,
            _: tonic::Request<$request>,
        ) -> std::pin::Pin<
            Box<dyn Future<Output = Result<tonic::Response<$answer>, tonic::Status>> + Send + 'async_trait>,
        >
        where
            'life0: 'async_trait,
            Self: 'async_trait,
        {
            Box::pin(async { Err(tonic::Status::unimplemented(stringify!($name))) })
        }
    )*};
}
use not_offered;
