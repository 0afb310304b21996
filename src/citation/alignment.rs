//! The words of a statement laid against those of its source, in order.

use super::derive::SAID_MAX;
use super::words::{Agreement, Kind, Word, agreement, is_superlative};

/// A word of a statement and the word of its source that says the same, by their places.
pub(super) struct Pair {
    pub(super) said: usize,
    pub(super) source: usize,
}

/// The pairs of an alignment that keeps order, has most words in it and fewest gaps.
pub(super) fn align(said: &[Word], said_content: &[usize], source: &[Word], source_content: &[usize]) -> Vec<Pair> {
    let (rows, columns) = (said_content.len().min(SAID_MAX), source_content.len());
    let width = columns + 1;
    let mut best = vec![0_i32; (rows + 1) * width];
    let gain = |row: usize, column: usize| {
        let (a, b) = (&said[said_content[row]], &source[source_content[column]]);
        match agreement(a, b) {
            Agreement::Same if a.role == b.role => 20,
            Agreement::Same => 17,
            _ => 0,
        }
    };
    let mut gains = vec![0_i32; rows * width];
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            let here = gain(row, column);
            gains[row * width + column] = here;
            // A pair that follows the pair before at once is worth a little more, so that gaps are few.
            let follows = row + 1 < rows && column + 1 < columns && gains[(row + 1) * width + column + 1] > 0;
            let paired = if here > 0 { best[(row + 1) * width + column + 1] + here + i32::from(follows) } else { 0 };
            best[row * width + column] =
                paired.max(best[(row + 1) * width + column]).max(best[row * width + column + 1]);
        }
    }
    let (mut row, mut column, mut pairs) = (0, 0, Vec::new());
    while row < rows && column < columns {
        let here = best[row * width + column];
        let is_paired = gains[row * width + column] > 0
            && here > best[row * width + column + 1]
            && here > best[(row + 1) * width + column];
        if is_paired || (gains[row * width + column] > 0 && here > best[row * width + column + 1]) {
            pairs.push(Pair { said: said_content[row], source: source_content[column] });
            (row, column) = (row + 1, column + 1);
        } else if here == best[row * width + column + 1] {
            column += 1;
        } else {
            row += 1;
        }
    }
    pairs
}

/// Whether a word makes a statement about a whole scope.
pub(super) fn closes(word: &Word, text: &str) -> bool {
    match word.kind {
        Kind::Qualifier(class) => matches!(
            class,
            "not" | "without" | "only" | "all" | "except" | "superlative" | "most" | "hardly" | "rarely"
        ),
        Kind::Content => is_superlative(&word.span.slice(text).to_lowercase()),
        Kind::Number(ref quantity) => quantity.is_ordinal,
        _ => false,
    }
}

/// The places of the words that must agree.
pub(super) fn content(words: &[Word]) -> Vec<usize> {
    (0..words.len()).filter(|at| words[*at].kind.is_content()).collect()
}

/// Whether two particles or possessives make the same of their words.
pub(super) fn roles_agree(said: &str, source: &str) -> bool {
    let place = |role: &str| matches!(role, "에" | "에서");
    said == source
        || (place(said) && place(source))
        || matches!((said, source), ("", "은") | ("은", "") | ("", "의") | ("의", ""))
}
