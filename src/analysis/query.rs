//! A question to terms, each with the forms under which documents may have it.

use std::collections::HashMap;

use super::normalize::{fold, push_lower};
use super::piece::{Form, Piece, Role};
use super::scan::scan;
use super::stems::Stems;
use super::{Language, detect_language, is_stop_word};

/// One term of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryTerm {
    /// The forms that stand for it in documents, at least one, none twice: a Latin word has one stem a language.
    pub alternatives: Vec<String>,
    /// First byte in the question of where it stands first.
    pub start: usize,
    /// One past the last byte there.
    pub end: usize,
    /// How often the question says it.
    pub count: u32,
    /// Whether it is a single character of a script without spaces. Documents have it inside pairs, so the terms that
    /// begin with it stand for it too.
    pub is_prefix: bool,
    /// Whether the word that it comes from only asks, as `what` or `무엇인가요`.
    pub is_stop_word: bool,
}

/// The languages whose stems a question tries: English, that of the question, and those of the documents.
pub fn query_languages(text: &str, of_documents: &[Language]) -> Vec<Language> {
    let mut wanted = vec![Language::English];
    wanted.extend(detect_language(text).into_iter().chain(of_documents.iter().copied()));
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}

/// The terms of a question in order of first mention, none twice. Latin words get their stem in each of `languages`, as
/// [`query_languages`] gives them, and their unstemmed form.
pub fn query_terms(text: &str, languages: &[Language]) -> Vec<QueryTerm> {
    let mut stems: Vec<Stems> = languages.iter().copied().map(Stems::of).collect();
    let mut terms: Vec<QueryTerm> = Vec::new();
    let mut places: HashMap<Vec<String>, usize> = HashMap::new();
    let mut stop = StopRun::default();
    scan(text, |piece| {
        if piece.role == Role::Last {
            return;
        }
        let alternatives = alternatives(piece, &mut stems);
        let is_stop_word = stop.check(text, piece.run);
        match places.get(&alternatives) {
            Some(&place) => {
                terms[place].count += 1;
                terms[place].is_stop_word &= is_stop_word;
            }
            None => {
                places.insert(alternatives.clone(), terms.len());
                let (start, end, is_prefix) = (piece.start, piece.end, is_prefix(piece));
                terms.push(QueryTerm { alternatives, start, end, count: 1, is_prefix, is_stop_word });
            }
        }
    });
    terms
}

/// The forms under which documents may have a piece of a question, at least one, none twice.
pub(super) fn alternatives(piece: Piece<'_>, stems: &mut [Stems]) -> Vec<String> {
    let mut forms = Vec::with_capacity(2);
    if piece.form == Form::Word {
        stems.iter_mut().for_each(|language| language.term(piece, |term| push_new(&mut forms, term)));
    }
    push_new(&mut forms, &fold(piece.text));
    forms
}

/// Whether the terms that begin with a piece stand for it.
pub(super) fn is_prefix(piece: Piece<'_>) -> bool {
    piece.role == Role::Gram && piece.text.chars().nth(1).is_none()
}

fn push_new(forms: &mut Vec<String>, form: &str) {
    if forms.iter().all(|known| known != form) {
        forms.push(form.to_owned());
    }
}

/// Remembers the last run, because each of its pairs asks about it.
#[derive(Default)]
pub(super) struct StopRun {
    run: (usize, usize),
    is_stop_word: bool,
}

impl StopRun {
    pub(super) fn check(&mut self, text: &str, run: (usize, usize)) -> bool {
        if self.run != run || run == (0, 0) {
            let mut word = String::new();
            push_lower(&text[run.0..run.1], &mut word);
            *self = Self { run, is_stop_word: is_stop_word(&word) };
        }
        self.is_stop_word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(text: &str) -> Vec<Vec<String>> {
        query_terms(text, &query_languages(text, &[])).into_iter().map(|term| term.alternatives).collect()
    }

    #[test]
    fn a_latin_word_has_its_stem_and_itself() {
        assert_eq!(forms("running"), [["run", "running"]]);
        assert_eq!(forms("k8s"), [["k8s"]]);
    }

    #[test]
    fn a_word_gets_a_stem_of_each_language_of_the_documents() {
        let terms = query_terms("Verordnungen", &[Language::English, Language::German]);
        assert_eq!(terms[0].alternatives, ["verordnungen", "verordn"]);
    }

    #[test]
    fn a_term_said_twice_is_counted() {
        let terms = query_terms("tool by tool", &[Language::English]);
        assert_eq!(terms.iter().map(|term| term.count).collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn words_that_only_ask_are_marked() {
        let terms = query_terms("What is 쿠버네티스란 무엇인가요?", &[Language::English]);
        let asking: Vec<_> =
            terms.iter().filter(|term| term.is_stop_word).map(|term| term.alternatives[0].as_str()).collect();
        assert_eq!(asking, ["what", "is", "무엇", "엇인", "인가", "가요"]);
    }
}
