//! The table of formats: a new format is a file in this folder, a line here, and its names in [`MediaType`].

use super::source::Source;
use super::{
    archive, code, epub, html, hwp, json, mail, markdown, markup, notebook, office, pdf, sheet, subtitles, table, text,
};
use crate::{Document, ExtractError, MediaType};

/// One format that can be read.
pub(crate) struct Format {
    /// Whether this format's reader takes the media type.
    pub(crate) reads: fn(MediaType) -> bool,
    /// The reader.
    pub(crate) extract: fn(&Source<'_>) -> Result<Document, ExtractError>,
}

use MediaType as M;

/// Every format, in no order that matters.
#[rustfmt::skip]
pub(crate) const FORMATS: &[Format] = &[
    Format { reads: |m| m == M::Markdown, extract: markdown::extract },
    Format { reads: |m| m == M::PlainText, extract: text::extract },
    Format { reads: |m| m == M::Html, extract: html::extract },
    Format { reads: |m| matches!(m, M::Code(_)), extract: code::extract },
    Format { reads: |m| m == M::Pdf, extract: pdf::extract },
    Format { reads: |m| matches!(m, M::Docx | M::Pptx | M::Odt | M::Odp | M::Doc | M::Ppt | M::Rtf), extract: office::extract },
    Format { reads: |m| matches!(m, M::Xlsx | M::Ods | M::Xls), extract: sheet::extract },
    Format { reads: |m| matches!(m, M::Hwp | M::Hwpx), extract: hwp::extract },
    Format { reads: |m| m == M::Epub, extract: epub::extract },
    Format { reads: |m| matches!(m, M::Eml | M::Mbox), extract: mail::extract },
    Format { reads: |m| m == M::Ipynb, extract: notebook::extract },
    Format { reads: |m| matches!(m, M::Csv | M::Tsv), extract: table::extract },
    Format { reads: |m| matches!(m, M::Json | M::JsonLines), extract: json::extract },
    Format { reads: |m| matches!(m, M::ReStructuredText | M::AsciiDoc | M::Org | M::Latex), extract: markup::extract },
    Format { reads: |m| matches!(m, M::Srt | M::Vtt), extract: subtitles::extract },
    Format { reads: |m| matches!(m, M::Zip | M::Tar), extract: archive::extract },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_media_type_has_one_reader() {
        let code = crate::Language::ALL.iter().copied().map(MediaType::Code);
        for media_type in MediaType::DOCUMENTS.iter().copied().chain(code) {
            let readers = FORMATS.iter().filter(|format| (format.reads)(media_type)).count();
            assert_eq!(readers, 1, "{}", media_type.as_mime());
        }
    }
}
