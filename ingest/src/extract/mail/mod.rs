//! Mail: headers are metadata, the body is text, attachments are documents of their own.

mod headers;
mod mailbox;
mod parts;
mod transfer;
mod words;

use std::collections::BTreeMap;

use super::assembly::Assembly;
use super::entries::Entries;
use super::markdown;
use super::source::Source;
use crate::{Document, ExtractError, MediaType, Span, Warning};
use headers::{Headers, divided};
use parts::{Content, PartReader};

/// Most addresses that stand in the text above a message; the metadata has more of them.
const SHOWN_MAX: usize = 10;

/// Reads a message or a mailbox of them.
pub(crate) fn extract(source: &Source<'_>) -> Result<Document, ExtractError> {
    match source.media_type {
        MediaType::Mbox => mailbox::extract(source),
        _ => extract_message(source),
    }
}

fn extract_message(source: &Source<'_>) -> Result<Document, ExtractError> {
    let mut assembly = Assembly::default();
    let message = Message::read(source, source.bytes, &mut assembly.warnings);
    let mut entries = Entries::new(source);
    let written = message.write(&mut assembly);
    message.read_attachments(source, "", &mut entries, &mut assembly.warnings);
    let mut document = assembly.finish(source.media_type);
    // Lines of dashes under a paragraph are how people write plain mail, and no headings.
    document.headings = match written.page {
        Some(page) => markdown::headings(page, &document.text),
        None => Vec::new(),
    };
    document.title = message.headers.subject();
    document.warnings = mailbox::merged(document.warnings);
    document.metadata = message.metadata();
    entries.finish(&mut document, "pictures, sound, video and fonts");
    Ok(document)
}

/// One message.
struct Message {
    headers: Headers,
    content: Content,
}

/// Where a message lies in the text.
struct Written {
    /// The line of the subject; empty without one.
    subject: Span,
    /// All of it.
    whole: Span,
    /// The body, where it was a web page.
    page: Option<Span>,
}

impl Message {
    fn read(source: &Source<'_>, bytes: &[u8], warnings: &mut Vec<Warning>) -> Self {
        let start = message_start(bytes);
        let (head, below) = divided(start);
        let headers = Headers::parse(head);
        // Without any header it is a text that somebody named like a mail.
        let body = if head.contains(&b':') { below } else { start };
        let content = PartReader { limits: &source.options.limits, warnings }.read(&headers, body, 0, false);
        Self { headers, content }
    }

    /// Writes who wrote to whom about what, and what.
    fn write(&self, assembly: &mut Assembly) -> Written {
        let subject = self.headers.subject().unwrap_or_default();
        let subject = assembly.part(&labelled("Subject", &subject));
        let date = self.headers.date().map(|date| date.to_rfc3339().replace('T', " ")).unwrap_or_default();
        let mut first = subject;
        for (label, value) in [
            ("From", shown(&self.headers.from())),
            ("To", shown(&self.headers.to())),
            ("Cc", shown(&self.headers.cc())),
            ("Date", date),
        ] {
            let line = labelled(label, &value);
            let span = if first.is_empty() { assembly.part(&line) } else { assembly.line(&line) };
            first = if first.is_empty() { span } else { first };
        }
        let mut page: Option<Span> = None;
        for body in &self.content.bodies {
            let span = assembly.part(&body.text);
            first = if first.is_empty() { span } else { first };
            if body.is_markdown {
                page = Some(Span::new(page.map_or(span.start, |page| page.start), span.end));
            }
        }
        Written { subject, whole: Span::new(first.start, assembly.len().max(first.start)), page }
    }

    fn metadata(&self) -> BTreeMap<String, String> {
        let headers = &self.headers;
        let all = [
            ("subject", headers.subject()),
            ("from", Some(headers.from().join(", "))),
            ("to", Some(headers.to().join(", "))),
            ("cc", Some(headers.cc().join(", "))),
            ("date", headers.date().map(|date| date.to_rfc3339())),
            ("message-id", headers.message_id()),
        ];
        let said = all.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        said.filter(|(_, value)| !value.is_empty()).collect()
    }

    /// Reads what came with the message, under `folder`, which ends with `/` or is empty.
    fn read_attachments(
        &self,
        source: &Source<'_>,
        folder: &str,
        entries: &mut Entries<'_>,
        warnings: &mut Vec<Warning>,
    ) {
        for _ in 0..self.content.media {
            entries.pass_over_media();
        }
        for attachment in &self.content.attachments {
            let name = attachment.name.replace(['/', '\\'], "_");
            let name = name.trim_start_matches('.');
            let Some(path) = entries.admit(&format!("{folder}{name}")) else { continue };
            if let Err(error) = source.spend_entry() {
                warnings.push(Warning::PartlyRead { what: "mail".to_owned(), reason: error.to_string() });
                return;
            }
            entries.read(&path, &attachment.bytes);
        }
    }
}

/// Passes over what programs put before a message: a byte order mark, empty lines, the first line of a mailbox.
fn message_start(bytes: &[u8]) -> &[u8] {
    let marked = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let begun = marked.trim_ascii_start();
    if !begun.starts_with(b"From ") {
        return begun;
    }
    begun.iter().position(|byte| *byte == b'\n').map_or(begun, |end| &begun[end + 1..])
}

fn labelled(label: &str, value: &str) -> String {
    if value.is_empty() { String::new() } else { format!("{label}: {value}") }
}

fn shown(addresses: &[String]) -> String {
    let more = addresses.len().saturating_sub(SHOWN_MAX);
    let first = addresses[..addresses.len() - more].join(", ");
    if more == 0 { first } else { format!("{first} and {more} more") }
}

#[cfg(test)]
mod tests {
    use encoding_rs::EUC_KR;

    use crate::{Document, ExtractOptions, Warning, extract, location};

    fn read(name: &str, bytes: &[u8]) -> Document {
        extract(name, bytes, &ExtractOptions::default()).unwrap()
    }

    fn paths(document: &Document) -> Vec<&str> {
        document.children.iter().map(|child| child.path.as_str()).collect()
    }

    const REPORT: &str = "From: =?utf-8?B?6rmA7ZWY64KY?= <hana@example.org>\r\nTo: Lee <lee@example.org>, park@example.org\r\n\
        Subject: =?euc-kr?B?yLjAxyC+yLDH?=\r\nDate: Mon, 2 Mar 2026 09:15:00 +0900\r\nMessage-ID: <1@example.org>\r\n\
        MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"A\"\r\n\r\n--A\r\n\
        Content-Type: multipart/alternative; boundary=B\r\n\r\n--B\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
        회의는 세 시에 시작합니다.\r\n--B\r\nContent-Type: text/html\r\n\r\n<p>회의는 <b>세 시</b>에 시작합니다.\r\n--B--\r\n\
        --A\r\nContent-Type: text/csv; name*=utf-8''%EC%98%88%EC%82%B0.txt\r\nContent-Disposition: attachment\r\n\
        Content-Transfer-Encoding: base64\r\n\r\n7ZWc6rCV\r\n--A\r\nContent-Type: image/png\r\n\r\nxx\r\n--A--\r\n";

    #[test]
    fn a_mail_is_who_wrote_what_and_what_came_with_it() {
        let document = read("a.eml", REPORT.as_bytes());
        let expected = "Subject: 회의 안건\nFrom: 김하나 <hana@example.org>\nTo: Lee <lee@example.org>, park@example.org\n\
            Date: 2026-03-02 09:15:00+09:00\n\n회의는 세 시에 시작합니다.";
        assert_eq!(document.text, expected);
        assert_eq!(document.title.as_deref(), Some("회의 안건"));
        assert_eq!(document.metadata["date"], "2026-03-02T09:15:00+09:00");
        assert_eq!(document.metadata["message-id"], "1@example.org");
        assert_eq!(paths(&document), ["예산.txt"]);
        assert_eq!(document.children[0].outcome.as_ref().unwrap().text, "한강");
        assert!(matches!(document.warnings[..], [Warning::NotRead { count: 1, .. }]));
    }

    #[test]
    fn korean_that_is_not_encoded_is_decoded() {
        let text = "Subject: 견적서 보냅니다\nFrom: 박민수 <park@example.org>\n\
            Content-Type: text/plain; charset=ks_c_5601-1987\n\n첨부를 확인해 주세요. 똠방각하";
        let document = read("a.eml", &EUC_KR.encode(text).0);
        assert_eq!(document.title.as_deref(), Some("견적서 보냅니다"));
        assert_eq!(document.metadata["from"], "박민수 <park@example.org>");
        assert!(document.text.ends_with("첨부를 확인해 주세요. 똠방각하"));
    }

    #[test]
    fn korean_behind_a_wrong_or_an_old_label_is_decoded() {
        let mail = |charset: &str, body: &[u8]| {
            let head = format!("Subject: x\nContent-Type: text/plain; charset={charset}\n\n");
            read("a.eml", &[head.as_bytes(), body].concat()).text
        };
        assert_eq!(mail("us-ascii", &EUC_KR.encode("회의는 세 시입니다").0), "Subject: x\n\n회의는 세 시입니다");
        assert_eq!(mail("utf-7", b"+1VysFQ-!"), "Subject: x\n\n한강!");
        assert_eq!(mail("iso-2022-kr", b"\x1b$)C\n\x0eGQ0-\x0f ok"), "Subject: x\n\n한강 ok");
    }

    #[test]
    fn a_page_is_read_where_plain_text_only_points_at_it() {
        let page = "<h2>Prices</h2><p>The new prices hold from April. All tables were drawn up again, and old orders keep theirs.";
        let mail = |plain: &str| {
            format!(
                "Subject: x\nContent-Type: multipart/alternative; boundary=B\n\n--B\nContent-Type: text/plain\n\n{plain}\n\
                 --B\nContent-Type: text/html\n\n{page}\n--B--\n"
            )
        };
        let document = read("a.eml", mail("Open in a browser").as_bytes());
        assert!(document.text.contains("## Prices\n\nThe new prices"));
        assert_eq!(document.headings[0].title, "Prices");
        assert!(!document.text.contains("browser"));
        assert!(read("a.eml", mail(page).as_bytes()).text.contains("<h2>"));
        assert_eq!(read("a.eml", b"Subject: x\n\nDear all\n--\nKim").headings, []);
    }

    #[test]
    fn a_message_inside_a_message_is_a_document() {
        let inner = "From: b@example.org\nSubject: inner\n\nwords";
        let mail = format!(
            "From: a@example.org\nSubject: Fwd\nContent-Type: multipart/digest; boundary=B\n\n--B\n\n{inner}\n--B\n\
             Content-Type: message/rfc822\n\n{inner}\n--B--\n"
        );
        let document = read("a.eml", mail.as_bytes());
        assert_eq!(paths(&document), ["message.eml", "message (2).eml"]);
        assert_eq!(document.children[0].outcome.as_ref().unwrap().title.as_deref(), Some("inner"));
    }

    #[test]
    fn a_mailbox_is_read_message_by_message() {
        let letter = REPORT.replace("\r\n", "\n");
        let mailbox = format!(
            "From a@example.org Mon Mar  2 09:15:00 2026\n{letter}\nFrom b@example.org Tue Mar  3 09:15:00 2026\n\
             Subject: second\nFrom: b@example.org\n\nFirst line\n>From here on it is text.\nFrom is no head without a blank line.\n"
        );
        let document = read("a.mbox", mailbox.as_bytes());
        assert!(document.text.contains("\nFrom here on it is text.\nFrom is no head"));
        assert_eq!(paths(&document), ["message-1/예산.txt"]);
        let titles: Vec<_> = document.headings.iter().map(|heading| heading.title.as_str()).collect();
        assert_eq!(titles, ["회의 안건", "second"]);
        let second = document.places[1].span;
        assert!(second.slice(&document.text).starts_with("Subject: second"));
        assert_eq!(location(&document.places, second).as_deref(), Some("message 2"));
    }

    #[test]
    fn nesting_and_missing_boundaries_end() {
        let level = |n| format!("Content-Type: multipart/mixed; boundary=B{n}\n\n--B{n}\n");
        let nested = format!("Subject: deep\n{}\nneedle", (0..5_000).map(level).collect::<String>());
        assert_eq!(read("a.eml", nested.as_bytes()).warnings, [Warning::NestingCut { depth_max: 32 }]);
        let messages = "Subject: s\nContent-Type: message/rfc822\n\n".repeat(50_000) + "needle";
        let document = read("a.eml", messages.as_bytes());
        assert_eq!(document.children.len(), 5);
        assert_eq!(document.children[4].outcome.as_ref().unwrap_err().code(), "too_deep");
        let lost = "Content-Type: multipart/mixed; boundary=nowhere\n\nwords that are kept";
        assert!(read("a.eml", lost.as_bytes()).text.contains("words that are kept"));
        assert!(read("a.eml", b"no header at all").text.contains("no header"));
    }

    #[test]
    fn no_damage_makes_a_mail_panic() {
        let bytes = REPORT.as_bytes();
        for at in 0..bytes.len() {
            for value in [b'\n', b'=', 0xFF] {
                let mut damaged = bytes.to_vec();
                damaged[at] = value;
                let _ = extract("a.eml", &damaged, &ExtractOptions::default());
            }
            let _ = extract("a.eml", &bytes[..at], &ExtractOptions::default());
        }
    }
}
