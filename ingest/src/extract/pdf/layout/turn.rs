//! A turn brings a page whose lines run up or down into a frame in which they run to the right.
//!
//! Wide tables are often drawn so, on pages that do not say that they are to be turned.

use std::borrow::Cow;

use hayro_interpret::kurbo::{Affine, Rect, Size};

use super::{Drawn, Glyph};

/// The frame in which most lines of a page run to the right.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    back: Affine,
}

impl Turn {
    /// The page in that frame, and the way back.
    pub(super) fn of(drawn: &Drawn) -> (Cow<'_, Drawn>, Self) {
        let upwards = count(drawn, |glyph| glyph.direction.y < -0.99);
        let downwards = count(drawn, |glyph| glyph.direction.y > 0.99);
        let Size { width, height } = drawn.size;
        let into = match drawn.glyphs.len() / 2 {
            half if upwards > half => Affine::new([0.0, 1.0, -1.0, 0.0, height, 0.0]),
            half if downwards > half => Affine::new([0.0, -1.0, 1.0, 0.0, 0.0, width]),
            _ => return (Cow::Borrowed(drawn), Self { back: Affine::IDENTITY }),
        };
        let turned = |glyph: &Glyph| Glyph {
            origin: into * glyph.origin,
            direction: (into * glyph.direction.to_point()) - (into * hayro_interpret::kurbo::Point::ZERO),
            ..glyph.clone()
        };
        let frame = Drawn {
            size: Size::new(height, width),
            glyphs: drawn.glyphs.iter().map(turned).collect(),
            rules: drawn.rules.iter().map(|rule| into.transform_rect_bbox(*rule)).collect(),
        };
        (Cow::Owned(frame), Self { back: into.inverse() })
    }

    /// A place in the frame as one on the page.
    pub(super) fn back(&self, rect: Rect) -> Rect {
        self.back.transform_rect_bbox(rect)
    }
}

fn count(drawn: &Drawn, is_counted: fn(&Glyph) -> bool) -> usize {
    drawn.glyphs.iter().filter(|glyph| is_counted(glyph)).count()
}
