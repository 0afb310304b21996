//! A scrub cleans what is said beside the text: titles, metadata, names of places, and what libraries say in warnings.
//!
//! The text is cleaned by its readers, who keep offsets into it. What stands beside it is shown in terminals and pages, too.

use std::collections::BTreeMap;

use super::clean::clean;
use crate::{Document, Position, Warning};

/// Longest value of a metadata field or a name, in bytes. A description is shorter, and rows of a database are kept small.
const VALUE_BYTES_MAX: usize = 4 << 10;

/// Makes every string beside the text one line without characters that hide or reorder it.
pub(super) fn scrub(document: &mut Document) {
    document.title = document.title.take().map(|title| line(&title)).filter(|title| !title.is_empty());
    let metadata = std::mem::take(&mut document.metadata);
    let cleaned = metadata.into_iter().map(|(key, value)| (line(&key), line(&value)));
    document.metadata = cleaned.filter(|(key, value)| !key.is_empty() && !value.is_empty()).collect::<BTreeMap<_, _>>();
    for heading in &mut document.headings {
        if !is_plain(&heading.title) {
            heading.title = line(&heading.title);
        }
    }
    for place in &mut document.places {
        match &mut place.position {
            Position::Sheet { sheet, .. } if !is_plain(sheet) => *sheet = line(sheet),
            Position::Chapter { title, .. } => *title = title.take().map(|title| line(&title)),
            _ => {}
        }
    }
    for warning in &mut document.warnings {
        let (Warning::Converter { message: said } | Warning::LostPage { reason: said, .. }) = warning else { continue };
        *said = line(said);
    }
}

/// Most names are plain, and there may be a million of them.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| (0x20..0x7F).contains(&byte)) && text.len() <= VALUE_BYTES_MAX
}

fn line(text: &str) -> String {
    let cleaned = clean(text[..text.floor_char_boundary(VALUE_BYTES_MAX)].to_owned(), &mut Vec::new());
    cleaned.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MediaType, Place, Span};

    #[test]
    fn what_is_said_beside_the_text_hides_nothing() {
        let mut document = Document::of_text(MediaType::Eml, "x".to_owned(), Vec::new());
        document.title = Some("\u{1B}[31m회의\u{202E}".to_owned());
        document.metadata.insert("from".to_owned(), "a\nb\u{200B}".to_owned());
        document.metadata.insert("empty".to_owned(), "\u{202E}".to_owned());
        let position = Position::Sheet { sheet: "매\u{7}출".to_owned(), row: 1, column_first: 1, column_last: 1 };
        document.places.push(Place { span: Span::new(0, 1), position });
        scrub(&mut document);
        assert_eq!(document.title.as_deref(), Some("회의"));
        assert_eq!(document.metadata, BTreeMap::from([("from".to_owned(), "a b".to_owned())]));
        assert_eq!(crate::location(&document.places, Span::new(0, 1)).as_deref(), Some("매 출!A1"));
    }
}
