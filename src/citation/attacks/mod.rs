//! Ten thousand forged answers, none of which strict mode may show, and faithful ones, most of which it has to.

mod corpus;
mod exchanges;
mod faithful;
mod forger;

use std::collections::BTreeMap;

use fastrand::Rng;
use ibid_ingest::Span;

use super::{MarkerFilter, Verifier};
use crate::types::{ChunkId, CollectionName, DocumentId, Hit};
use corpus::{ENGLISH, Entry, KOREAN};
use forger::{KINDS, Scene, forge};

const ATTACKS: usize = 10_000;

pub(super) fn hit(n: u64, title: &str, text: &str) -> Hit {
    Hit {
        chunk_id: ChunkId(n),
        document_id: DocumentId::of(&CollectionName::default_name(), title),
        collection: CollectionName::default_name(),
        uri: format!("{title}.md"),
        title: title.to_owned(),
        media_type: "text/markdown".to_owned(),
        heading_path: Vec::new(),
        location: None,
        kind: None,
        header: None,
        page_first: None,
        page_last: None,
        span: Span::new(100, 100 + text.len()),
        text: text.to_owned(),
        highlights: Vec::new(),
        merged_chunk_ids: Vec::new(),
        section: None,
        score: 1.0,
        legs: None,
        matched_terms: None,
    }
}

fn hit_of(n: u64, entry: &Entry) -> Hit {
    hit(n, entry.title, &entry.sentences.join(" "))
}

/// The pieces of an answer that strict mode shows.
async fn shown(answer: &str, hits: &[Hit]) -> Vec<String> {
    let verifier = Verifier::lexical(None);
    let mut filter = MarkerFilter::new(hits.len());
    let filtered = filter.push(answer) + &filter.finish();
    let (mut before, mut shown) = (String::new(), Vec::new());
    for piece in super::segment::pieces(&filtered) {
        let released = verifier.release("run", &before, &piece, hits).await;
        before.push_str(&piece);
        if released.shown && piece.chars().any(char::is_alphanumeric) {
            shown.push(piece);
        }
    }
    shown
}

/// Whether a piece says only what a sentence of the passages says, word for word: a forgery may hold a true sentence, which may be shown
/// with its own passage.
fn is_true(piece: &str, scene: &Scene<'_>) -> bool {
    let bare: String =
        piece.split('[').next().unwrap_or_default().trim().trim_start_matches(['#', '-', '>', '*', ' ']).to_owned();
    let bare = bare.trim_end_matches('.');
    let cites = |entry: &Entry| {
        let named = |sentence: &str| sentence.strip_prefix("It ").map(|rest| format!("{} {rest}", entry.title));
        let mut sentences = entry.sentences.iter().map(|sentence| sentence.trim_end_matches('.'));
        sentences.any(|sentence| sentence == bare || named(sentence).is_some_and(|named| named == bare))
    };
    let cites_second = piece.contains("[2]");
    let cites_first = piece.contains("[1]");
    (cites(scene.cited) && !cites_second) || (cites(scene.other) && !cites_first)
}

async fn survivors(corpus: &[Entry], attacks: usize, seed: u64) -> (usize, BTreeMap<String, Vec<String>>) {
    let mut rng = Rng::with_seed(seed);
    let (mut made, mut through) = (0, BTreeMap::<String, Vec<String>>::new());
    while made < attacks {
        let cited = rng.usize(..corpus.len());
        let other = (cited + rng.usize(1..corpus.len())) % corpus.len();
        let scene = Scene { cited: &corpus[cited], other: &corpus[other] };
        let kind = KINDS[rng.usize(..KINDS.len())];
        let Some(answer) = forge(kind, &scene, &mut rng) else { continue };
        made += 1;
        let hits = [hit_of(1, scene.cited), hit_of(2, scene.other)];
        let false_pieces: Vec<String> =
            shown(&answer, &hits).await.into_iter().filter(|piece| !is_true(piece, &scene)).collect();
        if !false_pieces.is_empty() {
            through.entry(format!("{kind:?}")).or_default().push(answer);
        }
    }
    (made, through)
}

#[test]
fn no_forged_answer_is_shown_in_strict_mode() {
    let attack = |corpus: &'static [Entry], attacks: usize, seed: u64| {
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(survivors(corpus, attacks, seed))
        })
    };
    let both = [attack(ENGLISH, ATTACKS * 6 / 10, 7), attack(KOREAN, ATTACKS * 4 / 10, 11)];
    let [english, korean] = both.map(|thread| thread.join().unwrap());
    assert_eq!(english.0 + korean.0, ATTACKS);
    let shown =
        |(kind, answers): (String, Vec<String>)| (kind, answers.len(), answers.into_iter().take(8).collect::<Vec<_>>());
    let through: Vec<_> = english.1.into_iter().chain(korean.1).map(shown).collect();
    assert!(through.is_empty(), "{through:#?}");
}

#[tokio::test]
async fn faithful_sentences_are_shown() {
    let (mut passed, mut refused) = (0, Vec::new());
    for (entry, sentences) in faithful::pairs() {
        let hits = [hit_of(1, entry)];
        for sentence in sentences {
            let answer = format!("{sentence} [1]");
            if shown(&answer, &hits).await.is_empty() { refused.push(*sentence) } else { passed += 1 }
        }
    }
    let share = passed as f32 / (passed + refused.len()) as f32;
    assert!(share >= faithful::SHARE_MIN, "{share} of {}: {refused:#?}", passed + refused.len());
}
