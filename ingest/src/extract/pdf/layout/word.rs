//! A word is a run of glyphs without a gap, with the box that they are drawn in.

use hayro_interpret::kurbo::Rect;
use unicode_normalization::UnicodeNormalization;

use super::bidi::is_leftwards;
use super::glyph::{Glyph, GlyphText, is_space, without_twins};

/// A wider gap between two glyphs is a space.
const SPACE_GAP_EM: f64 = 0.17;

/// In a line that was set tight, a gap this wide is a space. Kerning stays below.
const TIGHT_GAP_EM: f64 = 0.08;

/// A line has to have so many gaps of this kind, and at most half as many wider ones, to be taken for a tight one.
const TIGHT_GAPS_MIN: usize = 3;

/// Below so many glyphs to a gap the letters are spaced, not the words.
const TIGHT_WORD_GLYPHS_MIN: usize = 3;

/// A larger move across the line is a line end. Superscripts move less.
const LINE_MOVE_EM: f64 = 0.55;

/// A larger move back along the line begins another column, or the line again.
const BACK_MOVE_EM: f64 = 1.0;

/// A line distance larger than the one before or after it by this factor divides paragraphs.
const PARAGRAPH_FACTOR: f64 = 1.3;

/// Directions whose cosine is below this are different lines, whatever their distance.
const SAME_DIRECTION_COS: f64 = 0.9;

/// What stands between a word and the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Break {
    Space,
    Line,
    Paragraph,
    /// Another place on the page: a column, a cell.
    Jump,
}

/// One word.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) before: Break,
    pub(super) rect: Rect,
    /// Where its line stands.
    pub(super) baseline: f64,
    pub(super) em: f64,
    /// Whether its line runs to the right.
    pub(super) upright: bool,
    /// The advance, in thousandths of an em, that all its ASCII letters share.
    pub(super) letter_advance: LetterAdvance,
}

/// What the widths of letters say about the font.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LetterAdvance {
    NoLetter,
    Same(i32),
    Mixed,
}

impl LetterAdvance {
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::NoLetter, known) | (known, Self::NoLetter) => known,
            (Self::Same(a), Self::Same(b)) if (a - b).abs() <= 2 => self,
            _ => Self::Mixed,
        }
    }
}

/// How one glyph follows another.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    /// In the same word.
    Word,
    /// After a gap that is a space only in a line that was set tight.
    Narrow,
    /// After a gap.
    Space,
    /// On another line, at this distance across the line.
    Line(f64),
    /// Somewhere else on the page.
    Jump,
}

/// The words of a page in the order in which they were drawn.
pub(super) fn words(glyphs: &[Glyph]) -> Vec<Word> {
    let glyphs = without_twins(glyphs);
    let mut steps: Vec<Step> = glyphs.windows(2).map(|pair| step(pair[0], pair[1])).collect();
    widen_tight_lines(&glyphs, &mut steps);
    let breaks = paragraph_breaks(&steps);
    let mut writer = Writer::default();
    for (index, glyph) in glyphs.iter().enumerate() {
        match index.checked_sub(1).map(|before| (steps[before], breaks[before])) {
            None | Some((Step::Word | Step::Narrow, _)) => {}
            Some((Step::Space, _)) => writer.end_word(Break::Space),
            Some((Step::Line(_), false)) => writer.end_word(Break::Line),
            Some((Step::Line(_), true)) => writer.end_word(Break::Paragraph),
            Some((Step::Jump, _)) => writer.end_word(Break::Jump),
        }
        writer.push(glyph);
    }
    writer.end_word(Break::Space);
    writer.words
}

fn step(before: &Glyph, after: &Glyph) -> Step {
    if before.direction.dot(after.direction) < SAME_DIRECTION_COS {
        return Step::Jump;
    }
    let pen = before.origin + before.direction * before.advance;
    let moved = after.origin - pen;
    let along = moved.dot(after.direction);
    // Positive is down the page for text that runs to the right.
    let across = after.direction.cross(moved);
    // A small glyph after a large one is a footnote mark, and the large one's line is what it stands on.
    let em = before.em.max(after.em);
    if across.abs() > LINE_MOVE_EM * em {
        // Up the page is a new column or a new table cell.
        return if across > 0.0 { Step::Line(across) } else { Step::Jump };
    }
    if along < -BACK_MOVE_EM * em {
        return Step::Line(0.0);
    }
    match along / em.min(after.em.max(before.em * 0.5)) {
        gap if gap > SPACE_GAP_EM => Step::Space,
        gap if gap > TIGHT_GAP_EM => Step::Narrow,
        _ => Step::Word,
    }
}

/// Makes spaces of the narrow gaps of lines that have no others: justified lines with too many words.
fn widen_tight_lines(glyphs: &[&Glyph], steps: &mut [Step]) {
    let blanks = |after: usize| glyphs.get(after + 1).is_some_and(|glyph| glyph.is_blank());
    let mut start = 0;
    while start < steps.len() {
        let ends = |step: &Step| matches!(step, Step::Line(_) | Step::Jump);
        let len = steps[start..].iter().position(ends).unwrap_or(steps.len() - start);
        let line = &mut steps[start..start + len];
        let narrow = line.iter().filter(|step| **step == Step::Narrow).count();
        let spaces = line.iter().enumerate().filter(|(at, step)| **step == Step::Space || blanks(start + at)).count();
        if narrow >= TIGHT_GAPS_MIN && spaces * 2 <= narrow && narrow * TIGHT_WORD_GLYPHS_MIN <= len {
            line.iter_mut().filter(|step| **step == Step::Narrow).for_each(|step| *step = Step::Space);
        }
        start += len + 1;
    }
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
            Step::Word | Step::Narrow | Step::Space => None,
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

/// The words that are being written.
#[derive(Default)]
struct Writer {
    words: Vec<Word>,
    word: Option<Word>,
    /// The widest break since the last word.
    pending: Option<Break>,
}

impl Writer {
    fn push(&mut self, glyph: &Glyph) {
        match &glyph.text {
            GlyphText::Char(c) => self.push_char(*c, glyph),
            // A ligature is several letters in the order in which they are read, and the line is in that in which it is seen.
            GlyphText::Text(s) if s.contains(is_leftwards) => s.chars().rev().for_each(|c| self.push_char(c, glyph)),
            GlyphText::Text(s) => s.chars().for_each(|c| self.push_char(c, glyph)),
        }
    }

    fn push_char(&mut self, c: char, glyph: &Glyph) {
        match c {
            _ if is_space(c) => self.end_word(Break::Space),
            '\u{200B}' | '\u{FEFF}' => {}
            // A soft hyphen is drawn only where it divides a word, so one with a width is a hyphen. Fonts also name theirs
            // by one of the typographic hyphens, in commands and names that are copied and searched.
            '\u{AD}' if glyph.advance <= 0.0 => {}
            '\u{2010}' | '\u{2011}' => self.push_char('-', glyph),
            // Ligatures, and the radicals that CJK fonts are wrongly mapped to.
            '\u{FB50}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}' => {
                let letters: Vec<char> = std::iter::once(c).nfkc().collect();
                let word = self.word_at(glyph);
                word.text.extend(letters.into_iter().rev());
                word.rect = word.rect.union(glyph.rect());
            }
            '\u{FB00}'..='\u{FB06}' | '\u{2F00}'..='\u{2FD5}' | '\u{2E9F}' | '\u{2EF3}' => {
                let word = self.word_at(glyph);
                word.text.extend(std::iter::once(c).nfkc());
                word.rect = word.rect.union(glyph.rect());
            }
            _ => {
                let advance = letter_advance(c, glyph);
                let word = self.word_at(glyph);
                word.text.push(c);
                word.rect = word.rect.union(glyph.rect());
                word.letter_advance = word.letter_advance.and(advance);
            }
        }
    }

    fn word_at(&mut self, glyph: &Glyph) -> &mut Word {
        self.word.get_or_insert_with(|| Word {
            text: String::new(),
            before: self.pending.take().unwrap_or(Break::Space),
            rect: glyph.rect(),
            baseline: glyph.origin.y,
            em: glyph.em,
            upright: glyph.is_upright(),
            letter_advance: LetterAdvance::NoLetter,
        })
    }

    fn end_word(&mut self, with: Break) {
        self.words.extend(self.word.take());
        self.pending = self.pending.max(Some(with));
    }
}

/// Letters tell a font of one width from others; digits have one width in most fonts.
fn letter_advance(c: char, glyph: &Glyph) -> LetterAdvance {
    if c.is_ascii_alphabetic() {
        LetterAdvance::Same((glyph.advance / glyph.em * 1000.0) as i32)
    } else {
        LetterAdvance::NoLetter
    }
}

/// What the letters of several words say about their font: fewer different ones than this say nothing.
const LETTERS_MIN: usize = 5;

/// Whether all letters of these words are equally wide, as in listings of programs.
pub(super) fn is_monospaced<'a>(words: impl Iterator<Item = &'a Word>) -> bool {
    let mut advance = LetterAdvance::NoLetter;
    let mut letters = 0u32;
    for word in words {
        advance = advance.and(word.letter_advance);
        for byte in word.text.bytes().filter(u8::is_ascii_lowercase) {
            letters |= 1 << (byte - b'a');
        }
    }
    matches!(advance, LetterAdvance::Same(_)) && letters.count_ones() as usize >= LETTERS_MIN
}
