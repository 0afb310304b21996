//! A glyph is one drawn character, or several as one shape; those that only imitate bold are left out.

use std::collections::HashMap;

use hayro_interpret::kurbo::{Point, Rect, Vec2};

/// The same character drawn again within this distance imitates bold.
const TWIN_EM: f64 = 0.12;

/// Twins are looked for among this many glyphs of one character in one place: a page that draws one character ten thousand
/// times in one cell must not cost the square of that.
const TWINS_MAX: usize = 64;

/// How far a glyph reaches above and below its line, for the boxes around lines. Fonts differ by a tenth.
const ASCENT_EM: f64 = 0.85;
const DESCENT_EM: f64 = 0.25;

/// The characters that a glyph stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::extract::pdf) enum GlyphText {
    /// One, as nearly always.
    Char(char),
    /// Several: a ligature, or a letter with its marks.
    Text(Box<str>),
}

impl GlyphText {
    fn first(&self) -> char {
        match self {
            Self::Char(c) => *c,
            Self::Text(s) => s.chars().next().unwrap_or_default(),
        }
    }
}

/// One drawn glyph, in the units of the page.
#[derive(Debug, Clone)]
pub(in crate::extract::pdf) struct Glyph {
    pub(in crate::extract::pdf) text: GlyphText,
    pub(in crate::extract::pdf) origin: Point,
    /// Unit vector along the line.
    pub(in crate::extract::pdf) direction: Vec2,
    /// Distance to where the next glyph begins when nothing stands between.
    pub(in crate::extract::pdf) advance: f64,
    /// Size of the font.
    pub(in crate::extract::pdf) em: f64,
}

impl Glyph {
    pub(super) fn is_blank(&self) -> bool {
        matches!(self.text, GlyphText::Char(c) if is_space(c))
    }

    /// Whether its line runs to the right.
    pub(super) fn is_upright(&self) -> bool {
        self.direction.x > 0.99
    }

    pub(super) fn rect(&self) -> Rect {
        let up = Vec2::new(self.direction.y, -self.direction.x) * self.em;
        let pen = self.origin + self.direction * self.advance;
        Rect::from_points(self.origin + up * ASCENT_EM, pen - up * DESCENT_EM)
    }
}

/// Spaces, and the control characters that some writers map their space glyph to.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

/// Leaves out each glyph that was drawn before at the same place.
pub(super) fn without_twins(glyphs: &[Glyph]) -> Vec<&Glyph> {
    let mut seen = Seen { last: HashMap::with_capacity(glyphs.len()), glyphs: Vec::with_capacity(glyphs.len()) };
    glyphs.iter().filter(|glyph| glyph.is_blank() || seen.is_first(glyph)).collect()
}

/// Glyphs by character and place. Those of one cell are chained, because most cells hold one.
struct Seen<'g> {
    /// The last glyph of each cell.
    last: HashMap<(char, i32, i32), usize>,
    /// Each with the one before it in its cell, and its number there.
    glyphs: Vec<(&'g Glyph, Option<usize>, usize)>,
}

impl<'g> Seen<'g> {
    fn is_first(&mut self, glyph: &'g Glyph) -> bool {
        let reach = TWIN_EM * glyph.em;
        let c = glyph.text.first();
        if cells(glyph, reach).any(|(x, y)| self.holds_twin((c, x, y), glyph)) {
            return false;
        }
        if let Some((x, y)) = cells(glyph, 0.0).next() {
            let before = self.last.insert((c, x, y), self.glyphs.len());
            let number = before.map_or(0, |before| self.glyphs[before].2 + 1);
            // Beyond the bound the chain begins anew.
            self.glyphs.push((glyph, before.filter(|_| !number.is_multiple_of(TWINS_MAX)), number));
        }
        true
    }

    fn holds_twin(&self, cell: (char, i32, i32), glyph: &Glyph) -> bool {
        let mut at = self.last.get(&cell).copied();
        while let Some((other, before, _)) = at.map(|index| self.glyphs[index]) {
            if other.text == glyph.text && other.origin.distance(glyph.origin) < TWIN_EM * glyph.em {
                return true;
            }
            at = before;
        }
        false
    }
}

/// The cells, one em wide, within `reach` of the glyph: one, unless it lies near an edge.
fn cells(glyph: &Glyph, reach: f64) -> impl Iterator<Item = (i32, i32)> {
    let cell = |offset: f64| (offset / glyph.em.max(1e-6)).floor() as i32;
    let Point { x, y } = glyph.origin;
    let (rows, columns) = (cell(y - reach)..=cell(y + reach), cell(x - reach)..=cell(x + reach));
    columns.flat_map(move |column| rows.clone().map(move |row| (column, row)))
}
