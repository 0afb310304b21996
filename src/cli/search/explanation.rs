//! Explanations of a search as tables for a terminal.

use crate::retrieval::Evidence;
use crate::types::{Hit, LegRank, MatchedTerm, QueryExplanation, TextField, WhyNot};

/// Terms that a row names; a Korean question has dozens of pairs of characters.
const TERMS_SHOWN: usize = 12;

/// How the question was read and its lists were fused.
pub(super) fn query(query: &QueryExplanation) -> Vec<String> {
    let mut rows = vec![format!(
        "{} fusion: {:.0} % of the weight on meaning, {:.0} % on words",
        query.fusion,
        100.0 * query.vector_weight,
        100.0 * (1.0 - query.vector_weight)
    )];
    if query.trust_in_vectors < 1.0 {
        rows.push(format!("the weight of meaning is lowered to {:.0} % of itself", 100.0 * query.trust_in_vectors));
    }
    rows.push(format!("{:<14} {:>7} {:>13}", "signal", "value", "for meaning"));
    let signals = query.signals.iter();
    rows.extend(signals.map(|(name, it)| format!("{name:<14} {:>7.3} {:>+13.3}", it.value, it.contribution)));
    rows.push(format!("{:<14} {:>7} {:>13}", "term", "idf", "passages"));
    rows.extend(query.terms.iter().take(TERMS_SHOWN).map(|term| {
        let asks = if term.is_stop_word { "  only asks" } else { "" };
        format!("{} {:>7.3} {:>13}{asks}", padded(&term.term, 14), term.idf, term.chunks)
    }));
    if query.terms.len() > TERMS_SHOWN {
        rows.push(format!("and {} more terms", query.terms.len() - TERMS_SHOWN));
    }
    if let Some(reranker) = &query.reranker {
        rows.push(format!("reranked by {reranker}"));
    }
    rows.push(String::new());
    rows
}

/// Whether the hits answer the question, and what says so.
pub(super) fn evidence(evidence: &Evidence) -> Vec<String> {
    let enough = if evidence.sufficient { "enough to answer" } else { "not enough to answer" };
    let mut rows = vec![format!("evidence {:.2}: {enough}", evidence.score)];
    rows.extend(evidence.signals.iter().map(|(name, value)| format!("{name:<19} {value:>7.3}")));
    rows.push(String::new());
    rows
}

/// Why a hit stands where it stands.
pub(super) fn hit(hit: &Hit) -> Vec<String> {
    let Some(legs) = &hit.legs else { return Vec::new() };
    let mut rows = vec![format!("{:<9} {:>5} {:>9} {:>11} {:>7}", "leg", "rank", "score", "normalised", "weight")];
    rows.push(leg("words", legs.keyword));
    rows.push(leg("meaning", legs.vector));
    if let Some(reranked) = legs.rerank {
        rows.push(format!("reranker {:>6} {:>9.3}   (rank before)", reranked.rank_before, reranked.score));
    }
    rows.push(format!("has {}", matched(hit.matched_terms.as_deref().unwrap_or_default())));
    if !hit.merged_chunk_ids.is_empty() {
        rows.push(format!("joined with {} chunks that touch it", hit.merged_chunk_ids.len()));
    }
    rows
}

/// Where what was asked about stands.
pub(super) fn why_not(why_not: &WhyNot) -> Vec<String> {
    let mut rows = vec![format!("{}: {}", why_not.target, why_not.summary)];
    if why_not.chunks.is_empty() {
        return rows;
    }
    rows.push(format!("{:>8} {:>6} {:>6} {:>7} {:>8}  has; lacks", "chunk", "hit", "fused", "words", "meaning"));
    let place = |rank: Option<String>| rank.unwrap_or_else(|| "-".to_owned());
    rows.extend(why_not.chunks.iter().map(|chunk| {
        format!(
            "{:>8} {:>6} {:>6} {:>7} {:>8}  {}; {}",
            chunk.chunk_id.to_string(),
            place(chunk.hit.map(|rank| rank.to_string())),
            place(chunk.fused_rank.map(|rank| rank.to_string())),
            place(chunk.keyword_rank.map(|rank| rank.to_string())),
            place(chunk.vector.map(|leg| leg.rank.to_string())),
            matched(&chunk.matched),
            listed(chunk.missing.iter().map(String::as_str)),
        )
    }));
    rows
}

fn leg(name: &str, rank: Option<LegRank>) -> String {
    match rank {
        Some(leg) => {
            format!("{name:<9} {:>5} {:>9.3} {:>11.3} {:>7.2}", leg.rank, leg.score, leg.normalized, leg.weight)
        }
        None => format!("{name:<9} {:>5}", "-"),
    }
}

/// Terms with what they add, the strongest first.
fn matched(terms: &[MatchedTerm]) -> String {
    let mut terms: Vec<&MatchedTerm> = terms.iter().collect();
    terms.sort_by(|a, b| b.score.total_cmp(&a.score));
    let named = |term: &&MatchedTerm| {
        let field = match term.field {
            TextField::Body => "",
            TextField::Heading => " in the headings",
            TextField::Title => " in the title",
        };
        format!("{}{field} {:.2}", term.term, term.score)
    };
    let named: Vec<String> = terms.iter().map(named).collect();
    listed(named.iter().map(String::as_str))
}

fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let count = names.len();
    let shown: Vec<&str> = names.take(TERMS_SHOWN).collect();
    match (shown.is_empty(), count.saturating_sub(TERMS_SHOWN)) {
        (true, _) => "none of the terms".to_owned(),
        (false, 0) => shown.join(", "),
        (false, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The text on at least `columns` columns of a terminal, where letters of East Asia take two.
fn padded(text: &str, columns: usize) -> String {
    let width: usize = text.chars().map(|c| if c >= '\u{1100}' { 2 } else { 1 }).sum();
    format!("{text}{}", " ".repeat(columns.saturating_sub(width)))
}
