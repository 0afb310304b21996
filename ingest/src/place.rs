//! A place says where in its source a part of the text stands, as a person would look for it.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::Span;

/// A part of the text and where it stands in the source.
///
/// Serialised as a list, because a table may have a million rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "(usize, usize, Position)", from = "(usize, usize, Position)")]
pub struct Place {
    /// Where it lies in the text.
    pub span: Span,
    /// Where it stands in the source.
    pub position: Position,
}

impl From<Place> for (usize, usize, Position) {
    fn from(place: Place) -> Self {
        (place.span.start, place.span.end, place.position)
    }
}

impl From<(usize, usize, Position)> for Place {
    fn from((start, end, position): (usize, usize, Position)) -> Self {
        Self { span: Span::new(start, end), position }
    }
}

/// Where something stands in a source without pages. All numbers count from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// A slide of a presentation.
    Slide {
        /// Its number.
        number: u32,
        /// Whether it is what the speaker notes beside it.
        notes: bool,
    },
    /// A row of a sheet, as far as it is filled.
    Sheet {
        /// Name of the sheet.
        sheet: String,
        /// Number of the row.
        row: u32,
        /// The first filled column.
        column_first: u32,
        /// The last filled column.
        column_last: u32,
    },
    /// A record of a table in a text file. The header, where there is one, is row 1.
    Row {
        /// Its number.
        number: u32,
    },
    /// A cell of a notebook.
    Cell {
        /// Its number.
        number: u32,
    },
    /// A stretch of time.
    Time {
        /// Where it begins, in milliseconds.
        start_ms: u64,
        /// Where it ends.
        end_ms: u64,
    },
    /// A chapter of a book.
    Chapter {
        /// Its number in reading order.
        number: u32,
        /// Its title, where it has one.
        title: Option<String>,
    },
    /// A message of a mailbox.
    Message {
        /// Its number.
        number: u32,
    },
}

/// Where the part of the text under `span` stands, in words that a person finds it by: `Budget!A2:F40`, `rows 12-40`,
/// `slide 3`, `0:01:05-0:01:30`.
#[must_use]
pub fn location(places: &[Place], span: Span) -> Option<String> {
    let begin = places.partition_point(|place| place.span.end <= span.start);
    let end = places.partition_point(|place| place.span.start < span.end);
    let touched = places.get(begin..end)?;
    let (first, last) = (&touched.first()?.position, &touched.last()?.position);
    Some(match (first, last) {
        (Position::Slide { number, notes: true }, last) if first == last => format!("slide {number} (notes)"),
        (Position::Slide { number: a, .. }, Position::Slide { number: b, .. }) => counted("slide", *a, *b),
        (Position::Row { number: a }, Position::Row { number: b }) => counted("row", *a, *b),
        (Position::Cell { number: a }, Position::Cell { number: b }) => counted("cell", *a, *b),
        (Position::Message { number: a }, Position::Message { number: b }) => counted("message", *a, *b),
        (Position::Time { start_ms, .. }, Position::Time { end_ms, .. }) => {
            format!("{}-{}", clock(*start_ms), clock(*end_ms))
        }
        (Position::Sheet { .. }, _) => cell_ranges(touched),
        (Position::Chapter { number: a, title }, Position::Chapter { number: b, .. }) => match title {
            Some(title) if a == b => format!("chapter {a}: {title}"),
            _ => counted("chapter", *a, *b),
        },
        _ => return None,
    })
}

/// The place of a passage that begins at `first` and ends at `last`, which stand one after the other: `rows 2-9` and
/// `rows 10-12` are `rows 2-12`. Places of different kinds are named one after the other.
#[must_use]
pub fn joined_location(first: &str, last: &str) -> String {
    if first == last {
        return first.to_owned();
    }
    let whole = cells_joined(first, last).or_else(|| times_joined(first, last)).or_else(|| counts_joined(first, last));
    whole.unwrap_or_else(|| format!("{first}, {last}"))
}

/// `rows 2-9` as `row`, 2 and 9.
fn count_of(location: &str) -> Option<(&str, u32, u32)> {
    let (noun, numbers) = location.rsplit_once(' ')?;
    let (a, b) = numbers.split_once('-').unwrap_or((numbers, numbers));
    Some((noun.strip_suffix('s').unwrap_or(noun), a.parse().ok()?, b.parse().ok()?))
}

fn counts_joined(first: &str, last: &str) -> Option<String> {
    let ((noun, a, b), (other, c, d)) = (count_of(first)?, count_of(last)?);
    (noun == other).then(|| counted(noun, a.min(c), b.max(d)))
}

fn times_joined(first: &str, last: &str) -> Option<String> {
    let (start, end) = (first.split_once('-')?.0, last.split_once('-')?.1);
    let is_clock = |text: &str| text.split(':').count() == 3 && text.bytes().all(|b| b.is_ascii_digit() || b == b':');
    (is_clock(start) && is_clock(end)).then(|| format!("{start}-{end}"))
}

/// `Budget!A2:F9` as the sheet and the corners; `None` when it names several sheets.
fn cells_of(location: &str) -> Option<(&str, [(u32, u32); 2])> {
    let (sheet, cells) = location.rsplit_once('!')?;
    let (a, b) = cells.split_once(':').unwrap_or((cells, cells));
    let corner = |cell: &str| {
        let letters = cell.bytes().take_while(u8::is_ascii_uppercase).count();
        let column = cell[..letters]
            .bytes()
            .try_fold(0u32, |column, letter| column.checked_mul(26)?.checked_add(u32::from(letter - b'A') + 1))?;
        Some((column, cell[letters..].parse().ok()?))
    };
    (!sheet.contains('!')).then_some((sheet, [corner(a)?, corner(b)?]))
}

fn cells_joined(first: &str, last: &str) -> Option<String> {
    let ((sheet, [a, b]), (other, [c, d])) = (cells_of(first)?, cells_of(last)?);
    let (left, top, right, bottom) = (a.0.min(c.0), a.1.min(c.1), b.0.max(d.0), b.1.max(d.1));
    (sheet == other).then(|| format!("{sheet}!{}{top}:{}{bottom}", column_name(left), column_name(right)))
}

fn counted(noun: &str, first: u32, last: u32) -> String {
    if first == last { format!("{noun} {first}") } else { format!("{noun}s {first}-{last}") }
}

fn clock(ms: u64) -> String {
    let seconds = ms / 1000;
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// The cells of each sheet as `Sheet!A1:C9`.
fn cell_ranges(places: &[Place]) -> String {
    let mut ranges: Vec<(&str, [u32; 4])> = Vec::new();
    for place in places {
        let Position::Sheet { sheet, row, column_first, column_last } = &place.position else { continue };
        match ranges.last_mut() {
            Some((name, [_, right, bottom, left])) if name == sheet => {
                (*left, *right, *bottom) = ((*left).min(*column_first), (*right).max(*column_last), *row);
            }
            _ => ranges.push((sheet, [*row, *column_last, *row, *column_first])),
        }
    }
    let mut out = String::new();
    for (sheet, [top, right, bottom, left]) in ranges {
        let separator = if out.is_empty() { "" } else { ", " };
        write!(out, "{separator}{sheet}!{}{top}", column_name(left)).expect("a string takes all that is written");
        if (left, top) != (right, bottom) {
            write!(out, ":{}{bottom}", column_name(right)).expect("a string takes all that is written");
        }
    }
    out
}

/// The letters of a column: A, ..., Z, AA, ...
fn column_name(number: u32) -> String {
    let mut letters = Vec::new();
    let mut rest = number;
    while rest > 0 {
        rest -= 1;
        letters.push(char::from(b'A' + (rest % 26) as u8));
        rest /= 26;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(positions: Vec<Position>) -> Vec<Place> {
        let place = |(index, position)| Place { span: Span::new(index * 10, index * 10 + 10), position };
        positions.into_iter().enumerate().map(place).collect()
    }

    fn row(sheet: &str, row: u32, column_first: u32, column_last: u32) -> Position {
        Position::Sheet { sheet: sheet.into(), row, column_first, column_last }
    }

    #[test]
    fn a_range_of_cells_is_named_as_a_spreadsheet_names_it() {
        let places = at(vec![row("매출", 2, 1, 3), row("매출", 3, 2, 28), row("B", 7, 1, 1)]);
        assert_eq!(location(&places, Span::new(0, 20)).as_deref(), Some("매출!A2:AB3"));
        assert_eq!(location(&places, Span::new(12, 25)).as_deref(), Some("매출!B3:AB3, B!A7"));
        assert_eq!(location(&places, Span::new(30, 40)), None);
    }

    #[test]
    fn neighbours_are_a_range_and_one_is_itself() {
        let rows = at((1..4).map(|number| Position::Row { number }).collect());
        assert_eq!(location(&rows, Span::new(5, 25)).as_deref(), Some("rows 1-3"));
        assert_eq!(location(&rows, Span::new(10, 20)).as_deref(), Some("row 2"));
        let times = at(vec![
            Position::Time { start_ms: 65_000, end_ms: 70_000 },
            Position::Time { start_ms: 70_000, end_ms: 3_690_000 },
        ]);
        assert_eq!(location(&times, Span::new(0, 20)).as_deref(), Some("0:01:05-1:01:30"));
    }

    #[test]
    fn places_that_follow_one_another_are_one() {
        assert_eq!(joined_location("rows 2-9", "rows 10-12"), "rows 2-12");
        assert_eq!(joined_location("cell 7", "cell 8"), "cells 7-8");
        assert_eq!(joined_location("매출!B2:F9", "매출!A10:E12"), "매출!A2:F12");
        assert_eq!(joined_location("A!A1", "B!A1"), "A!A1, B!A1");
        assert_eq!(joined_location("0:00:05-0:01:00", "0:01:02-1:00:00"), "0:00:05-1:00:00");
        assert_eq!(joined_location("slide 3", "slide 3 (notes)"), "slide 3, slide 3 (notes)");
        assert_eq!(joined_location("row 5", "row 5"), "row 5");
    }

    #[test]
    fn columns_are_counted_in_letters() {
        assert_eq!([1, 26, 27, 702, 703].map(column_name), ["A", "Z", "AA", "ZZ", "AAA"]);
    }
}
