//! A phrase to the terms that stand for it in documents, each at its distance from the first.

use std::collections::{BTreeMap, BTreeSet};

use super::Language;
use super::piece::{Piece, Role};
use super::query::{StopRun, alternatives, is_prefix};
use super::scan::scan;
use super::stems::Stems;

/// One place of a phrase.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PhraseTerm {
    /// The forms that stand for it in documents, at least one, none twice.
    pub alternatives: Vec<String>,
    /// How many positions after the beginning of the phrase it stands.
    pub offset: u32,
    /// Whether the terms that begin with it stand for it, too: a single character of a script without spaces.
    pub is_prefix: bool,
}

/// The ways in which documents may have the phrase `text`, with the positions of
/// [`each_position`](super::each_position): its names split at their joints and humps, and its names whole. No way
/// at all for a text without terms, and one for a text without names. `languages` are those whose stems are tried.
pub fn phrases(text: &str, languages: &[Language]) -> Vec<Vec<PhraseTerm>> {
    let mut stems: Vec<Stems> = languages.iter().copied().map(Stems::of).collect();
    let mut split = Vec::new();
    let mut whole = Whole::default();
    scan(text, |piece| {
        if piece.role == Role::Last {
            return whole.skip(piece);
        }
        let found = Found { piece: Place::of(piece), forms: alternatives(piece, &mut stems) };
        whole.push(&found);
        split.push(found);
    });
    let split = split_terms(split);
    let mut ways = vec![split, whole.terms];
    ways.dedup();
    ways.retain(|way| !way.is_empty());
    ways
}

/// The pairs of neighbouring words of a question that both name something. The parts of one name are no pair: the whole
/// name is a term.
pub fn word_pairs(text: &str, languages: &[Language]) -> Vec<[PhraseTerm; 2]> {
    let mut stems: Vec<Stems> = languages.iter().copied().map(Stems::of).collect();
    let mut found = Vec::new();
    let mut stop = StopRun::default();
    let mut beginnings = BTreeMap::new();
    scan(text, |piece| {
        beginnings.entry(piece.run).or_insert(piece.position);
        if !matches!(piece.role, Role::Gram | Role::Last) && !stop.check(text, piece.run) {
            found.push(Found { piece: Place::of(piece), forms: alternatives(piece, &mut stems) });
        }
    });
    let split = split_terms(found);
    let beginnings = BTreeSet::from_iter(beginnings.into_values());
    let is_pair = |pair: &&[PhraseTerm]| pair[1].offset == pair[0].offset + 1 && beginnings.contains(&pair[1].offset);
    let neighbours = split.windows(2).filter(is_pair);
    let term = |term: &PhraseTerm, offset| PhraseTerm { offset, ..term.clone() };
    neighbours.map(|pair| [term(&pair[0], 0), term(&pair[1], 1)]).collect()
}

/// A piece without its text.
#[derive(Debug, Clone, Copy)]
struct Place {
    role: Role,
    position: u32,
    is_prefix: bool,
    start: usize,
    end: usize,
    run: (usize, usize),
}

impl Place {
    fn of(piece: Piece<'_>) -> Self {
        let Piece { role, position, start, end, run, .. } = piece;
        Self { role, position, is_prefix: is_prefix(piece), start, end, run }
    }
}

struct Found {
    piece: Place,
    forms: Vec<String>,
}

/// The smallest pieces that cover a text: the humps of a part where they cover it, the part otherwise.
fn split_terms(found: Vec<Found>) -> Vec<PhraseTerm> {
    let mut terms: Vec<PhraseTerm> = Vec::with_capacity(found.len());
    let mut at = 0;
    while let Some(Found { piece, forms }) = found.get(at) {
        at += 1;
        let humps = found[at..].iter().take_while(|next| next.piece.role == Role::Hump).count();
        let covered: usize = found[at..at + humps].iter().map(|hump| hump.piece.end - hump.piece.start).sum();
        match piece.role {
            Role::Whole | Role::Last => {}
            Role::Part if humps > 0 && covered == piece.end - piece.start => {
                terms
                    .extend(found[at..at + humps].iter().map(|hump| hump.piece.term(&hump.forms, hump.piece.position)));
                at += humps;
            }
            Role::Part | Role::Gram | Role::Hump => {
                terms.push(piece.term(forms, piece.position));
                at += humps;
            }
        }
    }
    terms
}

impl Place {
    fn term(&self, forms: &[String], offset: u32) -> PhraseTerm {
        PhraseTerm { alternatives: forms.to_vec(), offset, is_prefix: self.is_prefix }
    }
}

/// The terms of a phrase in which every name is one word.
#[derive(Default)]
struct Whole {
    terms: Vec<PhraseTerm>,
    /// Of the next name or character.
    next: u32,
    /// The name that was taken last.
    name: Option<(usize, usize)>,
}

impl Whole {
    fn push(&mut self, found: &Found) {
        let piece = &found.piece;
        if piece.role != Role::Gram && self.name == Some(piece.run) {
            return;
        }
        self.name = Some(piece.run);
        self.terms.push(piece.term(&found.forms, self.next));
        self.next += 1;
    }

    /// Passes the last character of a run.
    fn skip(&mut self, _last: Piece<'_>) {
        self.next += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ways(text: &str) -> Vec<Vec<(String, u32)>> {
        let terms = |way: Vec<PhraseTerm>| way.into_iter().map(|term| (term.alternatives[0].clone(), term.offset));
        phrases(text, &[Language::English]).into_iter().map(|way| terms(way).collect()).collect()
    }

    fn way(terms: &[(&str, u32)]) -> Vec<(String, u32)> {
        terms.iter().map(|(term, offset)| ((*term).to_owned(), *offset)).collect()
    }

    #[test]
    fn words_stand_one_after_the_other_and_characters_too() {
        assert_eq!(ways("the running nodes"), [way(&[("the", 0), ("run", 1), ("node", 2)])]);
        assert_eq!(ways("남산탑 위 node"), [way(&[("남산", 0), ("산탑", 1), ("위", 3), ("node", 4)])]);
        assert!(ways("?! …").is_empty());
    }

    #[test]
    fn pairs_are_of_neighbours_that_name_something() {
        let pairs = word_pairs("What is the Modern Drummer Hall of Fame 서울 타워?", &[Language::English]);
        let pairs: Vec<_> = pairs.iter().map(|[a, b]| (&*a.alternatives[0], &*b.alternatives[0], b.offset)).collect();
        assert_eq!(pairs, [("modern", "drummer", 1), ("drummer", "hall", 1)]);
        assert_eq!(word_pairs("maxRetryCount reached", &[Language::English]).len(), 1);
    }

    #[test]
    fn names_are_split_and_whole() {
        let split = way(&[("max", 0), ("retri", 1), ("count", 2), ("reach", 3)]);
        assert_eq!(ways("maxRetryCount reached"), [split.clone(), way(&[("maxretrycount", 0), ("reach", 1)])]);
        assert_eq!(ways("max_retry_count reached")[0], split);
        assert_eq!(ways("OAuth token"), [way(&[("oauth", 0), ("token", 1)])]);
    }
}
