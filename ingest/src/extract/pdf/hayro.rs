//! The hayro backend interprets a page's drawing instructions and keeps the glyphs.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use hayro_interpret::hayro_syntax::object::dict::keys::{ENCODING, SUBTYPE, TO_UNICODE};
use hayro_interpret::hayro_syntax::object::{DateTime, Dict, Name};
use hayro_interpret::hayro_syntax::page::Page;
use hayro_interpret::hayro_syntax::{DecryptionError, LoadPdfError, Pdf, PdfData};
use hayro_interpret::kurbo::{Affine, Rect, Size};
use hayro_interpret::{Context, InterpreterCache, InterpreterSettings, interpret_page};

use super::collector::{Budget, Collector};
use super::layout::{Drawn, laid_out};
use super::{PageText, PdfContent, PdfText, damaged, encrypted, outline, passwords};
use crate::extract::source::Source;
use crate::{ExtractError, ExtractOptions};

/// Reads PDF with `hayro-interpret`.
pub(super) struct Hayro;

impl PdfText for Hayro {
    fn pages(&self, source: &Source<'_>) -> Result<PdfContent, ExtractError> {
        let limits = &source.options.limits;
        let data = match source.shared {
            Some(shared) => PdfData::from(Arc::clone(shared)),
            None => PdfData::from(source.bytes.to_vec()),
        };
        let pdf = open(&data, source.options)?;
        let pages = pdf.pages();
        if pages.len() > limits.pages_max {
            return Err(ExtractError::TooManyPages { pages: pages.len(), limit: limits.pages_max });
        }
        let mut reader = PageReader { pdf: &pdf, cache: InterpreterCache::new(), budget: Budget::new(limits) };
        let mut content = PdfContent { metadata: metadata(&pdf), ..PdfContent::default() };
        for (number, page) in (1u32..).zip(pages.iter()) {
            content.pages.push(PageText::guarded(source, number, || reader.read(page)));
            reader.budget.check()?;
        }
        content.outline = catch_unwind(AssertUnwindSafe(|| outline::read(&pdf))).unwrap_or_default();
        Ok(content)
    }
}

/// Opens a file with the empty password or one of those that are known.
pub(super) fn open(data: &PdfData, options: &ExtractOptions) -> Result<Pdf, ExtractError> {
    for password in passwords(options) {
        let loaded = catch_unwind(AssertUnwindSafe(|| Pdf::new_with_password(data.clone(), password)));
        match loaded.map_err(|_| damaged("the reader gave up on it"))? {
            Err(LoadPdfError::Decryption(DecryptionError::PasswordProtected)) => {}
            loaded => return loaded.map_err(load_error),
        }
    }
    Err(encrypted())
}

fn load_error(error: LoadPdfError) -> ExtractError {
    match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => encrypted(),
        LoadPdfError::Decryption(error) => damaged(&format!("its encryption cannot be read: {error:?}")),
        LoadPdfError::Invalid => damaged("it cannot be read as pdf"),
    }
}

struct PageReader<'a> {
    pdf: &'a Pdf,
    cache: InterpreterCache<'a>,
    budget: Budget,
}

impl<'a> PageReader<'a> {
    fn read(&mut self, page: &Page<'a>) -> PageText {
        let (width, height) = page.render_dimensions();
        let size = Size::new(f64::from(width), f64::from(height));
        let drawn = Drawn { size, ..Drawn::default() };
        let mut collector = Collector::new(&mut self.budget, drawn, has_opaque_codes(page));
        let drawing = catch_unwind(AssertUnwindSafe(|| {
            let everywhere = Rect::new(-1e9, -1e9, 1e9, 1e9);
            let as_shown = Affine::new(page.initial_transform(true).as_coeffs());
            let settings = InterpreterSettings::default();
            let mut context = Context::new(as_shown, everywhere, &self.cache, self.pdf.xref(), settings);
            interpret_page(page, &mut context, &mut collector);
        }));
        let lost = drawing.err().map(|_| {
            // A panic may have left a lock of the cache poisoned.
            self.cache = InterpreterCache::new();
            "the reader gave up on it".to_owned()
        });
        let laid = laid_out(&collector.drawn);
        let Collector { images, images_share, shapes, .. } = collector;
        PageText { laid, images, images_share, shapes, lost, ..PageText::default() }
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
