//! The words of a paragraph: its runs put together, with links and the marks of notes.

use office_oxide::ir::{Element, InlineContent, ListItem, Table, TextSpan};

use super::writer::DEPTH_MAX;

/// What a mark in the text refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reference {
    Footnote(u32),
    Endnote(u32),
    Comment(u32),
}

impl Reference {
    /// The mark in the text and before the note. Comments have no mark.
    pub(super) fn mark(self) -> String {
        match self {
            Self::Footnote(id) => format!("[^{id}]"),
            Self::Endnote(id) => format!("[^e{id}]"),
            Self::Comment(_) => String::new(),
        }
    }
}

/// The words of a paragraph. What they refer to is added to `references`.
pub(super) fn words(content: &[InlineContent], references: &mut Vec<Reference>) -> String {
    let mut out = String::new();
    let mut rest = content;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            InlineContent::Text(span) => {
                let (linked, more) = link(span, after);
                out.push_str(&linked);
                rest = more;
            }
            InlineContent::LineBreak => out.push('\n'),
            InlineContent::FootnoteRef(to) => out.push_str(&referred(Reference::Footnote(to.note_id), references)),
            InlineContent::EndnoteRef(to) => out.push_str(&referred(Reference::Endnote(to.note_id), references)),
            InlineContent::CommentRef(to) => out.push_str(&referred(Reference::Comment(to.comment_id), references)),
            _ => {}
        }
    }
    out
}

fn referred(reference: Reference, references: &mut Vec<Reference>) -> String {
    references.push(reference);
    reference.mark()
}

/// The words of a run, and of those after it that belong to the same link.
fn link<'a>(span: &TextSpan, after: &'a [InlineContent]) -> (String, &'a [InlineContent]) {
    let Some(target) = span.hyperlink.as_deref().filter(|target| is_written_out(target)) else {
        return (span.text.clone(), after);
    };
    let mut label = span.text.clone();
    let mut rest = after;
    while let Some((InlineContent::Text(next), more)) = rest.split_first() {
        if next.hyperlink.as_deref() != Some(target) {
            break;
        }
        label.push_str(&next.text);
        rest = more;
    }
    (linked(label, target), rest)
}

/// A link in Markdown. One whose words say where it leads, or which leads nowhere outside, is only its words.
pub(in crate::extract) fn linked(label: String, target: &str) -> String {
    let bare = label.trim();
    let says_it_already = target.trim_end_matches('/').ends_with(bare) || bare.contains(['[', ']', '\n']);
    if says_it_already || !is_written_out(target) { label } else { format!("[{label}]({target})") }
}

/// Whether a link leads out of the document and can be written in Markdown as it is.
fn is_written_out(target: &str) -> bool {
    let leads_out = ["http://", "https://", "mailto:"].iter().any(|scheme| target.starts_with(scheme));
    leads_out && target.len() <= 2_000 && !target.contains(|c: char| c.is_whitespace() || "()<>".contains(c))
}

/// All words under some elements, for where no structure can stand: cells and notes.
pub(super) fn flat(elements: &[Element], depth: usize, references: &mut Vec<Reference>) -> String {
    let mut parts = Vec::new();
    for element in elements {
        parts.push(flat_element(element, depth, references));
    }
    parts.retain(|part| !part.trim().is_empty());
    parts.join("\n")
}

fn flat_element(element: &Element, depth: usize, references: &mut Vec<Reference>) -> String {
    if depth >= DEPTH_MAX {
        return String::new();
    }
    match element {
        Element::Heading(heading) => words(&heading.content, references),
        Element::Paragraph(paragraph) => words(&paragraph.content, references),
        Element::Table(table) => flat_table(table, depth, references),
        Element::List(list) => flat_items(&list.items, depth, references),
        Element::TextBox(inner) => flat(&inner.content, depth + 1, references),
        Element::Footnote(note) | Element::Endnote(note) => flat(&note.content, depth + 1, references),
        Element::CodeBlock(code) => code.content.clone(),
        Element::Image(image) => description(image.alt_text.as_deref(), image.decorative),
        _ => String::new(),
    }
}

fn flat_items(items: &[ListItem], depth: usize, references: &mut Vec<Reference>) -> String {
    let mut parts = Vec::new();
    for item in items {
        parts.push(flat(&item.content, depth + 1, references));
        if let Some(nested) = item.nested.as_ref().filter(|_| depth < DEPTH_MAX) {
            parts.push(flat_items(&nested.items, depth + 1, references));
        }
    }
    parts.join("\n")
}

fn flat_table(table: &Table, depth: usize, references: &mut Vec<Reference>) -> String {
    let mut rows = Vec::new();
    for row in &table.rows {
        let mut cells = Vec::new();
        for cell in &row.cells {
            cells.push(flat(&cell.content, depth + 1, references));
        }
        rows.push(cells.join(" "));
    }
    rows.join("\n")
}

/// What is said about a picture, unless a program said it by itself.
pub(in crate::extract) fn description(alt_text: Option<&str>, decorative: bool) -> String {
    let words = alt_text.unwrap_or_default().trim();
    let last = words.rsplit(' ').next().unwrap_or_default();
    let numbered = words.chars().count() <= 20 && last.chars().all(|c| c.is_ascii_digit());
    let is_file = words.rsplit_once('.').is_some_and(|(_, extension)| (2..=4).contains(&extension.len()));
    if decorative || numbered || is_file && !words.contains(' ') { String::new() } else { words.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(text: &str, hyperlink: Option<&str>) -> InlineContent {
        let hyperlink = hyperlink.map(str::to_owned);
        InlineContent::Text(TextSpan { hyperlink, ..TextSpan::plain(text) })
    }

    #[test]
    fn the_runs_of_a_link_are_one_link() {
        let to = Some("https://a.example/b");
        let content = [span("see ", None), span("the ", to), span("board", to), span(".", None)];
        assert_eq!(words(&content, &mut Vec::new()), "see [the board](https://a.example/b).");
        assert_eq!(words(&[span("a.example/b", to)], &mut Vec::new()), "a.example/b");
        assert_eq!(words(&[span("x", Some("file:///etc/passwd"))], &mut Vec::new()), "x");
    }

    #[test]
    fn descriptions_by_people_stay() {
        assert_eq!(description(Some("강가의 도서관"), false), "강가의 도서관");
        assert_eq!(description(Some("A map of the bay."), false), "A map of the bay.");
        for by_machine in ["Picture 12", "그림 3", "image1.png", ""] {
            assert_eq!(description(Some(by_machine), false), "");
        }
        assert_eq!(description(Some("line"), true), "");
    }
}
