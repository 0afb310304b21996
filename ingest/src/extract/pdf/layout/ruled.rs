//! Ruled tables are grids of lines with words between them.

use hayro_interpret::kurbo::Rect;

use super::table::Table;
use super::word::Word;

/// Tables whose cells are divided by lines.
pub(super) fn tables(_words: &[Word], _rules: &[Rect]) -> Vec<Table> {
    Vec::new()
}
