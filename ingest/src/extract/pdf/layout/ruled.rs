//! Ruled tables are grids of lines with words between them.

use hayro_interpret::kurbo::{Point, Rect};

use super::table::{Table, cell_text};
use super::word::Word;

/// Lines that miss one another by less than this meet, in points.
const MEETS_PT: f64 = 2.5;

/// Lines closer than this are one line, or a double one: no text stands between them.
const DISTINCT_PT: f64 = 4.0;

/// Pairs of lines that are looked at on one page; more is a drawing.
const PAIRS_MAX: usize = 1_000_000;

/// Cells of one grid; more is squared paper.
const CELLS_MAX: usize = 20_000;

/// A cell with more characters than this holds a text, and the grid is the layout of a page.
const CELL_CHARACTERS_MAX: usize = 1_500;

/// At least this part of the cells of a table says something. Diagrams stay below.
const FILLED_SHARE_MIN: f64 = 0.3;

/// Rows that no line divides are found only when there are this many.
const OPEN_ROWS_MIN: usize = 3;

/// At least this part of their lines stands beside those of the first column.
const LEVEL_SHARE_MIN: f64 = 0.6;

/// A cell with so many words to a line, which cover so much of its width, is a text of several lines.
const WRAPPED_WORDS_MIN: f64 = 2.0;
const FULL_SHARE_MIN: f64 = 0.65;

/// A line along an axis.
#[derive(Debug, Clone, Copy)]
struct Segment {
    /// Where it lies across its direction.
    at: f64,
    from: f64,
    to: f64,
}

impl Segment {
    fn covers(&self, place: f64) -> bool {
        self.from - MEETS_PT <= place && place <= self.to + MEETS_PT
    }
}

/// Tables whose cells are divided by lines.
pub(super) fn tables(words: &[Word], rules: &[Rect]) -> Vec<Table> {
    let flat = |rect: &&Rect| rect.width() >= rect.height();
    let across = rules.iter().filter(flat);
    let down = rules.iter().filter(|rect| !flat(rect));
    let across = merged(across.map(|r| Segment { at: r.center().y, from: r.x0, to: r.x1 }).collect());
    let down = merged(down.map(|r| Segment { at: r.center().x, from: r.y0, to: r.y1 }).collect());
    if across.len() * down.len() > PAIRS_MAX {
        return Vec::new();
    }
    let mut grids: Vec<Grid> = components(&across, &down).into_iter().filter_map(Grid::new).collect();
    // A grid inside a cell of another one takes its words first.
    grids.sort_by(|a, b| a.rect.area().total_cmp(&b.rect.area()));
    let mut taken = vec![false; words.len()];
    let mut tables = Vec::new();
    for grid in grids {
        if let Some(table) = grid.table(words, &taken) {
            table.words().for_each(|word| taken[word] = true);
            tables.push(table);
        }
    }
    tables
}

/// Puts the pieces of a line together: programs draw one for each cell.
fn merged(mut segments: Vec<Segment>) -> Vec<Segment> {
    segments.sort_by(|a, b| a.at.total_cmp(&b.at));
    let mut out: Vec<Segment> = Vec::new();
    for level in segments.chunk_by(|a, b| b.at - a.at < 0.5) {
        let mut level = level.to_vec();
        level.sort_by(|a, b| a.from.total_cmp(&b.from));
        let first = out.len();
        for segment in level {
            match out[first..].last_mut() {
                Some(last) if segment.from <= last.to + MEETS_PT => last.to = last.to.max(segment.to),
                _ => out.push(segment),
            }
        }
    }
    out
}

/// The lines that meet each other, those across and those down.
fn components(across: &[Segment], down: &[Segment]) -> Vec<(Vec<Segment>, Vec<Segment>)> {
    let mut parent: Vec<usize> = (0..across.len() + down.len()).collect();
    fn root(parent: &mut [usize], mut at: usize) -> usize {
        while parent[at] != at {
            parent[at] = parent[parent[at]];
            at = parent[at];
        }
        at
    }
    for (i, horizontal) in across.iter().enumerate() {
        for (j, vertical) in down.iter().enumerate() {
            if horizontal.covers(vertical.at) && vertical.covers(horizontal.at) {
                let (a, b) = (root(&mut parent, i), root(&mut parent, across.len() + j));
                parent[a] = b;
            }
        }
    }
    let mut grouped: std::collections::BTreeMap<usize, (Vec<Segment>, Vec<Segment>)> = Default::default();
    for index in 0..parent.len() {
        let group = grouped.entry(root(&mut parent, index)).or_default();
        match index.checked_sub(across.len()) {
            None => group.0.push(across[index]),
            Some(index) => group.1.push(down[index]),
        }
    }
    grouped.into_values().filter(|group| group.0.len() >= 2 && !group.1.is_empty()).collect()
}

struct Grid {
    rect: Rect,
    /// Borders of the columns and of the rows, the outer ones included.
    xs: Vec<f64>,
    ys: Vec<f64>,
    /// For each cell, row by row, the one that it is a part of: cells that no line divides are one, named by the first.
    whole: Vec<(usize, usize)>,
}

impl Grid {
    /// A grid of at least two columns and two rows. Its sides may be open.
    fn new((across, down): (Vec<Segment>, Vec<Segment>)) -> Option<Self> {
        let borders = |own: &[Segment], other: &[Segment]| {
            distinct(own.iter().map(|s| s.at).chain(other.iter().flat_map(|s| [s.from, s.to])).collect())
        };
        let (xs, ys) = (borders(&down, &across), borders(&across, &down));
        let (columns, rows) = (xs.len().checked_sub(1)?, ys.len().checked_sub(1)?);
        if columns < 2
            || rows < 2
            || columns * rows > CELLS_MAX
            || rows * down.len() + columns * across.len() > PAIRS_MAX
        {
            return None;
        }
        let rect = Rect::new(xs[0], ys[0], xs[columns], ys[rows]);
        Some(Self { rect, whole: whole_cells((&xs, &down), (&ys, &across)), xs, ys })
    }

    fn table(&self, words: &[Word], taken: &[bool]) -> Option<Table> {
        let mut rows = vec![vec![Vec::new(); self.xs.len() - 1]; self.ys.len() - 1];
        let mut seen = 0;
        for (index, word) in words.iter().enumerate().filter(|(index, _)| !taken[*index]) {
            if let Some((row, column)) = self.cell(word.rect.center()) {
                rows[row][column].push(index);
                seen += 1;
            }
        }
        if seen < 4 {
            return None;
        }
        let rows = without_empty_columns(rows.into_iter().flat_map(|row| divided(words, row)).collect());
        let filled_in = |row: &Vec<Vec<usize>>| row.iter().filter(|cell| !cell.is_empty()).count();
        let filled: usize = rows.iter().map(filled_in).sum();
        let full_rows = rows.iter().filter(|row| filled_in(row) >= 2).count();
        let columns = rows.first()?.len();
        let is_layout = rows.iter().flatten().any(|cell| cell_text(words, cell).chars().count() > CELL_CHARACTERS_MAX);
        let is_sparse = (filled as f64) < FILLED_SHARE_MIN * (rows.len() * columns) as f64;
        if columns < 2 || full_rows < 2 || is_layout || is_sparse {
            return None;
        }
        Some(Table::new(words, rows))
    }

    /// The row and column of a place.
    fn cell(&self, place: Point) -> Option<(usize, usize)> {
        if !self.rect.contains(place) {
            return None;
        }
        let between = |borders: &[f64], at: f64| borders.partition_point(|border| *border <= at).checked_sub(1);
        let column = between(&self.xs, place.x)?.min(self.xs.len() - 2);
        let row = between(&self.ys, place.y)?.min(self.ys.len() - 2);
        self.whole.get(row * (self.xs.len() - 1) + column).copied()
    }
}

/// The borders of columns with the lines down, and those of rows with the lines across, tell which cells are one.
fn whole_cells((xs, down): (&[f64], &[Segment]), (ys, across): (&[f64], &[Segment])) -> Vec<(usize, usize)> {
    let columns = xs.len() - 1;
    let middle = |borders: &[f64], at: usize| (borders[at] + borders[at + 1]) / 2.0;
    let mut whole: Vec<(usize, usize)> = Vec::with_capacity(columns * (ys.len() - 1));
    for row in 0..ys.len() - 1 {
        let mut first = 0;
        for column in 0..columns {
            if is_divided(down, xs[column], middle(ys, row)) {
                first = column;
            }
            let above = row.checked_sub(1).filter(|_| !is_divided(across, ys[row], middle(xs, first)));
            whole.push(above.map_or((row, first), |above| whole[above * columns + first]));
        }
    }
    whole
}

fn is_divided(segments: &[Segment], border: f64, place: f64) -> bool {
    segments.iter().any(|segment| (segment.at - border).abs() < DISTINCT_PT && segment.covers(place))
}

fn distinct(mut places: Vec<f64>) -> Vec<f64> {
    places.sort_by(f64::total_cmp);
    places.dedup_by(|later, kept| *later - *kept < DISTINCT_PT);
    places
}

type Rows = Vec<Vec<Vec<usize>>>;

/// Divides a row at the lines of its first cell, when there is no line between them and other cells have theirs beside them:
/// the rows of a table that has lines only between its columns and around its body.
fn divided(words: &[Word], row: Vec<Vec<usize>>) -> Rows {
    let baselines = |cell: &[usize]| {
        let mut baselines: Vec<f64> = cell.iter().map(|word| words[*word].baseline).collect();
        baselines.sort_by(f64::total_cmp);
        baselines.dedup_by(|later, kept| *later - *kept < DISTINCT_PT);
        baselines
    };
    let Some(anchors) = row.first().map(|cell| baselines(cell)).filter(|anchors| anchors.len() >= OPEN_ROWS_MIN) else {
        return vec![row];
    };
    let is_beside = |cell: &&Vec<usize>| {
        let lines = baselines(cell);
        let near = |line: &&f64| {
            let at = anchors.partition_point(|anchor| *anchor < **line - MEETS_PT);
            anchors.get(at).is_some_and(|anchor| (anchor - *line).abs() < MEETS_PT)
        };
        let level = lines.iter().filter(near).count() as f64;
        lines.len() >= OPEN_ROWS_MIN
            && level >= LEVEL_SHARE_MIN * lines.len() as f64
            && level >= LEVEL_SHARE_MIN * anchors.len() as f64
            && !is_wrapped(words, cell, lines.len())
    };
    let others = row[1..].iter().filter(|cell| !cell.is_empty());
    if others.clone().filter(is_beside).count() * 2 < others.count().max(1) + 1 {
        return vec![row];
    }
    let mut rows = vec![vec![Vec::new(); row.len()]; anchors.len()];
    for (column, cell) in row.into_iter().enumerate() {
        for word in cell {
            let line = anchors.partition_point(|anchor| *anchor <= words[word].baseline + MEETS_PT);
            rows[line.saturating_sub(1)][column].push(word);
        }
    }
    rows
}

/// Whether the lines of a cell are full of words, as those of a text are that had no more room.
fn is_wrapped(words: &[Word], cell: &[usize], lines: usize) -> bool {
    let rects = || cell.iter().map(|word| words[*word].rect);
    let width =
        rects().map(|rect| rect.x1).fold(f64::MIN, f64::max) - rects().map(|rect| rect.x0).fold(f64::MAX, f64::min);
    let with_letters = cell.iter().filter(|word| words[**word].text.contains(char::is_alphabetic));
    let several = with_letters.count() as f64 >= WRAPPED_WORDS_MIN * lines as f64;
    several && rects().map(|rect| rect.width()).sum::<f64>() >= FULL_SHARE_MIN * width * lines as f64
}

fn without_empty_columns(rows: Rows) -> Rows {
    let columns = rows.first().map_or(0, Vec::len);
    let is_used = |column: &usize| rows.iter().any(|row| !row[*column].is_empty());
    let used: Vec<usize> = (0..columns).filter(is_used).collect();
    rows.into_iter().map(|mut row| used.iter().map(|column| std::mem::take(&mut row[*column])).collect()).collect()
}
