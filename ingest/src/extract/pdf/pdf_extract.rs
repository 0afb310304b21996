//! The pdf-extract backend: selectable, slower, and less forgiving of damaged files than the other one.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pdf_extract::{Document as PdfDocument, Error, LoadOptions, PlainTextOutput, output_doc_page};

use super::layout::Laid;
use super::{PageText, PdfContent, PdfText, damaged, encrypted, passwords};
use crate::ExtractError;
use crate::extract::clean::clean;
use crate::extract::source::Source;

/// Reads PDF with `pdf-extract`.
pub(super) struct PdfExtract;

impl PdfText for PdfExtract {
    fn pages(&self, source: &Source<'_>) -> Result<PdfContent, ExtractError> {
        let limits = &source.options.limits;
        let document = load(source)?;
        let count = document.get_pages().len();
        if count > limits.pages_max {
            return Err(ExtractError::TooManyPages { pages: count, limit: limits.pages_max });
        }
        let mut content = PdfContent::default();
        let mut bytes_left = limits.text_bytes_max;
        for number in document.get_pages().into_keys() {
            let page = PageText::guarded(source, number, || read(&document, number));
            bytes_left = match bytes_left.checked_sub(page.laid.text.len()) {
                Some(left) => left,
                None => {
                    let limit = limits.text_bytes_max as u64;
                    return Err(ExtractError::TooLarge { what: "pdf text".into(), value: limit + 1, limit });
                }
            };
            content.pages.push(page);
        }
        Ok(content)
    }
}

fn load(source: &Source<'_>) -> Result<PdfDocument, ExtractError> {
    for password in passwords(source.options) {
        let loaded =
            catch_unwind(|| PdfDocument::load_mem_with_options(source.bytes, LoadOptions::with_password(password)));
        match loaded.map_err(|_| damaged("the reader gave up on it"))? {
            Err(Error::InvalidPassword) => {}
            loaded => return loaded.map_err(|error| damaged(&error.to_string().to_lowercase())),
        }
    }
    Err(encrypted())
}

fn read(document: &PdfDocument, number: u32) -> PageText {
    let mut text = String::new();
    let drawn =
        catch_unwind(AssertUnwindSafe(|| output_doc_page(document, &mut PlainTextOutput::new(&mut text), number)));
    let lost = match drawn {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string().to_lowercase()),
        Err(_) => Some("the reader gave up on it".to_owned()),
    };
    let laid = Laid { text: tidied(&clean(text, &mut Vec::new())), ..Laid::default() };
    // The library does not tell what else is drawn, and a page without any text has something as a rule.
    let shapes = usize::from(laid.text.is_empty());
    PageText { laid, shapes, lost, ..PageText::default() }
}

/// Drops the spaces at line ends and all but one of the blank lines between paragraphs.
fn tidied(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let line = line.trim_end();
        if line.is_empty() && (out.is_empty() || out.ends_with("\n\n")) {
            continue;
        }
        out.push_str(line);
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out
}
