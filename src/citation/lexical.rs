//! The judge that needs no model: words, their order and facts of a sentence against those of its sources.

use std::ops::Range;

use async_trait::async_trait;
use ibid_ingest::Span;

use super::derive::{Derivation, Problem, Surroundings, Text, derive};
use super::judge::{Claim, Judge, JudgeError, Judgement, Source};
use super::quotation;
use super::words::{Agreement, Kind, Word, agreement, words};
use crate::analysis;
use crate::types::{ReasonCode, Verdict};

/// Hundredths of a sentence's content that a source must have to support it in part.
const PARTIAL_MIN: usize = 50;
/// Parts of a sentence that are proved one by one; a sentence of more is proved as a whole or not at all.
const PARTS_MAX: usize = 6;
/// Sentences of a passage that are read, best first by shared words.
const CANDIDATES_MAX: usize = 12;

/// Compares words, their order and facts.
#[derive(Debug, Clone, Copy, Default)]
pub struct LexicalJudge;

#[async_trait]
impl Judge for LexicalJudge {
    fn name(&self) -> &str {
        "lexical"
    }

    fn is_lexical(&self) -> bool {
        true
    }

    async fn judge(&self, claims: &[Claim]) -> Result<Vec<Judgement>, JudgeError> {
        Ok(claims.iter().map(|claim| weigh(claim).judgement).collect())
    }
}

/// A judgement and the part of the source that it rests on.
#[derive(Debug, Clone)]
pub(super) struct Weighed {
    pub(super) judgement: Judgement,
    pub(super) quote: Span,
}

/// A sentence of a source.
struct Candidate<'t> {
    source: usize,
    span: Span,
    text: Text<'t>,
    context: Vec<Word>,
    /// Of each word of the claim, whether this sentence or what it stands in has it; true for words without content.
    has: Vec<bool>,
    /// Hundredths of the claim's content that it shares, in any order.
    shared: usize,
}

/// A part of the sentence, and the candidate that it was had from.
struct Proof {
    candidate: usize,
    derivation: Derivation,
}

/// Weighs the source that is judged.
pub(super) fn weigh(claim: &Claim) -> Weighed {
    let sentence = bare(&claim.sentence);
    let source = &claim.sources[claim.judged];
    if let Some(problem) = invented_quotation(sentence, &claim.sources) {
        let quote = best_sentence(sentence, source);
        return unsupported(
            ReasonCode::QuoteDiffers,
            format!("The passage does not say “{}” word for word.", cut(&problem)),
            quote,
        );
    }
    if let Some(quote) = verbatim(sentence, source) {
        let reason = "The sentence stands in the passage word for word.".to_owned();
        return Weighed {
            judgement: Judgement { verdict: Verdict::Supported, code: ReasonCode::Verbatim, reason },
            quote,
        };
    }
    let said = Text { text: sentence, words: words(sentence) };
    let before = words(&claim.before);
    let candidates = candidates(&said, &claim.sources);
    match prove(&said, &candidates, &before) {
        Ok(proofs) => proved(claim, &candidates, &proofs),
        Err(problem) => unproved(claim, &candidates, &problem),
    }
}

fn proved(claim: &Claim, candidates: &[Candidate<'_>], proofs: &[Proof]) -> Weighed {
    let own =
        proofs.iter().map(|proof| &candidates[proof.candidate]).filter(|candidate| candidate.source == claim.judged);
    let mut spans: Vec<Span> = own.map(|candidate| candidate.span).collect();
    spans.sort_unstable();
    let (Some(first), Some(last)) = (spans.first(), spans.last()) else {
        let quote = best_of(candidates, claim).unwrap_or(whole(&claim.sources[claim.judged]));
        return unsupported(
            ReasonCode::NoSupport,
            "Other cited passages support the sentence, this one adds nothing to it.".to_owned(),
            quote,
        );
    };
    let reason = "Every word and fact of the sentence stands in the quote, in the same relation.".to_owned();
    let judgement = Judgement { verdict: Verdict::Supported, code: ReasonCode::Aligned, reason };
    Weighed { judgement, quote: Span::new(first.start, last.end) }
}

fn unproved(claim: &Claim, candidates: &[Candidate<'_>], problem: &Problem) -> Weighed {
    let quote = best_of(candidates, claim).unwrap_or(whole(&claim.sources[claim.judged]));
    let is_conflict =
        !matches!(problem.code, ReasonCode::MissingWords | ReasonCode::WeakOverlap | ReasonCode::OrderDiffers);
    let verdict = if !is_conflict && problem.covered >= PARTIAL_MIN { Verdict::Partial } else { Verdict::Unsupported };
    let code = if problem.covered < PARTIAL_MIN && !is_conflict { ReasonCode::WeakOverlap } else { problem.code };
    Weighed { judgement: Judgement { verdict, code, reason: reason(code, &cut(&problem.words)) }, quote }
}

fn unsupported(code: ReasonCode, reason: String, quote: Span) -> Weighed {
    Weighed { judgement: Judgement { verdict: Verdict::Unsupported, code, reason }, quote }
}

fn reason(code: ReasonCode, words: &str) -> String {
    match code {
        ReasonCode::NumberDiffers => format!("The quote does not have the number “{words}” in this place."),
        ReasonCode::DateDiffers => format!("The quote does not have the date “{words}” in this place."),
        ReasonCode::UnitDiffers => format!("The quote gives “{words}” in another unit."),
        ReasonCode::NameDiffers => format!("The quote does not name “{words}” in this place."),
        ReasonCode::NegationDiffers => format!("“{words}” stands on one side only or is contradicted."),
        ReasonCode::QualifierDiffers => format!("“{words}” limits the statement on one side only."),
        ReasonCode::OrderDiffers => format!("The words agree, but “{words}” stands in another relation."),
        ReasonCode::MissingWords => format!("The quote does not say “{words}”."),
        _ => "Too few of the sentence's words stand in the passage.".to_owned(),
    }
}

/// As much of a text as a reason quotes.
fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}

fn whole(source: &Source) -> Span {
    Span::new(0, source.text.len())
}

/// The sentence without white space, list marks and numbers of list items.
fn bare(sentence: &str) -> &str {
    let mut rest = sentence.trim();
    loop {
        let marked = rest.trim_start_matches(['-', '*', '+', '>', '#', '•', '·', '|']).trim_start();
        let digits = marked.len() - marked.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let after = &marked[digits..];
        let is_item = (1..=2).contains(&digits) && (after.starts_with(". ") || after.starts_with(") "));
        let next = if is_item { after[1..].trim_start() } else { marked };
        if next.len() == rest.len() {
            return rest;
        }
        rest = next;
    }
}

/// The first quotation that no source has.
fn invented_quotation(sentence: &str, sources: &[Source]) -> Option<String> {
    let mut found = quotation::quotations(sentence).into_iter().map(|span| span.slice(sentence));
    let has = |source: &Source, quoted: &str| {
        quotation::find(quoted, &source.text).is_some()
            || source.context.iter().any(|line| quotation::find(quoted, line).is_some())
    };
    found.find(|quoted| !sources.iter().any(|source| has(source, quoted))).map(str::to_owned)
}

/// Where the passage has the sentence word for word, from the beginning of one of its own sentences to the end of one: a
/// part of a sentence may say the opposite of the whole.
fn verbatim(sentence: &str, source: &Source) -> Option<Span> {
    let said = sentence.trim_matches(|c| matches!(c, '“' | '”' | '"' | '「' | '」' | '『' | '』' | '«' | '»')).trim();
    let found = quotation::find(said, &source.text).filter(|_| said.chars().any(char::is_alphanumeric))?;
    let visible = |text: &str| text.chars().any(|c| c.is_alphanumeric());
    let sentences = analysis::sentences(&source.text);
    let cut = |at: usize| {
        sentences.iter().any(|span| {
            let inner = |from: usize, to: usize| from < to && visible(&source.text[from..to]);
            span.start < at && at < span.end && inner(span.start, at) && inner(at, span.end)
        })
    };
    let list_mark = |at: usize| {
        sentences
            .iter()
            .any(|span| span.start < at && at < span.end && bare(span.slice(&source.text)).len() <= span.end - at)
    };
    ((!cut(found.start) || list_mark(found.start)) && !cut(found.end)).then_some(found)
}

/// The sentences of the sources that share most words with the claim.
fn candidates<'t>(said: &Text<'_>, sources: &'t [Source]) -> Vec<Candidate<'t>> {
    let content = said.words.iter().filter(|word| word.kind.is_content()).count();
    let among = |word: &Word, others: &[Word]| others.iter().any(|other| agreement(word, other) == Agreement::Same);
    let mut found = Vec::new();
    for (at, source) in sources.iter().enumerate() {
        let title: Vec<Word> = source.context.iter().flat_map(|line| words(line)).filter(is_naming).collect();
        let mut previous: Vec<Word> = Vec::new();
        for span in analysis::sentences(&source.text) {
            let text = span.slice(&source.text);
            let read = words(text);
            let own: Vec<bool> = said.words.iter().map(|word| word.kind.is_content() && among(word, &read)).collect();
            let shared = own.iter().filter(|has| **has).count() * 100 / content.max(1);
            let mut context = title.clone();
            context.extend(sole_name(&previous));
            previous.clone_from(&read);
            let has =
                said.words.iter().zip(own).map(|(word, own)| own || !word.kind.is_content() || among(word, &context));
            found.push(Candidate {
                source: at,
                span,
                has: has.collect(),
                text: Text { text, words: read },
                context,
                shared,
            });
        }
    }
    found.sort_by(|a, b| b.shared.cmp(&a.shared).then(a.source.cmp(&b.source)).then(a.span.start.cmp(&b.span.start)));
    found.truncate(CANDIDATES_MAX * sources.len().max(1));
    found
}

fn is_naming(word: &Word) -> bool {
    matches!(word.kind, Kind::Name | Kind::Content)
}

/// The name that a sentence begins with, when it is the only one there: what a pronoun behind it then means.
fn sole_name(sentence: &[Word]) -> Vec<Word> {
    let names: Vec<usize> = (0..sentence.len()).filter(|at| sentence[*at].kind == Kind::Name).collect();
    let first = sentence.iter().position(|word| word.kind.is_content());
    let is_run = names.windows(2).all(|pair| pair[1] == pair[0] + 1);
    if names.is_empty() || !is_run || names.first().copied() != first {
        return Vec::new();
    }
    names.into_iter().map(|at| sentence[at].clone()).collect()
}

/// The best sentence of the source that is judged.
fn best_of(candidates: &[Candidate<'_>], claim: &Claim) -> Option<Span> {
    candidates
        .iter()
        .find(|candidate| candidate.source == claim.judged && candidate.shared > 0)
        .map(|candidate| candidate.span)
}

fn best_sentence(sentence: &str, source: &Source) -> Span {
    let said = Text { text: sentence, words: words(sentence) };
    let candidates = candidates(&said, std::slice::from_ref(source));
    candidates.first().filter(|candidate| candidate.shared > 0).map_or(whole(source), |candidate| candidate.span)
}

/// Proves the sentence as a whole, in another order of its adjuncts, or in parts that each have a sentence of their own.
fn prove(said: &Text<'_>, candidates: &[Candidate<'_>], before: &[Word]) -> Result<Vec<Proof>, Problem> {
    let nothing = Problem { code: ReasonCode::WeakOverlap, words: String::new(), covered: 0 };
    let Some(nearest) = candidates.first() else { return Err(nothing) };
    let variants: Vec<Text<'_>> = std::iter::once(said.clone()).chain(rotations(said)).collect();
    for (at, candidate) in candidates.iter().enumerate().filter(|(_, candidate)| candidate.has.iter().all(|has| *has)) {
        let around = Surroundings { context: &candidate.context, before };
        if let Some(derivation) = variants.iter().find_map(|variant| derive(variant, &candidate.text, around).ok()) {
            return Ok(vec![Proof { candidate: at, derivation }]);
        }
    }
    if let Some(proofs) = prove_parts(said, candidates, before) {
        return Ok(proofs);
    }
    let around = Surroundings { context: &nearest.context, before };
    Err(derive(said, &nearest.text, around).err().unwrap_or(nothing))
}

/// The sentence with its first adjunct at its end, and with its last one at its beginning: `In 1971, the tower opened` and `The
/// tower opened in 1971` say the same.
fn rotations<'t>(said: &Text<'t>) -> Vec<Text<'t>> {
    let words = &said.words;
    let mut found = Vec::new();
    let pause = words.iter().position(|word| word.kind == Kind::Break);
    if let Some(pause) = pause.filter(|pause| *pause > 0 && matches!(words[0].kind, Kind::Relation(_) | Kind::Date(_)))
    {
        let ended = words.last().is_some_and(|word| word.kind == Kind::Break);
        let end = (words.len() - usize::from(ended)).max(pause + 1);
        let rest = words[pause + 1..end].to_vec();
        found.push(Text { text: said.text, words: rest.into_iter().chain(words[..pause].iter().cloned()).collect() });
    }
    let last = words.iter().rposition(|word| matches!(word.kind, Kind::Relation(_)));
    if let Some(last) =
        last.filter(|last| *last > 0 && words[*last..].iter().any(|word| matches!(word.kind, Kind::Date(_))))
    {
        found.push(Text {
            text: said.text,
            words: words[last..]
                .iter()
                .chain(&words[..last])
                .filter(|word| word.kind != Kind::Break)
                .cloned()
                .collect(),
        });
    }
    found
}

/// Proves a sentence in parts, each a statement of its own from one source sentence that it begins with.
fn prove_parts(said: &Text<'_>, candidates: &[Candidate<'_>], before: &[Word]) -> Option<Vec<Proof>> {
    let bounds = part_bounds(&said.words);
    if bounds.len() < 3 || bounds.len() > PARTS_MAX + 1 {
        return None;
    }
    // ways[i]: proofs of everything before bound i.
    let mut ways: Vec<Option<Vec<Proof>>> = vec![Some(Vec::new())];
    for end in 1..bounds.len() {
        let mut way = None;
        for start in (0..end).rev() {
            let Some(earlier) = ways[start].as_ref().filter(|_| way.is_none()) else { continue };
            let Some(proof) = part_of(said, bounds[start]..bounds[end], candidates, before) else { continue };
            let mut proofs: Vec<Proof> = earlier
                .iter()
                .map(|held| Proof { candidate: held.candidate, derivation: held.derivation.clone() })
                .collect();
            proofs.push(proof);
            way = Some(proofs);
        }
        ways.push(way);
    }
    ways.pop().flatten()
}

/// Where parts of a sentence begin, and its end.
fn part_bounds(words: &[Word]) -> Vec<usize> {
    let mut bounds = vec![0];
    for at in 1..words.len() {
        let after_pause = words[at - 1].kind == Kind::Break || words[at - 1].ends_clause;
        let is_new = words[at].kind != Kind::Break
            && words[bounds[bounds.len() - 1]..at].iter().any(|word| word.kind.is_content());
        if after_pause && is_new {
            bounds.push(at);
        }
    }
    let has_rest = words[bounds[bounds.len() - 1]..].iter().any(|word| word.kind.is_content());
    if has_rest {
        bounds.push(words.len());
    } else if let Some(last) = bounds.last_mut() {
        *last = words.len();
    }
    bounds
}

/// A proof of a part that can stand alone: no mere adjunct or name, and from the beginning of what its source says.
fn part_of(said: &Text<'_>, range: Range<usize>, candidates: &[Candidate<'_>], before: &[Word]) -> Option<Proof> {
    let part = Text { text: said.text, words: said.words[range.clone()].to_vec() };
    let content: Vec<&Word> = part.words.iter().filter(|word| word.kind.is_content()).collect();
    let first = part.words.iter().find(|word| word.kind != Kind::Break && word.kind != Kind::Light)?;
    let stands_alone = content.len() > 1
        && content.iter().any(|word| word.kind == Kind::Content)
        && !matches!(first.kind, Kind::Relation(_) | Kind::Date(_));
    if !stands_alone {
        return None;
    }
    let viable =
        candidates.iter().enumerate().filter(|(_, candidate)| candidate.has[range.clone()].iter().all(|has| *has));
    viable.into_iter().find_map(|(at, candidate)| {
        let derivation = derive(&part, &candidate.text, Surroundings { context: &candidate.context, before }).ok()?;
        let first_content = candidate.text.words.iter().position(|word| word.kind.is_content());
        let begins = derivation.begins && derivation.places.first().copied() == first_content;
        begins.then_some(Proof { candidate: at, derivation })
    })
}
