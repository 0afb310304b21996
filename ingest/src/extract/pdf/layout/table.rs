//! A table is words in rows and columns, whether lines divide them or only space.

use super::word::Word;

/// Between two cells of a row. A bar and not a tab: people read these lines in citations, models know the form from Markdown,
/// and a bar is not lost where white space is normalised.
pub(super) const CELL_DIVIDER: &str = " | ";

/// Rows of cells, and cells of indices of words in reading order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) rows: Vec<Vec<Vec<usize>>>,
    /// Whether the first row says what the columns hold.
    pub(super) has_header: bool,
}

impl Table {
    /// A table of these rows, without those that are empty.
    pub(super) fn new(words: &[Word], mut rows: Vec<Vec<Vec<usize>>>) -> Self {
        rows.retain(|row| row.iter().any(|cell| !cell.is_empty()));
        let has_header = has_header(words, &rows);
        Self { rows, has_header }
    }

    pub(super) fn words(&self) -> impl Iterator<Item = usize> {
        self.rows.iter().flatten().flatten().copied()
    }

    pub(super) fn columns(&self) -> usize {
        self.rows.iter().map(Vec::len).max().unwrap_or_default()
    }
}

/// A first row is a header when it names most columns and holds no amounts. Years name columns.
fn has_header(words: &[Word], rows: &[Vec<Vec<usize>>]) -> bool {
    let Some((first, rest)) = rows.split_first() else { return false };
    let filled = first.iter().filter(|cell| !cell.is_empty()).count();
    let amounts = first.iter().any(|cell| is_amount(&cell_text(words, cell)));
    !rest.is_empty() && filled >= 2 && filled * 2 > first.len() && !amounts
}

pub(super) fn cell_text(words: &[Word], cell: &[usize]) -> String {
    cell.iter().map(|word| words[*word].text.as_str()).collect::<Vec<_>>().join(" ")
}

fn is_amount(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let year = text.len() == 4 && digits == 4 && (text.starts_with("19") || text.starts_with("20"));
    digits > letters && !year
}
