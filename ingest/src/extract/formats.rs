//! The table of formats: a new format is a file in this folder and a line here.

use super::source::Source;
use super::{code, html, markdown, pdf, text};
use crate::{Document, ExtractError, MediaType};

/// One format that can be read.
pub(crate) struct Format {
    /// Whether this format's reader takes the media type.
    pub(crate) reads: fn(MediaType) -> bool,
    /// File name extensions in lower case. Languages keep theirs beside their names.
    pub(crate) extensions: &'static [(&'static str, MediaType)],
    /// The reader.
    pub(crate) extract: fn(&Source<'_>) -> Result<Document, ExtractError>,
}

use MediaType::{Html, Markdown, Pdf, PlainText};

/// Every format, in no order that matters.
#[rustfmt::skip]
pub(crate) const FORMATS: &[Format] = &[
    Format { reads: |m| m == Markdown, extensions: &[("md", Markdown), ("markdown", Markdown), ("mdown", Markdown), ("mkd", Markdown), ("mdx", Markdown), ("qmd", Markdown)], extract: markdown::extract },
    Format { reads: |m| m == PlainText, extensions: &[("txt", PlainText), ("text", PlainText), ("log", PlainText), ("rst", PlainText), ("adoc", PlainText), ("org", PlainText), ("srt", PlainText), ("vtt", PlainText)], extract: text::extract },
    Format { reads: |m| m == Html, extensions: &[("html", Html), ("htm", Html), ("xhtml", Html), ("xht", Html)], extract: html::extract },
    Format { reads: |m| matches!(m, MediaType::Code(_)), extensions: &[], extract: code::extract },
    Format { reads: |m| m == Pdf, extensions: &[("pdf", Pdf)], extract: pdf::extract },
];
