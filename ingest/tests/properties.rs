//! Property tests chunk generated text in many scripts and check what holds for every text.

mod support;

use std::collections::BTreeSet;

use ibid_ingest::{Chunk, ChunkOptions, Document, ExtractOptions, TokenCounter, chunk, extract};
use proptest::prelude::*;
use support::{Words, assert_sound};
use unicode_segmentation::UnicodeSegmentation;

/// Names of files of every format.
const NAMES: [&str; 16] = [
    "a.md", "a.txt", "a.html", "a.pdf", "a", "a.eml", "a.mbox", "a.ipynb", "a.csv", "a.tsv", "a.json", "a.jsonl",
    "a.srt", "a.vtt", "a.zip", "a.tar",
];

/// Names of files whose text stays as it is, or nearly so.
const TEXT_NAMES: [&str; 10] =
    ["a.md", "a.txt", "a.rs", "a.csv", "a.tsv", "a.json", "a.jsonl", "a.srt", "a.eml", "a.mbox"];

/// Counts characters, which makes clusters of several characters weigh.
struct Characters;

impl TokenCounter for Characters {
    fn count(&self, text: &str) -> usize {
        text.chars().count()
    }
}

/// Counts words and adds two to every count, as tokenizers with special tokens do.
struct WithSpecials;

impl TokenCounter for WithSpecials {
    fn count(&self, text: &str) -> usize {
        2 + text.split_whitespace().count()
    }
}

fn word() -> impl Strategy<Value = String> {
    let fixed = [
        "한강은",
        "대한민국의",
        "北京",
        "東京都",
        "👨\u{200D}👩\u{200D}👧\u{200D}👦",
        "🇰🇷🇰🇷🇯🇵",
        "e\u{301}\u{323}a\u{308}",
        "नमस्ते",
        "क्षि",
        "ไทยภาษา",
        "👍🏽",
        "\u{1112}\u{1161}\u{11AB}",
        "한\u{11A8}",
        "ﬁne",
        "\u{600}123",
        " \u{301}x",
        "\u{200D}",
        "مرحبا",
    ];
    prop_oneof![
        4 => "[a-zA-Z]{1,12}",
        2 => "[가-힣]{1,6}",
        2 => "[一-龥]{1,8}",
        3 => proptest::sample::select(fixed.to_vec()).prop_map(str::to_owned),
        1 => "[0-9]{1,4}[.,:]",
    ]
}

fn sentence() -> impl Strategy<Value = String> {
    (prop::collection::vec(word(), 1..40), prop_oneof![Just(" "), Just(""), Just("  ")])
        .prop_map(|(words, between)| format!("{}.", words.join(between)))
}

fn block() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => sentence(),
        2 => (1usize..5, word()).prop_map(|(level, title)| format!("{} {title}", "#".repeat(level))),
        1 => prop::collection::vec(sentence(), 1..5).prop_map(|items| items.iter().map(|item| format!("- {item}\n")).collect()),
        1 => prop::collection::vec((word(), word()), 1..6).prop_map(|rows| {
            let rows = rows.iter().map(|(a, b)| format!("| {a} | {b} |\n"));
            format!("| a | b |\n| --- | --- |\n{}", rows.collect::<String>())
        }),
        1 => prop::collection::vec(word(), 1..30).prop_map(|words| format!("```\n{}\n```", words.join("\n"))),
    ]
}

fn text() -> impl Strategy<Value = String> {
    let separator = prop_oneof![4 => Just("\n\n"), 1 => Just("\n"), 1 => Just(" \r\n\r\n")];
    prop::collection::vec((block(), separator), 1..12)
        .prop_map(|blocks| blocks.into_iter().map(|(block, end)| block + end).collect())
}

fn boundaries(text: &str) -> BTreeSet<usize> {
    text.grapheme_indices(true).map(|(at, _)| at).chain([text.len()]).collect()
}

fn check(document: &Document, chunks: &[Chunk], tokens_max: usize, counter: &dyn TokenCounter) {
    assert_sound(document, chunks);
    let boundaries = boundaries(&document.text);
    for chunk in chunks {
        assert!(boundaries.contains(&chunk.span.start), "{:?} begins a cluster", chunk.span);
        assert!(boundaries.contains(&chunk.span.end), "{:?} ends a cluster", chunk.span);
        let words = chunk.span.slice(&document.text);
        let single = words.graphemes(true).count() == 1;
        assert!(single || counter.count(words) <= tokens_max, "{} tokens in {words:?}", counter.count(words));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn extracted_text_chunks_soundly(text in text(), name in proptest::sample::select(TEXT_NAMES.to_vec()), tokens_max in 3usize..80) {
        if let Ok(document) = extract(name, text.as_bytes(), &ExtractOptions::default()) {
            let counters: [&dyn TokenCounter; 3] = [&Words, &Characters, &WithSpecials];
            for counter in counters {
                let chunks = chunk(&document, &ChunkOptions { tokens_max, overlap_tokens: 0 }, counter);
                check(&document, &chunks, tokens_max, counter);
            }
        }
    }

    #[test]
    fn uncleaned_text_chunks_soundly(text in text(), tokens_max in 1usize..40) {
        // A document may come from elsewhere, with text that no reader here has cleaned.
        let mut document = extract("a.md", b"x", &ExtractOptions::default()).expect("a letter is a document");
        document.body.end = text.len();
        document.text = text;
        let chunks = chunk(&document, &ChunkOptions { tokens_max, overlap_tokens: 0 }, &Characters);
        check(&document, &chunks, tokens_max, &Characters);
    }

    #[test]
    fn no_chunk_crosses_a_heading_between_large_sections(paragraphs in prop::collection::vec("[a-z]{3,9}( [a-z]{3,9}){30,60}", 2..6)) {
        let text: String = paragraphs.iter().map(|words| format!("## {}\n\n{words}.\n\n", &words[..3])).collect();
        let document = extract("a.md", text.as_bytes(), &ExtractOptions::default()).expect("words are a document");
        let chunks = chunk(&document, &ChunkOptions { tokens_max: 40, overlap_tokens: 0 }, &Words);
        for heading in &document.headings {
            assert!(chunks.iter().any(|chunk| chunk.span.start == heading.span.start), "{:?} begins a chunk", heading.title);
        }
    }

    #[test]
    fn overlap_keeps_order_size_and_coverage(text in text(), overlap_tokens in 1usize..12) {
        if let Ok(document) = extract("a.md", text.as_bytes(), &ExtractOptions::default()) {
            let chunks = chunk(&document, &ChunkOptions { tokens_max: 40, overlap_tokens }, &Words);
            let boundaries = boundaries(&document.text);
            let mut covered = document.body.start;
            for pair in chunks.windows(2) {
                assert!(pair[0].span.start < pair[1].span.start && pair[0].span.end < pair[1].span.end);
            }
            for chunk in &chunks {
                assert!(chunk.span.start <= covered || document.text[covered..chunk.span.start].trim().is_empty());
                covered = chunk.span.end;
                let words = chunk.span.slice(&document.text);
                assert!(Words.count(words) <= 40 || words.graphemes(true).count() == 1);
                assert!(boundaries.contains(&chunk.span.start));
            }
        }
    }

    #[test]
    fn no_bytes_make_extraction_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), name in proptest::sample::select(NAMES.to_vec())) {
        let _ = extract(name, &bytes, &ExtractOptions::default()).map(|document| chunk(&document, &ChunkOptions::default(), &Words));
    }

    #[test]
    fn no_damage_makes_a_pdf_panic(at in 0usize..600, byte in any::<u8>(), cut in 0usize..600) {
        let mut file = support::pdf_of_contents(&[&support::lines(&["some words"]), &support::lines(&["more words"])]);
        let at = at % file.len();
        file[at] = byte;
        file.truncate(file.len() - cut.min(file.len() / 2));
        let _ = extract("a.pdf", &file, &ExtractOptions::default());
    }
}
