//! Layout turns glyphs with positions into lines of words, in the order in which they were drawn.
//!
//! Content order is right for the programs that write most files, two-column papers included, so no column is looked for.
//! The distances are in ems of the glyph and were set on real files.

use std::collections::HashMap;

use hayro_interpret::kurbo::{Point, Vec2};
use unicode_normalization::UnicodeNormalization;

/// A wider gap between two glyphs is a space.
const SPACE_GAP_EM: f64 = 0.17;

/// A larger move across the line is a line end. Superscripts move less.
const LINE_MOVE_EM: f64 = 0.55;

/// A larger move back along the line begins another column, or the line again.
const BACK_MOVE_EM: f64 = 1.0;

/// The same character drawn again within this distance imitates bold.
const TWIN_EM: f64 = 0.12;

/// A line distance larger than the one before or after it by this factor divides paragraphs.
const PARAGRAPH_FACTOR: f64 = 1.3;

/// A row of this many dots leads to a page number; an ellipsis is shorter.
const LEADER_DOTS_MIN: usize = 5;

/// Directions whose cosine is below this are different lines, whatever their distance.
const SAME_DIRECTION_COS: f64 = 0.9;

/// The characters that a glyph stands for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum GlyphText {
    /// One, as nearly always.
    Char(char),
    /// Several: a ligature, or a letter with its marks.
    Text(Box<str>),
}

/// One drawn glyph, in the units of the page.
#[derive(Debug, Clone)]
pub(super) struct Glyph {
    pub(super) text: GlyphText,
    pub(super) origin: Point,
    /// Unit vector along the line.
    pub(super) direction: Vec2,
    /// Distance to where the next glyph begins when nothing stands between.
    pub(super) advance: f64,
    /// Size of the font.
    pub(super) em: f64,
}

/// How one glyph follows another.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    /// In the same word.
    Word,
    /// After a gap.
    Space,
    /// On another line, at this distance across the line.
    Line(f64),
    /// Somewhere else on the page.
    Jump,
}

/// Lays out one page.
pub(super) fn laid_out(glyphs: &[Glyph]) -> String {
    let glyphs = without_twins(glyphs);
    let steps: Vec<Step> = glyphs.windows(2).map(|pair| step(pair[0], pair[1])).collect();
    let breaks = paragraph_breaks(&steps);
    let mut lines = Lines::default();
    for (index, glyph) in glyphs.iter().enumerate() {
        match index.checked_sub(1).map(|before| (steps[before], breaks[before])) {
            None | Some((Step::Word, _)) => {}
            Some((Step::Space, _)) => lines.space(),
            Some((Step::Line(_), false)) => lines.end_line(),
            Some((Step::Line(_), true) | (Step::Jump, _)) => lines.end_paragraph(),
        }
        lines.push(&glyph.text);
    }
    lines.finish()
}

fn step(before: &Glyph, after: &Glyph) -> Step {
    if before.direction.dot(after.direction) < SAME_DIRECTION_COS {
        return Step::Jump;
    }
    let pen = before.origin + before.direction * before.advance;
    let moved = after.origin - pen;
    let along = moved.dot(after.direction);
    // Positive is down the page for text that runs to the right.
    let across = moved.cross(after.direction);
    // A small glyph after a large one is a footnote mark, and the large one's line is what it stands on.
    let em = before.em.max(after.em);
    if across.abs() > LINE_MOVE_EM * em {
        // Up the page is a new column or a new table cell.
        return if across > 0.0 { Step::Line(across) } else { Step::Jump };
    }
    if along < -BACK_MOVE_EM * em {
        return Step::Line(0.0);
    }
    if along > SPACE_GAP_EM * em.min(after.em.max(before.em * 0.5)) { Step::Space } else { Step::Word }
}

/// Which steps divide paragraphs: those to a line that is further away than the lines around it are from each other.
///
/// Neighbours decide, not the page, because one page may hold texts of different line distances.
fn paragraph_breaks(steps: &[Step]) -> Vec<bool> {
    let moves: Vec<(usize, Option<f64>)> = steps
        .iter()
        .enumerate()
        .filter_map(|(index, step)| match step {
            Step::Line(distance) => Some((index, Some(*distance).filter(|distance| *distance > 0.0))),
            Step::Jump => Some((index, None)),
            Step::Word | Step::Space => None,
        })
        .collect();
    let mut breaks = vec![false; steps.len()];
    for (place, (index, distance)) in moves.iter().enumerate() {
        let around = [place.checked_sub(1), place.checked_add(1)];
        let near = around.into_iter().flatten().filter_map(|neighbour| moves.get(neighbour)?.1).min_by(f64::total_cmp);
        breaks[*index] =
            matches!((distance, near), (Some(distance), Some(near)) if *distance > near * PARAGRAPH_FACTOR);
    }
    breaks
}

/// Leaves out each glyph that was drawn before at the same place.
fn without_twins(glyphs: &[Glyph]) -> Vec<&Glyph> {
    let mut seen: HashMap<(&GlyphText, i64, i64), Vec<Point>> = HashMap::new();
    let mut kept = Vec::with_capacity(glyphs.len());
    for glyph in glyphs {
        // Cells one em wide: a twin lies in the same cell or in one beside it.
        let cell = |offset: f64| (offset / glyph.em.max(1e-6)).floor() as i64;
        let (x, y) = (cell(glyph.origin.x), cell(glyph.origin.y));
        let near = |point: &Point| point.distance(glyph.origin) < TWIN_EM * glyph.em;
        let neighbours = (x - 1..=x + 1).flat_map(|column| (y - 1..=y + 1).map(move |row| (column, row)));
        let drawn = !is_blank(&glyph.text)
            && neighbours
                .into_iter()
                .any(|(column, row)| seen.get(&(&glyph.text, column, row)).is_some_and(|at| at.iter().any(near)));
        if !drawn {
            // A page that draws one character ten thousand times in one cell must not cost the square of that.
            let points = seen.entry((&glyph.text, x, y)).or_default();
            if points.len() < 64 {
                points.push(glyph.origin);
            }
            kept.push(glyph);
        }
    }
    kept
}

fn is_blank(text: &GlyphText) -> bool {
    matches!(text, GlyphText::Char(c) if is_space(*c))
}

/// Spaces, and the control characters that some writers map their space glyph to.
fn is_space(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

/// The lines that are being written.
#[derive(Default)]
struct Lines {
    out: String,
    line: String,
}

impl Lines {
    fn push(&mut self, text: &GlyphText) {
        match text {
            GlyphText::Char(c) => self.push_char(*c),
            GlyphText::Text(s) => s.chars().for_each(|c| self.push_char(c)),
        }
    }

    fn push_char(&mut self, c: char) {
        match c {
            _ if is_space(c) => self.space(),
            '\u{200B}' | '\u{FEFF}' => {}
            // Ligatures, and the radicals that CJK fonts are wrongly mapped to.
            '\u{FB00}'..='\u{FB06}' | '\u{2F00}'..='\u{2FD5}' | '\u{2E9F}' | '\u{2EF3}' => {
                self.line.extend(std::iter::once(c).nfkc());
            }
            _ => self.line.push(c),
        }
    }

    fn space(&mut self) {
        if !self.line.is_empty() && !self.line.ends_with(' ') {
            self.line.push(' ');
        }
    }

    fn end_line(&mut self) {
        let line = without_leader(std::mem::take(&mut self.line));
        let line = line.trim_end();
        if line.is_empty() {
            return;
        }
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.join(line);
        } else {
            self.out.push_str(line);
        }
    }

    /// Puts a line under the one before, or joins a word that was divided at the line's end.
    fn join(&mut self, line: &str) {
        let mut end = self.out.chars().rev();
        let (last, before) = (end.next(), end.next());
        let soft = last == Some('\u{AD}');
        let hyphen = matches!(last, Some('-' | '\u{2010}'));
        let word_goes_on = before.is_some_and(char::is_alphabetic) && line.starts_with(char::is_lowercase);
        if soft || (hyphen && word_goes_on) {
            self.out.pop();
        } else {
            self.out.push('\n');
        }
        self.out.push_str(line);
    }

    fn end_paragraph(&mut self) {
        self.end_line();
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push_str("\n\n");
        }
    }

    fn finish(mut self) -> String {
        self.end_line();
        while self.out.ends_with('\n') {
            self.out.pop();
        }
        self.out
    }
}

/// Shortens the row of dots that leads from a title to its page number: it says nothing and fills windows.
fn without_leader(line: String) -> String {
    if !line.contains(". . . .") && !line.contains(".....") {
        return line;
    }
    let mut out = String::with_capacity(line.len());
    let mut rest = line.as_str();
    while let Some(at) = rest.find('.') {
        let (before, dotted) = rest.split_at(at);
        let row = dotted.len() - dotted.trim_start_matches(['.', ' ']).len();
        let dots = dotted[..row].bytes().filter(|byte| *byte == b'.').count();
        out.push_str(before);
        out.push_str(if dots >= LEADER_DOTS_MIN { "... " } else { &dotted[..row] });
        rest = &dotted[row..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(laid_out(&glyphs), "abcd ef");
    }

    #[test]
    fn lines_and_paragraphs_are_told_apart_by_distance() {
        let mut glyphs = line("one", 0.0, 100.0);
        glyphs.extend(line("two", 0.0, 88.0));
        glyphs.extend(line("three", 0.0, 76.0));
        glyphs.extend(line("four", 0.0, 56.0));
        assert_eq!(laid_out(&glyphs), "one\ntwo\nthree\n\nfour");
    }

    #[test]
    fn a_text_set_wider_than_the_one_before_is_one_paragraph() {
        let mut glyphs = line("a", 0.0, 100.0);
        for (y, word) in [(88.0, "b"), (76.0, "c"), (58.0, "d"), (40.0, "e"), (22.0, "f")] {
            glyphs.extend(line(word, 0.0, y));
        }
        assert_eq!(laid_out(&glyphs), "a\nb\nc\n\nd\ne\nf");
    }

    #[test]
    fn a_superscript_stays_on_its_line() {
        let mut glyphs = line("x", 0.0, 0.0);
        let mut mark = line("2", 5.0, 4.0);
        mark[0].em = 6.0;
        glyphs.extend(mark);
        assert_eq!(laid_out(&glyphs), "x2");
    }

    #[test]
    fn imitated_bold_is_read_once() {
        let mut glyphs = line("제1조", 0.0, 0.0);
        glyphs.extend(line("제1조", 0.4, 0.0));
        glyphs.extend(line("목적", 15.0, 0.0));
        assert_eq!(laid_out(&glyphs), "제1조\n목적".replace('\n', ""));
    }

    #[test]
    fn turned_text_is_read_along_its_own_line() {
        let up = Vec2::new(0.0, 1.0);
        let mut glyphs = turned("ab", Point::ORIGIN, up);
        glyphs.extend(turned("cd", Point::new(0.0, 13.0), up));
        glyphs.extend(turned("ef", Point::new(12.0, 0.0), up));
        assert_eq!(laid_out(&glyphs), "ab cd\nef");
    }

    #[test]
    fn a_divided_word_is_joined_and_a_range_is_not() {
        let mut glyphs = line("infor-", 0.0, 100.0);
        glyphs.extend(line("mation 3-", 0.0, 88.0));
        glyphs.extend(line("5 A-", 0.0, 76.0));
        glyphs.extend(line("B", 0.0, 64.0));
        assert_eq!(laid_out(&glyphs), "information 3-\n5 A-\nB");
    }

    #[test]
    fn a_row_of_dots_is_shortened() {
        assert_eq!(laid_out(&line("1.2 Uses . . . . . . . . 14", 0.0, 0.0)), "1.2 Uses ... 14");
        assert_eq!(laid_out(&line("wait... and v1.2.3.", 0.0, 0.0)), "wait... and v1.2.3.");
    }

    #[test]
    fn hangul_lines_keep_their_line_end() {
        let mut glyphs = line("대한민", 0.0, 100.0);
        glyphs.extend(line("국은", 0.0, 88.0));
        assert_eq!(laid_out(&glyphs), "대한민\n국은");
    }

    #[test]
    fn control_characters_are_spaces_and_ligatures_are_letters() {
        assert_eq!(laid_out(&line("한\u{1}강 \u{FB01}ne \u{2F00}", 0.0, 0.0)), "한 강 fine 一");
    }
}
