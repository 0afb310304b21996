//! Transfer encodings wrap bytes for a mail; damaged ones are unwrapped as far as they go.

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::{quoted_printable_decode, quoted_printable_decode_char};

/// The bytes of a part, without the encoding that its header names.
pub(super) fn unwrapped(body: &[u8], encoding: Option<&str>) -> Vec<u8> {
    match encoding.map(|name| name.trim().to_ascii_lowercase()).as_deref() {
        Some("base64") => base64_decode(body).unwrap_or_else(|| damaged_base64(body)),
        Some("quoted-printable") => quoted_printable_decode(body).unwrap_or_else(|| damaged_quoted_printable(body)),
        _ => body.to_vec(),
    }
}

/// What is left of base64 when all that is none of it is passed over.
fn damaged_base64(body: &[u8]) -> Vec<u8> {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let kept: Vec<u8> = body.iter().copied().filter(is_base64).collect();
    // A single letter of the last four says nothing.
    let whole = if kept.len() % 4 == 1 { kept.len() - 1 } else { kept.len() };
    base64_decode(&kept[..whole]).unwrap_or_default()
}

/// Quoted-printable in which an equals sign that quotes nothing stands for itself.
fn damaged_quoted_printable(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((&byte, after)) = rest.split_first() {
        rest = match (byte, after) {
            (b'=', [b'\n', tail @ ..] | [b'\r', b'\n', tail @ ..]) => tail,
            (b'=', [high, low, tail @ ..]) => match quoted_printable_decode_char(*high, *low) {
                Some(decoded) => {
                    out.push(decoded);
                    tail
                }
                None => {
                    out.push(byte);
                    after
                }
            },
            _ => {
                out.push(byte);
                after
            }
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: &str, encoding: &str) -> String {
        String::from_utf8(unwrapped(body.as_bytes(), Some(encoding))).unwrap()
    }

    #[test]
    fn whole_encodings_unwrap() {
        assert_eq!(text("7ZWc\r\n6rCV\r\n", "Base64"), "한강");
        assert_eq!(text("=ED=95=\r\n=9C a=3Db", "quoted-printable"), "한 a=b");
        assert_eq!(text("a=3Db", "8bit"), "a=3Db");
    }

    #[test]
    fn damaged_encodings_unwrap_as_far_as_they_go() {
        assert_eq!(text("7ZWc**6rCV!7", "base64"), "한강");
        assert_eq!(text("=ED=95=9C 1+1=2 =zz =", "quoted-printable"), "한 1+1=2 =zz =");
    }
}
