//! A grid places the cells of a table under their columns, where merged cells leave gaps.

use crate::Warning;

/// Gaps that merged cells may leave in one table. 1,000,000: no table that people read has as many, and a small file could
/// ask for more than memory holds.
const GAPS_MAX: usize = 1_000_000;

/// One cell of a table and how many columns and rows it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::extract) struct Cell {
    pub(in crate::extract) words: String,
    pub(in crate::extract) columns: u32,
    pub(in crate::extract) rows: u32,
}

impl Cell {
    pub(in crate::extract) const fn of(words: String) -> Self {
        Self { words, columns: 1, rows: 1 }
    }
}

/// The words of each row, an empty cell where another one reaches over. Columns beyond the limit are left out.
pub(super) fn placed(rows: &[Vec<Cell>], columns_max: usize, warnings: &mut Vec<Warning>) -> Vec<Vec<String>> {
    let mut placer = Placer { columns_max, reaching: Vec::new(), gaps_left: GAPS_MAX, widest: 0 };
    let out = rows.iter().map(|row| placer.row(row)).collect();
    if placer.widest > columns_max {
        let (what, count, limit) = ("columns".to_owned(), placer.widest, columns_max);
        warnings.push(Warning::TableCut { what, count, limit });
    }
    out
}

struct Placer {
    columns_max: usize,
    /// For each column, how many more rows a cell above reaches into.
    reaching: Vec<u32>,
    gaps_left: usize,
    widest: usize,
}

impl Placer {
    fn row(&mut self, cells: &[Cell]) -> Vec<String> {
        let mut out = Vec::new();
        let mut reaching = std::mem::take(&mut self.reaching);
        let mut covers = Vec::new();
        for cell in cells {
            while reaching.get(out.len()).is_some_and(|rows| *rows > 0) && self.gap() {
                out.push(String::new());
            }
            if out.len() >= self.columns_max {
                self.widest = self.widest.max(out.len() + 1);
                break;
            }
            let first = out.len();
            out.push(one_cell(&cell.words));
            for _ in 1..cell.columns {
                if out.len() >= self.columns_max || !self.gap() {
                    break;
                }
                out.push(String::new());
            }
            if cell.rows > 1 {
                covers.push((first..out.len(), cell.rows));
            }
        }
        for rows in &mut reaching {
            *rows = rows.saturating_sub(1);
        }
        for (columns, rows) in covers {
            reaching.resize(reaching.len().max(columns.end), 0);
            reaching[columns].fill(rows - 1);
        }
        self.reaching = reaching;
        out
    }

    fn gap(&mut self) -> bool {
        match self.gaps_left.checked_sub(1) {
            Some(left) => self.gaps_left = left,
            None => return false,
        }
        true
    }
}

/// One row as Markdown, filled up to `width` cells.
pub(super) fn line(cells: &[String], width: usize) -> String {
    let mut out = "|".to_owned();
    for cell in cells {
        out.push(' ');
        out.push_str(cell);
        out.push_str(" |");
    }
    out.push_str(&"  |".repeat(width.saturating_sub(cells.len())));
    out
}

/// The words of a cell on one line, with its bars told apart from those of the table.
fn one_cell(words: &str) -> String {
    super::one_line(words).replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(words: &str, columns: u32, rows: u32) -> Cell {
        Cell { words: words.to_owned(), columns, rows }
    }

    #[test]
    fn merged_cells_leave_gaps() {
        let table = [
            vec![cell("a", 1, 2), cell("b", 2, 1)],
            vec![cell("c", 1, 1), cell("d", 1, 1)],
            vec![cell("e", 1, 1), cell("f", 1, 1)],
        ];
        let expected = [vec!["a", "b", ""], vec!["", "c", "d"], vec!["e", "f"]];
        assert_eq!(placed(&table, 10, &mut Vec::new()), expected);
    }

    #[test]
    fn absurd_spans_cost_little() {
        let wide = [vec![cell("a", u32::MAX, u32::MAX), cell("b", 1, 1)]];
        let mut warnings = Vec::new();
        let rows: Vec<_> = std::iter::repeat_n(vec![cell("x", 1, 1)], 3_000).collect();
        let table: Vec<_> = wide.into_iter().chain(rows).collect();
        let out = placed(&table, 4_096, &mut warnings);
        assert!(out.iter().map(Vec::len).sum::<usize>() < 1_100_000);
        assert_eq!(warnings.len(), 1);
    }
}
