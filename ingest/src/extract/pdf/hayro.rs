//! The hayro backend interprets a page's drawing instructions and keeps the glyphs.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use hayro_interpret::font::{Glyph as DrawnGlyph, GlyphRun};
use hayro_interpret::hayro_cmap::{BfString, WritingMode};
use hayro_interpret::hayro_syntax::object::dict::keys::{ENCODING, SUBTYPE, TO_UNICODE};
use hayro_interpret::hayro_syntax::object::{DateTime, Dict, Name};
use hayro_interpret::hayro_syntax::page::Page;
use hayro_interpret::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use hayro_interpret::kurbo::{Affine, BezPath, Point, Rect};
use hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps, InterpreterCache,
    InterpreterSettings, SoftMask, interpret_page,
};

use super::layout::{Glyph, GlyphText, laid_out};
use super::{PageText, PdfContent, PdfText, damaged, encrypted, outline};
use crate::{ExtractError, Limits};

/// Drawing operations that one document may take. A dense map has some hundred thousand; forms that include each other
/// exponentially have no end.
const OPERATIONS_MAX: usize = 50_000_000;

/// Reads PDF with `hayro-interpret`.
pub(super) struct Hayro;

impl PdfText for Hayro {
    fn pages(&self, bytes: &[u8], limits: &Limits) -> Result<PdfContent, ExtractError> {
        let loaded = catch_unwind(|| Pdf::new(bytes.to_vec())).map_err(|_| damaged("the reader gave up on it"))?;
        let pdf = loaded.map_err(load_error)?;
        let pages = pdf.pages();
        if pages.len() > limits.pages_max {
            return Err(ExtractError::TooManyPages { pages: pages.len(), limit: limits.pages_max });
        }
        let mut reader = PageReader { pdf: &pdf, cache: InterpreterCache::new(), budget: Budget::new(limits) };
        let mut content = PdfContent { metadata: metadata(&pdf), ..PdfContent::default() };
        for page in pages.iter() {
            content.pages.push(reader.read(page));
            reader.budget.check()?;
        }
        content.outline = catch_unwind(AssertUnwindSafe(|| outline::read(&pdf))).unwrap_or_default();
        Ok(content)
    }
}

fn load_error(error: LoadPdfError) -> ExtractError {
    match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => encrypted(),
        LoadPdfError::Decryption(error) => damaged(&format!("its encryption cannot be read: {error:?}")),
        LoadPdfError::Invalid => damaged("it cannot be read as pdf"),
    }
}

/// What is left of the document's limits.
struct Budget {
    glyphs_left: usize,
    glyphs_max: usize,
    operations_left: usize,
}

impl Budget {
    fn new(limits: &Limits) -> Self {
        // A glyph gives at least one byte of text.
        Self { glyphs_left: limits.text_bytes_max, glyphs_max: limits.text_bytes_max, operations_left: OPERATIONS_MAX }
    }

    fn check(&self) -> Result<(), ExtractError> {
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

struct PageReader<'a> {
    pdf: &'a Pdf,
    cache: InterpreterCache<'a>,
    budget: Budget,
}

impl<'a> PageReader<'a> {
    fn read(&mut self, page: &Page<'a>) -> PageText {
        let mut collector = Collector::new(&mut self.budget, has_opaque_codes(page));
        let drawn = catch_unwind(AssertUnwindSafe(|| {
            let everywhere = Rect::new(-1e9, -1e9, 1e9, 1e9);
            let settings = InterpreterSettings::default();
            let mut context = Context::new(Affine::IDENTITY, everywhere, &self.cache, self.pdf.xref(), settings);
            interpret_page(page, &mut context, &mut collector);
        }));
        let (text, draws) = (laid_out(&collector.glyphs), collector.draws);
        let lost = drawn.err().map(|_| {
            // A panic may have left a lock of the cache poisoned.
            self.cache = InterpreterCache::new();
            "the reader gave up on it".to_owned()
        });
        PageText { text, draws, lost }
    }
}

/// Whether the page has a font whose codes are glyph numbers and which does not say what they stand for. Then a code without
/// a character must not be read as ASCII.
fn has_opaque_codes(page: &Page<'_>) -> bool {
    let fonts = &page.resources().fonts;
    fonts.keys().filter_map(|name| fonts.get::<Dict<'_>>(name)).any(|font| {
        let name = |key: &[u8]| font.get::<Name<'_>>(key).map(|name| name.to_vec()).unwrap_or_default();
        let by_glyph = name(ENCODING).is_empty() || name(ENCODING).starts_with(b"Identity");
        name(SUBTYPE) == b"Type0" && !font.contains_key(TO_UNICODE) && by_glyph
    })
}

/// Takes what the interpreter draws.
struct Collector<'b> {
    glyphs: Vec<Glyph>,
    draws: bool,
    opaque_codes: bool,
    budget: &'b mut Budget,
}

impl<'b> Collector<'b> {
    fn new(budget: &'b mut Budget, opaque_codes: bool) -> Self {
        Self { glyphs: Vec::new(), draws: false, opaque_codes, budget }
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
        self.glyphs.push(Glyph { text, origin, direction, advance, em });
    }

    /// Simple fonts without names for their glyphs mostly keep ASCII's order.
    fn fallback(&self, code: u32) -> char {
        match char::from_u32(code) {
            Some(c @ ' '..='~') if !self.opaque_codes => c,
            _ => char::REPLACEMENT_CHARACTER,
        }
    }
}

impl<'a> Device<'a> for Collector<'_> {
    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {
        self.spend_operation();
        self.draws = true;
    }

    fn draw_rect(&mut self, _: &Rect, _: DrawProps<'a>, _: &DrawMode) {
        self.spend_operation();
    }

    fn draw_image(&mut self, _: Image<'a, '_>, _: ImageDrawProps<'a>) {
        self.spend_operation();
        self.draws = true;
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

fn metadata(pdf: &Pdf) -> BTreeMap<String, String> {
    let info = pdf.metadata();
    let strings = [
        ("title", &info.title),
        ("author", &info.author),
        ("subject", &info.subject),
        ("keywords", &info.keywords),
        ("creator", &info.creator),
        ("producer", &info.producer),
    ];
    let dates = [("created", info.creation_date), ("modified", info.modification_date)];
    let strings = strings.into_iter().filter_map(|(key, value)| Some((key, outline::text_string(value.as_deref()?))));
    let dates = dates.into_iter().filter_map(|(key, value)| Some((key, iso_date(value?))));
    strings.chain(dates).filter(|(_, value)| !value.is_empty()).map(|(key, value)| (key.to_owned(), value)).collect()
}

fn iso_date(date: DateTime) -> String {
    let DateTime { year, month, day, hour, minute, second, utc_offset_hour, utc_offset_minute } = date;
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{utc_offset_hour:+03}:{utc_offset_minute:02}"
    )
}
