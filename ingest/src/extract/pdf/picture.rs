//! A page picture shows what is drawn on a page as pictures, for a program that recognises characters.
//!
//! A scanned page is a picture and nothing else, so only pictures are drawn: letters that are there as letters need no
//! recognition.

use std::panic::{AssertUnwindSafe, catch_unwind};

use hayro_interpret::font::GlyphRun;
use hayro_interpret::hayro_syntax::PdfData;
use hayro_interpret::hayro_syntax::page::Page;
use hayro_interpret::kurbo::{Affine, BezPath, Point, Rect};
use hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageData, ImageDrawProps, InterpreterCache,
    InterpreterSettings, LumaData, SoftMask, interpret_page,
};

use super::damaged;
use super::hayro::open;
use crate::{ExtractError, ExtractOptions};

/// Resolution of a picture. 300 dots an inch: what recognition is trained on; more costs time and finds no more.
const DOTS_PER_INCH: f64 = 300.0;

/// Most dots of a picture: a page of A2 at that resolution. Larger pages are drawn coarser.
const DOTS_MAX: f64 = 35e6;

/// A grey picture of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagePicture {
    /// The page, from 1.
    pub page: u32,
    /// Width in dots.
    pub width: usize,
    /// Height in dots.
    pub height: usize,
    /// Rows from the top, a byte a dot, 0 is black.
    pub luma: Vec<u8>,
}

impl PagePicture {
    /// The picture as a file in the portable grey map format.
    #[must_use]
    pub fn to_pgm(&self) -> Vec<u8> {
        let mut file = format!("P5\n{} {}\n255\n", self.width, self.height).into_bytes();
        file.extend(&self.luma);
        file
    }
}

/// Draws pages of a PDF, each of which is handed to `take` before the next is drawn. A page without a picture is left out.
///
/// # Errors
///
/// When the file cannot be read as PDF.
pub fn page_pictures(
    bytes: &[u8],
    pages: &[u32],
    options: &ExtractOptions,
    take: &mut dyn FnMut(PagePicture),
) -> Result<(), ExtractError> {
    let data = PdfData::from(bytes.to_vec());
    let opened =
        catch_unwind(AssertUnwindSafe(|| open(&data, options))).map_err(|_| damaged("the reader gave up on it"))?;
    let pdf = opened?;
    let cache = InterpreterCache::new();
    for number in pages {
        let Some(page) = pdf.pages().get((*number as usize).wrapping_sub(1)) else { continue };
        let mut canvas = Canvas::of(page);
        let drawn = catch_unwind(AssertUnwindSafe(|| {
            let everywhere = Rect::new(-1e9, -1e9, 1e9, 1e9);
            let settings = InterpreterSettings::default();
            let mut context = Context::new(canvas.transform, everywhere, &cache, pdf.xref(), settings);
            interpret_page(page, &mut context, &mut canvas);
        }));
        if drawn.is_ok() && canvas.pictures > 0 {
            let Canvas { width, height, luma, .. } = canvas;
            take(PagePicture { page: *number, width, height, luma });
        }
    }
    Ok(())
}

/// A white page that pictures are drawn on.
struct Canvas {
    width: usize,
    height: usize,
    luma: Vec<u8>,
    /// From the page's units to dots.
    transform: Affine,
    pictures: usize,
}

impl Canvas {
    fn of(page: &Page<'_>) -> Self {
        let (width, height) = page.render_dimensions();
        let (width, height) = (f64::from(width), f64::from(height));
        let dots = |scale: f64| width * height * scale * scale;
        let wanted = DOTS_PER_INCH / 72.0;
        let scale = if dots(wanted) > DOTS_MAX { (DOTS_MAX / (width * height)).sqrt() } else { wanted };
        let upright = Affine::new(page.initial_transform(true).as_coeffs());
        let (width, height) = ((width * scale).ceil().max(1.0) as usize, (height * scale).ceil().max(1.0) as usize);
        Self {
            width,
            height,
            luma: vec![u8::MAX; width * height],
            transform: Affine::scale(scale) * upright,
            pictures: 0,
        }
    }

    /// Draws `shade`, which gives what a dot of the picture looks like, or nothing where it is transparent.
    fn draw(&mut self, (width, height): (u32, u32), transform: Affine, shade: impl Fn(usize) -> Option<u8>) {
        if transform.determinant().abs() < 1e-12 || width == 0 || height == 0 {
            return;
        }
        self.pictures += 1;
        let outline = transform.transform_rect_bbox(Rect::new(0.0, 0.0, f64::from(width), f64::from(height)));
        let back = transform.inverse();
        let dots = |from: f64, to: f64, most: usize| from.max(0.0) as usize..(to.ceil().max(0.0) as usize).min(most);
        for y in dots(outline.y0, outline.y1, self.height) {
            for x in dots(outline.x0, outline.x1, self.width) {
                let at = back * Point::new(x as f64 + 0.5, y as f64 + 0.5);
                if at.x < 0.0 || at.y < 0.0 || at.x >= f64::from(width) || at.y >= f64::from(height) {
                    continue;
                }
                if let Some(shade) = shade(at.y as usize * width as usize + at.x as usize) {
                    self.luma[y * self.width + x] = shade;
                }
            }
        }
    }
}

/// A decoded picture may have fewer dots than the page says; `factors` bring it to the size that the page means.
fn scaled(transform: Affine, factors: (f32, f32)) -> Affine {
    transform * Affine::scale_non_uniform(f64::from(factors.0), f64::from(factors.1))
}

fn is_opaque(alpha: Option<&LumaData>, (width, height): (u32, u32), dot: usize) -> bool {
    let same_size = alpha.filter(|alpha| (alpha.width, alpha.height) == (width, height));
    same_size.is_none_or(|mask| mask.data.get(dot).is_none_or(|opacity| *opacity >= 128))
}

impl<'a> Device<'a> for Canvas {
    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        match image {
            Image::Raster(raster) => raster.with_rgba(
                |data, alpha| {
                    let size = (data.width(), data.height());
                    let transform = scaled(props.transform, data.scale_factors());
                    match &data {
                        ImageData::Luma(grey) => self.draw(size, transform, |dot| {
                            grey.data.get(dot).copied().filter(|_| is_opaque(alpha.as_ref(), size, dot))
                        }),
                        ImageData::Rgb(colour) => self.draw(size, transform, |dot| {
                            let [red, green, blue] = *colour.data.get(3 * dot..3 * dot + 3)? else { return None };
                            // Weights of ITU-R BT.601.
                            let grey = (299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue)) / 1000;
                            is_opaque(alpha.as_ref(), size, dot).then_some(grey as u8)
                        }),
                    }
                },
                None,
            ),
            Image::Stencil(stencil) => stencil.with_stencil(
                |mask, _| {
                    let size = (mask.width, mask.height);
                    let transform = scaled(props.transform, mask.scale_factors);
                    self.draw(size, transform, |dot| mask.data.get(dot).filter(|opacity| **opacity >= 128).map(|_| 0));
                },
                None,
            ),
        }
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {}

    fn draw_rect(&mut self, _: &Rect, _: DrawProps<'a>, _: &DrawMode) {}

    fn draw_glyph_run(&mut self, _: &GlyphRun<'_, 'a>, _: DrawProps<'a>, _: &DrawMode) {}

    fn push_clip_path(&mut self, _: &ClipPath) {}

    fn push_clip_rect(&mut self, _: &Rect) {}

    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}

    fn pop_clip(&mut self) {}

    fn pop_transparency_group(&mut self) {}
}
