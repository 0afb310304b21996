//! The collector is the device that hayro draws a page on: it keeps glyphs and rules, and counts pictures.

use std::panic::resume_unwind;

use hayro_interpret::font::{Glyph as DrawnGlyph, GlyphRun};
use hayro_interpret::hayro_cmap::{BfString, WritingMode};
use hayro_interpret::kurbo::{Affine, BezPath, PathEl, Point, Rect};
use hayro_interpret::{BlendMode, ClipPath, Device, DrawMode, DrawProps, Image, ImageDrawProps, SoftMask};

use super::layout::{Drawn, Glyph, GlyphText};
use crate::{ExtractError, Limits};

/// Drawing operations that one document may take. A dense map has some hundred thousand; forms that include each other
/// exponentially have no end.
const OPERATIONS_MAX: usize = 50_000_000;

/// A filled box thinner than this is a line of a table, in points.
const RULE_WIDTH_MAX: f64 = 3.0;

/// A line shorter than this divides no cells, in points.
const RULE_LENGTH_MIN: f64 = 4.0;

/// Rules of a page that are kept. The largest tables have a few thousand, and a page with more is a drawing.
const RULES_MAX: usize = 20_000;

/// What is left of the document's limits.
pub(super) struct Budget {
    glyphs_left: usize,
    glyphs_max: usize,
    operations_left: usize,
}

impl Budget {
    pub(super) fn new(limits: &Limits) -> Self {
        // A glyph gives at least one byte of text.
        Self { glyphs_left: limits.text_bytes_max, glyphs_max: limits.text_bytes_max, operations_left: OPERATIONS_MAX }
    }

    pub(super) fn check(&self) -> Result<(), ExtractError> {
        let too_large = |what: &str, limit: usize| {
            Err(ExtractError::TooLarge { what: what.into(), value: limit as u64 + 1, limit: limit as u64 })
        };
        if self.glyphs_left == 0 {
            return too_large("pdf text", self.glyphs_max);
        }
        if self.operations_left == 0 {
            return too_large("pdf drawing operations", OPERATIONS_MAX);
        }
        Ok(())
    }
}

/// Thrown through the interpreter when the budget is spent: it has no other way to be stopped.
struct Spent;

/// Takes what the interpreter draws.
pub(super) struct Collector<'b> {
    pub(super) drawn: Drawn,
    /// Pictures.
    pub(super) images: u32,
    /// The part of the page that they cover together, at most 1 where they do not overlap.
    pub(super) images_share: f64,
    /// Shapes that are no rules.
    pub(super) shapes: usize,
    opaque_codes: bool,
    budget: &'b mut Budget,
}

impl<'b> Collector<'b> {
    /// For a page of the size of `drawn`. Where codes are opaque, one without a character is not read as ASCII.
    pub(super) fn new(budget: &'b mut Budget, drawn: Drawn, opaque_codes: bool) -> Self {
        Self { drawn, images: 0, images_share: 0.0, shapes: 0, opaque_codes, budget }
    }

    fn spend_operation(&mut self) {
        self.budget.operations_left = self.budget.operations_left.saturating_sub(1);
        if self.budget.operations_left == 0 {
            // Unlike a panic, this does not call the process's panic hook.
            resume_unwind(Box::new(Spent));
        }
    }

    fn push(&mut self, glyph: &DrawnGlyph<'_>, transform: Affine, mode: WritingMode) {
        let text = match glyph.as_unicode() {
            Some(BfString::Char(c)) => GlyphText::Char(c),
            Some(BfString::String(s)) => GlyphText::Text(s.into()),
            None => GlyphText::Char(self.fallback(glyph.char_code())),
        };
        let origin = transform * Point::ZERO;
        let right = transform * Point::new(1000.0, 0.0) - origin;
        let down = origin - transform * Point::new(0.0, 1000.0);
        let width = match glyph {
            DrawnGlyph::Outline(outline) => outline.advance_width(),
            DrawnGlyph::Type3(type3) => type3.advance_width(),
        };
        let width = f64::from(width.unwrap_or(500.0)) / 1000.0;
        let (along, advance) = match mode {
            WritingMode::Horizontal => (right, width * right.hypot()),
            WritingMode::Vertical => (down, down.hypot()),
        };
        // Bitmap fonts may state their size in the font matrix instead of the text size.
        let em = down.hypot().max(advance / 2.0);
        if !(em.is_finite() && em > 0.0 && along.hypot() > 0.0 && origin.is_finite()) {
            return;
        }
        let direction = along / along.hypot();
        self.drawn.glyphs.push(Glyph { text, origin, direction, advance, em });
    }

    /// Simple fonts without names for their glyphs mostly keep ASCII's order.
    fn fallback(&self, code: u32) -> char {
        match char::from_u32(code) {
            Some(c @ ' '..='~') if !self.opaque_codes => c,
            _ => char::REPLACEMENT_CHARACTER,
        }
    }

    fn push_rule(&mut self, rect: Rect) -> bool {
        let (short, long) = (rect.width().min(rect.height()), rect.width().max(rect.height()));
        let is_rule = short <= RULE_WIDTH_MAX && long >= RULE_LENGTH_MIN && rect.is_finite();
        if is_rule && self.drawn.rules.len() < RULES_MAX {
            self.drawn.rules.push(rect);
        }
        is_rule
    }

    fn push_edges(&mut self, rect: Rect) {
        let Rect { x0, y0, x1, y1 } = rect;
        for edge in
            [Rect::new(x0, y0, x1, y0), Rect::new(x0, y1, x1, y1), Rect::new(x0, y0, x0, y1), Rect::new(x1, y0, x1, y1)]
        {
            self.push_rule(edge);
        }
    }

    /// Keeps the straight parts of a path that may divide cells. Curves make it a drawing.
    fn push_path(&mut self, path: &BezPath, transform: Affine, is_stroked: bool) {
        let mut rules = 0;
        let mut parts = 0;
        let (mut start, mut last) = (Point::ZERO, Point::ZERO);
        let mut part: Option<Rect> = None;
        for element in path.elements() {
            let to = match *element {
                PathEl::MoveTo(to) => {
                    parts += 1;
                    if !is_stroked && let Some(part) = part {
                        rules += usize::from(self.push_rule(part));
                    }
                    (start, last) = (transform * to, transform * to);
                    part = Some(Rect::from_points(start, start));
                    continue;
                }
                PathEl::LineTo(to) => transform * to,
                PathEl::ClosePath => start,
                PathEl::QuadTo(..) | PathEl::CurveTo(..) => {
                    self.shapes += 1;
                    return;
                }
            };
            if is_stroked {
                rules += usize::from(self.push_rule(Rect::from_points(last, to)));
            }
            part = part.map(|part| part.union_pt(to));
            last = to;
        }
        if !is_stroked && let Some(part) = part {
            rules += usize::from(self.push_rule(part));
        }
        self.shapes += usize::from(rules == 0 && parts > 0);
    }
}

impl<'a> Device<'a> for Collector<'_> {
    fn draw_path(&mut self, path: &BezPath, props: DrawProps<'a>, mode: &DrawMode) {
        self.spend_operation();
        self.push_path(path, props.transform, !matches!(mode, DrawMode::Fill(_)));
    }

    fn draw_rect(&mut self, rect: &Rect, props: DrawProps<'a>, mode: &DrawMode) {
        self.spend_operation();
        let rect = props.transform.transform_rect_bbox(*rect);
        if !self.push_rule(rect) && !matches!(mode, DrawMode::Fill(_)) {
            self.push_edges(rect);
        }
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        self.spend_operation();
        self.images = self.images.saturating_add(1);
        let pixels = f64::from(image.width()) * f64::from(image.height());
        let share = props.transform.determinant().abs() * pixels / self.drawn.size.area().max(1.0);
        self.images_share += share.clamp(0.0, 1.0);
    }

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, _: &DrawMode) {
        self.spend_operation();
        for glyph in run.glyphs() {
            self.budget.glyphs_left = self.budget.glyphs_left.saturating_sub(1);
            if self.budget.glyphs_left == 0 {
                resume_unwind(Box::new(Spent));
            }
            self.push(glyph, props.transform * glyph.transform(), run.writing_mode());
        }
    }

    fn push_clip_path(&mut self, _: &ClipPath) {}

    fn push_clip_rect(&mut self, _: &Rect) {}

    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}

    fn pop_clip(&mut self) {}

    fn pop_transparency_group(&mut self) {}
}
