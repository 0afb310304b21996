//! Character sets as Rich Text Format numbers them.

use encoding_rs::Encoding;

/// The encoding of a Windows code page.
pub(super) fn of_code_page(number: i32) -> Option<&'static Encoding> {
    let label = match number {
        874 => "windows-874",
        932 => "shift_jis",
        936 => "gbk",
        // Johab (1361) has no decoder here; documents in it are older than the code page that replaced it.
        949 | 1361 => "euc-kr",
        950 => "big5",
        10_000 => "macintosh",
        65_001 => "utf-8",
        1_250..=1_258 => return Encoding::for_label(format!("windows-{number}").as_bytes()),
        _ => return None,
    };
    Encoding::for_label(label.as_bytes())
}

/// The encoding of a font's character set. `None` for those that follow the document.
pub(super) fn of_font(charset: i32) -> Option<&'static Encoding> {
    of_code_page(match charset {
        77 => 10_000,
        128 => 932,
        129 => 949,
        130 => 1_361,
        134 => 936,
        136 => 950,
        161 => 1_253,
        162 => 1_254,
        163 => 1_258,
        177 => 1_255,
        178 => 1_256,
        186 => 1_257,
        204 => 1_251,
        222 => 874,
        238 => 1_250,
        _ => return None,
    })
}

/// Whether the last of some bytes is the first half of a character.
pub(super) fn ends_in_half(bytes: &[u8], encoding: &'static Encoding) -> bool {
    let pairs = [encoding_rs::EUC_KR, encoding_rs::SHIFT_JIS, encoding_rs::GBK, encoding_rs::BIG5];
    if !pairs.contains(&encoding) {
        return false;
    }
    let leads = |byte: u8| match encoding == encoding_rs::SHIFT_JIS {
        true => matches!(byte, 0x81..=0x9F | 0xE0..=0xFC),
        false => matches!(byte, 0x81..=0xFE),
    };
    let mut at = 0;
    while at < bytes.len() {
        at += if leads(bytes[at]) { 2 } else { 1 };
    }
    at > bytes.len()
}
