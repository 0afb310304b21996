//! Layout turns what is drawn on a page into lines of words, in the order in which they were drawn.
//!
//! Content order is right for the programs that write most files, two-column papers included, so no column is looked for.
//! All positions are in points from the left upper corner of the page as it is shown, `y` downwards; distances between glyphs
//! are judged in ems of the glyph, and were set on real files.

mod aligned;
mod bidi;
mod glyph;
mod judge;
mod ruled;
mod run;
mod table;
mod turn;
mod word;
mod write;

pub(super) use glyph::{Glyph, GlyphText};

use hayro_interpret::kurbo::{Rect, Size};

use crate::Span;
use turn::Turn;

/// What is drawn on a page, as far as its text and its tables need it.
#[derive(Debug, Default, Clone)]
pub(super) struct Drawn {
    /// The page as it is shown.
    pub(super) size: Size,
    pub(super) glyphs: Vec<Glyph>,
    /// Lines and thin boxes along the axes, each as its extent.
    pub(super) rules: Vec<Rect>,
}

/// The text of a page and where it came from.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Laid {
    /// Cleaned text without white space at its ends.
    pub(super) text: String,
    /// Where the lines stand, in text order: parts of lines, where a line is the row of a table.
    pub(super) boxes: Vec<(Span, [f32; 4])>,
    pub(super) tables: Vec<LaidTable>,
}

/// A table in the text of a page: whole lines, one for each row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct LaidTable {
    pub(super) span: Span,
    /// Its first row, when that says what the columns hold.
    pub(super) header: Option<Span>,
    pub(super) columns: usize,
}

/// Lays out one page.
pub(super) fn laid_out(drawn: &Drawn) -> Laid {
    let (frame, turn) = Turn::of(drawn);
    let words = word::words(&frame.glyphs);
    let mut tables = ruled::tables(&words, &frame.rules);
    tables.extend(aligned::tables(&words, &tables));
    let mut laid = write::written(&words, &tables, frame.size);
    for (_, [x0, y0, x1, y1]) in &mut laid.boxes {
        let rect = turn.back(Rect::new(f64::from(*x0), f64::from(*y0), f64::from(*x1), f64::from(*y1)));
        [*x0, *y0, *x1, *y1] = [rect.x0, rect.y0, rect.x1, rect.y1].map(tenths);
    }
    laid
}

/// A tenth of a point is finer than any screen shows.
fn tenths(points: f64) -> f32 {
    (points * 10.0).round() as f32 / 10.0
}

#[cfg(test)]
mod tests {
    use hayro_interpret::kurbo::{Point, Vec2};

    use super::*;

    fn text_of(glyphs: &[Glyph]) -> String {
        laid_out(&Drawn { glyphs: glyphs.to_vec(), ..Drawn::default() }).text
    }

    /// Glyphs half an em wide, of size 10.
    fn line(text: &str, x: f64, y: f64) -> Vec<Glyph> {
        turned(text, Point::new(x, y), Vec2::new(1.0, 0.0))
    }

    fn turned(text: &str, start: Point, direction: Vec2) -> Vec<Glyph> {
        let place = |(index, c): (usize, char)| Glyph {
            text: GlyphText::Char(c),
            origin: start + direction * (5.0 * index as f64),
            direction,
            advance: 5.0,
            em: 10.0,
        };
        text.chars().enumerate().map(place).collect()
    }

    #[test]
    fn a_gap_is_a_space_and_kerning_is_none() {
        let mut glyphs = line("ab", 0.0, 0.0);
        glyphs.extend(line("cd", 11.0, 0.0));
        glyphs.extend(line("ef", 24.0, 0.0));
        assert_eq!(text_of(&glyphs), "abcd ef");
    }

    #[test]
    fn a_line_that_was_set_tight_has_spaces() {
        let words = |gap: f64| {
            let mut x = 0.0;
            let mut glyphs = Vec::new();
            for word in ["words", "that", "stand", "close", "to"] {
                glyphs.extend(line(word, x, 0.0));
                x += 5.0 * word.len() as f64 + gap;
            }
            text_of(&glyphs)
        };
        assert_eq!(words(1.1), "words that stand close to");
        assert_eq!(words(0.5), "wordsthatstandcloseto");
    }

    #[test]
    fn hyphens_of_fonts_are_hyphens() {
        assert_eq!(text_of(&line("d\u{2010}i a\u{AD}b", 0.0, 0.0)), "d-i a-b");
        let mut glyphs = line("hy\u{AD}", 0.0, 0.0);
        glyphs.extend(line("phen", 0.0, 12.0));
        assert_eq!(text_of(&glyphs), "hyphen");
    }

    #[test]
    fn each_line_has_its_box_and_a_divided_word_has_two() {
        let mut glyphs = line("in infor-", 10.0, 20.0);
        glyphs.extend(line("mation", 10.0, 32.0));
        let laid = laid_out(&Drawn { size: Size::new(100.0, 100.0), glyphs, rules: Vec::new() });
        assert_eq!(laid.text, "in information");
        let boxes: Vec<_> = laid.boxes.iter().map(|(span, rect)| (span.slice(&laid.text), *rect)).collect();
        assert_eq!(boxes, [("in infor", [10.0, 11.5, 55.0, 22.5]), ("mation", [10.0, 23.5, 40.0, 34.5])]);
    }

    #[test]
    fn what_is_drawn_off_the_page_has_no_box() {
        let mut glyphs = line("seen", 10.0, 20.0);
        glyphs.extend(line("unseen", 10.0, 200.0));
        let laid = laid_out(&Drawn { size: Size::new(100.0, 100.0), glyphs, rules: Vec::new() });
        assert_eq!((laid.text.as_str(), laid.boxes.len()), ("seen\nunseen", 1));
    }

    #[test]
    fn lines_and_paragraphs_are_told_apart_by_distance() {
        let mut glyphs = line("one", 0.0, -100.0);
        glyphs.extend(line("two", 0.0, -88.0));
        glyphs.extend(line("three", 0.0, -76.0));
        glyphs.extend(line("four", 0.0, -56.0));
        assert_eq!(text_of(&glyphs), "one\ntwo\nthree\n\nfour");
    }

    #[test]
    fn a_text_set_wider_than_the_one_before_is_one_paragraph() {
        let mut glyphs = line("a", 0.0, -100.0);
        for (y, word) in [(88.0, "b"), (76.0, "c"), (58.0, "d"), (40.0, "e"), (22.0, "f")] {
            glyphs.extend(line(word, 0.0, -y));
        }
        assert_eq!(text_of(&glyphs), "a\nb\nc\n\nd\ne\nf");
    }

    #[test]
    fn a_superscript_stays_on_its_line() {
        let mut glyphs = line("x", 0.0, 0.0);
        let mut mark = line("2", 5.0, -4.0);
        mark[0].em = 6.0;
        glyphs.extend(mark);
        assert_eq!(text_of(&glyphs), "x2");
    }

    #[test]
    fn imitated_bold_is_read_once() {
        let mut glyphs = line("제1조", 0.0, 0.0);
        glyphs.extend(line("제1조", 0.4, 0.0));
        glyphs.extend(line("목적", 15.0, 0.0));
        assert_eq!(text_of(&glyphs), "제1조\n목적".replace('\n', ""));
    }

    #[test]
    fn turned_text_is_read_along_its_own_line() {
        let up = Vec2::new(0.0, -1.0);
        let mut glyphs = turned("ab", Point::ORIGIN, up);
        glyphs.extend(turned("cd", Point::new(0.0, -13.0), up));
        glyphs.extend(turned("ef", Point::new(12.0, 0.0), up));
        assert_eq!(text_of(&glyphs), "ab cd\nef");
    }

    #[test]
    fn a_divided_word_is_joined_and_a_range_is_not() {
        let mut glyphs = line("infor-", 0.0, -100.0);
        glyphs.extend(line("mation 3-", 0.0, -88.0));
        glyphs.extend(line("5 A-", 0.0, -76.0));
        glyphs.extend(line("B", 0.0, -64.0));
        assert_eq!(text_of(&glyphs), "information 3-\n5 A-\nB");
    }

    #[test]
    fn a_row_of_dots_is_shortened() {
        assert_eq!(text_of(&line("1.2 Uses . . . . . . . . 14", 0.0, 0.0)), "1.2 Uses ... 14");
        assert_eq!(text_of(&line("wait... and v1.2.3.", 0.0, 0.0)), "wait... and v1.2.3.");
    }

    #[test]
    fn hangul_lines_keep_their_line_end() {
        let mut glyphs = line("대한민", 0.0, -100.0);
        glyphs.extend(line("국은", 0.0, -88.0));
        assert_eq!(text_of(&glyphs), "대한민\n국은");
    }

    #[test]
    fn control_characters_are_spaces_and_ligatures_are_letters() {
        assert_eq!(text_of(&line("한\u{1}강 \u{FB01}ne \u{2F00}", 0.0, 0.0)), "한 강 fine 一");
    }
}
