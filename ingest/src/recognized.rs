//! Recognised text takes its place on the pages that had none that could be read.

use std::collections::BTreeMap;

use crate::extract::clean::clean;
use crate::{Document, Page, Span, Warning};

impl Document {
    /// Gives pages the words that were recognised on them, in the place of what stood there. A page without words stays as it
    /// was. Headings, blocks and boxes of a page that is replaced go; those of other pages move along.
    #[must_use]
    pub fn with_recognized(mut self, words: &BTreeMap<u32, String>) -> Self {
        let mut warnings = Vec::new();
        let mut text = String::with_capacity(self.text.len());
        let mut moved: Vec<(Span, usize, u32)> = Vec::new();
        let mut pages = Vec::with_capacity(self.pages.len());
        let mut read = 0;
        for page in &self.pages {
            let recognized = words.get(&page.number).map(|words| clean(words.clone(), &mut warnings));
            let recognized = recognized.as_deref().map(str::trim).filter(|found| !found.is_empty());
            let kept = page.span.slice(&self.text);
            let on_page = recognized.unwrap_or(kept);
            if !on_page.is_empty() && !text.is_empty() {
                text.push_str("\n\n");
            }
            let start = text.len();
            text.push_str(on_page);
            if recognized.is_none() {
                moved.push((page.span, start, page.number));
            }
            read += u32::from(recognized.is_some());
            let span = Span::new(start, text.len());
            pages.push(Page { span, needs_ocr: page.needs_ocr && recognized.is_none(), ..page.clone() });
        }
        let shifted = |span: Span| shifted(&moved, span);
        self.headings.retain_mut(|heading| shifted(heading.span).map(|span| heading.span = span).is_some());
        self.boxes.retain_mut(|line| shifted(line.span).map(|span| line.span = span).is_some());
        self.blocks.retain_mut(|block| {
            let Some(span) = shifted(block.span) else { return false };
            block.header = block.header.and_then(shifted);
            block.span = span;
            true
        });
        self.body = Span::new(0, text.len());
        (self.text, self.pages) = (text, pages);
        self.warnings.extend(warnings);
        self.count_unread(read);
        self
    }

    /// Says how many pages were recognised, and how many still need it.
    fn count_unread(&mut self, recognized: u32) {
        self.warnings.retain(|warning| !matches!(warning, Warning::NeedsOcr { .. }));
        if recognized > 0 {
            self.warnings.push(Warning::Recognized { pages: recognized as usize });
        }
        let mut unread = self.pages.iter().filter(|page| page.needs_ocr);
        if let Some(first) = unread.next() {
            self.warnings.push(Warning::NeedsOcr { pages: 1 + unread.count(), first: first.number });
        }
    }
}

/// Where a span has moved to that begins and ends on pages that stayed, with none between them that was replaced.
fn shifted(moved: &[(Span, usize, u32)], span: Span) -> Option<Span> {
    let page_of = |at: usize| {
        let index = moved.partition_point(|(page, ..)| page.end < at);
        moved.get(index).filter(|(page, ..)| page.start <= at).map(|found| (index, *found))
    };
    let (first, (start_page, start, start_number)) = page_of(span.start)?;
    let (last, (end_page, end, end_number)) = page_of(span.end)?;
    let together = (last.checked_sub(first)? as u32) == end_number.checked_sub(start_number)?;
    together.then(|| Span::new(start + span.start - start_page.start, end + span.end - end_page.start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Heading, LineBox, MediaType};

    #[test]
    fn recognised_words_move_what_follows_them() {
        let text = "one\n\nthree";
        let page = |number, span, needs_ocr| Page { number, span, needs_ocr, unmapped: 0, images: 1 };
        let document = Document {
            pages: vec![
                page(1, Span::new(0, 3), false),
                page(2, Span::new(3, 3), true),
                page(3, Span::new(5, 10), false),
            ],
            headings: vec![Heading { level: 1, span: Span::new(5, 10), title: "three".into() }],
            boxes: vec![LineBox { span: Span::new(0, 3), page: 1, rect: [0.0; 4] }],
            warnings: vec![Warning::NeedsOcr { pages: 1, first: 2 }],
            ..Document::of_text(MediaType::Pdf, text.to_owned(), Vec::new())
        };
        let read = document.with_recognized(&BTreeMap::from([(2, " 두 번째\r\n".to_owned())]));
        assert_eq!(read.text, "one\n\n두 번째\n\nthree");
        let on_pages: Vec<_> =
            read.pages.iter().map(|read_page| (read_page.span.slice(&read.text), read_page.needs_ocr)).collect();
        assert_eq!(on_pages, [("one", false), ("두 번째", false), ("three", false)]);
        assert_eq!(read.headings[0].span.slice(&read.text), "three");
        assert_eq!(read.boxes[0].span.slice(&read.text), "one");
        assert_eq!(read.warnings, [Warning::Recognized { pages: 1 }]);
    }
}
