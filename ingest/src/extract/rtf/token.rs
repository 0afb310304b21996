//! The tokens of Rich Text Format: groups, control words, bytes of text.

/// One token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Open,
    Close,
    /// A control word without its backslash, and its number.
    Word(&'a str, Option<i32>),
    /// A control symbol: a backslash and this byte.
    Symbol(u8),
    /// A byte that was written as `\'hh`.
    Escaped(u8),
    Byte(u8),
}

/// Letters beyond which a control word is none. The specification says 32.
const WORD_MAX: usize = 32;

/// Reads tokens one after the other, and never fails: what is no token is text.
pub(super) struct Tokens<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Passes over bytes that are no text.
    pub(super) fn pass_over(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes).min(self.bytes.len());
    }

    fn word(&mut self) -> Token<'a> {
        let start = self.at;
        let rest = &self.bytes[start..];
        let letters = rest.iter().take(WORD_MAX).take_while(|byte| byte.is_ascii_alphabetic()).count();
        let digits_at = letters + usize::from(rest.get(letters) == Some(&b'-'));
        let digits = rest[digits_at..].iter().take(10).take_while(|byte| byte.is_ascii_digit()).count();
        let end = if digits > 0 { digits_at + digits } else { letters };
        // The space that ends a control word belongs to it.
        self.at = start + end + usize::from(rest.get(end) == Some(&b' '));
        let number = std::str::from_utf8(&rest[letters..end]).ok().and_then(|number| number.parse().ok());
        Token::Word(std::str::from_utf8(&rest[..letters]).unwrap_or_default(), number)
    }

    fn escaped(&mut self) -> Token<'a> {
        let hexadecimal = self.bytes.get(self.at..self.at + 2).and_then(|pair| std::str::from_utf8(pair).ok());
        match hexadecimal.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) => {
                self.at += 2;
                Token::Escaped(byte)
            }
            None => Token::Symbol(b'\''),
        }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            return Some(match byte {
                b'{' => Token::Open,
                b'}' => Token::Close,
                b'\r' | b'\n' | 0 => continue,
                b'\\' => match self.bytes.get(self.at) {
                    Some(next) if next.is_ascii_alphabetic() => self.word(),
                    Some(b'\'') => {
                        self.at += 1;
                        self.escaped()
                    }
                    Some(symbol) => {
                        self.at += 1;
                        Token::Symbol(*symbol)
                    }
                    None => return None,
                },
                _ => Token::Byte(byte),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_words_end_where_their_numbers_do() {
        let tokens: Vec<_> = Tokens::new(b"{\\b0 x\\u-44032?\\'b0\\~\\par\r\n}\\").collect();
        let expected = [
            Token::Open,
            Token::Word("b", Some(0)),
            Token::Byte(b'x'),
            Token::Word("u", Some(-44_032)),
            Token::Byte(b'?'),
            Token::Escaped(0xB0),
            Token::Symbol(b'~'),
            Token::Word("par", None),
            Token::Close,
        ];
        assert_eq!(tokens, expected);
        assert_eq!(Tokens::new(b"\\'zz").next(), Some(Token::Symbol(b'\'')));
    }
}
