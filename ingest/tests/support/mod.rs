//! What the tests share: a token counter, and a writer of small PDF files.

#![allow(dead_code, reason = "each test binary uses a part")]

use ibid_ingest::{Chunk, Document, TokenCounter};

/// Counts a token for each CJK character, each mark, and each five letters of a word.
pub(crate) struct Words;

impl TokenCounter for Words {
    fn count(&self, text: &str) -> usize {
        let mut tokens = 0;
        let mut letters = 0;
        for c in text.chars() {
            if c.is_ascii_alphanumeric() {
                tokens += usize::from(letters % 5 == 0);
                letters += 1;
            } else {
                letters = 0;
                tokens += usize::from(!c.is_whitespace());
            }
        }
        tokens
    }
}

/// Asserts what holds for the chunks of every document.
pub(crate) fn assert_sound(document: &Document, chunks: &[Chunk]) {
    let text = &document.text;
    let mut covered = document.body.start;
    for chunk in chunks {
        assert!(document.body.contains(chunk.span), "{:?} lies in the body", chunk.span);
        let words = chunk.span.get(text).expect("a span lies on character boundaries");
        assert!(!words.trim().is_empty(), "a chunk says something");
        assert!(covered <= chunk.span.start, "{:?} begins after {covered}", chunk.span);
        let gap = &text[covered..chunk.span.start];
        assert!(gap.trim().is_empty(), "nothing visible is lost, but {gap:?} is");
        covered = chunk.span.end;
    }
    let rest = &text[covered..document.body.end];
    assert!(rest.trim().is_empty(), "nothing visible is lost, but {rest:?} is");
    for page in &document.pages {
        assert!(page.span.get(text).is_some(), "page {} lies on character boundaries", page.number);
    }
    for heading in &document.headings {
        assert!(heading.span.get(text).is_some(), "{:?} lies on character boundaries", heading.title);
    }
}

/// Writes a PDF file whose objects are numbered from 1, of which the first is the catalog.
pub(crate) fn pdf(objects: &[String]) -> Vec<u8> {
    let mut file = "%PDF-1.4\n".to_owned();
    let mut offsets = Vec::new();
    for (number, object) in (1..).zip(objects) {
        offsets.push(file.len());
        file.push_str(&format!("{number} 0 obj\n{object}\nendobj\n"));
    }
    let table = file.len();
    file.push_str(&format!("xref\n0 {}\n0000000000 65535 f \n", offsets.len() + 1));
    for offset in &offsets {
        file.push_str(&format!("{offset:010} 00000 n \n"));
    }
    file.push_str(&format!("trailer\n<</Size {}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF\n", offsets.len() + 1));
    file.into_bytes()
}

/// The object of a content stream.
pub(crate) fn stream(content: &str) -> String {
    format!("<</Length {}>>\nstream\n{content}\nendstream", content.len())
}

/// A PDF with one page for each content stream, and Helvetica as `/F`.
pub(crate) fn pdf_of_contents(contents: &[&str]) -> Vec<u8> {
    let font = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned();
    let kids: Vec<String> = (0..contents.len()).map(|index| format!("{} 0 R", 4 + 2 * index)).collect();
    let mut objects = vec![
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        format!("<</Type/Pages/Kids[{}]/Count {}>>", kids.join(" "), kids.len()),
        font,
    ];
    for (index, content) in contents.iter().enumerate() {
        objects.push(format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F 3 0 R>>>>/Contents {} 0 R>>",
            5 + 2 * index
        ));
        objects.push(stream(content));
    }
    pdf(&objects)
}

/// A content stream of lines of text, 14 points apart.
pub(crate) fn lines(words: &[&str]) -> String {
    let shown = words.iter().map(|words| format!("({words}) Tj 0 -14 Td "));
    format!("BT /F 12 Tf 72 700 Td {}ET", shown.collect::<String>())
}
