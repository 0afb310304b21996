//! Aligned tables are rows of words whose columns are divided by space alone.

use super::table::Table;
use super::word::Word;

/// Tables without lines among the words that are not in `ruled` ones.
pub(super) fn tables(_words: &[Word], _ruled: &[Table]) -> Vec<Table> {
    Vec::new()
}
