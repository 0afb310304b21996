//! Keeps an answer from loading or linking anything: what a model writes may come from a hostile document.
//!
//! An answer is Markdown wherever it is shown. Links, pictures, link definitions and HTML tags are broken by a word joiner,
//! which nobody sees, so that only their words are left and a quotation stays what it was to the eye. An address that stands in a retrieved passage is shown as code; any other is taken out,
//! since an invented address can carry away what was said. Code stays as it is, as far as every renderer agrees that it
//! is code: a fence that begins a line, and a span within a line.

use crate::types::Hit;

/// What stands in the place of an address that no passage has.
const REMOVED: &str = "‹link removed›";
/// What breaks a link: the word joiner, which has no width and is neither a space nor a mark of Markdown.
const JOINER: char = '\u{2060}';
/// Longest scheme of an address, as `https`.
const SCHEME_BYTES_MAX: usize = 32;
/// Longest span of code that is waited for.
const CODE_BYTES_MAX: usize = 400;
/// The shortest run of backticks or tildes that fences a block.
const FENCE_MIN: usize = 3;

/// Takes an answer piece by piece and gives it back harmless.
pub(super) struct LinkFilter<'a> {
    hits: &'a [Hit],
    held: String,
    /// Backticks of the fence that is open.
    fence: Option<usize>,
    at_line_start: bool,
    line_is_blank: bool,
    /// Whether a run of backticks in this paragraph has no partner in its line, so that renderers may pair others than we.
    unpaired: bool,
    backslashes: usize,
    /// Whether the last character belongs to a word.
    in_word: bool,
}

/// What the beginning of the text that waits is.
enum Next {
    /// So many bytes of it go out as they are.
    Pass(usize),
    /// So many bytes of it are replaced.
    Replace(usize, String),
    /// A fence opens, and its line goes out.
    Open(usize, usize),
    /// More has to come first.
    Wait,
}

impl<'a> LinkFilter<'a> {
    /// A filter for an answer from these passages.
    pub(super) fn new(hits: &'a [Hit]) -> Self {
        Self {
            hits,
            held: String::new(),
            fence: None,
            at_line_start: true,
            line_is_blank: true,
            unpaired: false,
            backslashes: 0,
            in_word: false,
        }
    }

    /// What may be shown after the next piece.
    pub(super) fn push(&mut self, piece: &str) -> String {
        self.held.push_str(piece);
        self.drain(false)
    }

    /// What is left at the end.
    pub(super) fn finish(&mut self) -> String {
        self.drain(true)
    }

    fn drain(&mut self, last: bool) -> String {
        let held = std::mem::take(&mut self.held);
        let mut out = String::with_capacity(held.len());
        let mut rest = held.as_str();
        while !rest.is_empty() {
            let next = if self.fence.is_some() { self.in_fence(rest, last) } else { self.in_prose(rest, last) };
            let taken = match next {
                Next::Wait => break,
                Next::Pass(bytes) => {
                    out.push_str(&rest[..bytes]);
                    bytes
                }
                Next::Replace(bytes, with) => {
                    out.push_str(&with);
                    bytes
                }
                Next::Open(bytes, backticks) => {
                    self.fence = Some(backticks);
                    out.push_str(&rest[..bytes]);
                    bytes
                }
            };
            self.passed(&rest[..taken]);
            rest = &rest[taken..];
        }
        self.held = rest.to_owned();
        out
    }

    fn passed(&mut self, text: &str) {
        for c in text.chars() {
            self.backslashes = if c == '\\' { self.backslashes + 1 } else { 0 };
            if c == '\n' {
                // A blank line ends the paragraph, and with it every span.
                self.unpaired &= !self.line_is_blank;
                self.line_is_blank = true;
            } else if !c.is_whitespace() {
                self.line_is_blank = false;
            }
            self.at_line_start = c == '\n';
            self.in_word = c.is_alphanumeric();
        }
    }

    /// Within a fence all passes, up to the line that closes it.
    fn in_fence(&mut self, rest: &str, last: bool) -> Next {
        let line_end = rest.find('\n').map(|at| at + 1);
        let line = &rest[..line_end.unwrap_or(rest.len())];
        if self.at_line_start {
            let bare = line.trim();
            let is_mark = bare.chars().all(|c| c == '`');
            if line_end.is_none() && is_mark && !last {
                return Next::Wait;
            }
            if is_mark && bare.len() >= self.fence.unwrap_or(FENCE_MIN) {
                self.fence = None;
            }
        }
        Next::Pass(line.len())
    }

    fn in_prose(&mut self, rest: &str, last: bool) -> Next {
        let first = rest.chars().next().unwrap_or_default();
        let second = rest[first.len_utf8()..].chars().next();
        match first {
            '`' => self.backticks(rest, last),
            ']' | '<' if second.is_none() && !last => Next::Wait,
            ']' if matches!(second, Some('(' | ':')) => Next::Replace(1, format!("]{JOINER}")),
            '<' if second.is_some_and(|c| c.is_alphabetic() || matches!(c, '/' | '!' | '?')) => {
                Next::Replace(1, format!("<{JOINER}"))
            }
            '~' => {
                let run = run_of(rest, '~');
                match run {
                    run if run == rest.len() && !last => Next::Wait,
                    run if run >= FENCE_MIN => Next::Replace(run, format!("~{JOINER}").repeat(run)),
                    run => Next::Pass(run),
                }
            }
            c if c.is_ascii_alphanumeric() && !self.in_word => self.word(rest, last),
            c => Next::Pass(c.len_utf8()),
        }
    }

    /// A run of backticks: a fence, a span of code, or neither.
    fn backticks(&mut self, rest: &str, last: bool) -> Next {
        let run = run_of(rest, '`');
        if run == rest.len() && !last {
            return Next::Wait;
        }
        let line = rest[run..].find('\n').map(|at| &rest[run..run + at]);
        if self.at_line_start && run >= FENCE_MIN {
            match line {
                None if !last && rest.len() < CODE_BYTES_MAX => return Next::Wait,
                Some(info) if !info.contains('`') => return Next::Open(run + info.len() + 1, run),
                _ => {}
            }
        }
        if self.unpaired || self.backslashes % 2 == 1 {
            return Next::Pass(run);
        }
        let within = line.unwrap_or(&rest[run..]);
        match closing(within, run, line.is_some() || last) {
            // A row of a table is cut at its bars before anybody looks for code.
            Some(end) if !within[..end].contains('|') => Next::Pass(run + end),
            None if line.is_none() && !last && rest.len() < CODE_BYTES_MAX => Next::Wait,
            _ => {
                self.unpaired = true;
                Next::Pass(run)
            }
        }
    }

    /// A word, which may be the beginning of an address.
    fn word(&self, rest: &str, last: bool) -> Next {
        let scheme = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'.' | b'-')).count();
        let after = &rest[scheme..];
        let is_open = !last && scheme <= SCHEME_BYTES_MAX && matches!(after, "" | ":" | ":/");
        let is_address = after.starts_with("://") || rest[..scheme].to_ascii_lowercase().starts_with("www.");
        if is_open || (is_address && !last && address_bytes(rest) == rest.len()) {
            return Next::Wait;
        }
        if !is_address {
            // To the end of the letters, and no further: what joins them may begin another word.
            let letters = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
            return Next::Pass(letters);
        }
        let address = rest[..address_bytes(rest)].trim_end_matches(['.', ',', ';', ':', '!', '?', '*', '_']);
        let is_known = self.hits.iter().any(|hit| hit.text.contains(address) || hit.uri == address);
        Next::Replace(address.len(), if is_known { format!("`{address}`") } else { REMOVED.to_owned() })
    }
}

fn run_of(text: &str, character: char) -> usize {
    text.chars().take_while(|c| *c == character).count()
}

/// Where the run of as many backticks ends that closes a span. `whole` says that no more of the text will come.
fn closing(text: &str, run: usize, whole: bool) -> Option<usize> {
    let mut at = 0;
    while let Some(start) = text[at..].find('`').map(|found| at + found) {
        let length = run_of(&text[start..], '`');
        let is_complete = whole || start + length < text.len();
        if length == run && is_complete {
            return Some(start + length);
        }
        at = start + length;
    }
    None
}

/// Bytes of the address that a text begins with.
fn address_bytes(text: &str) -> usize {
    let ends = |c: char| {
        c.is_whitespace()
            || !c.is_ascii()
            || matches!(c, '<' | '>' | '"' | '\'' | '`' | ')' | '(' | ']' | '[' | '}' | '{' | '|' | '\\')
    };
    text.find(ends).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::agent::fixtures::hit;

    fn filtered(text: &str) -> String {
        let hits = [hit(1, "See https://kubernetes.io/docs/ for more.")];
        let mut filter = LinkFilter::new(&hits);
        filter.push(text) + &filter.finish()
    }

    #[test]
    fn nothing_links_and_nothing_loads() {
        for (text, shown) in [
            ("![x](http://evil.example/?q=1)", "![x]\u{2060}(‹link removed›)"),
            ("a [b](https://kubernetes.io/docs/) c", "a [b]\u{2060}(`https://kubernetes.io/docs/`) c"),
            ("see https://kubernetes.io/docs/.", "see `https://kubernetes.io/docs/`."),
            ("see https://kubernetes.io/docs/?leak=1", "see ‹link removed›"),
            ("www.evil.example", "‹link removed›"),
            ("[1](/v1/x) [1]: http://evil", "[1]\u{2060}(/v1/x) [1]\u{2060}: ‹link removed›"),
            ("<img src=x onerror=y>", "<\u{2060}img src=x onerror=y>"),
            ("<HTTP://EVIL>", "<\u{2060}‹link removed›>"),
            ("2 < 3 and x<4", "2 < 3 and x<4"),
            ("[1][2] stay [3].", "[1][2] stay [3]."),
            ("~~~\n```\n~~~\n![x](y)", "~\u{2060}~\u{2060}~\u{2060}\n```\n~~~\n![x](y)"),
            ("탑은 http://evil에서", "탑은 ‹link removed›에서"),
        ] {
            assert_eq!(filtered(text), shown, "{text}");
        }
    }

    #[test]
    fn code_stays_only_where_every_renderer_sees_code() {
        for same in ["`a[0](b) <c>`", "```sh\ncurl http://x <y>\n```\n", "``a ` <b>``", "`x` and `<y>`"] {
            assert_eq!(filtered(same), same);
        }
        for (text, hidden) in [
            ("` ![x](y)", "](y"),
            ("`a\nb` ![x](y) `z`", "](y"),
            ("\\` ![x](y) `", "](y"),
            ("| ` | ![x](y) | ` |", "](y"),
            (" ```\n\nout ![x](y)", "](y"),
            ("``` a`b\n![x](y)", "](y"),
            ("```\n```\n![x](y)", "](y"),
        ] {
            assert!(!filtered(text).contains(hidden), "{text}");
        }
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(text in "[a-c`~<>\\[\\]()!:/|\\\\ \n1w.h가]{0,80}", cuts in prop::collection::vec(0_usize..80, 0..4)) {
            let hits = [hit(1, "a")];
            let mut filter = LinkFilter::new(&hits);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| text.floor_char_boundary(cut.min(text.len()))).collect();
            cuts.sort_unstable();
            cuts.push(text.len());
            let mut from = 0;
            let mut parts = String::new();
            for cut in cuts {
                parts += &filter.push(&text[from..cut]);
                from = cut;
            }
            parts += &filter.finish();
            prop_assert_eq!(parts, filtered(&text));
        }
    }
}
