//! What an index of words must do: find, rank, filter, replace, and keep its word over restarts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::{KeywordBatch, KeywordEntry, KeywordError, KeywordIndex, KeywordOptions, KeywordQuery};
use crate::analysis::{Language, detect_language, each_token};
use crate::types::LegHit;
use crate::types::{ChunkId, CollectionName, DocumentId, FacetQuery, Seq};

mod clauses;
mod found_by;

fn open(folder: &Path) -> Result<KeywordIndex, KeywordError> {
    KeywordIndex::open(folder, KeywordOptions { heap_bytes: 15_000_000, threads: 1 })
}

fn document(number: u64) -> DocumentId {
    DocumentId::of(&CollectionName::default_name(), &number.to_string())
}

fn entry(chunk: u64, in_document: u64, facets: &[&str], text: &str) -> KeywordEntry {
    KeywordEntry {
        chunk: ChunkId(chunk),
        document: document(in_document),
        facets: Arc::new(facets.iter().map(|facet| (*facet).to_owned()).collect()),
        title: String::new(),
        heading_path: Vec::new(),
        text: text.to_owned(),
        language: detect_language(text),
    }
}

/// Entries by document, as a batch.
fn upserts(entries: Vec<KeywordEntry>) -> KeywordBatch {
    let mut documents: BTreeMap<DocumentId, Vec<KeywordEntry>> = BTreeMap::new();
    entries.into_iter().for_each(|entry| documents.entry(entry.document).or_default().push(entry));
    KeywordBatch { upserts: documents.into_iter().collect(), deletes: Vec::new() }
}

fn filled(folder: &Path, entries: Vec<KeywordEntry>) -> KeywordIndex {
    let index = open(folder).unwrap();
    index.apply(upserts(entries)).unwrap();
    index.commit(Seq(1)).unwrap();
    index
}

fn found(index: &KeywordIndex, query: &str) -> Vec<u64> {
    found_in(index, query, &[])
}

fn hits(index: &KeywordIndex, query: &str, filter: &FacetQuery, k: usize) -> Vec<LegHit> {
    index.search(&KeywordQuery::plain(query), filter, k).unwrap().hits
}

fn found_in(index: &KeywordIndex, query: &str, groups: &[&[&str]]) -> Vec<u64> {
    let owned = |group: &&[&str]| group.iter().map(|facet| (*facet).to_owned()).collect();
    let filter = FacetQuery { groups: groups.iter().map(owned).collect() };
    hits(index, query, &filter, 10).into_iter().map(|hit| hit.chunk.0).collect()
}

#[test]
fn the_words_of_a_question_find_their_chunk() {
    let folder = tempfile::tempdir().unwrap();
    let texts = ["쿠버네티스 클러스터를 만드는 방법", "도커 이미지를 빌드한다", "The kubelet registers running nodes"];
    let entries = (1..).zip(texts).map(|(chunk, text)| entry(chunk, chunk, &[], text)).collect();
    let index = filled(folder.path(), entries);
    assert_eq!(found(&index, "클러스터는 어떻게 만드나요?"), [1]);
    assert_eq!(found(&index, "이미지 빌드"), [2]);
    assert_eq!(found(&index, "run node"), [3]);
    assert_eq!(found(&index, "nothing here"), [0_u64; 0]);
}

#[test]
fn a_word_of_one_syllable_is_found_with_its_particles() {
    let folder = tempfile::tempdir().unwrap();
    let texts = ["물은 백 도에서 끓는다", "돈이 없다", "강물이 흐른다"];
    let index = filled(folder.path(), (1..).zip(texts).map(|(chunk, text)| entry(chunk, chunk, &[], text)).collect());
    assert_eq!(found(&index, "물"), [3, 1]);
    assert_eq!(found(&index, "돈"), [2]);
}

#[test]
fn stems_of_the_documents_languages_are_tried() {
    let folder = tempfile::tempdir().unwrap();
    let german =
        KeywordEntry { language: Some(Language::German), ..entry(1, 1, &[], "Die Verordnungen der Behörden") };
    let index = filled(folder.path(), vec![german, entry(2, 2, &[], "The regulations of agencies")]);
    assert_eq!(found(&index, "Verordnung"), [1]);
    assert_eq!(found(&index, "behorde"), [1]);
    assert_eq!(found(&index, "regulation"), [2]);
}

#[test]
fn titles_and_headings_are_found_and_headings_count_less() {
    let folder = tempfile::tempdir().unwrap();
    let mut entries: Vec<_> = (1..=3).map(|chunk| entry(chunk, chunk, &[], "other words")).collect();
    entries[0].heading_path = vec!["Part".to_owned(), "turbine words".to_owned()];
    entries[1].title = "turbine".to_owned();
    entries[2].text = "turbine words".to_owned();
    let index = filled(folder.path(), entries);
    assert_eq!(found(&index, "turbine").len(), 3);
    assert_eq!(found(&index, "turbine")[2], 1);
}

#[test]
fn nothing_is_seen_before_its_commit_and_everything_after() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path()).unwrap();
    assert_eq!((index.checkpoint(), index.chunk_count()), (Seq(0), 0));
    index.apply(upserts(vec![entry(1, 1, &[], "alpha")])).unwrap();
    assert_eq!((found(&index, "alpha").len(), index.checkpoint()), (0, Seq(0)));
    index.commit(Seq(7)).unwrap();
    assert_eq!((found(&index, "alpha"), index.checkpoint()), (vec![1], Seq(7)));
    index.apply(upserts(vec![entry(2, 2, &[], "beta")])).unwrap();
    drop(index);
    let again = open(folder.path()).unwrap();
    assert_eq!((again.chunk_ids().unwrap(), again.checkpoint()), (vec![ChunkId(1)], Seq(7)));
}

#[test]
fn a_document_replaces_its_earlier_chunks() {
    let folder = tempfile::tempdir().unwrap();
    let index =
        filled(folder.path(), vec![entry(1, 1, &[], "alpha"), entry(2, 1, &[], "beta"), entry(3, 2, &[], "beta")]);
    for _ in 0..2 {
        index.apply(upserts(vec![entry(4, 1, &[], "gamma")])).unwrap();
    }
    index.commit(Seq(2)).unwrap();
    assert_eq!(index.chunk_ids().unwrap(), [ChunkId(3), ChunkId(4)]);
    assert_eq!(found(&index, "alpha beta gamma"), [3, 4]);
    let both = KeywordBatch {
        upserts: vec![(document(2), vec![entry(5, 2, &[], "delta")])],
        deletes: vec![document(1), document(2)],
    };
    index.apply(both).unwrap();
    index.apply(KeywordBatch { deletes: vec![document(99)], ..KeywordBatch::default() }).unwrap();
    index.commit(Seq(3)).unwrap();
    assert_eq!((index.chunk_ids().unwrap(), index.chunk_count()), (vec![ChunkId(5)], 1));
    index.clear().unwrap();
    assert_eq!((index.chunk_count(), index.checkpoint()), (0, Seq(0)));
    index.apply(upserts(vec![entry(6, 1, &[], "alpha")])).unwrap();
    index.commit(Seq(1)).unwrap();
    assert_eq!(found(&index, "alpha"), [6]);
}

#[test]
fn a_filter_narrows_and_leaves_scores_alone() {
    let folder = tempfile::tempdir().unwrap();
    let facets: [&[&str]; 4] = [&["c:a", "m:x"], &["c:a", "m:y"], &["c:b", "m:x"], &[]];
    let entries =
        (0..).zip(facets).map(|(chunk, facets)| entry(chunk, chunk, facets, &"word ".repeat(4 - chunk as usize)));
    let index = filled(folder.path(), entries.collect());
    let cases: [(&[&[&str]], &[u64]); 6] = [
        (&[], &[0, 1, 2, 3]),
        (&[&["c:a"]], &[0, 1]),
        (&[&["c:a", "c:b"], &["m:x"]], &[0, 2]),
        (&[&["m:x"], &["c:b", "c:a"]], &[0, 2]),
        (&[&["c:a"], &["c:b"]], &[]),
        (&[&["c:a"], &[]], &[]),
    ];
    for (groups, expected) in cases {
        let all: BTreeSet<u64> = found_in(&index, "word", groups).into_iter().collect();
        assert!(all.iter().eq(expected), "{groups:?}");
    }
    let scores = |filter: &FacetQuery| -> BTreeMap<u64, u32> {
        let hits = hits(&index, "word", filter, 10);
        hits.into_iter().map(|hit| (hit.chunk.0, hit.score.to_bits())).collect()
    };
    let narrow = scores(&FacetQuery { groups: vec![vec!["c:a".to_owned()]] });
    let wide = scores(&FacetQuery::default());
    assert!(narrow.len() == 2 && narrow.iter().all(|(chunk, score)| wide[chunk] == *score));
}

#[test]
fn equal_scores_stand_by_chunk_and_the_last_places_too() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path()).unwrap();
    for chunk in [5, 3, 9, 1, 7] {
        index.apply(upserts(vec![entry(chunk, chunk, &[], "same words")])).unwrap();
        index.commit(Seq(chunk)).unwrap();
    }
    assert_eq!(found(&index, "same"), [1, 3, 5, 7, 9]);
    let first: Vec<_> = hits(&index, "same", &FacetQuery::default(), 2).into_iter().map(|hit| hit.chunk.0).collect();
    assert_eq!(first, [1, 3]);
    assert!(hits(&index, "same", &FacetQuery::default(), 0).is_empty());
    assert_eq!(hits(&index, "same", &FacetQuery::default(), usize::MAX).len(), 5);
}

#[test]
fn any_text_is_a_question() {
    let folder = tempfile::tempdir().unwrap();
    let index = filled(folder.path(), vec![entry(1, 1, &[], "alpha beta"), entry(2, 2, &[], "needle 바늘")]);
    for nothing in ["", " \n", "?!…", "\"(+-:*^~", "AND OR NOT", "\u{0}"] {
        assert_eq!(found(&index, nothing), [0_u64; 0], "{nothing:?}");
    }
    let long: String = (0..20_000).map(|number| format!("w{number} ")).collect();
    assert_eq!(found(&index, &format!("needle {long}")), [2]);
    assert_eq!(found(&index, &"가나다라마바사아".repeat(10_000)), [0_u64; 0]);
}

#[test]
fn a_folder_has_one_owner() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path()).unwrap();
    assert!(matches!(open(folder.path()), Err(KeywordError::Locked { .. })));
    drop(index);
    assert!(open(folder.path()).is_ok());
}

/// A process that died between writing a list of deleted chunks and the commit left the list, and every later commit of
/// the same stamp failed over it.
#[test]
fn files_of_a_commit_that_was_cut_off_are_no_obstacle() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path(), vec![entry(1, 1, &[], "alpha"), entry(2, 2, &[], "beta")]));
    let segment = segment_file(folder.path()).file_stem().unwrap().to_string_lossy().into_owned();
    let managed = folder.path().join(".managed.json");
    let mut names: Vec<String> = serde_json::from_slice(&fs::read(&managed).unwrap()).unwrap();
    for stamp in 0..40 {
        let left = format!("{segment}.{stamp}.del");
        fs::write(folder.path().join(&left), "half").unwrap();
        names.push(left);
    }
    fs::write(&managed, serde_json::to_vec(&names).unwrap()).unwrap();
    let index = open(folder.path()).unwrap();
    index.apply(KeywordBatch { upserts: Vec::new(), deletes: vec![document(1)] }).unwrap();
    index.commit(Seq(2)).unwrap();
    assert_eq!(found(&index, "alpha beta"), [2]);
}

#[test]
fn other_versions_and_damage_are_refused() {
    let damages: [fn(&Path); 5] = [
        |folder| fs::write(folder.join("ibid-version"), "0.0").unwrap(),
        |folder| fs::remove_file(folder.join("ibid-version")).unwrap(),
        |folder| fs::write(folder.join("meta.json"), "{").unwrap(),
        |folder| fs::remove_file(folder.join("meta.json")).unwrap(),
        |folder| fs::write(segment_file(folder), "short").unwrap(),
    ];
    for (place, damage) in damages.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        drop(filled(folder.path(), vec![entry(1, 1, &[], "alpha")]));
        damage(folder.path());
        let refused = open(folder.path()).unwrap_err();
        let as_expected = match refused {
            KeywordError::Version { .. } => place == 0,
            KeywordError::Corrupt { .. } => place > 0,
            _ => false,
        };
        assert!(as_expected, "{refused:?}");
        assert!(refused.to_string().contains("ibid reindex"));
    }
}

fn segment_file(folder: &Path) -> std::path::PathBuf {
    let mut files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.find(|path| path.extension().is_some_and(|extension| extension == "term")).unwrap()
}

#[test]
fn an_index_that_was_not_finished_is_made() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()).unwrap());
    fs::remove_file(folder.path().join("meta.json")).unwrap();
    assert_eq!(open(folder.path()).unwrap().chunk_count(), 0);
}

/// BM25 as the textbook has it, over lists of terms: the score of each text.
fn textbook(texts: &[String], query: &str) -> Vec<f64> {
    let terms = |text: &str| {
        let mut terms = Vec::new();
        each_token(text, None, |term, _, _| terms.push(term.to_owned()));
        terms
    };
    let chunks: Vec<Vec<String>> = texts.iter().map(|text| terms(text)).collect();
    let total = chunks.len() as f64;
    let average = chunks.iter().map(Vec::len).sum::<usize>() as f64 / total;
    let part = |chunk: &[String], term: &String| {
        let with_term = chunks.iter().filter(|other| other.contains(term)).count() as f64;
        let frequency = chunk.iter().filter(|known| *known == term).count() as f64;
        let rarity = (1.0 + (total - with_term + 0.5) / (with_term + 0.5)).ln();
        rarity * frequency * 2.2 / (frequency + 1.2 * (0.25 + 0.75 * chunk.len() as f64 / average))
    };
    chunks.iter().map(|chunk| terms(query).iter().map(|term| part(chunk, term)).sum()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Lengths stay under 40, up to which the index keeps them exactly.
    #[test]
    fn the_ranking_is_that_of_the_textbook(
        texts in prop::collection::vec("([xyz]{1,2} |[나다]{2,3} ){1,16}", 1..20),
        query in "([xyz]{1,2} |[나다]{2,3} ){1,5}",
        commits in 1_usize..4,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let index = open(folder.path()).unwrap();
        let entries: Vec<_> = (0..).zip(&texts).map(|(chunk, text)| KeywordEntry { language: None, ..entry(chunk, chunk, &[], text) }).collect();
        for part in entries.chunks(entries.len().div_ceil(commits)) {
            index.apply(upserts(part.to_vec())).unwrap();
            index.commit(Seq(1)).unwrap();
        }
        let hits = hits(&index, &query, &FacetQuery::default(), 100);
        let expected = textbook(&texts, &query);
        prop_assert_eq!(hits.len(), expected.iter().filter(|score| **score > 0.0).count());
        prop_assert!(hits.is_sorted_by(|a, b| a.score > b.score || a.score == b.score && a.chunk < b.chunk));
        let chunks: Vec<ChunkId> = hits.iter().map(|hit| hit.chunk).collect();
        let explanations = index.explain(&KeywordQuery::plain(&query), &FacetQuery::default(), &chunks).unwrap();
        for ((rank, hit), explained) in (1..).zip(hits).zip(explanations.into_iter().flatten()) {
            prop_assert_eq!((explained.rank, explained.score.to_bits()), (Some(rank), hit.score.to_bits()));
            prop_assert!((f64::from(hit.score - explained.boost) - expected[hit.chunk.0 as usize]).abs() < 1e-4);
        }
    }

    #[test]
    fn any_query_is_answered(query in ".*") {
        let folder = tempfile::tempdir().unwrap();
        let index = filled(folder.path(), vec![entry(1, 1, &[], "alpha")]);
        prop_assert!(hits(&index, &query, &FacetQuery::default(), 3).len() <= 1);
    }
}

#[test]
fn the_first_deletion_after_a_start_outlives_the_merge_that_it_meets() {
    let folder = tempfile::tempdir().unwrap();
    let before = open(folder.path()).unwrap();
    before.leave_unmerged();
    before.apply(upserts((1..=10).map(|chunk| entry(chunk, chunk, &[], "otter")).collect())).unwrap();
    before.commit(Seq(1)).unwrap();
    // A larger segment without deletions beside one that is due for a merge because of its many.
    before
        .apply(upserts((1..=20).filter(|n| *n < 7 || *n > 10).map(|n| entry(100 + n, n, &[], "otter")).collect()))
        .unwrap();
    before.commit(Seq(2)).unwrap();
    drop(before);

    let index = open(folder.path()).unwrap();
    let deletes = vec![document(7)];
    index.apply(KeywordBatch { upserts: upserts(vec![entry(200, 50, &[], "tower")]).upserts, deletes }).unwrap();
    index.commit(Seq(3)).unwrap();
    assert_eq!(index.chunks_of(document(7)).unwrap(), []);
    index.let_merges_end();
    assert_eq!(index.chunks_of(document(7)).unwrap(), [], "a merge brought it back");
}
