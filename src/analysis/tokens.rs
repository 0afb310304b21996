//! Text to terms, as a document is indexed.

use std::cell::Cell;

use super::Language;
use super::piece::{Form, Piece, Role};
use super::scan::scan;
use super::stems::Stems;

/// A term and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The form that is indexed and compared.
    pub term: String,
    /// First byte in the input.
    pub start: usize,
    /// One past the last byte in the input.
    pub end: usize,
}

/// Every term of `text`, in order of start.
pub fn tokens(text: &str, language: Option<Language>) -> Vec<Token> {
    let mut found = Vec::with_capacity(text.len() / 5);
    each_token(text, language, |term, start, end| found.push(Token { term: term.to_owned(), start, end }));
    found
}

/// Calls `visit` with every term of `text`, its first byte and the byte after its last, in order of start.
pub fn each_token(text: &str, language: Option<Language>, mut visit: impl FnMut(&str, usize, usize)) {
    each_piece(text, language, |term, piece| {
        if piece.role != Role::Last {
            visit(term, piece.start, piece.end);
        }
    });
}

/// Calls `visit` with every term of `text` and its position, in order of position.
///
/// A word takes one position, a run one for each of its characters, a name one for each of its parts or humps; a whole
/// name stands where its first part does. A paragraph separator (U+2029) takes one, too, so that no phrase crosses it.
pub fn each_position(text: &str, language: Option<Language>, mut visit: impl FnMut(&str, u32)) {
    each_piece(text, language, |term, piece| {
        if piece.role != Role::Last {
            visit(term, piece.position);
        }
    });
}

/// Calls `visit` with the last character of every run of several, and its position. It begins no pair, so that a
/// question of this character alone would not find the run.
pub fn each_last_character(text: &str, mut visit: impl FnMut(&str, u32)) {
    scan(text, |piece| {
        if piece.role == Role::Last {
            visit(piece.text, piece.position);
        }
    });
}

fn each_piece(text: &str, language: Option<Language>, mut visit: impl FnMut(&str, Piece<'_>)) {
    let language = language.unwrap_or(Language::English);
    // Taken out and put back, so that a visitor may analyse text of its own.
    let kept = STEMS.take().filter(|kept| kept.0 == language);
    let mut stems = kept.map_or_else(|| Stems::of(language), |kept| kept.1);
    scan(text, |piece| match piece.form {
        Form::Gram => visit(piece.text, piece),
        Form::Word | Form::Exact => stems.term(piece, |term| visit(term, piece)),
    });
    STEMS.set(Some((language, stems)));
}

thread_local! {
    /// The stems of the last text on this thread: passages of a few hundred words would otherwise pay for an empty table
    /// each.
    static STEMS: Cell<Option<(Language, Stems)>> = const { Cell::new(None) };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn terms(text: &str) -> Vec<String> {
        tokens(text, None).into_iter().map(|token| token.term).collect()
    }

    #[test]
    fn latin_words_are_stemmed_and_folded() {
        assert_eq!(terms("Running cafés, THE Émigrés'"), ["run", "cafe", "the", "emigr"]);
        let german: Vec<_> = tokens("Die Verordnungen", Some(Language::German)).into_iter().map(|t| t.term).collect();
        assert_eq!(german, ["die", "verordn"]);
    }

    #[test]
    fn hangul_runs_become_pairs() {
        assert_eq!(terms("쿠버네티스란 물"), ["쿠버", "버네", "네티", "티스", "스란", "물"]);
        assert_eq!(terms("한자漢字とカナ"), ["한자", "자漢", "漢字", "字と", "とカ", "カナ"]);
    }

    #[test]
    fn a_line_end_inside_a_run_does_not_break_it() {
        assert_eq!(terms("문서\n에서"), terms("문서에서"));
        assert_eq!(tokens("문\n서", None), [Token { term: "문서".to_owned(), start: 0, end: 7 }]);
        assert_eq!(terms("문서\n\n에서"), ["문서", "에서"]);
    }

    #[test]
    fn decomposed_text_gives_the_terms_of_composed_text() {
        use unicode_normalization::UnicodeNormalization;
        for text in ["한글 문서를 읽다", "ガラパゴス", "Émigré"] {
            let decomposed: String = text.nfd().collect();
            assert_eq!(terms(&decomposed), terms(text));
        }
        assert_eq!(terms("ｶﾞﾗｽ"), terms("ガラス"));
    }

    #[test]
    fn scripts_split_and_digits_stay_with_letters() {
        assert_eq!(terms("쿠버네티스API e5는 k8s"), ["쿠버", "버네", "네티", "티스", "api", "e5", "는", "k8s"]);
    }

    #[test]
    fn names_with_joints_are_kept_whole_and_split() {
        assert_eq!(terms("kube-apiserver"), ["kubeapiserv", "kube", "apiserv"]);
        assert_eq!(terms("snake_case"), ["snakecas", "snake", "case"]);
        assert_eq!(terms("camelCase"), ["camelcas", "camel", "case"]);
        assert_eq!(terms("HTTPServer APIs"), ["httpserver", "http", "server", "api"]);
        assert_eq!(terms("1.2.3"), ["1.2.3", "1", "2", "3"]);
        assert_eq!(terms("std::fs"), ["std::fs", "std", "fs"]);
        assert_eq!(terms("1,000,000 and 3.14"), ["1000000", "and", "3.14", "3", "14"]);
        assert_eq!(terms("C++ and C# but C"), ["c++", "and", "c#", "but", "c"]);
        assert_eq!(terms("the cat's, they'll"), ["the", "cat", "they"]);
    }

    #[test]
    fn data_gives_few_and_short_terms() {
        let blob = "x".repeat(1_000_000);
        assert_eq!(terms(&blob).len(), 1);
        assert!(terms(&"a.".repeat(1000)).iter().all(|term| term.len() <= 96));
    }

    proptest! {
        #[test]
        fn spans_are_ordered_and_on_boundaries(text in "([a-zA-Z]{1,6}|[가-힣]{1,4}|[ぁ-ん一-龥]|[\u{1100}-\u{1175}]|\\PC|[-_./:@'’,+#\n ]|\u{301}|[0-9]{1,4}){0,60}") {
            let mut last = 0;
            for token in tokens(&text, Some(Language::German)) {
                prop_assert!(!token.term.is_empty());
                prop_assert!(token.start >= last && token.start < token.end && token.end <= text.len());
                prop_assert!(text.get(token.start..token.end).is_some());
                last = token.start;
            }
        }

        #[test]
        fn every_term_of_a_document_is_found_by_its_own_words(text in "([a-zA-Zé]{1,8}|[가-힣]{1,4}|[_.\n ]){0,30}") {
            let asked: std::collections::HashSet<_> =
                crate::analysis::query_terms(&text, &[Language::French]).into_iter().flat_map(|term| term.alternatives).collect();
            for term in tokens(&text, Some(Language::French)) {
                prop_assert!(asked.contains(&term.term), "{}", term.term);
            }
        }

        #[test]
        fn any_text_is_taken(text in ".*", language in 0..Language::ALL.len()) {
            for token in tokens(&text, Some(Language::ALL[language])) {
                prop_assert!(text.get(token.start..token.end).is_some());
            }
        }
    }
}
