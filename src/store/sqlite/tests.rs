//! What only a file has to stand: being written by the version before.

use sqlx::migrate::Migrate;
use sqlx::{Connection, SqliteConnection};

use super::{MIGRATIONS, SqliteStore};
use crate::store::{ChangeLog, Chunks, Documents, Embeddings, Follows, Generations};
use crate::types::{CollectionName, DocumentId, DocumentState, GenerationId, ModelId, Seq, TextHash};

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
    ] {
        let query = sqlx::query(sql).bind(id.as_bytes()).bind(BODY.as_bytes()).bind(hash.0.as_slice());
        query.execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
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
