//! Aligned tables are rows of words whose columns are divided by space alone.
//!
//! They are looked for in the order of drawing, in which the cells of a row follow each other. Prose in two columns is drawn
//! column by column, and so it is no table.

use super::run::Run;
use super::table::Table;
use super::word::{Break, Word};

/// A wider gap divides cells. Justified lines have such gaps, too, but not above one another.
const CELL_GAP_EM: f64 = 0.75;

/// Columns are at least so far from each other.
pub(super) const GUTTER_EM: f64 = 0.4;

/// Lines of one cell are no further apart.
const CELL_LINE_EM: f64 = 1.6;

/// A cell may begin so far above the one before it: they may be aligned at the bottom or in the middle.
const CELL_RISE_EM: f64 = 4.0;

/// Baselines closer than this are one.
pub(super) const SAME_LINE_EM: f64 = 0.3;

/// A part of a line without a wide gap.
#[derive(Debug, Clone)]
pub(super) struct Fragment {
    pub(super) words: std::ops::Range<usize>,
    pub(super) x0: f64,
    pub(super) x1: f64,
    baseline: f64,
    pub(super) em: f64,
}

/// Cells beside each other. A cell is fragments below each other.
#[derive(Debug, Clone)]
pub(super) struct Band {
    pub(super) cells: Vec<Vec<Fragment>>,
    /// The highest and the lowest baseline.
    pub(super) top: f64,
    pub(super) bottom: f64,
    /// Left and right of the last cell.
    last: (f64, f64),
}

/// Tables without lines among the words that are not in `ruled` ones.
pub(super) fn tables(words: &[Word], ruled: &[Table]) -> Vec<Table> {
    let mut taken = vec![false; words.len()];
    ruled.iter().flat_map(Table::words).for_each(|word| taken[word] = true);
    let bands = bands(fragments(words, &taken));
    let mut tables = Vec::new();
    let mut run = Run::default();
    for index in 0..bands.len() {
        if !run.takes(&bands, index) {
            tables.extend(std::mem::take(&mut run).tables(words, &bands));
            run.takes(&bands, index);
        }
    }
    tables.extend(run.tables(words, &bands));
    tables
}

fn fragments(words: &[Word], taken: &[bool]) -> Vec<Fragment> {
    let mut fragments: Vec<Fragment> = Vec::new();
    for (index, word) in words.iter().enumerate().filter(|(index, word)| !taken[*index] && word.upright) {
        let goes_on = |last: &&mut Fragment| {
            let gap = word.rect.x0 - last.x1;
            word.before == Break::Space && last.words.end == index && gap < CELL_GAP_EM * word.em.min(last.em)
        };
        match fragments.last_mut().filter(goes_on) {
            Some(last) => {
                last.words.end = index + 1;
                last.x1 = last.x1.max(word.rect.x1);
            }
            None => fragments.push(Fragment {
                words: index..index + 1,
                x0: word.rect.x0,
                x1: word.rect.x1,
                baseline: word.baseline,
                em: word.em,
            }),
        }
    }
    fragments
}

/// Puts fragments into bands: each beside or below the one before it.
fn bands(fragments: Vec<Fragment>) -> Vec<Band> {
    let mut bands: Vec<Band> = Vec::new();
    for fragment in fragments {
        match bands.last().map(|band| band.place_of(&fragment)) {
            Some(Placing::Elsewhere) | None => bands.push(Band::of(fragment)),
            Some(placing) => {
                let Some(mut band) = bands.pop() else { continue };
                if matches!(placing, Placing::Beside) {
                    bands.extend(band.split_above(&fragment));
                }
                band.push(fragment, placing);
                bands.push(band);
            }
        }
    }
    bands
}

enum Placing {
    /// In the last cell.
    Below,
    /// In a cell of its own.
    Beside,
    Elsewhere,
}

impl Band {
    fn of(fragment: Fragment) -> Self {
        let Fragment { x0, x1, baseline, .. } = fragment;
        Self { cells: vec![vec![fragment]], top: baseline, bottom: baseline, last: (x0, x1) }
    }

    fn push(&mut self, fragment: Fragment, placing: Placing) {
        self.top = self.top.min(fragment.baseline);
        self.bottom = self.bottom.max(fragment.baseline);
        match (placing, self.cells.last_mut()) {
            (Placing::Below, Some(cell)) => {
                self.last = (self.last.0.min(fragment.x0), self.last.1.max(fragment.x1));
                cell.push(fragment);
            }
            _ => {
                self.last = (fragment.x0, fragment.x1);
                self.cells.push(vec![fragment]);
            }
        }
    }

    fn place_of(&self, next: &Fragment) -> Placing {
        let Some(last) = self.cells.last().and_then(|cell| cell.last()) else { return Placing::Elsewhere };
        let (x0, x1) = self.last;
        let em = next.em.max(last.em);
        let is_near = next.baseline > self.top - CELL_RISE_EM * em && next.baseline < self.bottom + SAME_LINE_EM * em;
        let is_level = (next.baseline - last.baseline).abs() < SAME_LINE_EM * em;
        let is_right = |of: f64| next.x0 > of + GUTTER_EM * em;
        if is_near && (is_right(x1) || is_level && is_right(last.x1)) {
            return Placing::Beside;
        }
        let down = next.baseline - last.baseline;
        let is_below = down > SAME_LINE_EM * em && down < CELL_LINE_EM * em && next.x0 < x1 && next.x1 > x0;
        if is_below { Placing::Below } else { Placing::Elsewhere }
    }

    /// When the cell beside which `next` is put ends on its line, what stands above is not of this row.
    fn split_above(&mut self, next: &Fragment) -> Option<Self> {
        let [cell] = self.cells.as_mut_slice() else { return None };
        let (last, rest) = cell.split_last()?;
        let is_level = (last.baseline - next.baseline).abs() < SAME_LINE_EM * next.em;
        if rest.is_empty() || !is_level {
            return None;
        }
        let own = last.clone();
        let above = Self { cells: vec![rest.to_vec()], bottom: rest.last()?.baseline, ..*self };
        *self = Self::of(own);
        Some(above)
    }
}

pub(super) fn extent(cell: &[Fragment]) -> (f64, f64) {
    let x0 = cell.iter().map(|fragment| fragment.x0).fold(f64::INFINITY, f64::min);
    let x1 = cell.iter().map(|fragment| fragment.x1).fold(f64::NEG_INFINITY, f64::max);
    (x0, x1)
}
