//! What was said before, within a budget: the newest turns whole, older ones as a line each, the oldest not at all.

use crate::analysis;
use crate::types::{Message, Role};

/// Bytes of turns that are shown whole.
const RECENT_BYTES_MAX: usize = 12_000;
/// Turns that are shown whole; older ones rarely matter and cost tokens.
const RECENT_TURNS_MAX: usize = 8;
/// Characters of one turn.
const TURN_CHARS_MAX: usize = 2_000;
/// Bytes of the lines that stand for older turns.
const EARLIER_BYTES_MAX: usize = 3_000;
/// Characters of such a line.
const LINE_CHARS_MAX: usize = 200;

/// A conversation that fits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Condensed {
    /// A line for each older turn, oldest first.
    pub(super) earlier: String,
    /// The newest turns, oldest first.
    pub(super) recent: Vec<Message>,
}

/// The conversation within its budget, whatever its length.
pub(super) fn condensed(history: &[Message]) -> Condensed {
    let mut recent = Vec::new();
    let mut bytes = 0;
    for turn in history.iter().rev().take(RECENT_TURNS_MAX) {
        let content: String = without_markers(&turn.content).chars().take(TURN_CHARS_MAX).collect();
        bytes += content.len();
        if bytes > RECENT_BYTES_MAX {
            break;
        }
        recent.push(Message { role: turn.role, content });
    }
    let older = &history[..history.len() - recent.len()];
    recent.reverse();
    let mut lines = Vec::new();
    let mut kept = 0;
    for turn in older.iter().rev() {
        let line = line_of(turn);
        kept += line.len();
        if kept > EARLIER_BYTES_MAX {
            break;
        }
        lines.push(line);
    }
    lines.reverse();
    Condensed { earlier: lines.concat(), recent }
}

/// A turn as one line: a question as it was asked, of an answer the first sentence.
fn line_of(turn: &Message) -> String {
    let start: String = without_markers(turn.content.trim()).chars().take(TURN_CHARS_MAX).collect();
    let (who, said) = match turn.role {
        Role::User => ("Asked", start.as_str()),
        _ => ("Answered", analysis::sentences(&start).first().map_or("", |first| &start[first.start..first.end])),
    };
    let said: String = said.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LINE_CHARS_MAX).collect();
    format!("- {who}: {said}\n")
}

/// The words without `[n]`: the numbers meant the passages of that turn, and a model would copy them.
fn without_markers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('[') {
        let (before, from) = rest.split_at(at);
        let number = from[1..].bytes().take_while(u8::is_ascii_digit).count();
        let is_marker = number > 0 && from[1 + number..].starts_with(']');
        out.push_str(if is_marker { before.trim_end_matches(' ') } else { before });
        let taken = if is_marker { number + 2 } else { 1 };
        out.push_str(if is_marker { "" } else { "[" });
        rest = &from[taken..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_old_passages_are_not_shown_again() {
        assert_eq!(without_markers("Tall [1][12]. An a[i] and [3"), "Tall. An a[i] and [3");
    }

    fn turns(count: usize, words: usize) -> Vec<Message> {
        let turn = |at: usize| Message {
            role: if at.is_multiple_of(2) { Role::User } else { Role::Assistant },
            content: format!("Turn {at} was said. {}", "Word ".repeat(words)),
        };
        (0..count).map(turn).collect()
    }

    #[test]
    fn a_short_conversation_stays_whole() {
        let history = turns(4, 3);
        assert_eq!(condensed(&history), Condensed { earlier: String::new(), recent: history });
        assert_eq!(condensed(&[]), Condensed::default());
    }

    #[test]
    fn a_long_one_fits_its_budget_and_keeps_its_newest_turns() {
        for (count, words) in [(10_000, 5), (40, 2_000), (1, 100_000), (9, 0)] {
            let history = turns(count, words);
            let kept = condensed(&history);
            let bytes: usize = kept.recent.iter().map(|turn| turn.content.len()).sum();
            assert!(bytes <= RECENT_BYTES_MAX && kept.earlier.len() <= EARLIER_BYTES_MAX);
            let newest = format!("Turn {} was said.", count - 1);
            assert!(kept.recent.last().is_some_and(|turn| turn.content.starts_with(&newest)));
        }
        let kept = condensed(&turns(12, 4));
        assert_eq!(kept.recent.len(), 8);
        assert!(
            kept.earlier.starts_with("- Asked: Turn 0 was") && kept.earlier.contains("- Answered: Turn 3 was said.\n")
        );
    }
}
