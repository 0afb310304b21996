//! The suite on the index in a server, and what only a server can do to its client: be away, refuse, be old, be cut off.
//!
//! The server is a peer in this process, or the one that `QDRANT_URL` (and `QDRANT_API_KEY`) name; what needs
//! misbehaviour always asks the peer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use qdrant_client::qdrant::quantization_config::Quantization;
use qdrant_client::qdrant::vectors_config::Config;
use qdrant_client::qdrant::{
    CreateCollection, Distance, ListAliasesRequest, QuantizationType, VectorParams, VectorsConfig,
};

use super::super::conformance::{self, DIMENSION, Seeded, Write, clustered, point, recall_at_10, same_contents};
use super::super::qdrant_peer::{Cut, QdrantPeer};
use super::super::{ExactIndex, VectorError, VectorIndex};
use super::{QdrantIndex, QdrantOptions, Quantisation, VectorPoint, collection};
use crate::types::FacetQuery;

/// Small batches, so that small tests send several, and short pauses.
fn options(url: &str, dimension: usize) -> QdrantOptions {
    QdrantOptions {
        batch_points: 8,
        backoff: Duration::from_millis(20),
        attempts: 6,
        request_timeout: Duration::from_secs(30),
        ..QdrantOptions::new(url, "ibid_test", dimension)
    }
}

fn of_peer(peer: &QdrantPeer) -> QdrantOptions {
    options(&peer.url(), DIMENSION)
}

/// A server for a test that needs no misbehaviour, and a name there that nothing else has.
fn server(dimension: usize) -> (Option<QdrantPeer>, QdrantOptions) {
    static NAMES: AtomicU64 = AtomicU64::new(0);
    let Ok(url) = std::env::var("QDRANT_URL") else {
        let peer = QdrantPeer::start();
        let options = options(&peer.url(), dimension);
        return (Some(peer), options);
    };
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let collection = format!("ibid_test_{since}_{}", NAMES.fetch_add(1, Ordering::Relaxed));
    let api_key = std::env::var("QDRANT_API_KEY").ok();
    (None, QdrantOptions { api_key, collection, ..options(&url, dimension) })
}

async fn open(options: &QdrantOptions) -> QdrantIndex {
    QdrantIndex::open(options.clone()).await.unwrap()
}

/// The one sentence in which opening fails.
async fn refusal(options: QdrantOptions) -> (VectorError, String) {
    let refused = QdrantIndex::open(options).await.unwrap_err();
    let said = refused.to_string();
    (refused, said)
}

fn points(chunks: std::ops::Range<u64>) -> Vec<VectorPoint> {
    let mut random = Seeded(chunks.start + 1);
    chunks.map(|chunk| point(chunk, chunk / 5, &["c:a"], random.vector(DIMENSION))).collect()
}

#[tokio::test]
async fn the_qdrant_index_conforms() {
    let (_peer, options) = server(DIMENSION);
    let index = open(&options).await;
    conformance::check(&index).await;
    index.discard().await.unwrap();
}

#[tokio::test]
async fn the_quantised_index_conforms() {
    let (_peer, options) = server(DIMENSION);
    let index = open(&QdrantOptions { quantisation: Some(Quantisation::Scalar), on_disk: true, ..options }).await;
    conformance::check(&index).await;
    index.discard().await.unwrap();
}

#[tokio::test]
async fn what_was_written_is_there_when_the_index_is_opened_again() {
    let (peer, options) = server(DIMENSION);
    let oracle = ExactIndex::new(DIMENSION);
    for round in 0..3 {
        let index = open(&options).await;
        same_contents(&index, &oracle, round).await;
        for place in round * 40..(round + 1) * 40 {
            let write = Write::of(11, place, 40);
            write.clone().apply(&index).await.unwrap();
            write.apply(&oracle).await.unwrap();
        }
        index.flush().await.unwrap();
        if let Some(peer) = &peer {
            peer.restart();
        }
        same_contents(&index, &oracle, round + 7).await;
    }
    open(&options).await.discard().await.unwrap();
}

const POINTS: u64 = 20_000;
const WIDTH: usize = 32;

#[tokio::test(flavor = "multi_thread")]
async fn the_qdrant_index_finds_what_the_oracle_finds() {
    let (peer, options) = server(WIDTH);
    if let Some(peer) = &peer {
        peer.set(|conduct| conduct.graph_kb_min = 512);
    }
    let index = open(&QdrantOptions { batch_points: 500, ..options }).await;
    let oracle = ExactIndex::new(WIDTH);
    let points = clustered(POINTS, 50, WIDTH);
    let mut random = Seeded(5);
    let mut near_a_point = || {
        let place = random.below(POINTS) as usize;
        random.near(&points[place].vector, 0.3)
    };
    let queries: Vec<_> = (0..100).map(|_| near_a_point()).collect();
    for batch in points.chunks(5_000) {
        index.upsert(batch.to_vec()).await.unwrap();
        oracle.upsert(batch.to_vec()).await.unwrap();
    }
    assert_eq!(index.chunk_ids().await.unwrap(), oracle.chunk_ids().await.unwrap(), "a scroll has several pages");
    if peer.is_some() {
        let info = collection::describe(&index.inner.connection, index.physical_collection()).await.unwrap().unwrap();
        let indexed = info.indexed_vectors_count.unwrap();
        assert!(indexed > POINTS / 2, "{indexed} points are in a graph: not much is approximate");
    }
    let filters = ["2:1", "3:1", "50:7"].map(|facet| FacetQuery { groups: vec![vec![facet.to_owned()]] });
    for filter in [FacetQuery::default()].into_iter().chain(filters) {
        let recall = recall_at_10(&index, &oracle, &queries, &filter).await;
        assert!(recall >= 0.99, "{recall} {filter:?}");
    }
    let many = index.search(&queries[0], &FacetQuery::default(), POINTS as usize).await.unwrap();
    assert_eq!(many.len() as u64, POINTS);
    index.discard().await.unwrap();
}

async fn alias_of(index: &QdrantIndex) -> Option<String> {
    let mut client = index.inner.connection.collections();
    let aliases = client.list_aliases(ListAliasesRequest {}).await.unwrap().into_inner().aliases;
    let ours = aliases.into_iter().find(|alias| alias.alias_name == index.inner.options.collection);
    ours.map(|alias| alias.collection_name)
}

#[tokio::test]
async fn a_generation_is_filled_while_another_serves_and_takes_its_place_in_one_step() {
    let (peer, options) = server(DIMENSION);
    let first = open(&options).await;
    first.upsert(points(0..20)).await.unwrap();
    assert_eq!(alias_of(&first).await, None, "nobody sees a generation before it is promoted");
    first.promote().await.unwrap();
    first.promote().await.unwrap();
    assert_eq!(alias_of(&first).await.as_deref(), Some(first.physical_collection()));

    let wider = QdrantOptions { generation: 2, dimension: DIMENSION + 1, ..options.clone() };
    let second = open(&wider).await;
    assert_eq!((first.count().await.unwrap(), second.count().await.unwrap()), (20, 0));
    assert_eq!(alias_of(&second).await.as_deref(), Some(first.physical_collection()));
    second.promote().await.unwrap();
    assert_eq!(alias_of(&second).await.as_deref(), Some(second.physical_collection()));
    if let Some(peer) = &peer {
        assert_eq!(peer.record().alias_changes.last().unwrap().actions.len(), 2, "both changes in one request");
    }
    first.discard().await.unwrap();
    first.discard().await.unwrap();
    assert_eq!(alias_of(&second).await.as_deref(), Some(second.physical_collection()));
    let Err(VectorError::Missing { collection }) = first.count().await else { panic!("it is gone") };
    assert_eq!(collection, first.physical_collection());
    second.clear().await.unwrap();
    assert_eq!(alias_of(&second).await.as_deref(), Some(second.physical_collection()), "clearing keeps the alias");
    second.discard().await.unwrap();
    assert_eq!(alias_of(&second).await, None);
}

#[tokio::test]
async fn a_collection_that_holds_something_else_is_refused() {
    let (_peer, options) = server(DIMENSION);
    let index = open(&options).await;
    let (narrow, _) = refusal(QdrantOptions { dimension: 3, ..options.clone() }).await;
    assert!(matches!(narrow, VectorError::Dimension { expected: DIMENSION, found: 3 }));
    let foreign = QdrantOptions { generation: 7, ..options };
    let name = format!("{}_g7", foreign.collection);
    let vectors = VectorParams { size: DIMENSION as u64, distance: Distance::Dot.into(), ..VectorParams::default() };
    let vectors_config = Some(VectorsConfig { config: Some(Config::Params(vectors)) });
    let creation = CreateCollection { collection_name: name.clone(), vectors_config, ..CreateCollection::default() };
    index.inner.connection.collections().create(creation).await.unwrap();
    let (refused, said) = refusal(foreign).await;
    assert!(
        matches!(refused, VectorError::Foreign { .. }) && said.contains(&name) && said.contains("cosine"),
        "{said}"
    );
    collection::delete(&index.inner.connection, &name).await.unwrap();
    index.discard().await.unwrap();
}

#[tokio::test]
async fn the_options_reach_the_server() {
    let peer = QdrantPeer::start();
    let scalar = QdrantOptions {
        replication_factor: Some(3),
        shard_number: Some(6),
        write_consistency_factor: Some(2),
        quantisation: Some(Quantisation::Scalar),
        on_disk: true,
        ..of_peer(&peer)
    };
    open(&scalar).await;
    open(&scalar).await;
    open(&QdrantOptions { generation: 2, quantisation: Some(Quantisation::Binary), ..of_peer(&peer) }).await;
    let creations = peer.record().creations;
    let [first, second] = creations.as_slice() else { panic!("{creations:?}") };
    assert_eq!((first.collection_name.as_str(), second.collection_name.as_str()), ("ibid_test_g1", "ibid_test_g2"));
    let cluster = |made: &CreateCollection| (made.replication_factor, made.shard_number, made.write_consistency_factor);
    assert_eq!((cluster(first), cluster(second)), ((Some(3), Some(6), Some(2)), (None, None, None)));
    let vectors = |made: &CreateCollection| match made.vectors_config.as_ref().unwrap().config.as_ref().unwrap() {
        Config::Params(params) => *params,
        Config::ParamsMap(_) => panic!("the vectors have names"),
    };
    assert_eq!((vectors(first).size, vectors(first).distance()), (DIMENSION as u64, Distance::Cosine));
    #[expect(deprecated, reason = "what replaces it is not known to older servers")]
    let on_disk = |made: &CreateCollection| {
        (vectors(made).on_disk, made.on_disk_payload, made.hnsw_config.as_ref().unwrap().on_disk)
    };
    assert_eq!((on_disk(first), on_disk(second)), ((Some(true), Some(true), Some(true)), (None, None, None)));
    let quantization = |made: &CreateCollection| made.quantization_config.as_ref().unwrap().quantization;
    let Some(Quantization::Scalar(bytes)) = quantization(first) else { panic!("{first:?}") };
    assert_eq!(bytes.r#type(), QuantizationType::Int8);
    assert!(matches!(quantization(second), Some(Quantization::Binary(_))));
    assert_eq!(peer.calls("create_field_index"), 4, "two fields of two collections, each once");
}

#[tokio::test]
async fn an_upsert_goes_out_in_batches() {
    let peer = QdrantPeer::start();
    let index = open(&of_peer(&peer)).await;
    index.upsert(points(0..100)).await.unwrap();
    assert_eq!((peer.calls("upsert"), index.count().await.unwrap()), (13, 100));
    let twice = [points(0..100), points(50..100)].concat();
    let oracle = ExactIndex::new(DIMENSION);
    oracle.upsert(twice.clone()).await.unwrap();
    index.upsert(twice).await.unwrap();
    same_contents(&index, &oracle, 1).await;
}

#[tokio::test]
async fn a_server_that_comes_back_in_the_middle_of_a_write_gets_it_again() {
    let peer = QdrantPeer::start();
    let index = open(&QdrantOptions { attempts: 10, backoff: Duration::from_millis(100), ..of_peer(&peer) }).await;
    let oracle = ExactIndex::new(DIMENSION);
    for round in 0..4 {
        peer.set(|conduct| conduct.cut = Some(Cut { after: round, restarts: true }));
        let points = points(u64::from(round) * 60..u64::from(round + 1) * 60 + 20);
        oracle.upsert(points.clone()).await.unwrap();
        index.upsert(points).await.unwrap();
        same_contents(&index, &oracle, u64::from(round)).await;
    }
    assert!(peer.calls("upsert") > 4 * 10, "a cut batch was sent again");
}

#[tokio::test]
async fn a_write_that_a_stop_cut_short_may_be_repeated() {
    let peer = QdrantPeer::start();
    let index = open(&of_peer(&peer)).await;
    let oracle = ExactIndex::new(DIMENSION);
    peer.set(|conduct| conduct.cut = Some(Cut { after: 3, restarts: false }));
    let failed = index.upsert(points(0..100)).await.unwrap_err();
    assert!(matches!(failed, VectorError::Unreachable { .. }), "{failed}");
    peer.restart();
    let applied = index.count().await.unwrap();
    assert!(applied > 0 && applied < 100, "{applied}: a part was applied");
    index.upsert(points(0..100)).await.unwrap();
    oracle.upsert(points(0..100)).await.unwrap();
    same_contents(&index, &oracle, 1).await;
}

#[tokio::test]
async fn a_call_is_tried_again_while_that_can_help() {
    let peer = QdrantPeer::start();
    let index = open(&of_peer(&peer)).await;
    peer.set(|conduct| conduct.unavailable = 5);
    index.upsert(points(0..3)).await.unwrap();
    peer.set(|conduct| conduct.unavailable = 5);
    assert_eq!(index.count().await.unwrap(), 3);
    peer.set(|conduct| conduct.unavailable = 6);
    let failed = index.count().await.unwrap_err();
    assert!(matches!(&failed, VectorError::Unreachable { reason, .. } if reason.contains("starting")), "{failed}");
    assert_eq!(index.count().await.unwrap(), 3, "six attempts, no seventh");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_with_the_reason() {
    let peer = QdrantPeer::start();
    let options = of_peer(&peer);
    let index = open(&options).await;
    peer.stop();
    let (refused, said) = refusal(options.clone()).await;
    assert!(matches!(refused, VectorError::Unreachable { .. }));
    assert!(said.contains(&peer.url()) && said.contains("refused") && said.contains("--qdrant-url"), "{said}");
    let failed = index.search(&[1.0; DIMENSION], &FacetQuery::default(), 3).await;
    assert!(matches!(failed, Err(VectorError::Unreachable { .. })), "{failed:?}");
    peer.restart();
    assert_eq!(index.count().await.unwrap(), 0, "the connection is made again");
    let secure = QdrantOptions { url: peer.url().replace("http:", "https:"), ..options };
    let (no_tls, _) = refusal(secure).await;
    assert!(matches!(no_tls, VectorError::Unreachable { .. }), "{no_tls}");
}

#[tokio::test]
async fn a_server_that_speaks_another_protocol_is_no_qdrant() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::io::Write::write_all(&mut stream.unwrap(), b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        }
    });
    let (refused, said) = refusal(options(&url, DIMENSION)).await;
    assert!(matches!(refused, VectorError::Unreachable { .. }), "{said}");
}

#[tokio::test]
async fn a_slow_server_is_not_waited_for_longer_than_allowed() {
    let peer = QdrantPeer::start();
    let quick = QdrantOptions { request_timeout: Duration::from_millis(200), attempts: 2, ..of_peer(&peer) };
    let index = open(&QdrantOptions { request_timeout: Duration::from_secs(20), ..quick.clone() }).await;
    peer.set(|conduct| conduct.delay = Duration::from_secs(60));
    let began = Instant::now();
    let (refused, said) = refusal(quick).await;
    assert!(matches!(refused, VectorError::Unreachable { .. }), "{said}");
    assert!(began.elapsed() < Duration::from_secs(20) && said.contains("Timeout"), "{said}");
    peer.set(|conduct| conduct.delay = Duration::from_millis(100));
    index.upsert(points(0..10)).await.unwrap();
    assert_eq!(index.count().await.unwrap(), 10);
}

#[tokio::test]
async fn a_key_is_asked_for_and_never_shown() {
    const SECRET: &str = "s3cret-k3y";
    let peer = QdrantPeer::start();
    peer.set(|conduct| conduct.api_key = Some(SECRET.to_owned()));
    let with = |key: Option<&str>| QdrantOptions { api_key: key.map(str::to_owned), ..of_peer(&peer) };
    for key in [None, Some("wr0ng"), Some("no\nheader")] {
        let (refused, said) = refusal(with(key)).await;
        assert!(matches!(refused, VectorError::Refused { .. }) && said.contains("QDRANT_API_KEY"), "{said}");
        assert!(key.is_none_or(|key| !said.contains(key) && !format!("{refused:?}").contains(key)));
    }
    assert_eq!(peer.calls("health_check"), 0, "a refusal is not tried again");
    let index = open(&with(Some(SECRET))).await;
    index.upsert(points(0..3)).await.unwrap();
    assert!(!format!("{:?} {index:?}", with(Some(SECRET))).contains(SECRET));
}

#[tokio::test]
async fn an_old_server_is_refused_with_both_versions() {
    let peer = QdrantPeer::start();
    for version in ["1.12.6", "0.11.0", "nonsense"] {
        peer.set(|conduct| conduct.version = version.to_owned());
        let (refused, said) = refusal(of_peer(&peer)).await;
        assert!(matches!(refused, VectorError::TooOld { .. }) && said.contains(version) && said.contains("1.13"));
    }
    for version in ["1.13.0", "1.19.2-dev", "v2.0.0"] {
        peer.set(|conduct| conduct.version = version.to_owned());
        open(&of_peer(&peer)).await;
    }
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_without_repeating_it() {
    let cases = [
        ("", "not an address"),
        ("localhost:6334", "http://"),
        ("ftp://example.org", "http://"),
        ("http://user:hunter2@example.org", "QDRANT_API_KEY"),
        ("http://example.org/hunter2", "after the host"),
        ("http://example.org?key=hunter2", "after the host"),
        ("http://example.org:6333", "6334"),
    ];
    for (url, reason) in cases {
        let options = options(url, DIMENSION);
        assert!(!format!("{options:?}").contains("hunter2"));
        let (refused, said) = refusal(options).await;
        assert!(matches!(refused, VectorError::Url { .. }), "{url}: {said}");
        assert!(said.contains(reason) && !said.contains("hunter2"), "{url}: {said}");
    }
}
