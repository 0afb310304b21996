//! The suite on both indexes, and what only an index in a folder has to stand: other owners, damage, and being killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::conformance::{self, DIMENSION, Seeded, Write, clustered, point, recall_at_10, same_contents};
use super::{EdgeIndex, EdgeOptions, ExactIndex, VectorError, VectorIndex};
use crate::types::FacetQuery;

/// Graphs from some hundred points on and a small log, so that small tests build graphs and shorten logs.
fn options(dimension: usize) -> EdgeOptions {
    EdgeOptions { graph_kb_min: 8, threads: 2, log_bytes_max: 256 << 10, ..EdgeOptions::new(dimension) }
}

async fn edge(folder: &Path) -> EdgeIndex {
    EdgeIndex::open(folder, options(DIMENSION)).await.unwrap()
}

#[tokio::test]
async fn the_exact_index_conforms() {
    conformance::check(&ExactIndex::new(DIMENSION)).await;
}

#[tokio::test]
async fn the_edge_index_conforms() {
    let folder = tempfile::tempdir().unwrap();
    conformance::check(&edge(folder.path()).await).await;
}

#[tokio::test]
async fn what_was_flushed_is_there_when_the_index_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let oracle = ExactIndex::new(DIMENSION);
    for round in 0..4 {
        let index = edge(folder.path()).await;
        same_contents(&index, &oracle, round).await;
        for place in round * 100..(round + 1) * 100 {
            let write = Write::of(11, place, 40);
            write.clone().apply(&index).await.unwrap();
            write.apply(&oracle).await.unwrap();
        }
        index.flush().await.unwrap();
    }
    let index = edge(folder.path()).await;
    same_contents(&index, &oracle, 9).await;
    index.clear().await.unwrap();
    drop(index);
    assert_eq!(edge(folder.path()).await.count().await.unwrap(), 0);
}

#[tokio::test]
async fn the_log_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let index = edge(folder.path()).await;
    let oracle = ExactIndex::new(DIMENSION);
    for place in 0..600 {
        let write = Write::of(13, place, 30);
        write.clone().apply(&index).await.unwrap();
        write.apply(&oracle).await.unwrap();
    }
    index.flush().await.unwrap();
    let log = fs::read_dir(folder.path().join("shard/wal")).unwrap();
    let bytes: u64 = log.map(|part| part.unwrap().metadata().unwrap().len()).sum();
    assert!(bytes < 512 << 10, "{bytes}");
    same_contents(&index, &oracle, 1).await;
}

#[tokio::test]
async fn a_folder_has_one_owner_and_one_dimension() {
    let folder = tempfile::tempdir().unwrap();
    let index = edge(folder.path()).await;
    let second = EdgeIndex::open(folder.path(), options(DIMENSION)).await;
    assert!(matches!(second, Err(VectorError::Locked { .. })));
    drop(index);
    let other = EdgeIndex::open(folder.path(), options(DIMENSION + 1)).await;
    assert!(matches!(other, Err(VectorError::Dimension { expected: DIMENSION, .. })));
}

#[tokio::test]
async fn a_damaged_folder_is_refused_and_not_repaired_in_silence() {
    let damages: [fn(&Path); 3] = [
        |shard| fs::write(shard.join("edge_config.json"), "{").unwrap(),
        |shard| fs::remove_file(shard.join("edge_config.json")).unwrap(),
        |shard| {
            let segments = fs::read_dir(shard.join("segments")).unwrap();
            segments.for_each(|segment| fs::write(segment.unwrap().path().join("segment.json"), "{").unwrap());
        },
    ];
    for damage in damages {
        let folder = tempfile::tempdir().unwrap();
        let index = edge(folder.path()).await;
        index.upsert(vec![point(1, 1, &[], vec![1.0; DIMENSION])]).await.unwrap();
        index.flush().await.unwrap();
        drop(index);
        damage(&folder.path().join("shard"));
        let refused = EdgeIndex::open(folder.path(), options(DIMENSION)).await;
        let Err(VectorError::Corrupt { .. }) = refused else { panic!("{refused:?}") };
        assert!(refused.unwrap_err().to_string().contains("ibid reindex"));
    }
}

#[tokio::test]
async fn what_a_killed_process_left_half_made_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("building/segments")).unwrap();
    fs::create_dir_all(folder.path().join("trash/segments")).unwrap();
    conformance::check(&edge(folder.path()).await).await;
    assert!(!folder.path().join("trash").exists() && !folder.path().join("building").exists());
}

const POINTS: u64 = 20_000;
const WIDTH: usize = 32;

#[tokio::test(flavor = "multi_thread")]
async fn the_edge_index_finds_what_the_oracle_finds() {
    let folder = tempfile::tempdir().unwrap();
    let index = EdgeIndex::open(folder.path(), EdgeOptions { graph_kb_min: 512, ..options(WIDTH) }).await.unwrap();
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
    index.flush().await.unwrap();
    let filters = ["2:1", "3:1", "50:7"].map(|facet| FacetQuery { groups: vec![vec![facet.to_owned()]] });
    for filter in [FacetQuery::default()].into_iter().chain(filters) {
        let recall = recall_at_10(&index, &oracle, &queries, &filter).await;
        assert!(recall >= 0.99, "{recall} {filter:?}");
    }
}

/// Where a child of the next test works, and the number that it takes its fate from. Set only for it.
const CHILD_FOLDER: &str = "IBID_TEST_EDGE_CHILD";
const CHILD_SEED: &str = "IBID_TEST_EDGE_SEED";
const CHILD_DOCUMENTS: u64 = 60;
const ROUNDS: u64 = 6;

/// A child writes a random sequence, notes how far it was at each flush, and dies at a random moment without any warning;
/// the next one goes on from the note. In the end the sequence, applied once more from the last note, must have left what
/// it leaves in the oracle.
#[tokio::test]
async fn a_killed_process_loses_nothing_that_was_flushed() {
    if let Some(folder) = std::env::var_os(CHILD_FOLDER) {
        let seed = std::env::var(CHILD_SEED).unwrap().parse().unwrap();
        return write_until_killed(Path::new(&folder), seed).await;
    }
    let folder = tempfile::tempdir().unwrap();
    for seed in 0..ROUNDS {
        let name = concat!(module_path!(), "::a_killed_process_loses_nothing_that_was_flushed");
        let (_, name) = name.split_once("::").unwrap();
        let ended = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--test-threads", "1"])
            .env(CHILD_FOLDER, folder.path())
            .env(CHILD_SEED, seed.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert_eq!(ended.code(), None, "the child ended by itself");
    }
    let noted = noted(folder.path());
    assert!(noted > 20 * ROUNDS, "the children came to {noted}: nothing was tried");
    let index = edge(&folder.path().join("index")).await;
    let oracle = ExactIndex::new(DIMENSION);
    for place in 0..noted {
        Write::of(1, place, CHILD_DOCUMENTS).apply(&oracle).await.unwrap();
    }
    // The last child may have come further than its note, but never further than this.
    for place in noted..noted + 200 {
        Write::of(1, place, CHILD_DOCUMENTS).apply(&oracle).await.unwrap();
        Write::of(1, place, CHILD_DOCUMENTS).apply(&index).await.unwrap();
    }
    same_contents(&index, &oracle, 1).await;
    index.flush().await.unwrap();
    same_contents(&index, &oracle, 2).await;
}

async fn write_until_killed(folder: &Path, seed: u64) {
    let index = edge(&folder.join("index")).await;
    let mut random = Seeded(seed);
    let last = noted(folder) + 30 + random.below(60);
    let grace = Duration::from_micros(random.below(20_000));
    for place in noted(folder).. {
        if place == last {
            std::thread::spawn(move || {
                // Writing goes on meanwhile: death comes in the middle of whatever it does then.
                std::thread::sleep(grace);
                std::process::abort();
            });
        }
        let write = Write::of(1, place, CHILD_DOCUMENTS);
        let flushes = matches!(write, Write::Flush);
        write.apply(&index).await.unwrap();
        if flushes {
            fs::write(note(folder).with_extension("new"), (place + 1).to_string()).unwrap();
            fs::rename(note(folder).with_extension("new"), note(folder)).unwrap();
        }
    }
}

fn note(folder: &Path) -> PathBuf {
    folder.join("note")
}

fn noted(folder: &Path) -> u64 {
    fs::read_to_string(note(folder)).map_or(0, |note| note.parse().unwrap())
}
