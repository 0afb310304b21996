//! What only a file has to stand: being written by the version before.

use sqlx::migrate::Migrate;
use sqlx::{Connection, SqliteConnection};

use super::{MIGRATIONS, SqliteStore};
use crate::store::{
    Begun, ChangeLog, Chunks, Documents, Embeddings, Follows, Generations, NewRun, Runs, Store, Threads,
};
use crate::types::{CollectionName, DocumentId, DocumentState, GenerationId, ModelId, RunState, Seq, TextHash};

const URI: &str = "docs/otters.md";
const BODY: &str = "# 수달\n\nOtters sleep.";

/// A file as the first migration made it, with one document whose vector is there.
async fn first_form(path: &std::path::Path) {
    let url = format!("sqlite://{}?mode=rwc", path.display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    connection.ensure_migrations_table("_sqlx_migrations").await.unwrap();
    let first = MIGRATIONS.iter().next().unwrap();
    connection.apply("_sqlx_migrations", first).await.unwrap();
    let id = DocumentId::of(&CollectionName::default_name(), URI);
    let hash = TextHash::of(BODY);
    for sql in [
        "insert into collections (name, created_at_ms) values ('default', 1)",
        "insert into settings values ('embedding_model', 'hashing-256'), ('root:default:docs', '/docs')",
        "insert into documents values ($1, 1, 'docs/otters.md', 'text/markdown', 'Otters', '{}', 'ready', 1, null, null,
            9, 9, 'abc', 1, 23, '[]', 5)",
        "insert into texts values ($1, $2, '[]')",
        "insert into chunks (document_id, span_start, span_end, heading_path, text_hash) values ($1, 0, 23, '[]', $3)",
        "insert into embeddings values ('hashing-256', $3, x'0000803f')",
        "insert into changes (document_id, kind) values ($1, 'put'), ($1, 'embedded')",
        "insert into checkpoints values ('vector', 2)",
        "insert into runs values ('b', 't', 'finished', 'echo', 5, 7, null), ('a', 't', 'failed', 'echo', 6, 8, 'x'),
            ('c', 'u', 'running', 'echo', 3, null, null)",
        "insert into run_steps values ('b', 'answered:1', '{\"query\":\"q\",\"relevant\":[\"docs/otters.md\"]}', 4)",
    ] {
        let query = sqlx::query(sql).bind(id.as_bytes()).bind(BODY.as_bytes()).bind(hash.0.as_slice());
        query.execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}

#[tokio::test]
async fn runs_of_the_version_before_are_the_owners_turns() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("ibid.db");
    first_form(&path).await;
    let store = SqliteStore::open(&path).await.unwrap();
    let thread = store.thread("t", "owner", 9).await.unwrap().unwrap();
    assert_eq!((thread.title.as_str(), thread.created_at_ms, thread.updated_at_ms, thread.turns), ("", 5, 6, 2));
    let turns = store.turns("t", "owner", 9).await.unwrap();
    let said: Vec<_> = turns.iter().map(|turn| (turn.run_id.as_str(), turn.state, turn.question.as_str())).collect();
    assert_eq!(said, [("b", RunState::Finished, ""), ("a", RunState::Failed, "")]);
    assert_eq!((turns[1].error_code.as_deref(), turns[1].finished_at_ms), (Some("x"), Some(8)));
    assert_eq!(store.logged_queries(9).await.unwrap().len(), 1);
    let next = NewRun { id: "d".to_owned(), ..next_run("t") };
    assert_eq!(store.begin_run(&next, 9).await.unwrap(), Begun::New);
    assert_eq!(store.turns("t", "owner", 1).await.unwrap()[0].run_id, "d");
    assert!(store.delete_thread("t", "owner").await.unwrap());
    assert_eq!(store.step_result("b", "answered:1").await.unwrap(), None);
    assert_eq!(store.integrity_check().await.unwrap(), "ok");
}

fn next_run(thread: &str) -> NewRun {
    NewRun {
        id: String::new(),
        thread_id: thread.to_owned(),
        account: "owner".to_owned(),
        title: "title".to_owned(),
        question: "question".to_owned(),
        model: "echo".to_owned(),
        expires_at_ms: None,
    }
}

#[tokio::test]
async fn a_file_of_the_version_before_keeps_what_it_holds() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("ibid.db");
    first_form(&path).await;
    let store = SqliteStore::open(&path).await.unwrap();
    let first = GenerationId(1);
    let generations = store.generations().await.unwrap();
    assert_eq!(generations.len(), 1);
    assert!(generations[0].serving && generations[0].model == Some(ModelId("hashing-256".to_owned())));
    let id = DocumentId::of(&CollectionName::default_name(), URI);
    let document = store.document(id).await.unwrap().unwrap();
    assert_eq!((document.state, document.chunks), (DocumentState::Ready { embedded: true }, 1));
    assert_eq!(document.readers.iter().map(|reader| reader.as_str()).collect::<Vec<_>>(), ["everyone"]);
    let (_, vectors) = store.document_vectors(id, first).await.unwrap().unwrap();
    assert_eq!(vectors[0].1, [1.0]);
    assert_eq!(store.chunks(&[vectors[0].0]).await.unwrap()[0].row.text, BODY);
    assert!(store.embedding_status(first).await.unwrap().is_complete());
    // The views go on from where they were, and hear who may read the document.
    assert_eq!((store.checkpoint("vector").await.unwrap(), store.last_seq(first).await.unwrap()), (Seq(2), Seq(3)));
    let source = store.chunk_source(id).await.unwrap().unwrap();
    assert_eq!((source.structure.body.start, source.structure.body.end), (0, BODY.len()));
}
