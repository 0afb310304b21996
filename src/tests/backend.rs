//! What a test can run on: which database holds the truth, and which index holds the vectors.

use std::env;

use super::database::TestDatabase;
use super::qdrant_peer::QdrantPeer;
use super::support::Sandbox;

/// A database and a vector index of a test's own. A real Qdrant server takes the place of the peer where `QDRANT_URL` names
/// one; databases do not meet there, because each names its collections after itself.
pub struct Backend {
    pub name: &'static str,
    pub database: Option<TestDatabase>,
    pub peer: Option<QdrantPeer>,
    vector: &'static str,
}

impl Backend {
    pub fn sqlite_edge() -> Self {
        Self { name: "sqlite and edge", database: None, peer: None, vector: "edge" }
    }

    pub fn sqlite_exact() -> Self {
        Self { name: "sqlite and exact", database: None, peer: None, vector: "exact" }
    }

    pub fn sqlite_qdrant() -> Self {
        Self { name: "sqlite and qdrant", database: None, peer: peer(), vector: "qdrant" }
    }

    pub fn postgres_pgvector() -> Self {
        let database = Some(TestDatabase::create());
        Self { name: "postgres and pgvector", database, peer: None, vector: "pgvector" }
    }

    pub fn postgres_qdrant() -> Self {
        let database = Some(TestDatabase::create());
        Self { name: "postgres and qdrant", database, peer: peer(), vector: "qdrant" }
    }

    /// The database, where it is one of a server.
    pub fn url(&self) -> &str {
        self.database.as_ref().map(TestDatabase::url).unwrap()
    }

    /// What tells the program to use it.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let mut all = vec![("IBID_VECTOR", self.vector.to_owned())];
        all.extend(self.database.as_ref().map(|database| ("DATABASE_URL", database.url().to_owned())));
        all.extend(self.peer.as_ref().map(|peer| ("QDRANT_URL", peer.url())));
        if self.vector == "qdrant" && self.peer.is_none() {
            for name in ["QDRANT_URL", "QDRANT_API_KEY"] {
                all.extend(env::var(name).ok().map(|value| (name, value)));
            }
        }
        all
    }

    /// An empty sandbox on it.
    pub fn sandbox(&self) -> Sandbox {
        Sandbox::new().on(self)
    }

    /// A sandbox with a few documents on it.
    pub fn with_documents(&self) -> Sandbox {
        Sandbox::with_documents().on(self)
    }
}

fn peer() -> Option<QdrantPeer> {
    env::var_os("QDRANT_URL").is_none().then(QdrantPeer::start)
}
