//! What in an answer claims nothing: lead-ins, headings of every answer, refusals.

use super::markers::markers;

/// Words of which lead-ins and headings of answers are made. A piece of these alone says nothing about the world.
const NEUTRAL: &[&str] = &[
    "a",
    "about",
    "above",
    "according",
    "an",
    "and",
    "answer",
    "answers",
    "are",
    "as",
    "based",
    "below",
    "brief",
    "by",
    "conclusion",
    "context",
    "details",
    "document",
    "documents",
    "excerpts",
    "explanation",
    "find",
    "findings",
    "following",
    "follows",
    "for",
    "found",
    "from",
    "given",
    "have",
    "here",
    "i",
    "in",
    "information",
    "introduction",
    "is",
    "it",
    "key",
    "list",
    "main",
    "note",
    "notes",
    "of",
    "on",
    "overview",
    "passage",
    "passages",
    "point",
    "points",
    "provided",
    "question",
    "references",
    "relevant",
    "say",
    "says",
    "shown",
    "source",
    "sources",
    "states",
    "steps",
    "sum",
    "summarized",
    "summary",
    "sure",
    "that",
    "the",
    "there",
    "these",
    "this",
    "to",
    "up",
    "we",
    "what",
    "with",
    "you",
    "your",
    "결론",
    "개요",
    "근거",
    "내용은",
    "다음",
    "다음과",
    "다음은",
    "답변",
    "답변은",
    "답",
    "답은",
    "따르면",
    "따라",
    "문서",
    "문서를",
    "문서에",
    "문서에서",
    "보면",
    "설명",
    "아래",
    "아래와",
    "요약",
    "요약하면",
    "요점",
    "위",
    "이상",
    "자료",
    "자료에",
    "정리하면",
    "제공된",
    "주요",
    "참고",
    "찾은",
    "출처",
    "출처에",
    "같습니다",
    "같다",
];
/// Longest lead-in in words.
const NEUTRAL_WORDS_MAX: usize = 14;
/// How refusals begin and, further on, what makes them refusals. Both must be there.
const REFUSALS: &[(&[&str], &[&str])] = &[
    (
        &[
            "i found nothing",
            "i could not find",
            "i cannot find",
            "i can't find",
            "i couldn't find",
            "i did not find",
            "i don't know",
            "i do not know",
            "i am not able",
            "i'm not able",
            "i cannot answer",
            "i can't answer",
            "there is no information",
            "there is not enough information",
            "no passage",
            "none of the passages",
            "none of the documents",
            "nothing in the",
        ],
        &[""],
    ),
    (
        &[
            "the passages",
            "the documents",
            "the sources",
            "the provided",
            "the given",
            "the available",
            "these documents",
            "these passages",
            "your documents",
            "the context",
            "this document",
        ],
        &["do not", "does not", "don't", "doesn't"],
    ),
    (
        &["문서", "제공된", "이 문서", "이 자료", "주어진", "자료", "지문", "출처", "해당", "관련"],
        &[
            "찾지 못했습니다",
            "찾을 수 없습니다",
            "알 수 없습니다",
            "나와 있지 않습니다",
            "언급되어 있지 않습니다",
            "언급되지 않습니다",
            "포함되어 있지 않습니다",
            "답할 수 없습니다",
            "확인할 수 없습니다",
            "정보가 없습니다",
            "내용이 없습니다",
        ],
    ),
];
/// What documents do not do in a refusal.
const SILENT: [&str; 12] = [
    "say", "state", "mention", "contain", "provide", "specify", "answer", "include", "give", "describe", "cover",
    "explain",
];
/// What would let a claim follow a refusal.
const TURNS: [&str; 19] = [
    "but",
    "however",
    "although",
    "though",
    "yet",
    "because",
    "since",
    "while",
    "whereas",
    "so",
    "therefore",
    "and",
    ",",
    ";",
    ":",
    "—",
    "지만",
    "그러나",
    "하지만",
];
/// Longest refusal in words.
const REFUSAL_WORDS_MAX: usize = 24;

/// Whether a piece says something that a source would have to support. Everything does, but white space and signs, the closed list of
/// words that lead-ins and headings of answers are made of, and plain refusals: no figure, no second clause, no more than a sentence.
pub(super) fn is_claim(piece: &str) -> bool {
    let plain = piece.trim().to_lowercase().replace('’', "'");
    if !plain.chars().any(char::is_alphanumeric) {
        return false;
    }
    if !markers(piece).is_empty() {
        return true;
    }
    !(is_neutral(&plain) || is_refusal(&plain))
}

fn is_neutral(plain: &str) -> bool {
    let words: Vec<&str> =
        plain.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|word| !word.is_empty()).collect();
    words.len() <= NEUTRAL_WORDS_MAX
        && words.iter().all(|word| NEUTRAL.contains(word))
        && !plain.contains(['<', '>', '=', '"', '“'])
}

fn is_refusal(plain: &str) -> bool {
    let words: Vec<&str> = plain.split_whitespace().collect();
    let stops = plain.trim_end_matches(['.', '!', '。']);
    let is_simple = words.len() <= REFUSAL_WORDS_MAX
        && !plain.chars().any(char::is_numeric)
        && !stops.contains(['.', '!', '?', '\n', '"', '“', '「', '『', '(', '['])
        && !TURNS.iter().any(|turn| {
            words.iter().any(|word| word == turn || (!turn.is_ascii() && word.contains(turn)))
                || (turn.len() == 1 && plain.contains(turn))
        });
    let asserts = words.windows(2).any(|pair| pair[0] == "that" && !pair[1].starts_with("answer"));
    let is_silent = |follows: &str| {
        !follows.is_ascii() || follows.is_empty() || {
            let after = plain.split_once(follows).map_or("", |(_, after)| after).trim_start();
            let verb = after
                .split(|c: char| !c.is_alphabetic())
                .find(|word| !matches!(*word, "explicitly" | "directly" | "clearly" | ""));
            verb.is_some_and(|verb| SILENT.contains(&verb))
        }
    };
    is_simple
        && !asserts
        && REFUSALS.iter().any(|(begins, follows)| {
            begins.iter().any(|begin| plain.starts_with(begin))
                && follows.iter().any(|follow| {
                    let ends_right = follow.is_ascii() || stops.ends_with(follow);
                    plain.contains(follow) && ends_right && is_silent(follow)
                })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lead_ins_headings_and_refusals_claim_nothing() {
        let nothing = [
            "",
            " \n",
            "---",
            "## Summary\n",
            "Here is what I found in the documents:",
            "According to the passages:",
            "**Key points**",
            "요약\n",
            "다음과 같습니다:",
            "I found nothing in these documents that answers this.",
            "이 문서들에서는 답을 찾지 못했습니다.",
            "The passages do not say how tall the tower is.",
            "제공된 문서에는 탑의 높이가 나와 있지 않습니다.",
        ];
        nothing.into_iter().for_each(|piece| assert!(!is_claim(piece), "{piece}"));
        let claims = [
            "# Seoul has 20 million people\n",
            "The documents do not say it, but the tower is 300 m tall.",
            "The passages do not lie.",
            "Alice stole the money.",
            "Yes.",
            "The documents do not mention the 300 m tower.",
            "Here is the answer: Alice.",
            "문서에는 없지만 탑은 높습니다.",
            "I found nothing in these documents that answers this [1].",
            "서울은 수도이다.",
            "I don't know. Seoul is the capital.",
        ];
        claims.into_iter().for_each(|piece| assert!(is_claim(piece), "{piece}"));
    }
}
