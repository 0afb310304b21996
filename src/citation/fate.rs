//! What became of a quote in the text that its document has today.

use std::collections::HashMap;

use ibid_ingest::Span;
use serde::Serialize;
use similar::{ChangeTag, TextDiff};

use crate::analysis;

/// Share of a quote's words that a place must hold to be taken as the quote, edited.
const KEPT_SHARE: f32 = 0.5;
/// Longest quote that is compared word by word; a longer one is only looked for as it is.
const QUOTE_BYTES_MAX: usize = 16 << 10;

/// What became of a quote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum QuoteToday {
    /// It stands where it stood.
    Same,
    /// It stands elsewhere, word for word.
    Moved {
        /// The place nearest to where it stood.
        span: Span,
    },
    /// Most of it stands there in other words.
    Edited {
        /// Where.
        span: Span,
        /// From the quote to the text of today. Equal and deleted parts are the quote, equal and inserted ones are today's text.
        parts: Vec<DiffPart>,
    },
    /// No place holds half of its words.
    Gone,
}

/// A part of an edited quote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct DiffPart {
    /// What was done.
    pub op: DiffOp,
    /// To which words.
    pub text: String,
}

/// What an edit does to a part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DiffOp {
    /// Both have it.
    Equal,
    /// Only the text of today has it.
    Insert,
    /// Only the quote has it.
    Delete,
}

/// Looks for `quote`, which stood at `at`, in the text of today.
pub fn where_today(quote: &str, at: Span, text_today: &str) -> QuoteToday {
    if quote.is_empty() || at.get(text_today) == Some(quote) {
        return QuoteToday::Same;
    }
    let nearest = text_today.match_indices(quote).map(|(start, _)| start).min_by_key(|start| start.abs_diff(at.start));
    if let Some(start) = nearest {
        return QuoteToday::Moved { span: Span::new(start, start + quote.len()) };
    }
    match edited_place(quote, at, text_today) {
        Some(span) => QuoteToday::Edited { span, parts: difference(quote, span.slice(text_today)) },
        None => QuoteToday::Gone,
    }
}

/// The run of as many words as the quote has that shares most words with it; of equally good ones that nearest to `at`.
fn edited_place(quote: &str, at: Span, text: &str) -> Option<Span> {
    if quote.len() > QUOTE_BYTES_MAX {
        return None;
    }
    let asked = analysis::tokens(quote, None);
    let words = analysis::tokens(text, None);
    let mut open: HashMap<&str, i64> = HashMap::new();
    asked.iter().for_each(|token| *open.entry(token.term.as_str()).or_default() += 1);
    let length = asked.len().min(words.len());
    if length == 0 {
        return None;
    }
    let (mut shared, mut best) = (0_usize, None::<(usize, bool, usize, usize)>);
    for last in 0..words.len() {
        if let Some(count) = open.get_mut(words[last].term.as_str()) {
            shared += usize::from(*count > 0);
            *count -= 1;
        }
        if let Some(first) = last.checked_sub(length)
            && let Some(count) = open.get_mut(words[first].term.as_str())
        {
            *count += 1;
            shared -= usize::from(*count > 0);
        }
        let first = (last + 1).saturating_sub(length);
        let far = usize::MAX - words[first].start.abs_diff(at.start);
        let begins = words[first].term == asked[0].term;
        best = best.max(Some((shared, begins, far, first)));
    }
    let (held, _, _, first) = best.filter(|(held, ..)| *held as f32 >= asked.len() as f32 * KEPT_SHARE && *held > 0)?;
    debug_assert!(held <= asked.len(), "a window shares no more words than the quote has");
    let end = words[first..first + length].iter().map(|word| word.end).max()?;
    Some(whole_words(text, Span::new(words[first].start, end)))
}

/// The span with the rest of the words that it cuts and the stop that follows.
fn whole_words(text: &str, span: Span) -> Span {
    let before =
        text[..span.start].chars().rev().take_while(|c| c.is_alphanumeric()).map(char::len_utf8).sum::<usize>();
    let is_word = |c: &char| !c.is_whitespace() && *c != '[';
    let after = text[span.end..].chars().take_while(is_word).take(64).map(char::len_utf8).sum::<usize>();
    Span::new(span.start - before, span.end + after)
}

fn difference(quote: &str, today: &str) -> Vec<DiffPart> {
    let mut parts: Vec<DiffPart> = Vec::new();
    for change in TextDiff::from_words(quote, today).iter_all_changes() {
        let op = match change.tag() {
            ChangeTag::Equal => DiffOp::Equal,
            ChangeTag::Insert => DiffOp::Insert,
            ChangeTag::Delete => DiffOp::Delete,
        };
        match parts.last_mut() {
            Some(part) if part.op == op => part.text.push_str(change.value()),
            _ => parts.push(DiffPart { op, text: change.value().to_owned() }),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_quote_is_found_where_it_stood_elsewhere_edited_or_not_at_all() {
        let quote = "The tower in Seoul is 236 metres tall.";
        let at = Span::new(0, quote.len());
        assert_eq!(where_today(quote, at, quote), QuoteToday::Same);
        let moved = format!("A word before. {quote} One after.");
        assert_eq!(where_today(quote, at, &moved), QuoteToday::Moved { span: Span::new(15, 15 + quote.len()) });
        let edited = "It rains. The tower in Seoul is 240 metres tall. It is old.";
        let QuoteToday::Edited { span, parts } = where_today(quote, at, edited) else { panic!("not found") };
        assert_eq!(span.slice(edited), "The tower in Seoul is 240 metres tall.");
        let changed: Vec<_> = parts.iter().filter(|part| part.op != DiffOp::Equal).map(|p| p.text.as_str()).collect();
        assert_eq!(changed, ["236", "240"]);
        assert_eq!(where_today(quote, at, "Something else stands here, and nothing of it."), QuoteToday::Gone);
        assert_eq!(where_today(quote, at, ""), QuoteToday::Gone);
    }

    #[test]
    fn korean_quotes_are_followed_too() {
        let quote = "서울의 탑은 높이가 236미터이다.";
        let today = "서론이다. 서울의 탑은 높이가 240미터이다. 끝.";
        let QuoteToday::Edited { span, parts } = where_today(quote, Span::new(0, quote.len()), today) else {
            panic!("gone")
        };
        assert_eq!(span.slice(today), "서울의 탑은 높이가 240미터이다.");
        assert!(parts.iter().any(|part| part.op == DiffOp::Insert && part.text.contains("240")));
    }

    proptest! {
        #[test]
        fn any_texts_are_taken_and_parts_add_up(
            quote in "([a-z]{1,4} |[가-힣]{1,3}|\\PC|\n){0,20}", today in "([a-z]{1,4} |[가-힣]{1,3}|\\PC|\n){0,30}", start in 0_usize..90,
        ) {
            match where_today(&quote, Span::new(start, start + quote.len()), &today) {
                QuoteToday::Moved { span } => prop_assert_eq!(span.slice(&today), quote.as_str()),
                QuoteToday::Edited { span, parts } => {
                    let side = |left_out: DiffOp| -> String {
                        parts.iter().filter(|part| part.op != left_out).map(|part| part.text.as_str()).collect()
                    };
                    prop_assert_eq!(side(DiffOp::Insert), quote.as_str());
                    prop_assert_eq!(side(DiffOp::Delete), span.slice(&today));
                }
                QuoteToday::Same | QuoteToday::Gone => {}
            }
        }
    }
}
