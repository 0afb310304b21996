//! Tags are looked at in the page's source for what the converter does not tell: language, metadata, hidden elements.

/// A tag of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag<'p> {
    /// The element's name as it is written.
    pub(super) name: &'p str,
    /// All that stands behind the name.
    pub(super) attributes: &'p str,
    pub(super) closes: bool,
    /// Where the tag begins in the page.
    pub(super) start: usize,
    /// Where what follows it begins, which for scripts and styles is what follows their content.
    pub(super) end: usize,
}

impl<'p> Tag<'p> {
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The value of an attribute, without its quotes.
    pub(super) fn attribute(&self, name: &str) -> Option<&'p str> {
        attributes(self.attributes).find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// The tags of a page in their order, without what stands in comments, scripts and styles.
pub(super) fn tags(page: &str) -> Tags<'_> {
    Tags { page, at: 0, unquoted: [false; 2], ended: page.len() }
}

/// The page up to a tag or a comment that is opened and never closed. A browser shows nothing behind it, and the converter
/// would look for its end again and again.
pub(super) fn closed_part(page: &str) -> &str {
    let mut tags = tags(page);
    while tags.next().is_some() {}
    &page[..tags.ended]
}

pub(super) struct Tags<'p> {
    page: &'p str,
    at: usize,
    /// Whether no double and no single quotation mark follows any more. Looking for one again and again would take long.
    unquoted: [bool; 2],
    /// Where what is never closed begins, when that was met.
    ended: usize,
}

impl<'p> Iterator for Tags<'p> {
    type Item = Tag<'p>;

    fn next(&mut self) -> Option<Tag<'p>> {
        loop {
            let start = self.at + self.page[self.at..].find('<')?;
            let inside = &self.page[start + 1..];
            if let Some(comment) = inside.strip_prefix("!--") {
                let Some(close) = comment.find("-->") else {
                    self.ended = start;
                    self.at = self.page.len();
                    return None;
                };
                self.at = start + 4 + close + 3;
                continue;
            }
            let closes = inside.starts_with('/');
            let name_start = start + 1 + usize::from(closes);
            let len = self.page[name_start..]
                .bytes()
                .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
                .count();
            if !self.page[name_start..].starts_with(|c: char| c.is_ascii_alphabetic()) {
                self.at = start + 1;
                continue;
            }
            let name = &self.page[name_start..name_start + len];
            let Some(close) = self.close(name_start + len) else {
                self.ended = start;
                self.at = self.page.len();
                return None;
            };
            let mut tag = Tag { name, attributes: &self.page[name_start + len..close], closes, start, end: close + 1 };
            if !closes && ["script", "style", "textarea"].iter().any(|raw| tag.is(raw)) {
                tag.end = after_raw(self.page, tag.end, name);
            }
            self.at = tag.end;
            return Some(tag);
        }
    }
}

impl Tags<'_> {
    /// Where the tag's `>` stands, outside of quotation marks.
    fn close(&mut self, from: usize) -> Option<usize> {
        let mut at = from;
        loop {
            at += self.page[at..].find(['>', '"', '\''])?;
            let mark = self.page.as_bytes()[at];
            if mark == b'>' {
                return Some(at);
            }
            // Elsewhere than before a value it is a letter of a name.
            let opens = self.page[from..at].trim_end().ends_with('=');
            at += 1;
            let seen = usize::from(mark == b'\'');
            if !opens || self.unquoted[seen] {
                continue;
            }
            match self.page[at..].find(char::from(mark)) {
                Some(end) => at += end + 1,
                None => self.unquoted[seen] = true,
            }
        }
    }
}

/// Where the content of a script or a style ends.
fn after_raw(page: &str, from: usize, name: &str) -> usize {
    let mut at = from;
    while let Some(found) = page[at..].find("</") {
        at += found + 2;
        let closes = page.as_bytes().get(at..at + name.len());
        if closes.is_some_and(|said| said.eq_ignore_ascii_case(name.as_bytes())) {
            return at - 2;
        }
    }
    page.len()
}

/// Names and values of attributes.
fn attributes(words: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = words;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        let end = rest.find(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | '/')).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let Some(value) = after.trim_start().strip_prefix('=') else {
            // A sign on its own would be looked at for ever.
            rest = if end == 0 { after.get(after.chars().next()?.len_utf8()..)? } else { after };
            return Some((name, ""));
        };
        let value = value.trim_start();
        let quoted = value.chars().next().filter(|mark| matches!(mark, '"' | '\''));
        let inner = quoted.and_then(|mark| value[1..].split_once(mark));
        let (value, next) = match inner {
            Some(parts) => parts,
            None => value.split_at(value.find(|c: char| c.is_ascii_whitespace()).unwrap_or(value.len())),
        };
        rest = next;
        Some((name, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(page: &str) -> Vec<&str> {
        tags(page).map(|tag| tag.name).collect()
    }

    #[test]
    fn what_is_no_tag_is_passed_over() {
        assert_eq!(
            names("<p>1 < 2 <!-- <b> --> <script>'<i>'</SCRIPT> <br/> <!doctype html>"),
            ["p", "script", "SCRIPT", "br"]
        );
        assert_eq!(names("<a title='>'>x</a><p"), ["a", "a"]);
        assert_eq!(names("<a title=don't>it's</a><p b='>"), ["a", "a", "p"]);
        assert_eq!(names("<p><!-- never closed <b>"), ["p"]);
    }

    #[test]
    fn attributes_are_read_in_all_their_spellings() {
        let tag = tags("<meta NAME=date content = '2026-01-02' x data-y=\"a b\"/>").next().unwrap();
        assert_eq!(tag.attribute("name"), Some("date"));
        assert_eq!(tag.attribute("content"), Some("2026-01-02"));
        assert_eq!((tag.attribute("x"), tag.attribute("data-y")), (Some(""), Some("a b")));
        assert_eq!(tag.attribute("y"), None);
    }

    #[test]
    fn what_is_never_closed_is_cut_off() {
        assert_eq!(closed_part("<p>a<!-- b --> c <i title='>' d"), "<p>a<!-- b --> c ");
        assert_eq!(closed_part("<p>a<!-- b > c"), "<p>a");
        assert_eq!(closed_part("a < b <p>"), "a < b <p>");
    }

    #[test]
    fn broken_tags_end() {
        for page in ["<", "<a", "<a '", "<a \">", "</", "<a = = '", "<a ===>", "<p é=ü 'x>", "<script"] {
            assert!(tags(page).all(|tag| tag.attribute("none").is_none()));
        }
        assert!(tags(&"<a \" ".repeat(100_000)).count() < 100_000);
    }
}
