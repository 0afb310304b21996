//! Questions from sentences: where does it say this?

use std::collections::HashSet;

use ibid_ingest::Span;
use unicode_segmentation::UnicodeSegmentation;

use super::Made;
use super::statistics::{Statistics, body_sentences};
use crate::analysis::is_stop_word;
use crate::store::ChunkSource;

/// Words of a sentence that a question is made of. Shorter ones say little; longer ones are lists and tables.
const WORDS: std::ops::RangeInclusive<usize> = 6..=50;
/// Words of a question: what people type.
const KEPT: std::ops::RangeInclusive<usize> = 3..=8;
/// The share of the words that is kept.
const KEPT_SHARE: f64 = 0.6;
/// The share of letters among what is visible in prose; code, tables and data have less.
const LETTERS_SHARE: f64 = 0.8;
/// Words of a question that few documents have: one alone may be a slip of the pen.
const RARE_MIN: usize = 2;

/// The rarest words of a sentence that no question was made of yet and that stands nowhere else.
pub(super) fn question(
    source: &ChunkSource,
    statistics: &Statistics,
    used: &HashSet<Span>,
    random: &mut fastrand::Rng,
) -> Option<Made> {
    let headings = &source.structure.headings;
    let is_heading = |span: &Span| headings.iter().any(|heading| heading.span.contains(*span));
    let mut places: Vec<Span> = body_sentences(source);
    places.retain(|span| !used.contains(span) && !is_heading(span) && is_prose(span.slice(&source.text)));
    random.shuffle(&mut places);
    places.into_iter().find_map(|span| {
        let sentence = span.slice(&source.text);
        let query = statistics.is_own_sentence(sentence).then(|| rare_words(sentence, statistics))??;
        Some(Made { query, span })
    })
}

/// The rarest words of a sentence in their order, when they tell it from others and are not a piece of it as it stands.
fn rare_words(sentence: &str, statistics: &Statistics) -> Option<String> {
    let words = words(sentence);
    if !WORDS.contains(&words.len()) {
        return None;
    }
    let mut seen = HashSet::new();
    let names = words.iter().filter(|word| {
        let lower = word.to_lowercase();
        !is_stop_word(&lower) && seen.insert(lower)
    });
    let mut ranked: Vec<(usize, &str, f64)> =
        names.enumerate().map(|(at, word)| (at, *word, statistics.rarity(word))).collect();
    // Of equally rare words the longer one says more.
    ranked.sort_by(|a, b| b.2.total_cmp(&a.2).then(b.1.len().cmp(&a.1.len())));
    let share = (words.len() as f64 * KEPT_SHARE).ceil() as usize;
    ranked.truncate(share.clamp(*KEPT.start(), *KEPT.end()));
    if ranked.len() < *KEPT.start() {
        return None;
    }
    let rare = ranked.iter().filter(|(_, word, _)| statistics.is_rare(word)).count();
    ranked.sort_unstable_by_key(|(at, _, _)| *at);
    let query = ranked.iter().map(|(_, word, _)| *word).collect::<Vec<_>>().join(" ");
    let sentence = sentence.split_whitespace().collect::<Vec<_>>().join(" ");
    (rare >= RARE_MIN && !sentence.contains(&query)).then_some(query)
}

fn is_prose(sentence: &str) -> bool {
    let (mut letters, mut visible) = (0.0, 0.0);
    for c in sentence.chars().filter(|c| !c.is_whitespace()) {
        visible += 1.0;
        letters += f64::from(u8::from(c.is_alphabetic()));
    }
    letters >= visible * LETTERS_SHARE
}

/// The words of a sentence, without the targets of links. Where words have no spaces between them, runs of Han and of Katakana
/// are taken for words; what is in Hiragana mostly links them.
fn words(sentence: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for part in sentence.split_whitespace().filter(|part| !part.contains("://")) {
        let shown = part.split("](").next().unwrap_or(part);
        let word = shown.trim_matches(|c: char| !c.is_alphanumeric());
        if word.chars().any(|c| is_han(c) || is_kana(c)) {
            runs(word, &mut words);
        } else if word.unicode_words().next().is_some() {
            words.push(word);
        }
    }
    words
}

/// The runs of Han, of Katakana and of other letters in `word`.
fn runs<'a>(word: &'a str, found: &mut Vec<&'a str>) {
    let kind = |c: char| match c {
        _ if is_han(c) => 1,
        '\u{30a1}'..='\u{30ff}' => 2,
        _ if is_kana(c) || !c.is_alphanumeric() => 0,
        _ => 3,
    };
    let mut start = 0;
    let mut before = 0;
    for (at, c) in word.char_indices().chain([(word.len(), '\0')]) {
        let now = kind(c);
        if now == before && at < word.len() {
            continue;
        }
        let run = &word[start..at];
        if before != 0 && run.chars().nth(1).is_some() {
            found.push(run);
        }
        (start, before) = (at, now);
    }
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}')
}

fn is_kana(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::make::tests::source;

    /// Every question that a text gives, with its sentence.
    fn questions(text: &str, others: &[&str]) -> Vec<(String, String)> {
        let source = source(text);
        let mut statistics = Statistics::default();
        statistics.add(&source);
        others.iter().for_each(|other| drop(statistics.add(&self::source(other))));
        let mut used = HashSet::new();
        let mut random = fastrand::Rng::with_seed(1);
        let mut found = Vec::new();
        while let Some(made) = question(&source, &statistics, &used, &mut random) {
            assert!(used.insert(made.span), "no sentence gives two questions");
            found.push((made.query, made.span.slice(text).to_owned()));
        }
        found
    }

    #[test]
    fn a_question_has_the_rare_words_of_its_sentence_and_is_no_copy() {
        let english = "The harbour master opens the western lock gate every morning at seven. It is so.\n";
        let found = questions(english, &["The master of the house is at home every morning."]);
        assert_eq!(found.len(), 1, "{found:?}");
        let (query, sentence) = &found[0];
        assert!(!sentence.contains(query.as_str()), "{query}");
        assert!(["harbour", "western", "lock", "gate"].iter().all(|word| query.contains(word)), "{query}");
        assert!(!query.split(' ').any(|word| ["The", "the", "at"].contains(&word)), "{query}");
    }

    #[test]
    fn korean_and_japanese_sentences_give_questions() {
        let korean =
            questions("수영장은 매주 월요일 오전 여섯 시에 문을 열고 저녁 아홉 시에 닫는다.\n", &["고양이는 잔다."]);
        assert_eq!(korean.len(), 1, "{korean:?}");
        let japanese = questions(
            "梅雨は北海道と小笠原諸島を除く日本、朝鮮半島南部、中国の南部から長江流域にかけてみられる気象現象である。\n",
            &["猫は寝る。"],
        );
        assert_eq!(japanese.len(), 1, "{japanese:?}");
        assert!(!japanese[0].0.contains('は'), "{japanese:?}");
    }

    #[test]
    fn data_gives_none_and_the_targets_of_links_are_left_out() {
        assert_eq!(questions("licence 17 18 99 pdf 84 1808056 86 20 \"extractor\": [1, 2]\n", &["Some words."]), []);
        let linked = "The harbour master opens the [western](/locks/west.html) lock gate every morning at seven.\n";
        let found = questions(linked, &["The master of the house is at home every morning."]);
        assert!(found[0].0.contains("western lock") && !found[0].0.contains("html"), "{found:?}");
    }

    #[test]
    fn a_sentence_that_stands_elsewhere_too_gives_none() {
        let text = "The harbour master opens the western lock gate every morning at seven.\n";
        assert_eq!(questions(text, &[text]), []);
    }
}
