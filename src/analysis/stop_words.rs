//! Words that ask and link but name nothing; they weigh less in a question.

/// English function words, after the list that Lucene and NLTK share, with the words that questions open with.
const ENGLISH: &[&str] = &[
    "a", "about", "after", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "been", "before", "being",
    "but", "by", "can", "could", "did", "do", "does", "doing", "during", "each", "for", "from", "had", "has", "have",
    "having", "he", "her", "hers", "him", "his", "how", "i", "if", "in", "into", "is", "it", "its", "me", "my", "no",
    "nor", "not", "of", "off", "on", "or", "our", "ours", "out", "over", "she", "should", "so", "some", "such", "than",
    "that", "the", "their", "them", "then", "there", "these", "they", "this", "those", "through", "to", "too", "under",
    "until", "up", "us", "very", "was", "we", "were", "what", "when", "where", "which", "while", "who", "whom",
    "whose", "why", "will", "with", "would", "you", "your", "yours",
];

/// Korean words, as they stand between spaces in questions, that ask or link.
const KOREAN: &[&str] = &[
    "가",
    "것",
    "것은",
    "것을",
    "것이",
    "것인가",
    "것인가요",
    "것입니까",
    "경우",
    "관련",
    "관련된",
    "관한",
    "그",
    "그리고",
    "누가",
    "누구",
    "누구를",
    "누구의",
    "누구인가",
    "누구인가요",
    "누구입니까",
    "다음",
    "다음의",
    "대하여",
    "대한",
    "대해",
    "대해서",
    "되나요",
    "되는가",
    "됩니까",
    "따르면",
    "때",
    "또는",
    "며",
    "몇",
    "몇개",
    "무슨",
    "무엇",
    "무엇에",
    "무엇으로",
    "무엇을",
    "무엇이",
    "무엇인가",
    "무엇인가요",
    "무엇인지",
    "무엇일까",
    "무엇일까요",
    "무엇입니까",
    "뭐",
    "뭐야",
    "뭔가요",
    "및",
    "설명해",
    "설명해주세요",
    "설명해줘",
    "수",
    "알려",
    "알려주세요",
    "알려줘",
    "어느",
    "어디",
    "어디서",
    "어디에",
    "어디에서",
    "어디인가",
    "어디인가요",
    "어디입니까",
    "어떠한",
    "어떤",
    "어떻게",
    "언제",
    "언제부터",
    "언제인가",
    "언제인가요",
    "언제입니까",
    "얼마",
    "얼마나",
    "얼마인가",
    "얼마인가요",
    "얼마입니까",
    "왜",
    "위한",
    "위해",
    "의해",
    "이",
    "이다",
    "인가",
    "인가요",
    "입니까",
    "있나",
    "있나요",
    "있는",
    "있는가",
    "있습니까",
    "저",
    "좀",
    "중",
    "중에",
    "중에서",
    "하나요",
    "하는",
    "하는가",
    "합니까",
    "해당하는",
    "해주세요",
    "해줘",
    "했나",
    "했나요",
    "했는가",
    "했습니까",
];

/// Whether a word, in lower case and not stemmed, only asks or links. Korean words are taken as they stand between
/// spaces.
pub fn is_stop_word(word: &str) -> bool {
    let list = if word.is_ascii() { ENGLISH } else { KOREAN };
    list.binary_search(&word).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted_and_hold_nothing_twice() {
        for list in [ENGLISH, KOREAN] {
            let unsorted: Vec<_> = list.windows(2).filter(|pair| pair[0] >= pair[1]).collect();
            assert!(unsorted.is_empty(), "{unsorted:?}");
        }
    }

    #[test]
    fn words_that_ask_are_told_from_words_that_name() {
        assert!(is_stop_word("which") && is_stop_word("무엇인가요"));
        assert!(!is_stop_word("kubernetes") && !is_stop_word("쿠버네티스"));
    }
}
