//! How much of what a question asks about stands in passages, in their sentences, and in what stands above them.

use std::collections::HashMap;

use crate::analysis::{self, Language};
use crate::types::{Hit, TermStatistics};

/// Words of a question that are looked for: as many as one number has bits, and more than a question has.
const WORDS_MAX: usize = 128;
/// What a heading or a title counts beside a sentence that says something itself.
const ABOVE_SHARE: f32 = 0.5;
/// What a word counts of which the index knows nothing, when no leg has looked it up.
const IDF_UNKNOWN: f32 = 1.0;
/// What a pair of Hiragana counts: it is grammar more often than a name.
const HIRAGANA_SHARE: f32 = 0.2;

/// The words of a question with what each weighs.
pub(super) struct AskedWords {
    words: Vec<AskedWord>,
    places: HashMap<String, usize>,
    /// Single characters of scripts without spaces, which documents have within pairs.
    characters: Vec<(char, usize)>,
    language: Option<Language>,
    total: f32,
}

/// A word of the question.
struct AskedWord {
    weight: f32,
    is_pair: bool,
    is_number: bool,
    is_name: bool,
}

/// Which words of the question some text has: one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Held(u128);

/// What a passage has of the question.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct PassageCoverage {
    /// In its text, its headings or its title.
    pub(super) all: Held,
    /// The share of the question that its best sentence says, with what stands above it counted in part.
    pub(super) sentence: f32,
}

impl AskedWords {
    /// The words of `question`. Those that only ask weigh nothing unless there are no others. `terms` says how rare they are.
    pub(super) fn of(question: &str, terms: &[TermStatistics]) -> Self {
        let language = analysis::detect_language(question);
        let known = Known::of(terms, language);
        let mut asked = Self::with(question, language, &known, 0.0);
        if asked.total == 0.0 {
            asked = Self::with(question, language, &known, 1.0);
        }
        asked
    }

    fn with(question: &str, language: Option<Language>, known: &Known, stop_word_share: f32) -> Self {
        let mut asked =
            Self { words: Vec::new(), places: HashMap::new(), characters: Vec::new(), language, total: 0.0 };
        let mut run = Run::default();
        for token in analysis::tokens(question, language) {
            let surface = &question[token.start..token.end];
            let place_in_run = run.place_of(surface, token.start, token.end);
            let (idf, is_stop_word) = known.of_term(&token.term, surface);
            if asked.words.len() >= WORDS_MAX || asked.places.contains_key(&token.term) {
                continue;
            }
            let place = asked.words.len();
            let share = if is_stop_word { stop_word_share } else { 1.0 };
            let mut characters = surface.chars();
            if let (Some(only), None) = (characters.next().filter(|_| place_in_run.is_some()), characters.next()) {
                asked.characters.push((only, place));
            }
            asked.places.insert(token.term, place);
            asked.words.push(AskedWord {
                weight: idf * place_in_run.map_or(1.0, |within| share_of_pair(surface, within)) * share,
                is_pair: place_in_run.is_some(),
                is_number: surface.chars().any(|c| c.is_ascii_digit()),
                is_name: is_name(question, token.start),
            });
        }
        asked.total = asked.words.iter().map(|word| word.weight).sum();
        asked
    }

    /// What a passage has of the question.
    pub(super) fn in_passage(&self, hit: &Hit) -> PassageCoverage {
        let mut above = self.held(&hit.title);
        for text in hit.heading_path.iter().chain(&hit.header) {
            above = above.and(self.held(text));
        }
        let (mut all, mut best) = (above, 0.0_f32);
        for span in analysis::sentences(&hit.text) {
            let said = self.held(span.slice(&hit.text));
            all = all.and(said);
            let own = self.share(said);
            if own > 0.0 {
                best = best.max(own + ABOVE_SHARE * (self.share(said.and(above)) - own));
            }
        }
        PassageCoverage { all, sentence: best }
    }

    /// The words that a text has.
    fn held(&self, text: &str) -> Held {
        let mut held = 0;
        analysis::each_token(text, self.language, |term, _, _| {
            if let Some(place) = self.places.get(term) {
                held |= 1 << place;
            }
        });
        for (character, place) in &self.characters {
            held |= u128::from(text.contains(*character)) << place;
        }
        Held(held)
    }

    /// The share of the question that these words are, 0 to 1; the rarer a word, the more it counts.
    pub(super) fn share(&self, held: Held) -> f32 {
        let held: f32 = self.having(held).map(|word| word.weight).sum();
        if self.total > 0.0 { held / self.total } else { 0.0 }
    }

    /// How telling the most telling word is that is not among these, as a share of the most telling of all.
    pub(super) fn heaviest_missing(&self, held: Held) -> f32 {
        let heaviest = |weight: f32, word: &AskedWord| weight.max(word.weight);
        let most = self.words.iter().fold(0.0, heaviest);
        let missing = self.having(Held(!held.0)).fold(0.0, heaviest);
        if most > 0.0 { missing / most } else { 1.0 }
    }

    /// The share of the question's numbers that are not among these; 0 without numbers.
    pub(super) fn numbers_missing(&self, held: Held) -> f32 {
        self.missing(held, |word| word.is_number)
    }

    /// The share of the question's names, which begin with a capital letter, that are not among these; 0 without names.
    pub(super) fn names_missing(&self, held: Held) -> f32 {
        self.missing(held, |word| word.is_name)
    }

    /// The share of all words, those that only ask included, that are not among these: most of them when these are in another
    /// language.
    pub(super) fn strange(&self, held: Held) -> f32 {
        self.missing(held, |_| true)
    }

    /// The share of the words that are pairs of characters out of scripts without spaces.
    pub(super) fn pairs(&self) -> f32 {
        let pairs = self.words.iter().filter(|word| word.is_pair).count();
        pairs as f32 / self.words.len().max(1) as f32
    }

    fn missing(&self, held: Held, is_one: fn(&AskedWord) -> bool) -> f32 {
        let all = self.words.iter().filter(|word| is_one(word)).count();
        let found = self.having(held).filter(|word| is_one(word)).count();
        if all > 0 { 1.0 - found as f32 / all as f32 } else { 0.0 }
    }

    fn having(&self, held: Held) -> impl Iterator<Item = &AskedWord> {
        self.words.iter().enumerate().filter(move |(place, _)| held.0 >> place & 1 == 1).map(|(_, word)| word)
    }
}

impl Held {
    /// The words that are in either.
    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What the index knows of the question's words.
struct Known {
    terms: HashMap<String, (f32, bool)>,
    rarest: f32,
}

impl Known {
    fn of(terms: &[TermStatistics], language: Option<Language>) -> Self {
        let named = |known: &TermStatistics| {
            let token = analysis::tokens(&known.term, language).into_iter().next()?;
            Some((token.term, (known.idf, known.is_stop_word)))
        };
        let rarest = terms.iter().map(|known| known.idf).fold(0.0, f32::max);
        Self { terms: terms.iter().filter_map(named).collect(), rarest }
    }

    /// The idf of a word, and whether it only asks.
    fn of_term(&self, term: &str, surface: &str) -> (f32, bool) {
        let unknown = || {
            let idf = if self.rarest > 0.0 { self.rarest } else { IDF_UNKNOWN };
            (idf, analysis::is_stop_word(&surface.to_lowercase()))
        };
        self.terms.get(term).copied().unwrap_or_else(unknown)
    }
}

/// Follows the pairs of characters through a run without spaces.
#[derive(Default)]
struct Run {
    end: usize,
    pairs: usize,
}

impl Run {
    /// The place of a pair within its run, from 0; `None` for a word.
    fn place_of(&mut self, surface: &str, start: usize, end: usize) -> Option<usize> {
        let is_pair = surface.chars().all(is_written_without_spaces);
        self.pairs = if is_pair && start < self.end { self.pairs + 1 } else { 0 };
        self.end = if is_pair { end } else { 0 };
        is_pair.then_some(self.pairs)
    }
}

fn is_written_without_spaces(c: char) -> bool {
    c >= '\u{2e80}' || ('\u{e00}'..='\u{eff}').contains(&c) || ('\u{1000}'..='\u{11ff}').contains(&c)
}

/// What a pair counts by its place within the run. Korean words carry their endings behind them, so that the further back a
/// pair stands the more it is grammar; in Japanese grammar is written in Hiragana.
fn share_of_pair(surface: &str, place: usize) -> f32 {
    if surface.chars().all(|c| ('\u{3041}'..='\u{309f}').contains(&c)) {
        return HIRAGANA_SHARE;
    }
    let is_hangul = surface.chars().all(|c| ('\u{ac00}'..='\u{d7a3}').contains(&c));
    if is_hangul { 1.0 / (1.0 + place as f32) } else { 1.0 }
}

/// Whether the word at `start` begins with a capital letter that no sentence gave it.
fn is_name(question: &str, start: usize) -> bool {
    let begins_question = question[..start].chars().all(|c| !c.is_alphanumeric());
    !begins_question && question[start..].starts_with(char::is_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(term: &str, idf: f32) -> TermStatistics {
        TermStatistics { term: term.to_owned(), idf, chunks: 1, is_stop_word: analysis::is_stop_word(term) }
    }

    #[test]
    fn rare_words_count_more_and_words_that_only_ask_do_not() {
        let terms = [term("who", 1.0), term("painted", 1.0), term("otters", 3.0)];
        let asked = AskedWords::of("who painted otters", &terms);
        assert_eq!(asked.share(asked.held("An otter.")), 0.75);
        assert_eq!(asked.share(asked.held("Who is that?")), 0.0);
        assert_eq!(asked.heaviest_missing(asked.held("painted")), 1.0);
        assert!((asked.heaviest_missing(asked.held("otters")) - 1.0 / 3.0).abs() < 1e-6);
        let only_asking = AskedWords::of("what is it", &[]);
        assert!(only_asking.share(only_asking.held("it is")) > 0.5);
    }

    #[test]
    fn korean_endings_count_less_than_what_they_end() {
        let asked = AskedWords::of("쿠버네티스에서는", &[]);
        assert!(asked.share(asked.held("쿠버네티스를")) > 0.8);
        assert!(asked.share(asked.held("에서는")) < 0.2);
        assert_eq!(asked.pairs(), 1.0);
        let single = AskedWords::of("물", &[]);
        assert_eq!(single.share(single.held("맑은 물이 흐른다")), 1.0);
    }

    #[test]
    fn names_and_numbers_are_told_from_other_words() {
        let asked = AskedWords::of("When did Anna visit Seoul in 1987?", &[]);
        let held = asked.held("Anna went to Seoul");
        assert_eq!((asked.names_missing(held), asked.numbers_missing(held)), (0.0, 1.0));
        assert_eq!(asked.names_missing(asked.held("Anna")), 0.5);
    }
}
