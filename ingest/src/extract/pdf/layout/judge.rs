//! Judging tells tables from what only looks like one: columns of prose, contents, lists and listings.

use super::aligned::{Fragment, extent};
use super::table::cell_text;
use super::word::{Word, is_monospaced};

/// Fewer rows may be chance.
const ROWS_MIN: usize = 3;

/// Cells of a column stand at one of its sides or in its middle, with this much play.
const ALIGNED_EM: f64 = 0.5;

/// At least this part of a column's cells does.
const ALIGNED_SHARE_MIN: f64 = 0.7;

/// At least this part of the columns is aligned so: all of three, all but one of four.
const COLUMNS_SHARE_MIN: f64 = 0.75;

/// A cell of at least so many words is a line of prose.
const PROSE_WORDS_MIN: usize = 4;

/// At least this part of the cells says something.
const FILLED_SHARE_MIN: f64 = 0.5;

/// At least this part of the cells of a table of numbers are numbers.
const NUMBERS_SHARE_MIN: f64 = 0.6;

/// A mark before an item of a list has at most so many characters.
const MARK_CHARACTERS_MAX: usize = 5;

type Row = Vec<Vec<Fragment>>;

/// Whether rows of words that stand in columns are a table.
pub(super) fn is_table(words: &[Word], rows: &[Row]) -> bool {
    let columns = rows.first().map_or(0, Vec::len);
    if rows.len() < ROWS_MIN || columns < 2 {
        return false;
    }
    let texts: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| text(words, cell)).collect()).collect();
    let filled = texts.iter().flatten().filter(|text| !text.is_empty()).count() as f64;
    let all_words = || rows.iter().flatten().flatten().flat_map(|fragment| &words[fragment.words.clone()]);
    let aligned = (0..columns).filter(|column| is_aligned(words, rows, *column)).count();
    filled >= FILLED_SHARE_MIN * (rows.len() * columns) as f64
        && aligned as f64 >= COLUMNS_SHARE_MIN * columns as f64
        && !is_prose(&texts)
        && !is_list(&texts)
        && !is_contents(&texts)
        && (!is_monospaced(all_words()) || is_numeric(&texts))
}

/// Whether what stands beside the first column are numbers: no program is written so.
fn is_numeric(texts: &[Vec<String>]) -> bool {
    let cells = || texts.iter().flat_map(|row| &row[1..]).filter(|text| !text.is_empty());
    let numbers = cells().filter(|text| text.starts_with(|c: char| c.is_ascii_digit() || "-+.$(".contains(c)));
    numbers.count() as f64 >= NUMBERS_SHARE_MIN * cells().count() as f64
}

fn text(words: &[Word], cell: &[Fragment]) -> String {
    let indices: Vec<usize> = cell.iter().flat_map(|fragment| fragment.words.clone()).collect();
    cell_text(words, &indices)
}

fn is_aligned(words: &[Word], rows: &[Row], column: usize) -> bool {
    let cells: Vec<&Vec<Fragment>> = rows.iter().map(|row| &row[column]).filter(|cell| !cell.is_empty()).collect();
    let Some(em) = cells.first().map(|cell| words[cell[0].words.start].em) else { return false };
    let share = |place: fn((f64, f64)) -> f64| {
        let mut places: Vec<f64> = cells.iter().map(|cell| place(extent(cell))).collect();
        places.sort_by(f64::total_cmp);
        let middle = places[places.len() / 2];
        let near = places.iter().filter(|at| (*at - middle).abs() < ALIGNED_EM * em).count();
        near as f64 / places.len() as f64
    };
    let places: [fn((f64, f64)) -> f64; 3] = [|(x0, _)| x0, |(_, x1)| x1, |(x0, x1)| (x0 + x1) / 2.0];
    places.into_iter().any(|place| share(place) >= ALIGNED_SHARE_MIN)
}

/// Columns of prose that a program has drawn line by line.
fn is_prose(texts: &[Vec<String>]) -> bool {
    let words = |text: &String| text.split_whitespace().count();
    let is_line = |row: &&Vec<String>| row.iter().filter(|text| words(text) >= PROSE_WORDS_MIN).count() * 2 > row.len();
    texts.iter().filter(is_line).count() * 2 > texts.len()
}

/// Bullets or numbers, and what they count. Headings that follow each other are such a list.
fn is_list(texts: &[Vec<String>]) -> bool {
    let is_mark = |row: &&Vec<String>| {
        let mark = row[0].as_str();
        let is_section = mark.contains('.') && mark.chars().all(|c| c == '.' || c.is_ascii_digit());
        let is_closed = mark.ends_with(['.', ')', ']', ':']) && mark.chars().count() <= MARK_CHARACTERS_MAX;
        is_closed || is_section || mark.is_empty() || !mark.contains(char::is_alphanumeric)
    };
    let numbers: Option<Vec<u32>> = texts.iter().map(|row| row[0].parse().ok()).collect();
    let years = 1_900..2_100;
    let is_counted = numbers.is_some_and(|numbers| {
        numbers.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)) && !years.contains(&numbers[0])
    });
    texts[0].len() == 2 && (is_counted || texts.iter().filter(is_mark).count() * 2 > texts.len())
}

/// Titles and the pages that they stand on.
fn is_contents(texts: &[Vec<String>]) -> bool {
    let has_leader = |row: &&Vec<String>| row.iter().any(|text| text.contains(". . .") || text.contains("...."));
    let last = |row: &Vec<String>| row.last().map(|text| text.trim_matches(['.', ' ']).to_owned()).unwrap_or_default();
    let pages: Option<Vec<u32>> = texts.iter().map(|row| last(row).parse().ok()).collect();
    let is_ascending = pages.is_some_and(|pages| pages.windows(2).all(|pair| pair[0] <= pair[1]));
    let is_numbered = texts.iter().all(|row| row[0].starts_with(|c: char| c.is_ascii_digit()));
    let columns = texts[0].len();
    let has_leaders = columns <= 3 && texts.iter().any(|row| has_leader(&row));
    has_leaders || (is_ascending && (columns == 2 || is_numbered))
}
