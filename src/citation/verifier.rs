//! From the markers of a sentence to quotes with verdicts.

use std::collections::BTreeMap;
use std::sync::Arc;

use ibid_ingest::Span;

use super::claims::is_claim;
use super::judge::{Claim, Judge, Judgement, Source};
use super::lexical::{LexicalJudge, weigh};
use super::markers::{Marker, markers};
use super::segment::pieces;
use crate::analysis;
use crate::models::Embedder;
use crate::types::{Citation, CitationId, CitedText, Hit, Location, ReasonCode, Utf16Offset, Verdict};

/// Passages that one group of markers may cite; more than these support nothing in particular.
const GROUP_MAX: usize = 8;
/// Sentences of a passage that are embedded to find a quote; a passage has about ten.
const EMBEDDED_MAX: usize = 24;
/// Bytes of the answer before a sentence in which its pronouns are looked up.
const BEFORE_BYTES_MAX: usize = 400;

/// Finds the quote that supports a sentence, and has it judged.
#[derive(Clone)]
pub struct Verifier {
    /// Who judges.
    pub judge: Arc<dyn Judge>,
    /// What finds a quote by meaning when words find none. It never makes a verdict better: opposites lie close together in
    /// every embedding.
    pub embedder: Option<Arc<dyn Embedder>>,
}

/// What may be shown of a piece in strict mode.
#[derive(Debug, Clone, PartialEq)]
pub struct Released {
    /// Whether the piece may be shown.
    pub shown: bool,
    /// Its citations, those found for sentences without markers included.
    pub citations: Vec<Citation>,
}

/// A sentence of a piece and where it stands in the answer.
struct Place<'a> {
    run_id: &'a str,
    /// The answer before the sentence.
    before: &'a str,
    /// UTF-16 units of all that stands before `sentence`.
    start: usize,
    sentence: &'a str,
}

impl Verifier {
    /// A verifier whose judge is the built-in one.
    pub fn lexical(embedder: Option<Arc<dyn Embedder>>) -> Self {
        Self { judge: Arc::new(LexicalJudge), embedder }
    }

    /// One citation for every sentence of `piece` and every passage that it has a marker of. `before` is the answer so far,
    /// and marker n is `hits[n - 1]`; other markers give none.
    pub async fn verify(&self, run_id: &str, before: &str, piece: &str, hits: &[Hit]) -> Vec<Citation> {
        let mut citations = Vec::new();
        for (at, sentence) in sentences(piece) {
            let earlier = format!("{before}{}", &piece[..at]);
            let place = Place { run_id, before: &earlier, start: Utf16Offset::len_of(&earlier).0, sentence };
            citations.extend(self.cite(&place, hits).await);
        }
        citations
    }

    /// The passage that fully supports a piece without markers, if one does. Its citation stands after the last word.
    async fn attribute(&self, run_id: &str, before: &str, piece: &str, hits: &[Hit]) -> Option<Citation> {
        let place = Place { run_id, before, start: Utf16Offset::len_of(before).0, sentence: piece };
        let claim_of = |hit| claim(before, piece, vec![Source::of(hit)], 0);
        for (at, hit) in hits.iter().enumerate() {
            let weighed = weigh(&claim_of(hit));
            if weighed.judgement.verdict != Verdict::Supported {
                continue;
            }
            let mut claim = claim_of(hit);
            claim.sources[0].quote = weighed.quote;
            let (judgement, judge) = self.judged(&claim, weighed.judgement).await;
            if judgement.verdict == Verdict::Supported {
                let end = piece.trim_end().len();
                let marker = Marker { n: at + 1, span: Span::new(end, end) };
                return Some(citation(&place, hit, weighed.quote, marker, (judgement, judge)));
            }
        }
        None
    }

    /// What strict mode shows: every sentence with markers has a citation for each and all are supported, and every other one is
    /// supported by a passage or claims nothing.
    pub async fn release(&self, run_id: &str, before: &str, piece: &str, hits: &[Hit]) -> Released {
        let mut released = Released { shown: true, citations: Vec::new() };
        for (at, sentence) in sentences(piece) {
            let earlier = format!("{before}{}", &piece[..at]);
            let found = markers(sentence);
            let citations = if found.is_empty() {
                let attributed = self.attribute(run_id, &earlier, sentence, hits).await;
                released.shown &= attributed.is_some() || !Self::is_claim(sentence);
                attributed.into_iter().collect()
            } else {
                let known = found.iter().all(|marker| (1..=hits.len()).contains(&marker.n));
                let citations = self.verify(run_id, &earlier, sentence, hits).await;
                let supported = citations.iter().all(|citation| citation.verdict == Verdict::Supported);
                released.shown &= known && supported && !citations.is_empty();
                citations
            };
            released.citations.extend(citations);
        }
        released
    }

    /// Whether a piece says something that a source would have to support.
    pub fn is_claim(piece: &str) -> bool {
        is_claim(piece)
    }

    async fn cite(&self, place: &Place<'_>, hits: &[Hit]) -> Vec<Citation> {
        let mut citations: BTreeMap<usize, Citation> = BTreeMap::new();
        for part in parts(place.sentence) {
            let mut cited: BTreeMap<usize, Marker> = BTreeMap::new();
            for marker in part.markers.iter().filter(|marker| (1..=hits.len()).contains(&marker.n)) {
                cited.entry(marker.n).or_insert(*marker);
            }
            let cited: Vec<Marker> = cited.into_values().take(GROUP_MAX).collect();
            let sources: Vec<Source> = cited.iter().map(|marker| Source::of(&hits[marker.n - 1])).collect();
            for (judged, marker) in cited.into_iter().enumerate() {
                let mut claim = claim(place.before, &part.text, sources.clone(), judged);
                let (quote, judgement) = self.weighed(&mut claim).await;
                let made = citation(place, &hits[marker.n - 1], quote, marker, judgement);
                // A source that two parts of a sentence cite has to support both.
                match citations.get(&marker.n) {
                    Some(held) if held.verdict >= made.verdict => {}
                    _ => _ = citations.insert(marker.n, made),
                }
            }
        }
        citations.into_values().collect()
    }

    /// The quote of a claim, and what the judge says of it.
    async fn weighed(&self, claim: &mut Claim) -> (Span, (Judgement, String)) {
        let mut weighed = weigh(claim);
        if weighed.judgement.code == ReasonCode::WeakOverlap
            && let Some(quote) = self.quote_by_meaning(claim).await
        {
            weighed.quote = quote;
        }
        claim.sources[claim.judged].quote = weighed.quote;
        (weighed.quote, self.judged(claim, weighed.judgement).await)
    }

    /// The sentence of the judged passage that is nearest in meaning, where words find none.
    async fn quote_by_meaning(&self, claim: &Claim) -> Option<Span> {
        let embedder = self.embedder.as_ref()?;
        let text = &claim.sources[claim.judged].text;
        let spans: Vec<Span> = analysis::sentences(text).into_iter().take(EMBEDDED_MAX).collect();
        let texts = spans.iter().map(|span| span.slice(text).to_owned()).chain([claim.sentence.clone()]).collect();
        let mut vectors = match embedder.embed_passages(texts).await {
            Ok(vectors) => vectors,
            Err(error) => {
                tracing::warn!(%error, "a quote was looked for by its words alone");
                return None;
            }
        };
        let said = vectors.pop()?;
        let cosine = |vector: &[f32]| vector.iter().zip(&said).map(|(a, b)| a * b).sum::<f32>();
        let best = vectors.iter().map(|vector| cosine(vector)).zip(spans).max_by(|a, b| a.0.total_cmp(&b.0));
        best.map(|(_, span)| span)
    }

    /// The judge's word; that of the words when the judge fails.
    async fn judged(&self, claim: &Claim, weighed: Judgement) -> (Judgement, String) {
        if self.judge.is_lexical() {
            return (weighed, self.judge.name().to_owned());
        }
        match self.judge.judge(std::slice::from_ref(claim)).await {
            Ok(judgements) if judgements.len() == 1 => {
                (judgements.into_iter().next().unwrap_or(weighed), self.judge.name().to_owned())
            }
            Ok(_) => (weighed, LexicalJudge.name().to_owned()),
            Err(error) => {
                tracing::warn!(%error, "a citation was judged by its words alone");
                (weighed, LexicalJudge.name().to_owned())
            }
        }
    }
}

/// The sentences of a piece with their first bytes.
fn sentences(piece: &str) -> Vec<(usize, &str)> {
    let mut at = 0;
    let mut found = Vec::new();
    for part in pieces(piece) {
        found.push((at, &piece[at..at + part.len()]));
        at += part.len();
    }
    found
}

fn claim(before: &str, sentence: &str, sources: Vec<Source>, judged: usize) -> Claim {
    let before = &before[before.ceil_char_boundary(before.len().saturating_sub(BEFORE_BYTES_MAX))..];
    Claim { sentence: sentence.to_owned(), before: before.to_owned(), sources, judged }
}

/// A part of a sentence and the markers that close it.
struct Part {
    text: String,
    markers: Vec<Marker>,
}

/// The parts of a sentence that have markers of their own: a marker closes a part where a clause ends behind it, as in `It is tall [1],
/// and it is old [2].` Anywhere else it belongs to the clause that it stands in, and the last one to all that follows.
fn parts(sentence: &str) -> Vec<Part> {
    let found = markers(sentence);
    let mut done: Vec<Part> = Vec::new();
    let mut open = Part { text: String::new(), markers: Vec::new() };
    let mut at = 0;
    for (place, marker) in found.iter().enumerate() {
        open.text.push_str(&sentence[at..marker.span.start]);
        open.markers.push(*marker);
        at = marker.span.end;
        let next = found.get(place + 1).map_or(sentence.len(), |next| next.span.start);
        let goes_on = sentence[at..].chars().any(char::is_alphanumeric) && place + 1 < found.len();
        if goes_on && ends_clause(&open.text, &sentence[at..next]) {
            done.push(std::mem::replace(&mut open, Part { text: String::new(), markers: Vec::new() }));
        }
    }
    open.text.push_str(&sentence[at..]);
    if open.markers.is_empty() || !open.text.chars().any(char::is_alphanumeric) {
        let Some(last) = done.last_mut() else { return vec![open] };
        last.text.push_str(&open.text);
        last.markers.append(&mut open.markers);
    } else {
        done.push(open);
    }
    done
}

/// Whether a clause ends between the two texts.
fn ends_clause(before: &str, after: &str) -> bool {
    let rest = after.trim_start();
    let signs = rest.starts_with([',', ';', ':', '.', '!', '?', '—', '–', ')']);
    let joins = ["and ", "but ", "while ", "whereas ", "although ", "because ", "그리고 ", "하지만 ", "그러나 "];
    let is_verb = before.trim_end().ends_with(['고', '며', '나'])
        || before.trim_end().ends_with("지만")
        || before.trim_end().ends_with("는데");
    let has_words = before.chars().any(char::is_alphanumeric) && rest.chars().any(char::is_alphanumeric);
    has_words && (signs || is_verb || joins.iter().any(|join| rest.starts_with(join)))
}

fn citation(
    place: &Place<'_>,
    hit: &Hit,
    quote: Span,
    marker: Marker,
    (judgement, judge): (Judgement, String),
) -> Citation {
    let (start, end) = (hit.span.start + quote.start, hit.span.start + quote.end);
    let sentence = place.sentence;
    let units = |byte: usize| Utf16Offset(place.start + Utf16Offset::len_of(&sentence[..byte]).0);
    let first = units(sentence.len() - sentence.trim_start().len());
    Citation {
        n: marker.n,
        id: CitationId::of(place.run_id, marker.n, first),
        chunk_id: hit.chunk_id,
        document_id: hit.document_id,
        collection: hit.collection.clone(),
        title: hit.title.clone(),
        source: hit.uri.clone(),
        url: format!("/v1/documents/{}/text?start={start}&end={end}", hit.document_id),
        source_content: vec![CitedText { text: quote.slice(&hit.text).to_owned() }],
        location: Location {
            kind: "span".to_owned(),
            unit: "bytes".to_owned(),
            start,
            end,
            start_utf16: None,
            end_utf16: None,
            page_first: hit.page_first,
            page_last: hit.page_last,
            place: hit.location.clone(),
            heading_path: hit.heading_path.clone(),
        },
        start: first,
        end: units(sentence.trim_end().len()),
        text_offset: units(marker.span.start),
        score: hit.score,
        verdict: judgement.verdict,
        reason_code: judgement.code,
        reason: judgement.reason,
        judge,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::attacks::hit;
    use super::*;
    use crate::models::Hashing;

    fn slice(text: &str, start: usize, end: usize) -> String {
        let units: Vec<u16> = text.encode_utf16().collect();
        String::from_utf16(&units[start..end]).unwrap()
    }

    async fn verdicts(piece: &str, hits: &[Hit]) -> Vec<(usize, Verdict)> {
        let citations = Verifier::lexical(None).verify("run", "", piece, hits).await;
        citations.into_iter().map(|citation| (citation.n, citation.verdict)).collect()
    }

    fn towers() -> [Hit; 2] {
        [
            hit(1, "Seoul", "😀 The sea is blue. The Seoul tower is 236 metres tall."),
            hit(2, "Busan", "바다는 푸르다. The Busan tower opened in 1973."),
        ]
    }

    #[tokio::test]
    async fn every_offset_points_at_what_it_names() {
        let hits = towers();
        let (before, piece) = ("😀 읽어 보자. ", "“바다는 푸르다.” [2] The Seoul tower is 236 m tall [1].");
        let citations = Verifier::lexical(None).verify("run", before, piece, &hits).await;
        let answer = format!("{before}{piece}");
        let quotes: Vec<_> = citations.iter().map(|c| c.source_content[0].text.as_str()).collect();
        assert_eq!(quotes, ["바다는 푸르다.", "The Seoul tower is 236 metres tall."]);
        for citation in &citations {
            let text = &hits[citation.n - 1].text;
            assert_eq!(
                &text[citation.location.start - 100..citation.location.end - 100],
                citation.source_content[0].text
            );
            assert_eq!(slice(&answer, citation.text_offset.0, citation.text_offset.0 + 3), format!("[{}]", citation.n));
            assert_eq!((citation.verdict, citation.judge.as_str()), (Verdict::Supported, "lexical"), "{citation:?}");
        }
        assert_eq!(slice(&answer, citations[0].start.0, citations[0].end.0), "“바다는 푸르다.” [2]");
        assert_eq!(citations[1].id, CitationId::of("run", 1, citations[1].start));
    }

    #[tokio::test]
    async fn a_marker_closes_its_own_clause() {
        let right = "The Seoul tower is 236 metres tall [1], and the Busan tower opened in 1973 [2].";
        assert_eq!(verdicts(right, &towers()).await, [(1, Verdict::Supported), (2, Verdict::Supported)]);
        let crossed = "The Seoul tower is 236 metres tall [2], and the Busan tower opened in 1973 [1].";
        assert!(verdicts(crossed, &towers()).await.iter().all(|(_, verdict)| *verdict != Verdict::Supported));
        let together = "The Seoul tower is 236 metres tall, and the Busan tower opened in 1973 [1][2].";
        assert_eq!(verdicts(together, &towers()).await, [(1, Verdict::Supported), (2, Verdict::Supported)]);
        let superfluous = "The Seoul tower is 236 metres tall [1][2].";
        assert_eq!(verdicts(superfluous, &towers()).await, [(1, Verdict::Supported), (2, Verdict::Unsupported)]);
    }

    #[tokio::test]
    async fn a_sentence_without_marker_gets_the_passage_that_supports_it() {
        let verifier = Verifier::lexical(Some(Arc::new(Hashing::new())));
        let found = verifier.attribute("run", "", "The Busan tower opened in 1973. ", &towers()).await.unwrap();
        assert_eq!((found.n, found.text_offset), (2, Utf16Offset(31)));
        assert!(verifier.attribute("run", "", "The Busan tower opened in 1974. ", &towers()).await.is_none());
        let released = verifier.release("run", "", "Nobody likes green herons [1].", &towers()).await;
        assert!(!released.shown && released.citations[0].verdict == Verdict::Unsupported);
    }

    #[tokio::test]
    async fn hostile_answers_take_linear_time() {
        let hits = towers();
        for hostile in [
            "[1".repeat(32 << 10),
            "tower ".repeat(10 << 10),
            "[1]".repeat(20 << 10),
            "1,".repeat(32 << 10),
            "만".repeat(20 << 10),
            "“".repeat(20 << 10),
        ] {
            Verifier::lexical(None).release("run", "", &hostile, &hits).await;
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn any_answer_is_taken_and_every_span_is_on_a_boundary(
            answer in "(tower|Seoul|236|metres|not|바다는|푸르다|1만 2천|[.,“”\\[\\]|-]|\\[[0-3]\\]|\\PC| |
    ){0,40}",
            passage in "(tower|Seoul|236|metres|not|바다는|푸르다|\\. |\\PC| |
    ){0,40}",
        ) {
            let hits = [hit(1, "T", &passage)];
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let released = runtime.block_on(Verifier::lexical(None).release("run", "가", &answer, &hits));
            for citation in released.citations {
                let quote = hits[0].text.get(citation.location.start - 100..citation.location.end - 100);
                prop_assert_eq!(quote, Some(citation.source_content[0].text.as_str()));
                prop_assert!(citation.start <= citation.end && citation.text_offset.0 <= answer.encode_utf16().count() + 1);
            }
        }
    }
}
