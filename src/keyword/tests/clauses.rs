//! Phrases, excluded words and words of the title, and what a search says of itself.

use super::super::{ChunkExplanation, KeywordAnswer};
use super::*;
use crate::types::TextField;

fn texts(folder: &Path, texts: &[&str]) -> KeywordIndex {
    filled(folder, (1..).zip(texts).map(|(chunk, text)| entry(chunk, chunk, &["c:a"], text)).collect())
}

fn query(text: &str, phrases: &[&str], excluded: &[&str], titles: &[&str]) -> KeywordQuery {
    let owned = |clauses: &[&str]| clauses.iter().map(|clause| (*clause).to_owned()).collect();
    KeywordQuery { text: text.to_owned(), phrases: owned(phrases), excluded: owned(excluded), titles: owned(titles) }
}

fn answer(index: &KeywordIndex, query: &KeywordQuery) -> KeywordAnswer {
    index.search(query, &FacetQuery::default(), 10).unwrap()
}

fn chunks(index: &KeywordIndex, query: &KeywordQuery) -> BTreeSet<u64> {
    answer(index, query).hits.into_iter().map(|hit| hit.chunk.0).collect()
}

fn explained(index: &KeywordIndex, query: &KeywordQuery, filter: &FacetQuery, chunk: u64) -> Option<ChunkExplanation> {
    index.explain(query, filter, &[ChunkId(chunk)]).unwrap().remove(0)
}

#[test]
fn the_words_of_a_phrase_stand_next_to_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let index = texts(
        folder.path(),
        &[
            "running nodes are registered",
            "nodes are running",
            "the node that runs",
            "max_retry_count",
            "maxRetryCount",
        ],
    );
    let phrase = |text| chunks(&index, &query("", &[text], &[], &[]));
    assert_eq!(phrase("running node"), BTreeSet::from([1]));
    assert_eq!(phrase("are running"), BTreeSet::from([2]));
    assert_eq!(phrase("retry count"), BTreeSet::from([4, 5]));
    assert_eq!(phrase("MaxRetryCount"), BTreeSet::from([4, 5]));
    assert_eq!(phrase("count retry"), BTreeSet::new());
    assert_eq!(phrase("nodes"), BTreeSet::from([1, 2, 3]));
    // A phrase without terms asks for nothing, and nothing is found by it.
    assert_eq!(phrase("?!"), BTreeSet::new());
    assert_eq!(chunks(&index, &query("nodes", &["?!"], &[], &[])), BTreeSet::from([1, 2, 3]));
}

#[test]
fn a_phrase_of_characters_matches_inside_a_run_and_over_spaces() {
    let folder = tempfile::tempdir().unwrap();
    let index = texts(
        folder.path(),
        &["남산탑은 높다", "산에서 남쪽을 본다", "서울 타워 위에 섰다", "서울타워", "쿠버네티스 API를"],
    );
    let phrase = |text| chunks(&index, &query("", &[text], &[], &[]));
    assert_eq!(phrase("남산"), BTreeSet::from([1]));
    assert_eq!(phrase("산탑"), BTreeSet::from([1]));
    assert_eq!(phrase("탑"), BTreeSet::from([1]));
    assert_eq!(phrase("서울 타워"), BTreeSet::from([3, 4]));
    assert_eq!(phrase("서울타워"), BTreeSet::from([4]));
    assert_eq!(phrase("타워 위"), BTreeSet::from([3]));
    assert_eq!(phrase("쿠버네티스 api"), BTreeSet::from([5]));
    assert_eq!(phrase("타워 서울"), BTreeSet::new());
}

#[test]
fn excluded_words_and_phrases_keep_chunks_out() {
    let folder = tempfile::tempdir().unwrap();
    let index = texts(folder.path(), &["node pool", "pool of nodes", "node pools elsewhere", "풀 node"]);
    assert_eq!(chunks(&index, &query("node", &[], &["pools"], &[])), BTreeSet::from([4]));
    assert_eq!(chunks(&index, &query("node", &[], &["node pool"], &[])), BTreeSet::from([2, 4]));
    assert_eq!(chunks(&index, &query("node", &[], &["풀", "elsewhere"], &[])), BTreeSet::from([1, 2]));
    assert_eq!(chunks(&index, &query("", &[], &["node"], &[])), BTreeSet::new());
    assert_eq!(chunks(&index, &query("node", &["node"], &["node"], &[])), BTreeSet::new());
}

#[test]
fn words_of_the_title_have_to_be_there_and_phrases_stay_in_their_heading() {
    let folder = tempfile::tempdir().unwrap();
    let mut entries: Vec<_> = (1..=3).map(|chunk| entry(chunk, chunk, &[], "turbine words")).collect();
    entries[0].title = "Turbine guide".to_owned();
    entries[1].heading_path = vec!["Turbine".to_owned(), "guide".to_owned()];
    let index = filled(folder.path(), entries);
    assert_eq!(chunks(&index, &query("", &[], &[], &["guides"])), BTreeSet::from([1]));
    assert_eq!(chunks(&index, &query("words", &[], &[], &["turbine"])), BTreeSet::from([1]));
    assert_eq!(chunks(&index, &query("", &["turbine guide"], &[], &[])), BTreeSet::from([1]));
    assert_eq!(chunks(&index, &query("", &["turbine"], &[], &[])), BTreeSet::from([1, 2, 3]));
}

#[test]
fn an_answer_says_how_rare_its_terms_are_and_how_much_can_be_reached() {
    let folder = tempfile::tempdir().unwrap();
    let index = texts(folder.path(), &["alpha beta", "alpha", &"beta ".repeat(30_000)]);
    let found = answer(&index, &KeywordQuery::plain("What Alpha gamma betas"));
    let terms: Vec<_> = found.terms.iter().map(|term| (term.term.as_str(), term.chunks, term.is_stop_word)).collect();
    assert_eq!(terms, [("What", 0, true), ("Alpha", 2, false), ("gamma", 0, false), ("betas", 2, false)]);
    let idf = |chunks: f32| (1.0 + (3.0 - chunks + 0.5) / (chunks + 0.5)).ln();
    assert!(found.terms.iter().all(|term| (term.idf - idf(term.chunks as f32)).abs() < 1e-5));
    assert!((found.score_bound - 2.0 * 2.2 * idf(2.0)).abs() < 1e-4);
    assert!(found.hits.iter().all(|hit| hit.score < found.score_bound));
    let one = answer(&index, &KeywordQuery::plain("beta"));
    assert!(one.hits.len() == 2 && one.hits[0].score < one.score_bound);
}

#[test]
fn an_explanation_says_rank_terms_and_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let mut entries =
        vec![entry(1, 1, &["c:a"], "alpha beta beta"), entry(2, 2, &["c:b"], "alpha"), entry(3, 3, &[], "x")];
    entries[1].title = "beta".to_owned();
    let index = filled(folder.path(), entries);
    let asked = query("alpha gamma", &["beta"], &[], &[]);
    let all = FacetQuery::default();
    let hits = answer(&index, &asked).hits;
    for (rank, hit) in (1..).zip(&hits) {
        let explanation = explained(&index, &asked, &all, hit.chunk.0).unwrap();
        assert_eq!((explanation.rank, explanation.score.to_bits()), (Some(rank), hit.score.to_bits()));
        let sum: f32 = explanation.matched.iter().map(|term| term.score).sum();
        assert!((sum + explanation.boost - hit.score).abs() < 1e-4);
        assert_eq!(explanation.missing, ["gamma"]);
    }
    let first = explained(&index, &asked, &all, 1).unwrap();
    let matched: Vec<_> = first.matched.iter().map(|term| (term.term.as_str(), term.field, term.frequency)).collect();
    assert_eq!(matched, [("alpha", TextField::Body, 1), ("beta", TextField::Body, 2)]);
    let second = explained(&index, &asked, &all, 2).unwrap();
    assert!(second.matched.iter().any(|term| term.field == TextField::Title && term.term == "beta"));
    let third = explained(&index, &asked, &all, 3).unwrap();
    assert_eq!((third.rank, third.score, third.rejected_by.as_deref()), (None, 0.0, Some("\"beta\"")));
    assert_eq!(third.missing, ["alpha", "gamma", "beta"]);
    assert_eq!(explained(&index, &asked, &all, 99), None);
}

#[test]
fn an_explanation_names_the_filter_or_the_clause_that_keeps_a_chunk_out() {
    let folder = tempfile::tempdir().unwrap();
    let index = texts(folder.path(), &["alpha beta", "alpha"]);
    let none = FacetQuery { groups: vec![vec!["c:other".to_owned()]] };
    let filtered = explained(&index, &KeywordQuery::plain("alpha"), &none, 1).unwrap();
    assert!(!filtered.passes_filter && filtered.rank.is_none() && filtered.score > 0.0);
    let excluded = explained(&index, &query("alpha", &[], &["beta"], &[]), &FacetQuery::default(), 1).unwrap();
    assert_eq!((excluded.rank, excluded.rejected_by.as_deref()), (None, Some("-\"beta\"")));
    let untitled = explained(&index, &query("alpha", &[], &[], &["beta"]), &FacetQuery::default(), 1).unwrap();
    assert_eq!(untitled.rejected_by.as_deref(), Some("title:\"beta\""));
}

#[test]
fn words_that_are_neighbours_in_the_question_stand_higher_as_neighbours() {
    let folder = tempfile::tempdir().unwrap();
    let index = texts(folder.path(), &["hall drummer modern", "modern drummer hall", "other words here"]);
    let asked = KeywordQuery::plain("which modern drummer hall");
    let hits = answer(&index, &asked).hits;
    assert_eq!(hits.iter().map(|hit| hit.chunk.0).collect::<Vec<_>>(), [2, 1]);
    let boosts = [2, 1].map(|chunk| explained(&index, &asked, &FacetQuery::default(), chunk).unwrap().boost);
    let idf = (1.0 + (3.0 - 2.0 + 0.5) / (2.0 + 0.5_f32)).ln();
    assert!((boosts[0] - 2.0 * 0.3 * idf).abs() < 1e-5 && boosts[1] == 0.0);
}

#[test]
fn clauses_of_any_size_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let index = texts(folder.path(), &["alpha beta", "남산탑"]);
    let long = "alpha beta ".repeat(10_000);
    let many: Vec<&str> = vec!["alpha"; 1000];
    assert!(chunks(&index, &query("alpha", &[&long], &[], &[])).is_empty());
    assert_eq!(chunks(&index, &query("", &many, &[], &[])), BTreeSet::from([1]));
    assert_eq!(chunks(&index, &query("alpha", &[], &[&long, "\u{0}\u{7f}"], &[])), BTreeSet::from([1]));
    let all = FacetQuery::default();
    let nothing = index.search(&KeywordQuery::plain("alpha"), &all, 0).unwrap();
    assert!(nothing.hits.is_empty() && nothing.terms.len() == 1);
    assert_eq!(index.search(&KeywordQuery::plain("alpha 탑"), &all, 10_000).unwrap().hits.len(), 2);
    assert!(index.explain(&KeywordQuery::default(), &all, &[]).unwrap().is_empty());
}

/// Whether `words` stand one after the other in `text`, with a space between them or none.
fn says(text: &str, words: &[String]) -> bool {
    let begins = |rest: &str| {
        let step = |left, word: &String| str::strip_prefix(left, word.as_str()).map(str::trim_start);
        words.iter().try_fold(rest, step).is_some()
    };
    text.char_indices().any(|(at, _)| begins(&text[at..]))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_phrase_finds_the_texts_that_say_it(
        texts in prop::collection::vec(prop::collection::vec("[a-d]|[가나]{1,3}", 1..12), 1..8),
        words in prop::collection::vec("[a-d]|[가나]{1,3}", 1..4),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let index = filled(folder.path(), (0..).zip(&texts).map(|(chunk, text)| entry(chunk, chunk, &[], &text.join(" "))).collect());
        let expected: BTreeSet<u64> =
            (0..).zip(&texts).filter(|(_, text)| says(&text.join(" "), &words)).map(|(chunk, _)| chunk).collect();
        prop_assert_eq!(chunks(&index, &query("", &[&words.join(" ")], &[], &[])), expected.clone());
        let others: BTreeSet<u64> = chunks(&index, &query("a b c d 가 나", &[], &[&words.join(" ")], &[]));
        prop_assert!(others.is_disjoint(&expected) && others.len() + expected.len() == texts.len());
    }

    #[test]
    fn any_clauses_are_answered(text in ".*", phrase in ".*", excluded in ".*", title in ".*") {
        let folder = tempfile::tempdir().unwrap();
        let index = texts(folder.path(), &["alpha", "남산탑 beta"]);
        let asked = query(&text, &[&phrase], &[&excluded], &[&title]);
        prop_assert!(answer(&index, &asked).hits.len() <= 2);
        prop_assert!(explained(&index, &asked, &FacetQuery::default(), 1).is_some());
    }
}
