//! What every index of vectors must do; each implementation runs all of it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::{ExactIndex, VectorError, VectorIndex, VectorPoint};
use crate::types::{ChunkId, CollectionName, DocumentId, FacetQuery, LegHit};

/// Numbers in the vectors of the suite.
pub(super) const DIMENSION: usize = 8;

/// Runs the whole suite on an empty index of [`DIMENSION`] numbers, and leaves it empty.
pub(super) async fn check(index: &dyn VectorIndex) {
    an_empty_index_finds_nothing(index).await;
    the_nearest_come_first(index).await;
    a_point_replaces_the_one_before(index).await;
    writes_may_be_repeated(index).await;
    documents_are_deleted_whole(index).await;
    filters_are_ands_of_ors(index).await;
    unusable_vectors_are_refused_whole(index).await;
    only_the_direction_counts(index).await;
    clearing_leaves_nothing(index).await;
    random_writes_agree_with_the_oracle(index).await;
    index.clear().await.unwrap();
}

/// A sequence of numbers from a seed (splitmix64).
pub(super) struct Seeded(pub(super) u64);

impl Seeded {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// A number from -1 to 1.
    fn number(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }

    /// Roughly normal, by adding up.
    fn normal(&mut self) -> f32 {
        (0..6).map(|_| self.number()).sum::<f32>() / std::f32::consts::SQRT_2
    }

    pub(super) fn vector(&mut self, dimension: usize) -> Vec<f32> {
        (0..dimension).map(|_| self.normal()).collect()
    }

    pub(super) fn near(&mut self, center: &[f32], spread: f32) -> Vec<f32> {
        center.iter().map(|number| number + spread * self.normal()).collect()
    }
}

pub(super) fn document(number: u64) -> DocumentId {
    DocumentId::of(&CollectionName::default_name(), &number.to_string())
}

pub(super) fn point(chunk: u64, in_document: u64, facets: &[&str], vector: Vec<f32>) -> VectorPoint {
    let facets: BTreeSet<String> = facets.iter().map(|facet| (*facet).to_owned()).collect();
    VectorPoint { chunk: ChunkId(chunk), document: document(in_document), facets: Arc::new(facets), vector }
}

/// The unit vector along one axis, leaning a little to the next.
fn axis(number: usize, lean: f32) -> Vec<f32> {
    let mut vector = vec![0.0; DIMENSION];
    vector[number % DIMENSION] = 1.0;
    vector[(number + 1) % DIMENSION] = lean;
    vector
}

fn groups(groups: &[&[&str]]) -> FacetQuery {
    let owned = |group: &&[&str]| group.iter().map(|facet| (*facet).to_owned()).collect();
    FacetQuery { groups: groups.iter().map(owned).collect() }
}

pub(super) async fn found(index: &dyn VectorIndex, vector: &[f32], filter: &FacetQuery, k: usize) -> Vec<u64> {
    index.search(vector, filter, k).await.unwrap().into_iter().map(|hit| hit.chunk.0).collect()
}

async fn all(index: &dyn VectorIndex) -> Vec<u64> {
    index.chunk_ids().await.unwrap().into_iter().map(|chunk| chunk.0).collect()
}

async fn an_empty_index_finds_nothing(index: &dyn VectorIndex) {
    assert_eq!(found(index, &axis(0, 0.0), &FacetQuery::default(), 10).await, [0_u64; 0]);
    assert_eq!(index.count().await.unwrap(), 0);
    assert_eq!(all(index).await, [0_u64; 0]);
    index.flush().await.unwrap();
    index.upsert(Vec::new()).await.unwrap();
    index.delete_documents(&[]).await.unwrap();
    index.delete_documents(&[document(1)]).await.unwrap();
}

async fn the_nearest_come_first(index: &dyn VectorIndex) {
    index.clear().await.unwrap();
    let lean = [0.0, 0.2, 0.4, 0.4];
    let points = (0_u64..).zip(lean).map(|(chunk, lean)| point(10 - chunk, 1, &[], axis(0, lean))).collect();
    index.upsert(points).await.unwrap();
    let hits = index.search(&axis(0, 0.0), &FacetQuery::default(), 10).await.unwrap();
    assert_eq!(hits.iter().map(|hit| hit.chunk.0).collect::<Vec<_>>(), [10, 9, 7, 8], "equal scores stand by chunk");
    assert!((hits[0].score - 1.0).abs() < 1e-5 && hits.is_sorted_by(|a, b| a.score >= b.score));
    assert_eq!(found(index, &axis(0, 0.0), &FacetQuery::default(), 2).await, [10, 9]);
    assert_eq!(found(index, &axis(0, 0.0), &FacetQuery::default(), 0).await, [0_u64; 0]);
    assert_eq!(found(index, &axis(0, 0.0), &FacetQuery::default(), 1_000_000).await.len(), 4);
}

async fn a_point_replaces_the_one_before(index: &dyn VectorIndex) {
    index.clear().await.unwrap();
    index.upsert(vec![point(1, 1, &["old"], axis(0, 0.0)), point(2, 1, &["old"], axis(1, 0.0))]).await.unwrap();
    index.flush().await.unwrap();
    index.upsert(vec![point(1, 2, &["new"], axis(3, 0.0))]).await.unwrap();
    assert_eq!(index.count().await.unwrap(), 2);
    assert_eq!(found(index, &axis(3, 0.0), &FacetQuery::default(), 1).await, [1]);
    assert_eq!(found(index, &axis(3, 0.0), &groups(&[&["old"]]), 9).await, [2]);
    index.delete_documents(&[document(1)]).await.unwrap();
    assert_eq!(all(index).await, [1], "it belongs to the later document");
}

async fn writes_may_be_repeated(index: &dyn VectorIndex) {
    index.clear().await.unwrap();
    for _ in 0..3 {
        index.upsert(vec![point(1, 1, &[], axis(0, 0.0)), point(2, 2, &[], axis(1, 0.0))]).await.unwrap();
        index.delete_documents(&[document(2)]).await.unwrap();
        index.flush().await.unwrap();
        assert_eq!(all(index).await, [1]);
    }
    let twice = vec![point(5, 1, &[], axis(0, 0.0)), point(5, 1, &[], axis(2, 0.0))];
    index.upsert(twice).await.unwrap();
    assert_eq!(found(index, &axis(2, 0.0), &FacetQuery::default(), 1).await, [5], "the later of two in a call counts");
    assert_eq!(index.count().await.unwrap(), 2);
}

async fn documents_are_deleted_whole(index: &dyn VectorIndex) {
    index.clear().await.unwrap();
    let points = (0..30).map(|chunk| point(chunk, chunk % 3, &[], axis(chunk as usize, 0.1))).collect();
    index.upsert(points).await.unwrap();
    index.delete_documents(&[document(0), document(2), document(77)]).await.unwrap();
    let left: Vec<u64> = (0..30).filter(|chunk| chunk % 3 == 1).collect();
    assert_eq!(all(index).await, left);
    assert_eq!(index.count().await.unwrap(), 10);
    let asked = [2, 3, 4, 7, 28, 29, 1_000].map(ChunkId);
    let held: BTreeSet<u64> = index.held(&asked).await.unwrap().into_iter().map(|chunk| chunk.0).collect();
    assert_eq!(held, BTreeSet::from([4, 7, 28]));
    let hits = found(index, &axis(0, 0.0), &FacetQuery::default(), 30).await;
    assert_eq!(hits.into_iter().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>(), left);
}

async fn filters_are_ands_of_ors(index: &dyn VectorIndex) {
    index.clear().await.unwrap();
    let facets: [&[&str]; 5] = [&["c:a", "m:x"], &["c:a", "m:y"], &["c:b", "m:x"], &["c:b"], &[]];
    let points = (0_u64..).zip(facets).map(|(chunk, facets)| point(chunk, chunk, facets, axis(0, 0.1))).collect();
    index.upsert(points).await.unwrap();
    let cases: [(&[&[&str]], &[u64]); 8] = [
        (&[], &[0, 1, 2, 3, 4]),
        (&[&["c:a"]], &[0, 1]),
        (&[&["c:a", "c:b"]], &[0, 1, 2, 3]),
        (&[&["c:a", "c:b"], &["m:x"]], &[0, 2]),
        (&[&["c:a"], &["m:y", "m:z"]], &[1]),
        (&[&["c:a"], &["c:b"]], &[]),
        (&[&["c:a"], &[]], &[]),
        (&[&["c"]], &[]),
    ];
    for (filter, expected) in cases {
        assert_eq!(found(index, &axis(0, 0.1), &groups(filter), 10).await, expected, "{filter:?}");
    }
    let strange = "k4:이름=\"a.b[0]\" \\ 값\n";
    index.upsert(vec![point(9, 9, &[strange], axis(0, 0.1))]).await.unwrap();
    assert_eq!(found(index, &axis(0, 0.1), &groups(&[&[strange]]), 10).await, [9]);
}

async fn unusable_vectors_are_refused_whole(index: &dyn VectorIndex) {
    index.clear().await.unwrap();
    for bad in [vec![1.0; DIMENSION - 1], vec![1.0; DIMENSION + 1], Vec::new()] {
        let refused = index.upsert(vec![point(1, 1, &[], axis(0, 0.0)), point(2, 1, &[], bad.clone())]).await;
        assert!(matches!(refused, Err(VectorError::Dimension { expected: DIMENSION, .. })));
        assert!(matches!(index.search(&bad, &FacetQuery::default(), 1).await, Err(VectorError::Dimension { .. })));
    }
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut vector = axis(0, 0.0);
        vector[3] = bad;
        let refused = index.upsert(vec![point(1, 1, &[], axis(0, 0.0)), point(2, 1, &[], vector.clone())]).await;
        assert!(matches!(refused, Err(VectorError::NotFinite(_))));
        assert!(matches!(index.search(&vector, &FacetQuery::default(), 1).await, Err(VectorError::NotFinite(_))));
    }
    assert_eq!(index.count().await.unwrap(), 0, "nothing of a refused call is applied");
}

async fn only_the_direction_counts(index: &dyn VectorIndex) {
    index.clear().await.unwrap();
    let scaled = |scale: f32| axis(0, 0.5).into_iter().map(|number| number * scale).collect();
    let points: Vec<VectorPoint> = (0_u64..)
        .zip([1.0, 1e-15, 1e15, 1e-30, 1e30, -1.0])
        .map(|(chunk, scale)| point(chunk, 1, &[], scaled(scale)))
        .collect();
    index.upsert(points).await.unwrap();
    index.upsert(vec![point(9, 1, &[], vec![0.0; DIMENSION])]).await.unwrap();
    let hits = index.search(&scaled(1e-20), &FacetQuery::default(), 10).await.unwrap();
    let expected = [1.0, 1.0, 1.0, 1.0, 1.0, 0.0, -1.0];
    assert!(
        hits.len() == 7 && hits.iter().zip(expected).all(|(hit, score)| (hit.score - score).abs() < 1e-4),
        "{hits:?}"
    );
}

async fn clearing_leaves_nothing(index: &dyn VectorIndex) {
    index.upsert(vec![point(1, 1, &[], axis(0, 0.0))]).await.unwrap();
    index.clear().await.unwrap();
    index.clear().await.unwrap();
    assert_eq!(index.count().await.unwrap(), 0);
    index.upsert(vec![point(2, 1, &[], axis(0, 0.0))]).await.unwrap();
    assert_eq!(all(index).await, [2]);
}

/// One write of a random sequence.
#[derive(Debug, Clone)]
pub(super) enum Write {
    Upsert(Vec<VectorPoint>),
    Delete(Vec<DocumentId>),
    Flush,
}

impl Write {
    /// The write of a place in the sequence that a seed stands for: the same one whenever it is asked for.
    pub(super) fn of(seed: u64, place: u64, documents: u64) -> Self {
        let mut random = Seeded(seed.wrapping_mul(1_000_003) ^ place);
        match random.below(10) {
            0 => Self::Flush,
            1 => Self::Delete((0..1 + random.below(3)).map(|_| document(random.below(documents))).collect()),
            _ => Self::Upsert(Self::chunks_of(&mut random, documents)),
        }
    }

    /// Chunks of one document. Numbers are used again, as they are when a follower repeats what it did.
    fn chunks_of(random: &mut Seeded, documents: u64) -> Vec<VectorPoint> {
        let of_document = random.below(documents);
        let facets = [format!("d:{}", of_document % 7), format!("r:{}", random.below(3))];
        let facets: Vec<&str> = facets.iter().map(String::as_str).collect();
        let chunks = (0..1 + random.below(20)).map(|chunk| of_document * 100 + chunk);
        chunks.map(|chunk| point(chunk, of_document, &facets, random.vector(DIMENSION))).collect()
    }

    pub(super) async fn apply(self, index: &dyn VectorIndex) -> Result<(), VectorError> {
        match self {
            Self::Upsert(points) => index.upsert(points).await,
            Self::Delete(documents) => index.delete_documents(&documents).await,
            Self::Flush => index.flush().await,
        }
    }
}

async fn random_writes_agree_with_the_oracle(index: &dyn VectorIndex) {
    index.clear().await.unwrap();
    let oracle = ExactIndex::new(DIMENSION);
    for place in 0..300 {
        let write = Write::of(7, place, 12);
        write.clone().apply(index).await.unwrap();
        write.apply(&oracle).await.unwrap();
        if place % 10 == 0 {
            same_contents(index, &oracle, place).await;
        }
    }
}

/// Asserts that two indexes hold the same points, by their identifiers, facets and exhaustive scores.
pub(super) async fn same_contents(index: &dyn VectorIndex, oracle: &ExactIndex, seed: u64) {
    assert_eq!(all(index).await, all(oracle).await);
    assert_eq!(index.count().await.unwrap(), oracle.count().await.unwrap());
    let mut random = Seeded(seed);
    let facets: Vec<String> = (0..7).map(|facet| format!("d:{facet}")).collect();
    let some: Vec<&str> = facets.iter().take(2).map(String::as_str).collect();
    for filter in [FacetQuery::default(), groups(&[&some]), groups(&[&some, &["r:0", "r:1"]])] {
        let query = random.vector(DIMENSION);
        let scores = |hits: Vec<LegHit>| -> BTreeMap<u64, f32> {
            hits.into_iter().map(|hit| (hit.chunk.0, hit.score)).collect()
        };
        let ours = scores(index.search(&query, &filter, 100_000).await.unwrap());
        let theirs = scores(oracle.search(&query, &filter, 100_000).await.unwrap());
        assert!(ours.keys().eq(theirs.keys()), "{filter:?}");
        assert!(ours.values().zip(theirs.values()).all(|(a, b)| (a - b).abs() < 1e-4), "{filter:?}");
    }
}

/// Points around `clusters` centres, with facets of which each has every second, third, and fiftieth point.
pub(super) fn clustered(points: u64, clusters: usize, dimension: usize) -> Vec<VectorPoint> {
    let mut random = Seeded(3);
    let centers: Vec<_> = (0..clusters).map(|_| random.vector(dimension)).collect();
    let made = |chunk: u64| {
        let facets = [2, 3, 50].map(|part| format!("{part}:{}", chunk % part));
        let facets: Vec<&str> = facets.iter().map(String::as_str).collect();
        point(chunk, chunk / 10, &facets, random.near(&centers[chunk as usize % clusters], 0.6))
    };
    (0..points).map(made).collect()
}

/// The mean share of the oracle's ten best that `index` finds.
pub(super) async fn recall_at_10(
    index: &dyn VectorIndex,
    oracle: &ExactIndex,
    queries: &[Vec<f32>],
    filter: &FacetQuery,
) -> f64 {
    let mut shares = 0.0;
    for query in queries {
        let best: HashSet<u64> = found(oracle, query, filter, 10).await.into_iter().collect();
        let hits = found(index, query, filter, 10).await;
        shares += hits.iter().filter(|chunk| best.contains(chunk)).count() as f64 / best.len() as f64;
    }
    shares / queries.len() as f64
}
