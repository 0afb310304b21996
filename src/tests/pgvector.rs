//! The vector view beside the truth in Postgres: it is written in the truth's transactions, so it never lags.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ibid::store::{ChangeLog, Chunks, Collections, Documents, Embeddings, Follows, Generations, NewDocument, Store};
use ibid::store::{PostgresOptions, PostgresStore};
use ibid::types::{
    Caller, Chunk, ChunkId, CollectionName, DocumentId, FacetQuery, Filter, GenerationId, ModelId, Principal,
    SourceStamp, Structure, TextHash,
};
use ibid::vector::{PgvectorIndex, PgvectorOptions, VectorIndex};
use ibid_ingest::{ChunkOptions, Span};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::database::TestDatabase;

const FIRST: GenerationId = GenerationId(1);
const DIMENSION: usize = 4;

struct House {
    database: TestDatabase,
    store: PostgresStore,
}

impl House {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let store = PostgresStore::open(&PostgresOptions::new(database.url(), "test")).await.unwrap();
        store.settle_generation(FIRST, Some(&ModelId("m".to_owned())), &ChunkOptions::default()).await.unwrap();
        store.ensure_collection(&collection(), 1).await.unwrap();
        Self { database, store }
    }

    async fn index(&self, generation: GenerationId) -> PgvectorIndex {
        PgvectorIndex::open(PgvectorOptions::new(self.database.url(), generation.0, DIMENSION)).await.unwrap()
    }

    async fn put(&self, uri: &str, words: &[&str]) {
        self.store.put_document(&document(uri, words), FIRST, 1).await.unwrap();
    }

    async fn embed(&self, uri: &str, generation: GenerationId) {
        let missing = self.store.missing_texts(id_of(uri), generation).await.unwrap();
        let vectors: Vec<_> = missing.iter().map(|text| (text.hash, vector_of(&text.input))).collect();
        assert_eq!(self.store.save_embeddings(generation, &vectors, &[id_of(uri)]).await.unwrap(), 1);
    }

    /// The index holds exactly what the truth says that it has to.
    async fn agrees(&self, index: &PgvectorIndex, generation: GenerationId) {
        let (_, meaning) = self.store.expected_chunk_ids(generation).await.unwrap();
        assert_eq!(index.chunk_ids().await.unwrap(), meaning.into_iter().collect::<Vec<_>>());
    }
}

fn collection() -> CollectionName {
    CollectionName::default_name()
}

fn id_of(uri: &str) -> DocumentId {
    DocumentId::of(&collection(), uri)
}

fn vector_of(text: &str) -> Vec<f32> {
    TextHash::of(text).0[..DIMENSION].iter().map(|byte| f32::from(*byte) - 127.5).collect()
}

fn document(uri: &str, words: &[&str]) -> NewDocument {
    let text = words.join("\n");
    let mut start = 0;
    let chunk = |word: &&str| {
        let span = Span { start, end: start + word.len() };
        start = span.end + 1;
        Chunk {
            span,
            page_first: None,
            page_last: None,
            heading_path: Vec::new(),
            kind: None,
            location: None,
            header: None,
            text_hash: TextHash::of(word),
            simhash: None,
        }
    };
    NewDocument {
        collection: collection(),
        uri: uri.to_owned(),
        container: None,
        media_type: "text/plain".to_owned(),
        title: uri.to_owned(),
        metadata: BTreeMap::from([("long".to_owned(), "x".repeat(5_000))]),
        language: None,
        readers: None,
        source: SourceStamp { bytes: 1, modified_ns: 1, sha256: String::new() },
        ingest: None,
        warnings: Vec::new(),
        boxes: Vec::new(),
        structure: Structure { body: Span { start: 0, end: text.len() }, ..Structure::default() },
        chunks: words.iter().map(chunk).collect(),
        text,
    }
}

fn readers(names: &[&str]) -> BTreeSet<Principal> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

/// The documents that a caller finds with a filter, each once.
async fn found(house: &House, index: &PgvectorIndex, filter: &FacetQuery) -> BTreeSet<String> {
    let hits = index.search(&[1.0; DIMENSION], filter, 100).await.unwrap();
    let ids: Vec<ChunkId> = hits.iter().map(|hit| hit.chunk).collect();
    house.store.chunks(&ids).await.unwrap().into_iter().map(|chunk| chunk.document.uri).collect()
}

fn of(name: &str) -> FacetQuery {
    Caller::Principals(readers(&[name])).narrowed(FacetQuery::default())
}

fn names(uris: &[&str]) -> BTreeSet<String> {
    uris.iter().map(|uri| (*uri).to_owned()).collect()
}

#[tokio::test]
async fn the_index_holds_what_the_truth_committed_without_anybody_following() {
    let house = House::new().await;
    house.put("early", &["one", "two"]).await;
    house.embed("early", FIRST).await;
    house.put("waiting", &["three"]).await;
    let index = house.index(FIRST).await;
    assert_eq!(found(&house, &index, &FacetQuery::default()).await, names(&["early"]), "what was there is copied");
    house.embed("waiting", FIRST).await;
    assert_eq!(index.count().await.unwrap(), 3);
    house.put("early", &["two", "one", "one"]).await;
    assert_eq!(index.count().await.unwrap(), 4, "embedded at once, in the place of what was there");
    house.agrees(&index, FIRST).await;
    house.put("early", &["four"]).await;
    assert_eq!(found(&house, &index, &FacetQuery::default()).await, names(&["waiting"]));
    house.embed("early", FIRST).await;
    let vector = vector_of("four");
    let nearest = index.search(&vector, &FacetQuery::default(), 1).await.unwrap()[0];
    assert!((nearest.score - 1.0).abs() < 1e-5);
    assert_eq!(house.store.chunks(&[nearest.chunk]).await.unwrap()[0].row.text, "four");
    house.store.delete_documents(&[id_of("waiting")], None, 0).await.unwrap();
    house.agrees(&index, FIRST).await;
    assert_eq!(index.count().await.unwrap(), 1);
    house.store.close().await;
}

#[tokio::test]
async fn facets_follow_the_readers_in_the_same_transaction() {
    let house = House::new().await;
    let index = house.index(FIRST).await;
    for uri in ["own", "shared"] {
        house.put(uri, &[uri]).await;
        house.embed(uri, FIRST).await;
    }
    assert_eq!(found(&house, &index, &of("everyone")).await, names(&["own", "shared"]));
    house.store.set_readers(&[id_of("own")], Some(&readers(&["user:bob"]))).await.unwrap();
    assert_eq!(found(&house, &index, &of("everyone")).await, names(&["shared"]));
    house.store.set_collection_readers(&collection(), &readers(&["group:staff"])).await.unwrap();
    assert_eq!(found(&house, &index, &of("everyone")).await, names(&[]));
    assert_eq!(found(&house, &index, &of("user:bob")).await, names(&["own"]));
    assert_eq!(found(&house, &index, &of("group:staff")).await, names(&["shared"]));
    house.store.set_readers(&[id_of("own")], None).await.unwrap();
    assert_eq!(found(&house, &index, &of("group:staff")).await, names(&["own", "shared"]));
    let long = Filter { metadata: BTreeMap::from([("long".to_owned(), "x".repeat(5_000))]), ..Filter::default() };
    assert_eq!(found(&house, &index, &long.facets().unwrap()).await, names(&["own", "shared"]));
    house.store.close().await;
}

#[tokio::test]
async fn generations_have_tables_of_their_own() {
    let house = House::new().await;
    let first = house.index(FIRST).await;
    house.put("a", &["one", "two"]).await;
    house.embed("a", FIRST).await;
    let model = ModelId("n".to_owned());
    let added = house.store.add_generation(Some(&model), &ChunkOptions::default(), 1).await.unwrap();
    let second = house.index(added).await;
    let source = house.store.chunk_source(id_of("a")).await.unwrap().unwrap();
    assert!(house.store.put_chunks(&source, added, &document("a", &["one\ntwo"]).chunks).await.unwrap());
    house.embed("a", added).await;
    house.agrees(&first, FIRST).await;
    house.agrees(&second, added).await;
    assert_eq!((first.count().await.unwrap(), second.count().await.unwrap()), (2, 1));
    house.store.serve_generation(added, 2).await.unwrap();
    assert!(house.store.drop_generation(FIRST).await.unwrap());
    assert_eq!(first.count().await.unwrap(), 0);
    first.discard().await.unwrap();
    house.store.put_document(&document("a", &["three"]), added, 1).await.unwrap();
    house.embed("a", added).await;
    house.agrees(&second, added).await;
    house.store.close().await;
}

#[tokio::test]
async fn an_index_that_was_damaged_is_made_again_from_the_truth() {
    let house = House::new().await;
    let index = house.index(FIRST).await;
    house.put("a", &["one", "two"]).await;
    house.embed("a", FIRST).await;
    index.clear().await.unwrap();
    index.rebuild().await.unwrap();
    house.agrees(&index, FIRST).await;
    assert_eq!(index.count().await.unwrap(), 2);
    index.rebuild().await.unwrap();
    house.put("b", &["three"]).await;
    house.embed("b", FIRST).await;
    house.agrees(&index, FIRST).await;
    house.store.close().await;
}

#[tokio::test]
async fn a_vector_that_cannot_be_compared_does_not_keep_the_truth_from_being_written() {
    let house = House::new().await;
    let index = house.index(FIRST).await;
    let vectors =
        [vec![1.0; DIMENSION], vec![0.0; DIMENSION], vec![f32::NAN; DIMENSION], vec![1.0; 2], vec![3e38; DIMENSION]];
    let words = ["fine", "zero", "nan", "short", "huge"];
    house.put("a", &words).await;
    let vectors: Vec<_> = words.iter().map(|word| TextHash::of(word)).zip(vectors).collect();
    assert_eq!(house.store.save_embeddings(FIRST, &vectors, &[id_of("a")]).await.unwrap(), 1);
    let hits = index.search(&[1.0; DIMENSION], &FacetQuery::default(), 10).await.unwrap();
    let ids: Vec<ChunkId> = hits.iter().map(|hit| hit.chunk).collect();
    let chunks = house.store.chunks(&ids).await.unwrap();
    assert_eq!(chunks.iter().map(|chunk| chunk.row.text.as_str()).collect::<Vec<_>>(), ["fine", "huge", "zero"]);
    house.store.close().await;
}

/// Documents are marked, given other readers and deleted, and the index is built anew, all at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_slips_through_when_all_write_at_once() {
    let house = House::new().await;
    house.put("0", &["seed"]).await;
    let index = house.index(FIRST).await;
    let uris: Vec<String> = (0..30).map(|number| number.to_string()).collect();
    let write = async {
        for uri in &uris {
            house.put(uri, &[uri, "one more"]).await;
            house.embed(uri, FIRST).await;
        }
    };
    let change = async {
        for round in 0..30 {
            let group = format!("group:{}", round % 3);
            house.store.set_collection_readers(&collection(), &readers(&[&group])).await.unwrap();
        }
        house.store.set_collection_readers(&collection(), &readers(&["group:last"])).await.unwrap();
    };
    let rebuild = async {
        for _ in 0..6 {
            index.rebuild().await.unwrap();
            assert!(house.store.acquire_lease("x", Duration::from_secs(1)).await.unwrap());
        }
    };
    futures::join!(write, change, rebuild);
    house.agrees(&index, FIRST).await;
    assert_eq!(index.count().await.unwrap(), 60);
    let sql = "select count(*) from vectors_g1 v join documents d on d.id = v.document_id
        where not 'r:group:last' = any(v.facets) or cardinality(v.facets) <> cardinality(d.facets)";
    let mut connection = PgConnection::connect(house.database.url()).await.unwrap();
    let stale: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap();
    assert_eq!(stale, 0);
    house.store.close().await;
}
