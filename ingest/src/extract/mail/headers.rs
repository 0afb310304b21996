//! The headers of a mail or of one of its parts.

use std::borrow::Cow;

use encoding_rs::Encoding;
use mail_parser::{Address, ContentType, DateTime, Message, MessageParser, MimeHeaders};

use super::super::decode::{decode, encoding_of};
use super::words::joined;

/// Longest block of headers that is read. Relays and filters write a few tens of kilobytes at most.
const HEAD_BYTES_MAX: usize = 256 << 10;

/// Most addresses of one header that are kept. A longer list is a mailing, and nobody looks for it by its last reader.
const ADDRESSES_MAX: usize = 100;

/// Headers that were parsed. A part may have none.
pub(super) struct Headers(Option<Message<'static>>);

impl Headers {
    /// Parses a block of headers. One in the letters of a country, which the standard forbids, is decoded by what it says of its
    /// encoding, else by what its bytes look like.
    pub(super) fn parse(head: &[u8]) -> Self {
        let head = &head[..head.len().min(HEAD_BYTES_MAX)];
        let bytes = match std::str::from_utf8(head) {
            Ok(_) => Cow::Borrowed(head),
            Err(_) => match decode(head, declared(head)) {
                Ok(decoded) => Cow::Owned(decoded.text.into_bytes()),
                Err(_) => Cow::Owned(String::from_utf8_lossy(head).into_owned().into_bytes()),
            },
        };
        Self(MessageParser::default().parse_headers(joined(&bytes).as_ref()).map(Message::into_owned))
    }

    pub(super) fn subject(&self) -> Option<String> {
        let words = squeezed(self.0.as_ref()?.subject()?);
        (!words.is_empty()).then_some(words)
    }

    pub(super) fn from(&self) -> Vec<String> {
        addresses(self.0.as_ref().and_then(Message::from))
    }

    pub(super) fn to(&self) -> Vec<String> {
        addresses(self.0.as_ref().and_then(Message::to))
    }

    pub(super) fn cc(&self) -> Vec<String> {
        addresses(self.0.as_ref().and_then(Message::cc))
    }

    pub(super) fn message_id(&self) -> Option<String> {
        self.0.as_ref()?.message_id().map(squeezed)
    }

    pub(super) fn date(&self) -> Option<DateTime> {
        self.0.as_ref()?.date().filter(|date| date.is_valid()).cloned()
    }

    /// The media type in lower case, which is plain text where nothing is said.
    pub(super) fn media_type(&self) -> (String, String) {
        match self.content_type() {
            Some(content) => {
                let subtype = content.subtype().unwrap_or_default().to_ascii_lowercase();
                (content.ctype().to_ascii_lowercase(), subtype)
            }
            None => ("text".to_owned(), "plain".to_owned()),
        }
    }

    pub(super) fn says_its_type(&self) -> bool {
        self.content_type().is_some()
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.content_type()?.attribute(name)
    }

    pub(super) fn charset(&self) -> Option<&'static Encoding> {
        encoding_of(self.attribute("charset")?)
    }

    pub(super) fn transfer_encoding(&self) -> Option<&str> {
        self.0.as_ref()?.parts.first()?.content_transfer_encoding()
    }

    pub(super) fn file_name(&self) -> Option<String> {
        let name = squeezed(self.0.as_ref()?.parts.first()?.attachment_name()?);
        (!name.is_empty()).then_some(name)
    }

    pub(super) fn is_attachment(&self) -> bool {
        let part = self.0.as_ref().and_then(|message| message.parts.first());
        part.and_then(MimeHeaders::content_disposition).is_some_and(ContentType::is_attachment)
    }

    fn content_type(&self) -> Option<&ContentType<'_>> {
        self.0.as_ref()?.parts.first()?.content_type()
    }
}

fn squeezed(words: &str) -> String {
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Each address as `name <address>`, as far as it has both.
fn addresses(list: Option<&Address<'_>>) -> Vec<String> {
    let all = list.into_iter().flat_map(Address::iter).take(ADDRESSES_MAX);
    let said = all.filter_map(|one| match (one.name().map(squeezed), one.address().map(squeezed)) {
        (Some(name), Some(address)) if !name.is_empty() && name != address => Some(format!("{name} <{address}>")),
        (Some(name), None) => Some(name),
        (_, address) => address,
    });
    said.filter(|words| !words.is_empty()).collect()
}

/// The encoding that a block of headers names for the text below it.
fn declared(head: &[u8]) -> Option<&'static Encoding> {
    let lower = head.to_ascii_lowercase();
    let needle = b"charset=";
    let at = lower.windows(needle.len()).position(|window| window == needle)? + needle.len();
    let is_end = |byte: &u8| matches!(byte, b'"' | b'\'' | b' ' | b';' | b'\r' | b'\n');
    let label = lower[at..].split(is_end).find(|part| !part.is_empty())?;
    encoding_of(std::str::from_utf8(label).ok()?)
}

/// Divides a message or a part into its headers and what follows the first empty line.
pub(super) fn divided(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if matches!(line, b"\n" | b"\r\n") {
            return (&bytes[..at], &bytes[at + line.len()..]);
        }
        at += line.len();
    }
    (bytes, &[])
}
