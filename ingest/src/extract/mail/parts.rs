//! The parts of a mail: what is its text, and what came with it.

use encoding_rs::Encoding;
use mail_parser::decoders::charsets::map::charset_decoder;

use super::super::clean::clean;
use super::super::decode::{Decoded, decode};
use super::super::html;
use super::headers::{Headers, divided};
use super::transfer::unwrapped;
use crate::{Limits, MediaType, Warning};

/// How deep multiparts may lie in each other. Programs nest four: mixed, related, alternative, and a signature around them.
const DEPTH_MAX: usize = 32;

/// Plain text below this many letters may be the note that a mail needs another program to be read.
const NOTE_LETTERS_MAX: usize = 300;

/// What a mail holds.
#[derive(Default)]
pub(super) struct Content {
    pub(super) bodies: Vec<Body>,
    pub(super) attachments: Vec<Attachment>,
    /// Pictures, sound and video without a name.
    pub(super) media: usize,
}

/// A part of the text.
pub(super) struct Body {
    pub(super) text: String,
    /// Whether it was a web page and is Markdown.
    pub(super) is_markdown: bool,
}

/// A file that came with a mail.
pub(super) struct Attachment {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

impl Content {
    fn append(&mut self, mut other: Self) {
        self.bodies.append(&mut other.bodies);
        self.attachments.append(&mut other.attachments);
        self.media += other.media;
    }

    fn letters(&self) -> usize {
        self.bodies.iter().map(|body| body.text.chars().filter(|c| c.is_alphanumeric()).count()).sum()
    }

    fn is_markdown(&self) -> bool {
        self.bodies.iter().any(|body| body.is_markdown)
    }
}

/// Reads the parts of a mail.
pub(super) struct PartReader<'a> {
    pub(super) limits: &'a Limits,
    pub(super) warnings: &'a mut Vec<Warning>,
}

impl PartReader<'_> {
    /// Reads what stands under `headers`; `depth` multiparts are around it. `digest` says that what has no type is a message.
    pub(super) fn read(&mut self, headers: &Headers, body: &[u8], depth: usize, digest: bool) -> Content {
        let (kind, subtype) = match headers.media_type() {
            _ if digest && !headers.says_its_type() => ("message".to_owned(), "rfc822".to_owned()),
            named => named,
        };
        if kind == "multipart"
            && let Some(parts) = headers.attribute("boundary").and_then(|boundary| parts(body, boundary))
        {
            return self.multipart(&subtype, &parts, depth);
        }
        let wrapped_as = headers.transfer_encoding().filter(|_| kind != "multipart");
        match (kind.as_str(), subtype.as_str()) {
            ("message", "rfc822" | "global" | "news") => {
                let name = headers.file_name().unwrap_or_else(|| "message.eml".to_owned());
                let name = if name.to_ascii_lowercase().ends_with(".eml") { name } else { format!("{name}.eml") };
                attachment(name, unwrapped(body, wrapped_as))
            }
            // Signatures are for programs.
            ("application", "pgp-signature" | "pkcs7-signature" | "x-pkcs7-signature") => Content::default(),
            ("image" | "audio" | "video" | "font", _) if !names_a_document(headers) => {
                Content { media: 1, ..Content::default() }
            }
            // The same page once more, for programs that run it.
            ("text", "x-amp-html") => Content::default(),
            ("text", "html" | "plain" | "enriched" | "") | ("multipart" | "message", _)
                if !headers.is_attachment() && (depth == 0 || headers.file_name().is_none()) =>
            {
                let text = self.body(headers, &unwrapped(body, wrapped_as), subtype == "html");
                Content { bodies: text.into_iter().collect(), ..Content::default() }
            }
            _ => {
                let name = headers.file_name().unwrap_or_else(|| stand_in(&kind, &subtype));
                attachment(name, unwrapped(body, wrapped_as))
            }
        }
    }

    fn multipart(&mut self, subtype: &str, parts: &[&[u8]], depth: usize) -> Content {
        let mut content = Content::default();
        if depth >= DEPTH_MAX {
            let cut = Warning::NestingCut { depth_max: DEPTH_MAX };
            if !self.warnings.contains(&cut) {
                self.warnings.push(cut);
            }
            return content;
        }
        let read = parts.iter().map(|part| {
            let (head, body) = divided(part);
            self.read(&Headers::parse(head), body, depth + 1, subtype == "digest")
        });
        if subtype != "alternative" {
            read.for_each(|part| content.append(part));
            return content;
        }
        let mut ways: Vec<Content> = read.collect();
        let chosen = best(&ways);
        for (index, way) in ways.iter_mut().enumerate() {
            if Some(index) != chosen {
                way.bodies.clear();
            }
        }
        ways.into_iter().for_each(|way| content.append(way));
        content
    }

    /// Decodes a body. `None` when it says nothing.
    fn body(&mut self, headers: &Headers, bytes: &[u8], is_page: bool) -> Option<Body> {
        let label = headers.charset().or_else(|| html::declared_encoding(bytes).filter(|_| is_page));
        // The library knows UTF-7, which the web has forgotten.
        let is_utf_7 = headers.attribute("charset").is_some_and(|name| name.eq_ignore_ascii_case("utf-7"));
        let text = match charset_decoder(b"utf-7").filter(|_| is_utf_7) {
            Some(decoder) => decoder(bytes),
            None => self.decoded(bytes, label),
        };
        let read = if is_page { self.page(text)? } else { unflowed(text, headers) };
        (!read.trim().is_empty()).then_some(Body { text: read, is_markdown: is_page })
    }

    /// Decodes text; what does not decode is marked, because the rest of a mail is worth reading.
    fn decoded(&mut self, bytes: &[u8], label: Option<&'static Encoding>) -> String {
        let Decoded { text, warnings } = decode(bytes, label).unwrap_or_else(|_| {
            let lossy = String::from_utf8_lossy(bytes).into_owned();
            let replaced = lossy.chars().filter(|c| *c == char::REPLACEMENT_CHARACTER).count();
            let warning = Warning::LossyDecoding { encoding: "UTF-8".to_owned(), replaced };
            Decoded { text: lossy, warnings: vec![warning] }
        });
        self.warnings.extend(warnings);
        text
    }

    fn page(&mut self, page: String) -> Option<String> {
        if page.len() > self.limits.html_bytes_max {
            let reason = format!("a page in it is larger than {} bytes", self.limits.html_bytes_max);
            self.warnings.push(Warning::PartlyRead { what: "mail".to_owned(), reason });
            return None;
        }
        let cleaned = clean(page, self.warnings);
        match html::markdown_of(&cleaned, self.limits, self.warnings) {
            Ok(markdown) => Some(markdown),
            Err(error) => {
                self.warnings.push(Warning::PartlyRead { what: "mail".to_owned(), reason: error.to_string() });
                None
            }
        }
    }
}

/// Which of several ways to say the same is read: plain text, unless it is only a note beside a page that says far more.
fn best(ways: &[Content]) -> Option<usize> {
    let says_something = |index: &usize| ways[*index].letters() > 0;
    let plain = (0..ways.len()).filter(says_something).find(|index| !ways[*index].is_markdown());
    let page = (0..ways.len()).filter(says_something).rfind(|index| ways[*index].is_markdown());
    match (plain, page) {
        (Some(plain), Some(page)) => {
            let (note, said) = (ways[plain].letters(), ways[page].letters());
            Some(if note < NOTE_LETTERS_MAX && said > 4 * note { page } else { plain })
        }
        (plain, page) => plain.or(page),
    }
}

fn attachment(name: String, bytes: Vec<u8>) -> Content {
    Content { attachments: vec![Attachment { name, bytes }], ..Content::default() }
}

/// Whether the part's name is that of a document, whatever its type says.
fn names_a_document(headers: &Headers) -> bool {
    let name = headers.file_name().unwrap_or_default();
    name.rsplit_once('.').is_some_and(|(_, extension)| MediaType::from_extension(extension).is_some())
}

/// A name for a part without one, with the extension of what it says it is.
fn stand_in(kind: &str, subtype: &str) -> String {
    let known = MediaType::from_mime(&format!("{kind}/{subtype}"));
    let extension = known.and_then(|known| known.extensions().first().copied());
    match (extension, kind, subtype) {
        (Some(extension), ..) => format!("attachment.{extension}"),
        (None, "text", "calendar") => "invitation.ics".to_owned(),
        (None, "text", _) => "attachment.txt".to_owned(),
        _ => "attachment".to_owned(),
    }
}

/// The parts between the lines of a boundary; what stands before the first and behind the last is for old programs. `None`
/// when the boundary does not occur.
fn parts<'a>(body: &'a [u8], boundary: &str) -> Option<Vec<&'a [u8]>> {
    let boundary = boundary.trim_end();
    if boundary.is_empty() {
        return None;
    }
    let mut found = Vec::new();
    let mut open: Option<usize> = None;
    let mut at = 0;
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let start = at;
        at += line.len();
        let Some(rest) = line.strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary.as_bytes())) else {
            continue;
        };
        let rest = rest.trim_ascii_end();
        if !rest.is_empty() && rest != b"--" {
            continue;
        }
        if let Some(from) = open {
            found.push(without_line_end(&body[from.min(start)..start]));
        }
        open = (rest != b"--").then_some(at);
        if open.is_none() {
            return Some(found);
        }
    }
    match open {
        // The closing line is missing, so the last part reaches to the end.
        Some(from) => found.push(&body[from..]),
        None if found.is_empty() => return None,
        None => {}
    }
    Some(found)
}

fn without_line_end(part: &[u8]) -> &[u8] {
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    part.strip_suffix(b"\r").unwrap_or(part)
}

/// Joins the lines that a mail program broke for old screens (RFC 3676): they end with a space.
fn unflowed(text: String, headers: &Headers) -> String {
    let is_flowed = headers.attribute("format").is_some_and(|format| format.eq_ignore_ascii_case("flowed"));
    if !is_flowed {
        return text;
    }
    let drops_space = headers.attribute("delsp").is_some_and(|value| value.eq_ignore_ascii_case("yes"));
    let mut out = String::with_capacity(text.len());
    let mut flows = false;
    let mut quoted = 0;
    for line in text.lines() {
        let depth = line.bytes().take_while(|byte| *byte == b'>').count();
        let unquoted = &line[depth..];
        let words = unquoted.strip_prefix(' ').unwrap_or(unquoted);
        if flows && depth == quoted && words != "-- " {
            out.push_str(words);
        } else {
            if !out.is_empty() {
                out.push('\n');
            }
            out.push_str(&line[..depth]);
            out.push_str(if depth > 0 { unquoted } else { words });
        }
        flows = words.ends_with(' ') && words != "-- ";
        quoted = depth;
        if flows && drops_space {
            out.pop();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn divided_at(body: &str) -> Option<Vec<String>> {
        let found = parts(body.as_bytes(), "X")?;
        Some(found.into_iter().map(|part| String::from_utf8_lossy(part).into_owned()).collect())
    }

    #[test]
    fn a_boundary_divides_where_it_is_a_line_of_its_own() {
        let body = "preamble\r\n--X\r\n\r\none\r\n--Xtra\r\n--X \r\n\r\ntwo\r\n--X--\r\nepilogue";
        assert_eq!(divided_at(body).unwrap(), ["\r\none\r\n--Xtra", "\r\ntwo"]);
        assert_eq!(divided_at("--X\none\n\ntwo").unwrap(), ["one\n\ntwo"]);
        assert_eq!(divided_at("--X\n--X--").unwrap(), [""]);
        assert_eq!(divided_at("nothing"), None);
    }

    #[test]
    fn broken_lines_are_joined_and_quotations_stay_apart() {
        let headers = Headers::parse(b"Content-Type: text/plain; format=flowed\n");
        let text = "one \ntwo\n> said \n> before\nmine\n-- \nKim".to_owned();
        assert_eq!(unflowed(text, &headers), "one two\n> said before\nmine\n-- \nKim");
    }
}
