//! From the markers in an answer to the sentences that they stand for.

use std::collections::{BTreeMap, BTreeSet};

use ibid_ingest::Span;

use crate::analysis;
use crate::types::{Citation, CitedText, Hit, Location, Utf16Offset};

/// A passage that an answer may cite: number n is the n-th hit.
#[derive(Debug, Clone, Copy)]
pub struct CitedSource<'a> {
    /// The passages in the order of their numbers, from 1.
    pub passages: &'a [Hit],
}

/// Share of an answer sentence's words that a source sentence must hold to be taken as the place that is meant.
const SENTENCE_OVERLAP: f32 = 0.3;
/// Longest marker, `[123]`; whatever is longer is text.
const MARKER_BYTES_MAX: usize = 5;

/// Keeps markers whole and honest while an answer streams: `[n]` passes when passage n exists, other numbers in brackets
/// are dropped, `[1, 2]` becomes `[1][2]`, and a bracket at the end of a piece waits for the next one.
#[derive(Debug, Default)]
pub struct MarkerFilter {
    passages: usize,
    held: String,
    dropped: usize,
}

impl MarkerFilter {
    /// A filter for an answer from this many passages.
    pub fn new(passages: usize) -> Self {
        Self { passages, held: String::new(), dropped: 0 }
    }

    /// How many markers pointed nowhere and were dropped.
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// What may be shown after the next piece.
    pub fn push(&mut self, piece: &str) -> String {
        let mut shown = String::with_capacity(piece.len());
        for character in piece.chars() {
            if self.held.is_empty() && character != '[' {
                shown.push(character);
                continue;
            }
            if character == '[' {
                shown.push_str(&std::mem::take(&mut self.held));
            }
            self.held.push(character);
            if character == ']' {
                let held = std::mem::take(&mut self.held);
                shown.push_str(&self.resolved(&held));
            } else if !could_be_marker(&self.held) {
                shown.push_str(&std::mem::take(&mut self.held));
            }
        }
        shown
    }

    /// What is left at the end.
    pub fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    fn resolved(&mut self, bracket: &str) -> String {
        let Some(numbers) = marker_numbers(bracket) else { return bracket.to_owned() };
        let known: Vec<_> = numbers.iter().filter(|n| (1..=self.passages).contains(*n)).collect();
        self.dropped += numbers.len() - known.len();
        known.iter().map(|n| format!("[{n}]")).collect()
    }
}

fn could_be_marker(held: &str) -> bool {
    let list_bytes_max = MARKER_BYTES_MAX * 8;
    held.len() <= list_bytes_max && held.chars().skip(1).all(|c| c.is_ascii_digit() || matches!(c, ',' | ' '))
}

/// The numbers in `[1]` or `[1, 2]`; `None` for any other bracket.
fn marker_numbers(bracket: &str) -> Option<Vec<usize>> {
    let inner = bracket.strip_prefix('[')?.strip_suffix(']')?;
    inner.split(',').map(|number| number.trim().parse().ok()).collect()
}

/// Every marker in a text: its number and its bytes.
fn markers(text: &str) -> Vec<(usize, Span)> {
    let mut found = Vec::new();
    for (start, _) in text.match_indices('[') {
        let Some(length) = text[start..].find(']').filter(|length| *length < MARKER_BYTES_MAX) else { continue };
        let span = Span { start, end: start + length + 1 };
        if let Ok(n) = text[start + 1..start + length].parse() {
            found.push((n, span));
        }
    }
    found
}

/// The citations of an answer, in the order in which its markers first appear. A marker without a passage gives none.
pub fn cite(answer: &str, sources: CitedSource<'_>) -> Vec<Citation> {
    let markers = markers(answer);
    let mut cited = BTreeSet::new();
    let mut citations = Vec::new();
    for (place, (n, marker)) in markers.iter().enumerate() {
        let Some(hit) = n.checked_sub(1).and_then(|at| sources.passages.get(at)) else { continue };
        if !cited.insert(*n) {
            continue;
        }
        let sentence = sentence_before(answer, &markers[..place], *marker);
        let quote = supporting_span(&answer[sentence.start..sentence.end], &hit.text);
        citations.push(citation(*n, hit, quote, &Place { answer, sentence, marker: *marker }));
    }
    citations
}

struct Place<'a> {
    answer: &'a str,
    sentence: Span,
    marker: Span,
}

fn citation(n: usize, hit: &Hit, quote: Span, place: &Place<'_>) -> Citation {
    let (start, end) = (hit.span.start + quote.start, hit.span.start + quote.end);
    let units = |byte: usize| Utf16Offset::len_of(&place.answer[..byte]);
    Citation {
        n,
        id: hit.chunk_id,
        document_id: hit.document_id,
        collection: hit.collection.clone(),
        title: hit.title.clone(),
        source: hit.uri.clone(),
        url: format!("/v1/documents/{}/text?start={start}&end={end}", hit.document_id),
        source_content: vec![CitedText { text: hit.text[quote.start..quote.end].to_owned() }],
        location: Location {
            kind: "span".to_owned(),
            unit: "bytes".to_owned(),
            start,
            end,
            page_first: hit.page_first,
            page_last: hit.page_last,
            place: hit.location.clone(),
            heading_path: hit.heading_path.clone(),
        },
        start: units(place.sentence.start),
        end: units(place.sentence.end),
        text_offset: units(place.marker.start),
        score: hit.score,
    }
}

/// The sentence that a marker closes: back to the end of the sentence before, over markers that share the sentence.
fn sentence_before(answer: &str, earlier: &[(usize, Span)], marker: Span) -> Span {
    let mut end = marker.start;
    for (_, other) in earlier.iter().rev() {
        if answer[other.end..end].trim().is_empty() {
            end = other.start;
        }
    }
    let floor = earlier.iter().map(|(_, other)| other.end).filter(|at| *at <= end).max().unwrap_or(0);
    let before = &answer[floor..end];
    let trimmed_end = floor + before.trim_end().len();
    // A quotation is one unit, however many sentences it holds.
    if before.trim_end().ends_with('”')
        && let Some(open) = before.rfind('“')
    {
        return Span { start: floor + open, end: trimmed_end };
    }
    let last = analysis::sentences(before).into_iter().rfind(|span| !before[span.start..span.end].trim().is_empty());
    last.map_or(Span { start: trimmed_end, end: trimmed_end }, |span| Span {
        start: floor + span.start,
        end: floor + span.end,
    })
}

/// Where in `passage` the support of `sentence` stands: the quoted words themselves, else the sentence that shares most
/// words with it, else the whole passage.
fn supporting_span(sentence: &str, passage: &str) -> Span {
    let quoted = sentence.trim().trim_start_matches(['“', '"']).trim_end_matches(['”', '"']);
    if !quoted.is_empty()
        && let Some(start) = passage.find(quoted)
    {
        return Span { start, end: start + quoted.len() };
    }
    let asked = weights(sentence);
    let total: f32 = asked.values().sum();
    let share = |span: &Span| {
        let held: BTreeSet<String> = terms(&passage[span.start..span.end]);
        asked.iter().filter(|(term, _)| held.contains(*term)).map(|(_, weight)| weight).sum::<f32>() / total.max(1.0)
    };
    let best = analysis::sentences(passage).into_iter().map(|span| (share(&span), span));
    let best = best.fold(None, |best: Option<(f32, Span)>, next| match best {
        Some(held) if held.0 >= next.0 => Some(held),
        _ => Some(next),
    });
    match best {
        Some((overlap, span)) if overlap >= SENTENCE_OVERLAP => span,
        _ => Span { start: 0, end: passage.len() },
    }
}

fn terms(text: &str) -> BTreeSet<String> {
    analysis::tokens(text, None).into_iter().map(|token| token.term).collect()
}

fn weights(sentence: &str) -> BTreeMap<String, f32> {
    terms(sentence).into_iter().filter(|term| !analysis::is_stop_word(term)).map(|term| (term, 1.0)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::{ChunkId, CollectionName, DocumentId};

    fn hit(n: u64, text: &str) -> Hit {
        Hit {
            chunk_id: ChunkId(n),
            document_id: DocumentId::of(&CollectionName::default_name(), "a.md"),
            collection: CollectionName::default_name(),
            uri: "a.md".to_owned(),
            title: "A".to_owned(),
            media_type: "text/markdown".to_owned(),
            heading_path: Vec::new(),
            location: None,
            kind: None,
            header: None,
            page_first: None,
            page_last: None,
            span: Span { start: 100, end: 100 + text.len() },
            text: text.to_owned(),
            highlights: Vec::new(),
            merged_chunk_ids: Vec::new(),
            section: None,
            score: 1.0,
            legs: None,
            matched_terms: None,
        }
    }

    #[test]
    fn a_marker_opens_the_sentence_that_supports_it() {
        let passages =
            [hit(1, "The sea is blue. The tower is 236 metres tall. It rains."), hit(2, "탑은 높다. 바다는 푸르다.")];
        let answer = "😀 The tower stands 236 metres tall [1]. “바다는 푸르다.” [2]";
        let citations = cite(answer, CitedSource { passages: &passages });
        let quotes: Vec<_> = citations.iter().map(|c| c.source_content[0].text.as_str()).collect();
        assert_eq!(quotes, ["The tower is 236 metres tall.", "바다는 푸르다."]);
        assert_eq!(citations[0].location.start, 117);
        let units: Vec<u16> = answer.encode_utf16().collect();
        let marker = citations[1].text_offset.0;
        assert_eq!(String::from_utf16(&units[marker..marker + 3]).unwrap(), "[2]");
    }

    #[test]
    fn markers_of_passages_that_do_not_exist_are_dropped() {
        let mut filter = MarkerFilter::new(2);
        let shown =
            ["see [", "1", "] and [9] and [1, 2,7] but [a] and [", "x"].map(|piece| filter.push(piece)).concat();
        assert_eq!(shown + &filter.finish(), "see [1] and  and [1][2] but [a] and [x");
        assert_eq!(filter.dropped(), 2);
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(text in "[a-c\\[\\]0-9, 가]{0,60}", cut in 0_usize..60) {
            let whole = { let mut f = MarkerFilter::new(3); f.push(&text) + &f.finish() };
            let cut = text.char_indices().map(|(at, _)| at).nth(cut).unwrap_or(text.len());
            let mut f = MarkerFilter::new(3);
            let parts = f.push(&text[..cut]) + &f.push(&text[cut..]) + &f.finish();
            prop_assert_eq!(&whole, &parts);
            let sources = [hit(1, "a b c"), hit(2, "가 나"), hit(3, "c")];
            for citation in cite(&whole, CitedSource { passages: &sources }) {
                let marker = format!("[{}]", citation.n);
                prop_assert!(whole.contains(&marker));
            }
        }
    }
}
