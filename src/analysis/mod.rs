//! Words and sentences: text in, terms with byte spans out, the same for documents and for questions.
//!
//! Everything here is a pure function of its arguments, total on any text, and repeatable. Spans are bytes of the
//! text that was given, on character boundaries, in order of their start.
//!
//! The rules, by script:
//!
//! - **Words** (Latin, Greek, Cyrillic and every other alphabet with spaces) are normalised (NFKC), lower-cased, and
//!   for Latin stemmed in the document's language (English when it is unknown) and freed of accents.
//! - **Runs without spaces between words** (Hangul, Han, Kana, Thai and its neighbours) become overlapping pairs of
//!   characters; a run of one character is that character. A single line end inside a run does not break it, because
//!   PDF lines end anywhere.
//! - **Names with inner joints** (`snake_case`, `kube-apiserver`, `camelCase`, `std::fs::read`, `1.2.3`) are kept
//!   whole and split; `_`, `-` and humps vanish from the whole form, so that `Wi-Fi` and `wifi` meet.
//! - **Numbers** meet in their forms: `v1.2.3` is `1.2.3`, a date is its eight digits, `05` is `5`, and `python3` is
//!   also split.
//! - Digits belong to the word that they stand in: `e5`, `k8s`.

mod grams;
mod language;
mod normalize;
mod numbers;
mod phrase;
mod piece;
mod query;
mod scan;
mod script;
mod sentences;
mod simhash;
mod stems;
mod stop_words;
mod tokens;

pub use language::{Language, detect_language, language_code};
pub use phrase::{PhraseTerm, phrases, word_pairs};
pub use query::{QueryTerm, query_languages, query_terms};
pub use script::has_runs;
pub use sentences::{SENTENCE_BYTES_MAX, sentences};
pub use simhash::{near_duplicate, simhash};
pub use stop_words::is_stop_word;
pub use tokens::{Token, each_last_character, each_position, each_token, tokens};

/// Changes whenever the same text may give other terms, so that an index of earlier terms can be refused.
pub const ANALYSIS_VERSION: u32 = 2;
