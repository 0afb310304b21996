//! A run is bands below each other whose cells stand in the same columns: what may be a table without lines.

use super::aligned::{Band, Fragment, GUTTER_EM, SAME_LINE_EM, extent};
use super::judge::is_table;
use super::table::Table;
use super::word::Word;

/// Rows are no further apart.
const ROW_GAP_EM: f64 = 3.5;

/// Lines of a header are no further apart, and no further from the first row.
const HEADER_GAP_EM: f64 = 2.2;

/// Most bands that are looked at for lines of a header.
const HEADER_BANDS_MAX: usize = 4;

/// A page is too narrow for more columns than this without lines between them.
const COLUMNS_MAX: usize = 40;

/// A line of more words than this is prose between two tables, not the title of a part of one.
const PART_WORDS_MAX: usize = 8;

/// Bands, by their places in the list of a page, and the columns that their cells stand in.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// Those with several cells, and between them titles of parts of the table.
    bands: Vec<usize>,
    /// Titles behind the last band, which belong to the table only if it goes on.
    titles: Vec<usize>,
    /// Left and right of each, in order.
    columns: Vec<(f64, f64)>,
}

impl Run {
    /// Adds a band when it goes on with this run.
    pub(super) fn takes(&mut self, bands: &[Band], index: usize) -> bool {
        let band = &bands[index];
        if band.cells.len() > COLUMNS_MAX || !self.is_above(bands, band) {
            return false;
        }
        if band.cells.len() == 1 {
            let is_title = self.is_title(band);
            self.titles.extend(is_title.then_some(index));
            return is_title;
        }
        let Some(columns) = self.columns_with(band) else { return false };
        self.columns = columns;
        self.bands.append(&mut self.titles);
        self.bands.push(index);
        true
    }

    fn is_above(&self, bands: &[Band], band: &Band) -> bool {
        let em = band.cells[0][0].em;
        let last = self.titles.last().or(self.bands.last());
        last.is_none_or(|last| {
            let down = band.top - bands[*last].bottom;
            down > SAME_LINE_EM * em && down < ROW_GAP_EM * em
        })
    }

    /// Whether a single cell may be the title of a part: one short line at the left side of the table.
    fn is_title(&self, band: &Band) -> bool {
        let (Some(first), Some(last), [line]) = (self.columns.first(), self.columns.last(), &band.cells[0][..]) else {
            return false;
        };
        let is_left = (line.x0 - first.0).abs() < 2.0 * line.em || line.x0 >= first.0 && line.x0 < first.1;
        is_left && line.x1 <= last.1 && line.words.len() <= PART_WORDS_MAX && self.titles.is_empty()
    }

    /// The columns when the band's cells are put into them, each into its own.
    fn columns_with(&self, band: &Band) -> Option<Vec<(f64, f64)>> {
        let mut columns = self.columns.clone();
        let mut used: Vec<(f64, f64)> = Vec::new();
        for cell in &band.cells {
            let (x0, x1) = extent(cell);
            let gutter = GUTTER_EM * cell[0].em;
            let touched = |column: &&(f64, f64)| x0 < column.1 + gutter && x1 > column.0 - gutter;
            let found: Vec<(f64, f64)> = columns.iter().filter(touched).copied().collect();
            let column = match found[..] {
                [] => (x0, x1),
                [(left, right)] => (left.min(x0), right.max(x1)),
                _ => return None,
            };
            if used.iter().any(|other| column.0 < other.1 && column.1 > other.0) {
                return None;
            }
            columns.retain(|other| !found.contains(other));
            columns.push(column);
            used.push(column);
        }
        columns.sort_by(|a, b| a.0.total_cmp(&b.0));
        Some(columns)
    }

    /// The tables of this run: one, or when it is none as a whole, those of its parts.
    pub(super) fn tables(self, words: &[Word], bands: &[Band]) -> Vec<Table> {
        if let Some(table) = self.table(words, bands) {
            return vec![table];
        }
        let parts = self.bands.split(|index| bands[*index].cells.len() == 1);
        let part_of = |indices: &[usize]| {
            let mut part = Self::default();
            indices.iter().all(|index| part.takes(bands, *index)).then_some(part)
        };
        parts.filter_map(part_of).filter_map(|part| part.table(words, bands)).collect()
    }

    fn table(&self, words: &[Word], bands: &[Band]) -> Option<Table> {
        let of_several = |band: &&Band| band.cells.len() > 1;
        let own = || self.bands.iter().map(|index| &bands[*index]);
        let judged: Vec<Row> = own().filter(of_several).map(|band| self.row(band)).collect();
        if !is_table(words, &judged) {
            return None;
        }
        let first = *self.bands.first()?;
        let header = self.header(&bands[first.saturating_sub(HEADER_BANDS_MAX)..first], &bands[first]);
        let rows: Vec<Row> = header.into_iter().chain(own().map(|band| self.row(band))).collect();
        let words_of = |cell: &Vec<Fragment>| cell.iter().flat_map(|fragment| fragment.words.clone()).collect();
        Some(Table::new(words, rows.iter().map(|row| row.iter().map(words_of).collect()).collect()))
    }

    fn row(&self, band: &Band) -> Row {
        let mut row = vec![Vec::new(); self.columns.len()];
        for cell in &band.cells {
            let (x0, x1) = extent(cell);
            let column = self.columns.iter().position(|column| column.0 <= x0 && x1 <= column.1);
            row[column.unwrap_or_default()].extend(cell.iter().cloned());
        }
        row
    }

    /// The lines above the first row that name its columns. Their words may be wider than what stands below them.
    fn header(&self, above: &[Band], first: &Band) -> Option<Row> {
        let mut header: Option<Row> = None;
        let mut below = first;
        for band in above.iter().rev() {
            let em = band.cells[0][0].em;
            let down = below.top - band.bottom;
            let is_near = down > SAME_LINE_EM * em && down < HEADER_GAP_EM * em;
            if band.cells.len() < 2 || band.cells.len() > self.columns.len() || !is_near {
                break;
            }
            let Some(line) = self.named_columns(band) else { break };
            // What stands higher is read first.
            header = Some(match header.take() {
                Some(lower) => line.into_iter().zip(lower).map(|(a, b)| [a, b].concat()).collect(),
                None => line,
            });
            below = band;
        }
        header
    }

    /// The cells by the columns that they stand above: the one that each covers most of.
    fn named_columns(&self, band: &Band) -> Option<Row> {
        let mut row = vec![Vec::new(); self.columns.len()];
        for cell in &band.cells {
            let (x0, x1) = extent(cell);
            let covered = |column: &(f64, f64)| column.1.min(x1) - column.0.max(x0);
            let columns = self.columns.iter().enumerate();
            let (at, _) = columns.max_by(|(_, a), (_, b)| covered(a).total_cmp(&covered(b)))?;
            if !row[at].is_empty() {
                return None;
            }
            row[at].extend(cell.iter().cloned());
        }
        Some(row)
    }
}

type Row = Vec<Vec<Fragment>>;
