//! The characters of a document: from bytes in code pages, from numbers, and from names.

use encoding_rs::Encoding;

use super::super::charset;
use super::super::destination::Destination;
use super::Reader;

impl Reader {
    pub(super) fn unicode(&mut self, number: Option<i32>) {
        let Some(unit) = number.map(|number| number as u16) else { return };
        self.skip = self.state.fallback;
        let high = self.high_surrogate.take();
        if (0xD800..0xDC00).contains(&unit) {
            self.high_surrogate = Some(unit);
            return;
        }
        let units = high.into_iter().chain([unit]);
        for c in char::decode_utf16(units) {
            self.say(c.unwrap_or(char::REPLACEMENT_CHARACTER).encode_utf8(&mut [0; 4]));
        }
    }

    pub(super) fn escaped(&mut self, byte: u8) {
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        self.pending.push(byte);
    }

    pub(super) fn byte(&mut self, byte: u8) {
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        if byte >= 0x80 {
            self.pending.push(byte);
            return;
        }
        // The second half of a character may be an ASCII letter, and stands there as one.
        if !self.pending.is_empty() && charset::ends_in_half(&self.pending, self.encoding()) {
            self.pending.push(byte);
            self.flush();
            return;
        }
        self.flush();
        if self.state.destination == Destination::Styles && byte == b';' {
            self.end_style();
            return;
        }
        self.say(char::from(byte).encode_utf8(&mut [0; 4]));
    }

    fn encoding(&self) -> &'static Encoding {
        let double = self.state.double.then(|| self.fonts.get(&self.state.double_font)).flatten();
        double.or_else(|| self.fonts.get(&self.state.font)).copied().unwrap_or(self.code_page)
    }

    pub(super) fn flush(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let bytes = std::mem::take(&mut self.pending);
        let (words, _) = self.encoding().decode_without_bom_handling(&bytes);
        self.say(&words);
    }
}

/// Characters that have control words for names.
pub(super) fn named_character(word: &str) -> Option<&'static str> {
    Some(match word {
        "emdash" => "—",
        "endash" => "–",
        "bullet" => "•",
        "lquote" => "‘",
        "rquote" => "’",
        "ldblquote" => "“",
        "rdblquote" => "”",
        "emspace" | "enspace" | "qmspace" => " ",
        _ => return None,
    })
}
