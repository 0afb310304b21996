//! The reader goes through the tokens once, with the properties of each open group on a stack of its own.

mod characters;

use std::collections::{BTreeMap, BTreeSet};

use encoding_rs::{Encoding, WINDOWS_1252};

use super::charset;
use super::destination::Destination;
use super::paragraph::{Body, Properties};
use super::token::{Token, Tokens};
use crate::extract::flow::{is_page_number, one_line};
use crate::{Limits, Warning};
use characters::named_character;

/// Groups that may be open at once. 10,000: programs open some twenty.
const DEPTH_MAX: usize = 10_000;

/// What was read.
pub(super) struct Read {
    pub(super) text: String,
    pub(super) headers: Vec<String>,
    pub(super) footers: Vec<String>,
    pub(super) metadata: BTreeMap<&'static str, String>,
    pub(super) warnings: Vec<Warning>,
}

/// Reads a document. Nothing in it is an error: what is no token is text.
pub(super) fn read(bytes: &[u8], limits: &Limits) -> Read {
    let mut reader = Reader::new(limits);
    let mut tokens = Tokens::new(bytes);
    while let Some(token) = tokens.next() {
        if let Token::Word("bin", Some(length)) = token {
            tokens.pass_over(usize::try_from(length).unwrap_or(0));
            continue;
        }
        reader.token(token);
    }
    reader.finish()
}

/// What holds inside a group, and ends with it.
#[derive(Clone, Copy)]
struct State {
    destination: Destination,
    paragraph: Properties,
    font: i32,
    /// The font of double-byte characters, and whether they are at hand.
    double_font: i32,
    double: bool,
    /// How many characters follow one in Unicode for programs that know none.
    fallback: usize,
    hidden: bool,
    deleted: bool,
}

struct Reader {
    state: State,
    states: Vec<State>,
    /// Groups beyond the limit that are open.
    deeper: usize,
    cut: bool,
    /// Whether the group at hand has only just begun, and whether it may be passed over.
    begun: bool,
    starred: bool,
    /// Bytes that are not decoded yet.
    pending: Vec<u8>,
    high_surrogate: Option<u16>,
    skip: usize,
    code_page: &'static Encoding,
    fonts: BTreeMap<i32, &'static Encoding>,
    body: Body,
    /// Words of a header, a footer, a note, a style's name or an entry of the description.
    aside: String,
    style: i32,
    date: [i32; 5],
    footnotes: usize,
    headers: Vec<String>,
    footers: Vec<String>,
    seen: BTreeSet<String>,
    metadata: BTreeMap<&'static str, String>,
}

impl Reader {
    fn new(limits: &Limits) -> Self {
        let state = State {
            destination: Destination::Body,
            paragraph: Properties::default(),
            font: -1,
            double_font: -1,
            double: false,
            fallback: 1,
            hidden: false,
            deleted: false,
        };
        Self {
            state,
            states: Vec::new(),
            deeper: 0,
            cut: false,
            begun: false,
            starred: false,
            pending: Vec::new(),
            high_surrogate: None,
            skip: 0,
            code_page: WINDOWS_1252,
            fonts: BTreeMap::new(),
            body: Body::new(limits),
            aside: String::new(),
            style: 0,
            date: [0; 5],
            footnotes: 0,
            headers: Vec::new(),
            footers: Vec::new(),
            seen: BTreeSet::new(),
            metadata: BTreeMap::new(),
        }
    }

    fn finish(mut self) -> Read {
        self.flush();
        let (text, mut warnings) = self.body.finish(self.state.paragraph);
        if self.cut {
            warnings.push(Warning::NestingCut { depth_max: DEPTH_MAX });
        }
        Read { text, headers: self.headers, footers: self.footers, metadata: self.metadata, warnings }
    }

    fn token(&mut self, token: Token<'_>) {
        match token {
            Token::Byte(byte) => self.byte(byte),
            Token::Escaped(byte) => self.escaped(byte),
            _ => {
                self.skip = 0;
                self.flush();
                match token {
                    Token::Open => self.open(),
                    Token::Close => self.close(),
                    Token::Symbol(b'*') if self.begun => {
                        self.starred = true;
                        return;
                    }
                    Token::Symbol(symbol) => self.symbol(symbol),
                    Token::Word(word, number) => self.word(word, number),
                    _ => {}
                }
            }
        }
        self.begun = token == Token::Open;
        self.starred = false;
    }

    fn open(&mut self) {
        if self.states.len() >= DEPTH_MAX {
            self.deeper += 1;
            self.cut = true;
            return;
        }
        self.states.push(self.state);
        if self.state.destination == Destination::Styles {
            self.aside.clear();
            self.style = 0;
        }
    }

    fn close(&mut self) {
        if let Some(left) = self.deeper.checked_sub(1) {
            self.deeper = left;
            return;
        }
        let Some(outer) = self.states.pop() else { return };
        let ended = std::mem::replace(&mut self.state, outer).destination;
        if ended != outer.destination {
            self.end_destination(ended);
        }
    }

    fn end_destination(&mut self, ended: Destination) {
        match ended {
            Destination::Header | Destination::Footer => {
                let line = one_line(&std::mem::take(&mut self.aside));
                if !is_page_number(&line) && self.seen.insert(line.clone()) {
                    let lines = if ended == Destination::Header { &mut self.headers } else { &mut self.footers };
                    lines.push(line);
                }
            }
            Destination::Footnote => {
                self.footnotes += 1;
                let mark = format!("[^{}]", self.footnotes);
                let words = std::mem::take(&mut self.aside);
                self.body.words.push_str(&mark);
                self.body.notes.push((format!("{mark}:"), words));
            }
            Destination::Comment => {
                let words = std::mem::take(&mut self.aside);
                self.body.notes.push(("Comment:".to_owned(), words));
            }
            Destination::Entry(key) => {
                self.metadata.insert(key, std::mem::take(&mut self.aside));
            }
            Destination::Date(key) => {
                let [year, month, day, hour, minute] = std::mem::take(&mut self.date);
                if year > 0 {
                    self.metadata.insert(key, format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:00"));
                }
            }
            _ => {}
        }
    }

    fn word(&mut self, word: &str, number: Option<i32>) {
        if self.begun || self.starred {
            let begun = Destination::begun_by(word, self.starred);
            if let Some(destination) = begun.filter(|_| self.state.destination != Destination::Nowhere) {
                self.enter(destination);
                return;
            }
        }
        match self.state.destination {
            Destination::Nowhere => {}
            Destination::Fonts => self.font_word(word, number),
            Destination::Styles => {
                if word == "s" {
                    self.style = number.unwrap_or(0);
                } else if word == "u" {
                    self.unicode(number);
                }
            }
            Destination::Date(_) => {
                let place = ["yr", "mo", "dy", "hr", "min"].iter().position(|name| *name == word);
                if let Some(place) = place {
                    self.date[place] = number.unwrap_or(0);
                }
            }
            _ => self.text_word(word, number),
        }
    }

    fn enter(&mut self, destination: Destination) {
        let is_entry = matches!(destination, Destination::Entry(_) | Destination::Date(_));
        if is_entry && self.state.destination != Destination::Info {
            return;
        }
        // What stands inside a note or a header belongs to it.
        if destination == Destination::Body && self.state.destination != Destination::Body {
            return;
        }
        let gathers = !matches!(destination, Destination::Body | Destination::Nowhere | Destination::Marker);
        if gathers {
            self.aside.clear();
        }
        self.state.destination = destination;
    }

    fn font_word(&mut self, word: &str, number: Option<i32>) {
        match word {
            "f" => self.state.font = number.unwrap_or(0),
            "fcharset" | "cpg" => {
                let of = if word == "cpg" { charset::of_code_page } else { charset::of_font };
                if let Some(encoding) = number.and_then(of) {
                    self.fonts.insert(self.state.font, encoding);
                }
            }
            _ => {}
        }
    }

    /// Control words that make characters or end paragraphs, and those that change what follows.
    fn text_word(&mut self, word: &str, number: Option<i32>) {
        let on = number != Some(0);
        match word {
            "u" => self.unicode(number),
            "par" | "sect" | "page" => self.end_paragraph(),
            "line" | "softline" | "lbr" => self.say("\n"),
            "tab" => self.say("\t"),
            "cell" => self.end_cell(),
            "row" => self.end_row(),
            "nestcell" => self.say(" "),
            "nestrow" => self.say("\n"),
            "uc" => self.state.fallback = number.and_then(|count| usize::try_from(count).ok()).unwrap_or(1).min(16),
            "ansicpg" => {
                if let Some(encoding) = number.and_then(charset::of_code_page) {
                    self.code_page = encoding;
                }
            }
            "mac" => self.code_page = encoding_rs::MACINTOSH,
            "f" => self.state.font = number.unwrap_or(0),
            "af" if self.state.double => self.state.double_font = number.unwrap_or(0),
            "dbch" => self.state.double = true,
            "loch" | "hich" => self.state.double = false,
            "v" => self.state.hidden = on,
            "deleted" => self.state.deleted = on,
            "plain" => {
                (self.state.hidden, self.state.deleted, self.state.double) = (false, false, false);
            }
            _ => self.paragraph_word(word, number),
        }
    }

    fn paragraph_word(&mut self, word: &str, number: Option<i32>) {
        let paragraph = &mut self.state.paragraph;
        match word {
            "pard" => *paragraph = Properties::default(),
            "intbl" => paragraph.in_table = true,
            "s" => paragraph.style = number.unwrap_or(0),
            "outlinelevel" => {
                let level = number.and_then(|level| u8::try_from(level).ok()).filter(|level| *level < 9);
                paragraph.outline = level.map_or(0, |level| level + 1);
            }
            "ilvl" => paragraph.list_level = number.and_then(|level| u8::try_from(level).ok()).unwrap_or(0),
            _ => {
                if let Some(words) = named_character(word) {
                    self.say(words);
                }
            }
        }
    }

    fn symbol(&mut self, symbol: u8) {
        match symbol {
            b'~' => self.say("\u{A0}"),
            b'_' => self.say("-"),
            b'\n' | b'\r' => self.end_paragraph(),
            b'{' | b'}' | b'\\' => self.say(char::from(symbol).encode_utf8(&mut [0; 4])),
            b'\t' => self.say("\t"),
            _ => {}
        }
    }

    fn say(&mut self, words: &str) {
        if self.state.hidden || self.state.deleted {
            return;
        }
        match self.state.destination {
            Destination::Nowhere | Destination::Fonts | Destination::Info | Destination::Date(_) => {}
            Destination::Body => self.body.words.push_str(words),
            Destination::Marker => self.body.marker.push_str(words),
            _ => self.aside.push_str(words),
        }
    }

    fn end_style(&mut self) {
        let name = std::mem::take(&mut self.aside).trim().to_lowercase();
        let level = match name.as_str() {
            "title" | "제목" => Some(1),
            _ => name.strip_prefix("heading ").or(name.strip_prefix("제목 ")).and_then(|level| level.parse().ok()),
        };
        if let Some(level) = level {
            self.body.headings.insert(self.style, level);
        }
    }

    fn end_paragraph(&mut self) {
        match self.state.destination {
            Destination::Body => self.body.end_paragraph(self.state.paragraph),
            _ => self.say("\n"),
        }
    }

    fn end_cell(&mut self) {
        match self.state.destination {
            Destination::Body => self.body.end_cell(),
            _ => self.say(" "),
        }
    }

    fn end_row(&mut self) {
        if self.state.destination == Destination::Body {
            self.body.end_row();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(rtf: &str) -> String {
        read(rtf.as_bytes(), &Limits::default()).text
    }

    #[test]
    fn korean_is_read_from_code_pages_and_from_unicode() {
        let by_page = r"{\rtf1\ansi\ansicpg949 \'c7\'d1\'b0\'ad\par}";
        let by_font = r"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fnil\fcharset0 Arial;}{\f1\fnil\fcharset129 Batang;}}\f1\'c7\'d1\'b0\'ad\f0  caf\'e9\par}";
        let by_unicode = r"{\rtf1\ansi\uc2 \u-10916\'c7\'d1\u44053\'b0\'ad \u-10179??\u-8704??\par}";
        assert_eq!(text(by_page), "한강");
        assert_eq!(text(by_font), "한강 café");
        assert_eq!(text(by_unicode), "한강 😀");
    }

    #[test]
    fn the_second_half_of_a_character_may_be_a_letter() {
        assert_eq!(text(r"{\rtf1\ansicpg949 \'8cc\'b9\'e6 x\par}"), "똠방 x");
    }

    #[test]
    fn headings_lists_and_tables_are_told_apart() {
        let rtf = r"{\rtf1{\stylesheet{\s0 Normal;}{\s1\outlinelevel0 heading 1;}}\pard\s1 Plan\par\pard one\par
\pard{\listtext\bullet\tab}\ilvl0 first\par{\listtext 2.\tab}\ilvl0 second\par
\trowd\cellx1\cellx2\pard\intbl a\cell b\par c\cell\row\trowd\pard\intbl 1\cell 2\cell\row\pard after\par}";
        let expected = "# Plan\n\none\n\n- first\n2. second\n\n| a | b c |\n| --- | --- |\n| 1 | 2 |\n\nafter";
        assert_eq!(text(rtf), expected);
    }

    #[test]
    fn what_is_no_text_is_left_out() {
        let rtf = r"{\rtf1{\*\generator x;}{\colortbl;\red1;}{\info{\upr{\title T?}{\*\ud{\title T\u233?}}}{\author K}{\creatim\yr2026\mo3\dy2\hr9\min5}}
{\header 1}{\footer Chapter \chpgn}Shown{\v hidden}{\deleted gone}{\footnote{\super 1} A note.} on{\field{\*\fldinst HYPERLINK x}{\fldrslt  a link}}{\pict\bin4 }}}}}.\par}";
        let read = read(rtf.as_bytes(), &Limits::default());
        assert_eq!(read.text, "Shown[^1] on a link.\n\n[^1]: 1 A note.");
        assert_eq!((read.metadata["title"].as_str(), read.metadata["author"].as_str()), ("Té", "K"));
        assert_eq!(read.metadata["created"], "2026-03-02T09:05:00");
        assert_eq!((read.headers.len(), read.footers), (0, vec!["Chapter".to_owned()]));
    }

    #[test]
    fn deep_groups_cost_no_stack() {
        let rtf = format!("{{\\rtf1 {}deep{}\\par after}}", "{".repeat(200_000), "}".repeat(200_000));
        let read = read(rtf.as_bytes(), &Limits::default());
        assert_eq!(read.text, "deep\n\nafter");
        assert_eq!(read.warnings, [Warning::NestingCut { depth_max: DEPTH_MAX }]);
    }
}
