//! Decoding turns bytes of any encoding into a string, and says when it had to guess.

use encoding_rs::{Encoding, GBK, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::{ExtractError, Warning};

/// A decoded text and what was noticed on the way.
pub(crate) struct Decoded {
    pub(crate) text: String,
    pub(crate) warnings: Vec<Warning>,
}

/// Decodes by byte order mark, then UTF-8, then `label` (what the document says of itself), then by statistics.
///
/// UTF-8 goes before the label: text that happens to be valid UTF-8 beyond ASCII practically never is anything else, and
/// wrong labels are common.
pub(crate) fn decode(bytes: &[u8], label: Option<&'static Encoding>) -> Result<Decoded, ExtractError> {
    if let Some((encoding, mark_len)) = Encoding::for_bom(bytes) {
        return decode_as(encoding, &bytes[mark_len..], false);
    }
    if let Some(encoding) = utf16_without_mark(bytes) {
        return decode_as(encoding, bytes, true);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(Decoded { text: text.to_owned(), warnings: Vec::new() });
    }
    if is_nearly_utf8(bytes) {
        return decode_as(UTF_8, bytes, false);
    }
    if let Some(encoding) = label.filter(|encoding| *encoding != UTF_8) {
        let decoded = decode_as(encoding, bytes, false);
        if decoded.is_ok() {
            return decoded;
        }
    }
    decode_as(guess(bytes), bytes, true)
}

/// The encoding of a name that mails and pages use, those that the WHATWG does not list included.
pub(crate) fn encoding_of(label: &str) -> Option<&'static Encoding> {
    let lower = label.trim().to_ascii_lowercase();
    let known = match lower.trim_start_matches("x-") {
        "cp949" | "ms949" | "uhc" | "windows-949" | "ks_c_5601" | "ksc5601.1987" => encoding_rs::EUC_KR,
        "cp936" | "ms936" | "windows-936" => GBK,
        "cp932" | "ms932" | "windows-932" => encoding_rs::SHIFT_JIS,
        "cp950" | "ms950" | "windows-950" => encoding_rs::BIG5,
        _ => Encoding::for_label_no_replacement(lower.as_bytes())?,
    };
    Some(known)
}

/// Whether bytes that look like noise are UTF-16 text without a mark.
pub(crate) fn utf16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    // A sample is enough, and it keeps a large file from being decoded twice.
    let sample = &bytes[..bytes.len().min(64 << 10) & !1];
    if sample.len() < 4 {
        return None;
    }
    let nuls = |parity: usize| sample.iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (nuls(0), nuls(1));
    // Spaces, digits and line ends have a zero high byte, so text in any script shows zeros, and mostly on that side: a
    // few syllables have a zero low byte.
    let encoding = match () {
        () if even > 2 * odd => UTF_16BE,
        () if odd > 2 * even => UTF_16LE,
        () => return None,
    };
    // Where every other byte is ASCII too, the text is ASCII and half of its bytes are zero, or it is ASCII with stray zeros.
    if sample.is_ascii() && (even + odd) * 5 < sample.len() * 2 {
        return None;
    }
    let (text, had_errors) = encoding.decode_without_bom_handling(sample);
    let strange = text.chars().filter(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')).count();
    (!had_errors && strange * 50 <= text.chars().count()).then_some(encoding)
}

/// Whether most of what is not ASCII is valid UTF-8: a few broken bytes in a long text, not another encoding.
fn is_nearly_utf8(bytes: &[u8]) -> bool {
    let (mut valid, mut broken) = (0usize, 0usize);
    for chunk in bytes.utf8_chunks() {
        valid += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    valid > 0 && valid >= 4 * broken
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    let mut detector = chardetng::EncodingDetector::new();
    detector.feed(bytes, true);
    let guessed = detector.guess(None, false);
    if guessed != WINDOWS_1252 {
        return guessed;
    }
    // Short East Asian texts fall below the detector's threshold and come out as accented Latin letters in a row.
    let sample = &bytes[..bytes.len().min(4 << 10)];
    let high = sample.iter().filter(|byte| **byte >= 0x80).count();
    if high * 3 < sample.len() {
        return guessed;
    }
    [encoding_rs::EUC_KR, encoding_rs::SHIFT_JIS, encoding_rs::EUC_JP, GBK]
        .into_iter()
        .find(|encoding| !encoding.decode_without_bom_handling(sample).1)
        .unwrap_or(guessed)
}

fn decode_as(encoding: &'static Encoding, bytes: &[u8], guessed: bool) -> Result<Decoded, ExtractError> {
    let (text, had_errors) = encoding.decode_without_bom_handling(bytes);
    let name = || encoding.name().to_owned();
    let mut warnings = Vec::new();
    if guessed {
        warnings.push(Warning::GuessedEncoding { encoding: name() });
    }
    if had_errors {
        let characters = text.chars().count();
        let replaced = text.chars().filter(|c| *c == char::REPLACEMENT_CHARACTER).count();
        // Below one in ten a reader still follows the text; above, it would be stored as noise. Very short texts are
        // judged more gently, because one byte weighs much there.
        if replaced * 10 > characters && replaced > 3 {
            return Err(ExtractError::Encoding { encoding: name(), invalid: replaced, characters });
        }
        warnings.push(Warning::LossyDecoding { encoding: name(), replaced });
    }
    Ok(Decoded { text: text.into_owned(), warnings })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KOREAN: &str = "한강은 대한민국의 중부를 흐르는 강이다. 길이는 494 km.\n";

    fn decoded(bytes: &[u8]) -> String {
        decode(bytes, None).unwrap().text
    }

    fn encoded(label: &str, text: &str) -> Vec<u8> {
        let encoding = Encoding::for_label(label.as_bytes()).unwrap();
        let (bytes, _, unmappable) = encoding.encode(text);
        assert!(!unmappable);
        bytes.into_owned()
    }

    #[test]
    fn korean_code_pages_decode() {
        assert_eq!(decoded(&encoded("euc-kr", KOREAN)), KOREAN);
        let extended = "똠방각하가 펲시콜라를 마셨다. 한강의 물은 맑다.";
        assert_eq!(decoded(&encoded("euc-kr", extended)), extended);
    }

    #[test]
    fn japanese_and_chinese_code_pages_decode() {
        let japanese = "日本語の文章です。これはテストです。";
        assert_eq!(decoded(&encoded("shift_jis", japanese)), japanese);
        let chinese = "中华人民共和国的首都是北京，这是一个测试文件。";
        assert_eq!(decoded(&encoded("gb18030", chinese)), chinese);
    }

    #[test]
    fn latin_1_decodes() {
        let french = "L'été dernier, un élève a réussi l'épreuve à Besançon.";
        assert_eq!(decoded(&encoded("windows-1252", french)), french);
    }

    #[test]
    fn utf_16_decodes_with_and_without_a_mark() {
        for text in [KOREAN, "plain ascii words\n"] {
            let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
            let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            assert_eq!(decoded(&big), text);
            assert_eq!(decoded(&little), text);
            assert_eq!(decoded(&[&[0xFE, 0xFF], &big[..]].concat()), text);
            assert_eq!(decoded(&[&[0xFF, 0xFE], &little[..]].concat()), text);
        }
    }

    #[test]
    fn a_few_broken_bytes_are_a_warning() {
        let mut bytes = KOREAN.repeat(3).into_bytes();
        bytes[0] = 0xFF;
        let decoded = decode(&bytes, None).unwrap();
        assert!(decoded.text.ends_with("494 km.\n"));
        assert!(matches!(decoded.warnings[..], [Warning::LossyDecoding { .. }]));
    }

    #[test]
    fn a_wrong_label_does_not_spoil_utf_8() {
        assert_eq!(decode(KOREAN.as_bytes(), Some(encoding_rs::EUC_KR)).unwrap().text, KOREAN);
    }
}
