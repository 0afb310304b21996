//! Several processes on one database: what one begins, another finds, continues and finishes.

use sqlx::{Connection, PgConnection};

use super::backend::Backend;
use super::faults::{edit, places, stop_at, visible_state};
use super::support::{Running, Sandbox, until, wait_for};

/// Places that one scenario tries.
const ROUNDS: u64 = 4;
const SHORT_LEASE: &str = "[ingest]\nlease_s = 1\n";

/// A sandbox whose data folder says that a dead process is waited for a second only.
fn impatient(sandbox: Sandbox, data: &str) -> Sandbox {
    sandbox.write(&format!("{data}/ibid.toml"), SHORT_LEASE);
    sandbox
}

/// Two processes with the same documents and a data folder each.
fn pair(backend: &Backend) -> (Sandbox, Sandbox) {
    let first = impatient(backend.with_documents(), "ibid-data");
    let second = impatient(first.replica("second"), "second");
    (first, second)
}

/// What a process has claimed and not given back.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
struct Claims {
    /// Documents to embed.
    documents: i64,
    /// Indexes to follow for all.
    followers: i64,
    /// Changes that an index of all lacks.
    behind: i64,
}

fn claims(backend: &Backend) -> Claims {
    let sql = "select (select count(*) from chunkings where lease_owner is not null and not embedded) as documents,
        (select count(*) from leases) as followers,
        (select count(*) from changes where seq > (select coalesce(max(seq), 0) from checkpoints where view like 'qdrant%'))
            as behind";
    wait_for(async {
        let mut connection = PgConnection::connect(backend.url()).await.unwrap();
        sqlx::query_as(sql).fetch_one(&mut connection).await.unwrap()
    })
}

/// Every document has its vectors.
fn is_embedded(sandbox: &Sandbox) -> bool {
    let collections = sandbox.json(&["collections"]);
    let all = collections.as_array().unwrap();
    !all.is_empty() && all.iter().all(|one| one["embedded"] == one["documents"])
}

/// A pair whose first process was stopped while it held what `is_held` wants.
fn stopped_pair(backend: fn() -> Backend, is_held: fn(Claims) -> bool) -> (Backend, Sandbox, Sandbox) {
    let whole = backend();
    let places = places(&pair(&whole).0);
    for place in (1..=places).rev() {
        let backend = backend();
        let (first, second) = pair(&backend);
        if stop_at(&first, place) && is_held(claims(&backend)) {
            return (backend, first, second);
        }
    }
    panic!("no stop at any of {places} places left a claim behind");
}

fn what_one_reads_another_finds(backend: &Backend) {
    let (first, second) = pair(backend);
    first.ingest();
    let server = second.serve();
    until("the replica is ready", || {
        let (status, body) = server.get("/readyz");
        assert!(status == 200 || (status == 503 && body["error"]["code"] == "not_ready"), "{status} {body}");
        status == 200
    });
    assert_eq!(server.found("otters hold hands", "keyword")[0], "docs/otters.md");
    first.write("docs/volcano.md", "# Volcano\n\nThe volcano sleeps under the snow.\n");
    std::fs::remove_file(first.path("docs/otters.md")).unwrap();
    first.ingest();
    for mode in ["keyword", "vector"] {
        until("the new document is found", || {
            server.found("volcano sleeps", mode).first().is_some_and(|uri| uri == "docs/volcano.md")
        });
        assert!(!server.found("otters hold hands", mode).contains(&"docs/otters.md".to_owned()), "{mode}");
    }
    drop(server);
    assert_eq!(visible_state(&first), visible_state(&second));
    assert!(first.is_consistent() && second.is_consistent());
}

#[test]
fn what_one_reads_another_finds_with_pgvector() {
    what_one_reads_another_finds(&Backend::postgres_pgvector());
}

#[test]
fn what_one_reads_another_finds_with_qdrant() {
    what_one_reads_another_finds(&Backend::postgres_qdrant());
}

#[test]
fn a_process_that_was_killed_while_it_embedded_is_replaced_by_a_worker() {
    let (_backend, first, second) = stopped_pair(Backend::postgres_pgvector, |claims| claims.documents > 0);
    assert!(!is_embedded(&first));
    let worker = Running::start(second.ibid(&["worker"]));
    until("the worker has embedded what the other had claimed", || is_embedded(&first));
    drop(worker);
    assert_eq!(first.ingest(), 0);
    assert_eq!(visible_state(&first), visible_state(&second));
    assert!(first.is_consistent() && second.is_consistent());
}

#[test]
fn a_process_that_was_killed_while_it_followed_for_all_is_replaced_by_a_server() {
    let is_held = |claims: Claims| claims.followers > 0 && claims.behind > 0;
    let (backend, first, second) = stopped_pair(Backend::postgres_qdrant, is_held);
    let server = second.serve();
    until("the server has embedded and followed", || {
        let (_, status) = server.get("/v1/status");
        status["documents"] == 5 && status["embedded"] == status["chunks"] && claims(&backend).behind == 0
    });
    assert_eq!(server.found("otters hold hands", "vector")[0], "docs/otters.md");
    drop(server);
    assert_eq!(first.ingest(), 0);
    assert_eq!(visible_state(&first), visible_state(&second));
    assert!(first.is_consistent() && second.is_consistent());
}

/// Stops a second ingest at places spread over all of them; another process finishes it, and both see the same.
fn a_stop_anywhere_is_finished_by_another(backend: fn() -> Backend) {
    let whole = backend();
    let sandbox = impatient(whole.with_documents(), "ibid-data");
    sandbox.ingest();
    edit(&sandbox);
    let places = places(&sandbox);
    let expected = visible_state(&sandbox);
    for round in 0..ROUNDS {
        let place = 1 + round * places / ROUNDS;
        let backend = backend();
        let (first, second) = pair(&backend);
        first.ingest();
        edit(&first);
        stop_at(&first, place);
        until("another has finished", || second.ingest() == 3 && is_embedded(&second));
        until("another has followed", || second.is_consistent() && claims(&backend).followers == 0);
        assert_eq!(visible_state(&second), expected, "after a stop at {place} of {places}");
        assert!(first.is_consistent(), "after a stop at {place} of {places}");
    }
}

#[test]
fn a_stop_anywhere_is_finished_by_another_with_pgvector() {
    a_stop_anywhere_is_finished_by_another(Backend::postgres_pgvector);
}

#[test]
fn a_stop_anywhere_is_finished_by_another_with_qdrant() {
    a_stop_anywhere_is_finished_by_another(Backend::postgres_qdrant);
}

#[test]
fn a_worker_without_a_shared_database_is_told_what_to_give() {
    let sandbox = Sandbox::with_documents();
    let refused = sandbox.refusal(&["worker"]);
    assert!(refused.contains("give it --store postgres://"), "{refused}");
}
