//! Property tests chunk generated text in many scripts and check what holds for every text.

mod support;

use std::collections::BTreeSet;

use ibid_ingest::{
    Block, Chunk, ChunkKind, ChunkOptions, Document, ExtractOptions, Heading, MediaType, Place, Position, Span,
    TokenCounter, chunk, extract,
};
use proptest::prelude::*;
use support::{Words, assert_sound};
use unicode_segmentation::UnicodeSegmentation;

/// Names of files of every format.
const NAMES: [&str; 25] = [
    "a.rst", "a.adoc", "a.org", "a.tex", "a.rb", "a.php", "a.rtf", "a.docx", "a.hwp", "a.md", "a.txt", "a.html",
    "a.pdf", "a", "a.eml", "a.mbox", "a.ipynb", "a.csv", "a.tsv", "a.json", "a.jsonl", "a.srt", "a.vtt", "a.zip",
    "a.tar",
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

/// Lines of code in no language: indented, with brackets, comments and blank lines.
fn code() -> impl Strategy<Value = String> {
    let shape = prop_oneof![
        4 => Just("x();"),
        2 => Just("fn a() {"),
        1 => Just("def b(self):"),
        1 => Just("class C {"),
        2 => Just("}"),
        1 => Just("# note"),
        1 => Just("/// note"),
        1 => Just("\"\"\""),
        1 => Just("if x {"),
        1 => Just("#[a]"),
        2 => Just(""),
    ];
    let line =
        (0usize..5, shape, word()).prop_map(|(depth, shape, word)| format!("{}{shape} {word}\n", "    ".repeat(depth)));
    prop::collection::vec(line, 1..60).prop_map(|lines| lines.concat())
}

/// Part of a document that its reader has marked: kind, lines, and lines of a header.
type Part = (Option<ChunkKind>, Vec<String>, usize, bool);

fn part() -> impl Strategy<Value = Part> {
    let kind = proptest::sample::select(vec![
        None,
        None,
        Some(ChunkKind::Table),
        Some(ChunkKind::Table),
        Some(ChunkKind::Code),
        Some(ChunkKind::List),
    ]);
    (kind, prop::collection::vec(sentence(), 1..12), 0usize..3, any::<bool>())
}

/// A document with headings, blocks, headers and places, as readers of sheets and slides make them.
fn marked(parts: Vec<Part>, media_type: MediaType) -> Document {
    let (mut text, mut blocks, mut places, mut headings) = (String::new(), Vec::new(), Vec::new(), Vec::new());
    for (kind, lines, header_lines, apart) in parts {
        text.push_str(if apart { "\n\n" } else { "\n" });
        let start = text.len();
        let mut header = None;
        for (index, line) in lines.iter().enumerate() {
            // A line that begins with a mark would be one character with the line end before it.
            let at = text.len() + 1;
            text.push_str(&format!("-{line}"));
            let number = u32::try_from(places.len() + 1).expect("few lines");
            places.push(Place { span: Span::new(at - 1, text.len()), position: Position::Row { number } });
            if index + 1 == header_lines {
                header = Some(Span::new(start, text.len()));
            }
            text.push('\n');
        }
        let span = Span::new(start, text.len() - 1);
        match kind {
            Some(kind) => blocks.push(Block { span, kind, header: header.filter(|_| kind == ChunkKind::Table) }),
            None if apart && lines.len() == 1 => {
                headings.push(Heading { level: 1 + (header_lines as u8), span, title: lines[0].clone() });
            }
            None => {}
        }
    }
    Document { headings, blocks, places, ..Document::of_text(media_type, text, Vec::new()) }
}

fn media_type() -> impl Strategy<Value = MediaType> {
    proptest::sample::select(vec![MediaType::Csv, MediaType::PlainText, MediaType::Docx, MediaType::Json])
}

/// What holds for the headers that parts of tables carry along.
fn check_headers(document: &Document, chunks: &[Chunk], tokens_max: usize, counter: &dyn TokenCounter) {
    for chunk in chunks {
        let Some(header) = chunk.header else { continue };
        let within = |block: &&Block| {
            block.header == Some(header) && block.span.contains(Span::new(chunk.span.start, chunk.span.start))
        };
        assert!(
            document.blocks.is_empty() || document.blocks.iter().any(|block| within(&block)),
            "{header:?} is the table's"
        );
        assert!(header.end <= chunk.span.start, "a header lies before the part that carries it");
        let words = chunk.span.slice(&document.text);
        let together = counter.count(header.slice(&document.text)) + counter.count(words);
        assert!(words.graphemes(true).count() == 1 || together <= tokens_max, "{together} tokens with the header");
    }
}

fn boundaries(text: &str) -> BTreeSet<usize> {
    text.grapheme_indices(true).map(|(at, _)| at).chain([text.len()]).collect()
}

fn check(document: &Document, chunks: &[Chunk], tokens_max: usize, counter: &dyn TokenCounter) {
    assert_sound(document, chunks);
    check_headers(document, chunks, tokens_max, counter);
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
    fn code_chunks_soundly(text in code(), name in proptest::sample::select(vec!["a.rs", "a.py", "a.kt", "a.ts", "a.go", "a.cpp", "a.rb", "a.sh"]), tokens_max in 3usize..80) {
        if let Ok(document) = extract(name, text.as_bytes(), &ExtractOptions::default()) {
            for pair in document.headings.windows(2) {
                assert!(pair[0].span.end <= pair[1].span.start, "symbols are in order");
            }
            let counters: [&dyn TokenCounter; 3] = [&Words, &Characters, &WithSpecials];
            for counter in counters {
                let chunks = chunk(&document, &ChunkOptions { tokens_max, overlap_tokens: 0 }, counter);
                check(&document, &chunks, tokens_max, counter);
                assert!(chunks.iter().all(|chunk| chunk.kind == ChunkKind::Code));
            }
        }
    }

    #[test]
    fn markup_chunks_soundly(text in text(), code in code(), name in proptest::sample::select(vec!["a.rst", "a.adoc", "a.org", "a.tex"]), tokens_max in 3usize..80) {
        let whole = format!("{text}\n::\n\n{code}\n----\n{code}----\n\\section{{{text}}}\n#+begin_src x\n{code}\n#+end_src\n{text}");
        if let Ok(document) = extract(name, whole.as_bytes(), &ExtractOptions::default()) {
            check(&document, &chunk(&document, &ChunkOptions { tokens_max, overlap_tokens: 0 }, &Words), tokens_max, &Words);
        }
    }

    #[test]
    fn marked_documents_chunk_soundly(parts in prop::collection::vec(part(), 1..8), media_type in media_type(), tokens_max in 3usize..120) {
        let document = marked(parts, media_type);
        let counters: [&dyn TokenCounter; 3] = [&Words, &Characters, &WithSpecials];
        for counter in counters {
            let chunks = chunk(&document, &ChunkOptions { tokens_max, overlap_tokens: 0 }, counter);
            check(&document, &chunks, tokens_max, counter);
        }
        let chunks = chunk(&document, &ChunkOptions { tokens_max, overlap_tokens: 0 }, &Words);
        assert!(document.body.is_empty() || chunks.iter().all(|chunk| chunk.location.is_some()));
        for block in document.blocks.iter().filter(|block| matches!(block.kind, ChunkKind::Table | ChunkKind::Code)) {
            let fits = Words.count(block.span.slice(&document.text)) <= tokens_max;
            assert!(!fits || chunks.iter().any(|chunk| chunk.span.contains(block.span)), "{block:?} fits and is whole");
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
