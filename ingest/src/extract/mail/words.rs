//! Encoded words of a header that follow each other are one text, which some programs cut inside of a letter.

use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode_char;

/// Longest encoded word that is looked for. The standard allows 75 bytes, and programs write a few hundred.
const WORD_BYTES_MAX: usize = 4_000;

/// A word such as `=?euc-kr?B?x9GwrQ==?=`.
struct Word<'a> {
    charset: &'a [u8],
    bytes: Vec<u8>,
    len: usize,
}

/// Joins the words of one encoding that only white space divides, so that a letter cut in two is whole again.
pub(super) fn joined(head: &[u8]) -> Cow<'_, [u8]> {
    if !head.windows(2).any(|pair| pair == b"=?") {
        return Cow::Borrowed(head);
    }
    let mut out = Vec::with_capacity(head.len());
    let mut rest = head;
    while let Some((&byte, after)) = rest.split_first() {
        let Some(first) = word(rest) else {
            out.push(byte);
            rest = after;
            continue;
        };
        let (charset, mut bytes, mut len, mut words) = (first.charset, first.bytes, first.len, 1);
        while let Some((next, end)) = following(rest, len).filter(|(next, _)| same(next.charset, charset)) {
            bytes.extend(next.bytes);
            len = end;
            words += 1;
        }
        match words {
            1 => out.extend_from_slice(&rest[..len]),
            _ => write(&mut out, charset, &bytes),
        }
        rest = &rest[len..];
    }
    Cow::Owned(out)
}

fn same(charset: &[u8], other: &[u8]) -> bool {
    charset.eq_ignore_ascii_case(other)
}

/// The word behind white space at `at`, and its end.
fn following(bytes: &[u8], at: usize) -> Option<(Word<'_>, usize)> {
    let rest = &bytes[at..];
    let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    // A line that does not begin with white space is another header.
    if blank == 0 || rest[blank - 1] == b'\n' {
        return None;
    }
    let next = word(&rest[blank..])?;
    let end = at + blank + next.len;
    Some((next, end))
}

/// The encoded word that `text` begins with.
fn word(text: &[u8]) -> Option<Word<'_>> {
    let inside = text.strip_prefix(b"=?")?;
    let inside = &inside[..inside.len().min(WORD_BYTES_MAX)];
    let mut fields = inside.splitn(4, |byte| *byte == b'?');
    let (charset, encoding, data, rest) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let is_whole = rest.starts_with(b"=") && !charset.is_empty() && !data.contains(&b'\n');
    let bytes = match encoding {
        b"B" | b"b" if is_whole => base64_decode(data)?,
        b"Q" | b"q" if is_whole => unquoted(data)?,
        _ => return None,
    };
    let len = 2 + charset.len() + 1 + encoding.len() + 1 + data.len() + 2;
    Some(Word { charset, bytes, len })
}

fn unquoted(data: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(data.len());
    let mut rest = data;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        out.push(match (byte, after) {
            (b'_', _) => b' ',
            (b'=', [high, low, tail @ ..]) => {
                rest = tail;
                quoted_printable_decode_char(*high, *low)?
            }
            (b'=', _) => return None,
            _ => byte,
        });
    }
    Some(out)
}

fn write(out: &mut Vec<u8>, charset: &[u8], bytes: &[u8]) {
    out.extend_from_slice(b"=?");
    out.extend_from_slice(charset);
    out.extend_from_slice(b"?Q?");
    out.extend(bytes.iter().flat_map(|byte| format!("={byte:02X}").into_bytes()));
    out.extend_from_slice(b"?=");
}

#[cfg(test)]
mod tests {
    use super::super::headers::Headers;
    use super::*;

    fn subject(head: &str) -> Option<String> {
        Headers::parse(head.as_bytes()).subject()
    }

    #[test]
    fn a_letter_that_is_cut_in_two_is_whole() {
        assert_eq!(subject("Subject: =?utf-8?B?7ZWc6g==?=\r\n =?UTF-8?B?sJU=?= ok\r\n").as_deref(), Some("한강 ok"));
        assert_eq!(subject("Subject: =?euc-kr?Q?=C7=D1=B0?= =?euc-kr?B?rQ==?=\n").as_deref(), Some("한강"));
    }

    #[test]
    fn other_words_stay_as_they_are() {
        for head in [
            "Subject: =?utf-8?B?7ZWc?= and =?utf-8?B?6rCV?=\n",
            "a: =?utf-8?B?7ZWc?=\n=?utf-8?B?6rCV?= x",
            "=?=?=?",
            "=?a?Q?=Z?=",
        ] {
            assert_eq!(joined(head.as_bytes()).as_ref(), head.as_bytes());
        }
    }
}
