//! Markdown is stored as its own source, so that a span opens the file itself; only its outline is read.

use std::collections::BTreeMap;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::clean::clean;
use super::decode::decode;
use super::source::Source;
use crate::{Document, ExtractError, Heading, Span, Warning};

/// Reads Markdown, with YAML or TOML front matter.
pub(crate) fn extract(source: &Source<'_>) -> Result<Document, ExtractError> {
    let mut decoded = decode(source.bytes, None)?;
    let text = clean(decoded.text, &mut decoded.warnings);
    let mut document = Document::of_text(source.media_type, text, decoded.warnings);
    let front = FrontMatter::read(&document.text);
    if front.lines_passed_over > 0 {
        document.warnings.push(Warning::FrontMatter { lines: front.lines_passed_over });
    }
    document.body.start = front.body_start;
    document.metadata = front.entries;
    document.headings = headings(document.body, &document.text);
    document.title = document.metadata.get("title").cloned().or_else(|| first_title(&document.headings));
    Ok(document)
}

/// The first heading of the outermost level.
pub(super) fn first_title(headings: &[Heading]) -> Option<String> {
    headings.iter().find(|heading| heading.level == 1).map(|heading| heading.title.clone())
}

/// The headings of the Markdown in `body` that stand on their own: one inside a quotation or a list does not divide the
/// document.
pub(super) fn headings(body: Span, text: &str) -> Vec<Heading> {
    let mut found = Vec::new();
    let mut depth = 0usize;
    let mut open: Option<(HeadingLevel, Span, String)> = None;
    let parser = Parser::new_ext(body.slice(text), Options::ENABLE_TABLES | Options::ENABLE_HEADING_ATTRIBUTES);
    for (event, range) in parser.into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level, .. }) if depth == 0 => {
                let span = Span::new(body.start + range.start, body.start + range.end);
                open = Some((level, trimmed_end(span, text), String::new()));
                depth += 1;
            }
            Event::Start(_) => depth += 1,
            Event::End(end) => {
                depth -= 1;
                if matches!(end, TagEnd::Heading(_)) && depth == 0 {
                    found.extend(open.take().and_then(heading));
                }
            }
            Event::Text(words) | Event::Code(words) => {
                if let Some((.., title)) = &mut open {
                    title.push_str(&words);
                }
            }
            Event::SoftBreak | Event::HardBreak => {
                if let Some((.., title)) = &mut open {
                    title.push(' ');
                }
            }
            _ => {}
        }
    }
    found
}

fn heading((level, span, title): (HeadingLevel, Span, String)) -> Option<Heading> {
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    (!title.is_empty()).then_some(Heading { level: level as u8, span, title })
}

fn trimmed_end(span: Span, text: &str) -> Span {
    Span::new(span.start, span.start + span.slice(text).trim_end().len())
}

/// What stands between the fences at the head of a file.
#[derive(Debug, Default, PartialEq)]
struct FrontMatter {
    body_start: usize,
    entries: BTreeMap<String, String>,
    lines_passed_over: usize,
}

/// Lines beyond which a leading rule is a rule and not front matter.
const FRONT_MATTER_LINES_MAX: usize = 500;

impl FrontMatter {
    /// Reads simple `key: value` (YAML) and `key = value` (TOML) lines, and lists of words. Nested values, anchors and aliases
    /// are passed over: a full YAML reader would be an attack surface for the sake of a title.
    fn read(text: &str) -> Self {
        let (fence, separator) = match text.lines().next().map(str::trim_end) {
            Some("---") => ("---", ':'),
            Some("+++") => ("+++", '='),
            _ => return Self::default(),
        };
        let mut front = Self::default();
        let mut list = None;
        let mut offset = text.find('\n').map_or(text.len(), |end| end + 1);
        for line in text[offset..].split_inclusive('\n').take(FRONT_MATTER_LINES_MAX) {
            offset += line.len();
            let bare = line.trim_end();
            if bare == fence || (fence == "---" && bare == "...") {
                front.body_start = offset;
                return front;
            }
            front.read_line(bare, separator, &mut list);
        }
        // Without a closing fence the first line was a rule.
        Self::default()
    }

    /// Reads one line; `list` is the key whose items may follow.
    fn read_line(&mut self, line: &str, separator: char, list: &mut Option<String>) {
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            return;
        }
        if let (Some(key), Some(item)) = (list.as_ref(), line.trim_start().strip_prefix("- ")) {
            let items = self.entries.entry(key.clone()).or_default();
            if !items.is_empty() {
                items.push_str(", ");
            }
            items.push_str(unquoted(item.trim()));
            return;
        }
        *list = line.strip_suffix(separator).filter(|key| is_simple_key(key)).map(str::to_lowercase);
        match simple_entry(line, separator) {
            Some((key, value)) => {
                self.entries.insert(key, value);
            }
            None => self.lines_passed_over += usize::from(list.is_none()),
        }
    }
}

fn is_simple_key(key: &str) -> bool {
    let starts_plainly = !key.starts_with([' ', '\t', '-']);
    let bare = key.trim();
    starts_plainly && !bare.is_empty() && bare.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

fn simple_entry(line: &str, separator: char) -> Option<(String, String)> {
    let (key, value) = line.split_once(separator)?;
    let value = unquoted(value.trim());
    let value_is_simple = !value.is_empty() && !value.starts_with(['&', '*', '{', '|', '>', '!']);
    (is_simple_key(key) && value_is_simple).then(|| (key.trim().to_lowercase(), value.to_owned()))
}

fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inner;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(text: &str) -> Vec<(u8, String, &str)> {
        let all = Span::new(0, text.len());
        let found = headings(all, text);
        found.into_iter().map(|heading| (heading.level, heading.title, heading.span.slice(text))).collect()
    }

    #[test]
    fn headings_keep_their_words_and_lose_their_markup() {
        let text = "# The `code` of *law* #\n\ntext\n\n제목\n----\n\n> # quoted\n\n- # in a list\n";
        let expected =
            [(1, "The code of law".to_owned(), "# The `code` of *law* #"), (2, "제목".to_owned(), "제목\n----")];
        assert_eq!(outline(text), expected);
    }

    #[test]
    fn a_hash_in_a_fence_is_no_heading() {
        assert_eq!(outline("```sh\n# comment\n```\n"), []);
    }

    #[test]
    fn yaml_front_matter_gives_metadata() {
        let text = "---\ntitle: \"파드\"\nweight: 10\ntags:\n  - a\n  - \"b c\"\nauthor: 'Kim'\nmap:\n  key: value\n---\n# Body\n";
        let front = FrontMatter::read(text);
        assert_eq!(&text[front.body_start..], "# Body\n");
        assert_eq!(front.entries["title"], "파드");
        assert_eq!(front.entries["author"], "Kim");
        assert_eq!(front.entries["tags"], "a, b c");
        assert_eq!(front.lines_passed_over, 1);
    }

    #[test]
    fn toml_front_matter_gives_metadata() {
        let front = FrontMatter::read("+++\ntitle = \"Pods\"\ndraft = false\n+++\nbody");
        assert_eq!(front.entries["title"], "Pods");
        assert_eq!(front.entries["draft"], "false");
    }

    #[test]
    fn a_leading_rule_is_no_front_matter() {
        assert_eq!(FrontMatter::read("---\n\nJust a rule above.\n"), FrontMatter::default());
        assert_eq!(FrontMatter::read("text: not front matter"), FrontMatter::default());
    }
}
