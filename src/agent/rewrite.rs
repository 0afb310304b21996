//! Follow-up questions: whether one leans on the conversation, and the same question standing alone.
//!
//! "And how long does it sleep?" finds nothing by itself. With a chat model that writes, the model is asked to rewrite it;
//! without one, the words that the last question was about are added to it.

use crate::analysis;
use crate::types::{Message, Role};

/// A question with more telling words than this says what it is about, unless it points back.
const SHORT_TERMS_MAX: usize = 2;
/// Words that are added to a question.
const ADDED_WORDS_MAX: usize = 8;
/// Longest rewritten question that is taken from a model, in characters.
const QUERY_CHARS_MAX: usize = 500;

/// English words that point back to what was said.
const POINTING: &[&str] = &[
    "it",
    "its",
    "he",
    "him",
    "his",
    "she",
    "her",
    "hers",
    "they",
    "them",
    "their",
    "theirs",
    "this",
    "that",
    "these",
    "those",
    "there",
    "one",
    "ones",
    "such",
    "same",
    "latter",
    "former",
    "itself",
    "themselves",
];
/// Openings of questions that go on from the one before.
const GOING_ON: &[&str] = &["and ", "but ", "also ", "so ", "then ", "what about", "how about", "what else", "why not"];
/// Korean words that point back or go on, as the beginnings of words.
const KOREAN_POINTING: &[&str] = &[
    "그것",
    "이것",
    "저것",
    "그건",
    "이건",
    "그게",
    "이게",
    "그걸",
    "이걸",
    "그들",
    "그녀",
    "그분",
    "그곳",
    "거기",
    "여기서",
    "그때",
    "그럼",
    "그러면",
    "그런",
    "그렇다면",
    "그리고",
    "그중",
    "그 중",
    "그는",
    "그가",
    "그의",
    "그를",
    "또 ",
    "또한",
    "이 중",
    "그 ",
];

/// The last thing that was asked, standing alone: a follow-up carries what the questions before it were about.
pub(super) fn standing_alone(history: &[Message]) -> Option<String> {
    let asked = history.iter().filter(|turn| turn.role == Role::User).map(|turn| turn.content.as_str());
    asked.fold(None, |before: Option<String>, question| {
        let alone = before.and_then(|before| by_rules(question, &before));
        Some(alone.unwrap_or_else(|| question.to_owned()))
    })
}

/// Whether a question leans on the conversation.
pub(super) fn leans_back(question: &str) -> bool {
    let lower = question.trim().to_lowercase();
    if GOING_ON.iter().any(|opening| lower.starts_with(opening)) {
        return true;
    }
    if lower.split(|c: char| !c.is_alphanumeric() && c != '\'').any(|word| POINTING.contains(&word)) {
        return true;
    }
    let korean = KOREAN_POINTING.iter().any(|word| lower.starts_with(word) || lower.contains(&format!(" {word}")));
    korean || telling_words(question).len() <= SHORT_TERMS_MAX
}

/// The question with the words that the last one was about, when it leans on it; `None` when it stands alone.
pub(super) fn by_rules(question: &str, before: &str) -> Option<String> {
    if !leans_back(question) {
        return None;
    }
    let known: Vec<String> = telling_words(question).into_iter().map(str::to_lowercase).collect();
    let added: Vec<&str> = telling_words(before)
        .into_iter()
        .filter(|word| !known.contains(&word.to_lowercase()))
        .take(ADDED_WORDS_MAX)
        .collect();
    (!added.is_empty()).then(|| format!("{} ({})", question.trim(), added.join(" ")))
}

/// A model's rewriting, when it is one: a single line of a sensible length that is not the question itself.
pub(super) fn by_model(question: &str, written: &str) -> Option<String> {
    let line = written.trim().lines().next().unwrap_or_default().trim().trim_matches(['"', '“', '”', '\'']).trim();
    let sensible = !line.is_empty() && line.chars().count() <= QUERY_CHARS_MAX.max(question.chars().count() * 2);
    (sensible && line != question.trim()).then(|| line.to_owned())
}

/// The words of a question that say what it is about, as they are written and without the marks around them.
fn telling_words(text: &str) -> Vec<&str> {
    let bare = text.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
    let telling = |word: &&str| {
        let lower = word.to_lowercase();
        let korean = KOREAN_POINTING.iter().any(|pointing| word.starts_with(pointing.trim()));
        !word.is_empty() && !analysis::is_stop_word(word) && !POINTING.contains(&lower.as_str()) && !korean
    };
    let mut words: Vec<&str> = Vec::new();
    for word in bare.filter(telling) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follow_ups_take_what_the_last_question_was_about() {
        for (question, before, added) in [
            ("How long can it hold its breath?", "What do river otters eat?", "river otters"),
            ("What about cats?", "How long do otters sleep?", "otters sleep"),
            ("And in winter?", "When does the library open?", "library open"),
            ("그럼 먹이는?", "고양이는 하루에 몇 시간을 자는가?", "고양이는"),
            ("왜?", "서울 탑의 높이는?", "서울"),
        ] {
            let alone = by_rules(question, before).unwrap();
            assert!(alone.starts_with(question) && alone.contains(added), "{alone}");
        }
    }

    #[test]
    fn questions_that_stand_alone_stay_as_they_are() {
        for question in [
            "How tall is the tower in Seoul?",
            "Which commands drain a Kubernetes node safely?",
            "고양이는 하루에 몇 시간을 자는가?",
            "데비안 설치 프로그램은 어떤 파일 시스템을 지원하는가?",
        ] {
            assert_eq!(by_rules(question, "What do otters eat?"), None, "{question}");
        }
    }

    #[test]
    fn a_models_rewriting_is_one_sensible_line() {
        assert_eq!(by_model("and it?", "\"What do otters eat?\"\nBecause"), Some("What do otters eat?".to_owned()));
        assert_eq!(by_model("and it?", " and it? "), None);
        assert_eq!(by_model("and it?", ""), None);
        assert_eq!(by_model("and it?", &"x".repeat(5_000)), None);
    }
}
